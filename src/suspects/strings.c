/* Slices of strings that keep much longer ones. */
#include "suspects/suspect.h"

#include "base/bits.h"
#include "v8/strings.h"

struct slices {
    struct suspect_search *s;
    struct map64 used; /* parent + 1 -> characters that slices of it use */
    uint64_t *other;   /* nodes that something else refers to */
};

static bool is_slice(struct suspect_search *s, uint32_t node) {
    return v8_string_form(s->look.view->l, heap_look_instance_type(&s->look, node)) ==
           STRING_SLICED;
}

static void look_at(struct slices *k, uint32_t node) {
    struct suspect_search *s = k->s;
    if (!is_slice(s, node)) {
        size_t n;
        const uint32_t *refs = v8_node_refs(s->nodes, node, &n);
        for (size_t i = 0; i < n; i++)
            if (!(refs[i] & V8_REF_WEAK))
                bits_set(k->other, refs[i]);
        return;
    }
    uint64_t addr = heap_look_addr(&s->look, node), used = 0;
    int64_t length = v8_string_length(&s->look.objects, addr);
    uint32_t parent = v8_node_at(s->nodes, v8_field_or_0(&s->look.objects, addr, V8_STRING_PARENT));
    if (parent == V8_NO_NODE || length < 0)
        return;
    map64_get(&k->used, parent + 1ull, &used);
    map64_put(&k->used, parent + 1ull, used + (uint64_t)length);
}

struct pinned {
    uint64_t parents, bytes, used, largest_bytes;
    uint32_t largest;
};

static struct pinned sum_up(struct slices *k) {
    struct suspect_search *s = k->s;
    struct pinned p = {.largest = V8_NO_NODE};
    for (size_t i = 0; i < k->used.cap; i++) {
        if (!k->used.keys[i])
            continue;
        uint32_t parent = (uint32_t)(k->used.keys[i] - 1);
        uint64_t bytes =
            v8_node_bytes(s->nodes, parent) + heap_outside_of(heap_look_outside(&s->look), parent);
        if (bits_get(k->other, parent) || k->used.values[i] > bytes / 4)
            continue;
        p.parents++;
        p.bytes += bytes;
        p.used += k->used.values[i];
        if (bytes > p.largest_bytes) {
            p.largest = parent;
            p.largest_bytes = bytes;
        }
    }
    return p;
}

void suspect_strings(struct suspect_search *s) {
    uint32_t n = v8_nodes_count(s->nodes);
    struct slices k = {.s = s, .other = bits_new(n)};
    for (uint32_t node = 0; node < n; node++)
        if (heap_look_is_live(&s->look, node))
            look_at(&k, node);
    struct pinned p = sum_up(&k);
    if (p.bytes >= s->least) {
        char size[FMT_MAX], used[FMT_MAX], count[FMT_MAX];
        suspect_add(
            s, (struct suspect){
                   .kind = "string-slice-retention",
                   .text = mem_printf("%s strings of together %s are kept by slices of them alone, "
                                      "which use %s",
                                      fmt_count(count, p.parents), fmt_bytes(size, p.bytes),
                                      fmt_bytes(used, p.used)),
                   .sample = heap_look_addr(&s->look, p.largest),
                   .count = p.parents,
                   .bytes = p.bytes});
    }
    map64_done(&k.used);
    free(k.other);
}
