/* Views that use little of the ArrayBuffer they keep: slices of Buffer's pool. */
#include "suspects/suspect.h"

#include "v8/typed_arrays.h"

enum { MANY = 64 };

struct views {
    struct suspect_search *s;
    struct map64 used; /* buffer + 1 -> bytes that views of it show */
};

static void look_at(struct views *k, uint32_t node) {
    struct suspect_search *s = k->s;
    struct v8_typed_array t;
    uint64_t used = 0;
    if (v8_typed_array_read(&s->look.objects, heap_look_addr(&s->look, node), &t) < 0)
        return;
    uint32_t at = v8_node_at(s->nodes, t.buffer);
    if (at == V8_NO_NODE)
        return;
    map64_get(&k->used, at + 1ull, &used);
    map64_put(&k->used, at + 1ull, used + t.byte_length < used ? UINT64_MAX : used + t.byte_length);
}

static void sum_up(const struct views *k) {
    struct suspect_search *s = k->s;
    uint64_t buffers = 0, bytes = 0, used = 0;
    uint32_t one = V8_NO_NODE;
    for (size_t i = 0; i < k->used.cap; i++) {
        if (!k->used.keys[i])
            continue;
        uint32_t buffer = (uint32_t)(k->used.keys[i] - 1);
        uint64_t outside = heap_outside_of(heap_look_outside(&s->look), buffer);
        if (k->used.values[i] > outside / 4)
            continue;
        one = buffer;
        buffers++;
        bytes += outside;
        used += k->used.values[i];
    }
    if (bytes < s->least || buffers < MANY)
        return;
    char size[FMT_MAX], part[FMT_MAX], count[FMT_MAX];
    suspect_add(
        s, (struct suspect){.kind = "buffer-pool-pinning",
                            .text = mem_printf("%s ArrayBuffers of together %s are kept by views "
                                               "that show %s of them",
                                               fmt_count(count, buffers), fmt_bytes(size, bytes),
                                               fmt_bytes(part, used)),
                            .sample = heap_look_addr(&s->look, one),
                            .count = buffers,
                            .bytes = bytes});
}

void suspect_buffers(struct suspect_search *s) {
    struct views k = {.s = s};
    uint32_t n = v8_nodes_count(s->nodes);
    for (uint32_t node = 0; node < n; node++) {
        enum v8_type t = heap_look_type(&s->look, node);
        if ((t == TYPE_JS_TYPED_ARRAY || t == TYPE_JS_DATA_VIEW) &&
            heap_look_is_live(&s->look, node))
            look_at(&k, node);
    }
    sum_up(&k);
    map64_done(&k.used);
}
