/* What AsyncLocalStorage keeps: stores that hang on what began while they were current. */
#include "collect/suspect.h"

#include "base/bits.h"
#include <string.h>

enum { MANY = 64 };

struct stores {
    struct suspect_search *s;
    /* lib/internal/async_local_storage: up to Node 22 a resource has its store by a symbol of the
     * storage's own; from 24 on frames map storages to stores. */
    struct suspect_property store;
    struct map64 frames; /* class + 1 -> it is AsyncContextFrame + 1 */
    uint64_t *held;      /* nodes that are stores */
};

static bool is_frame(struct stores *k, uint32_t node) {
    struct v8_classes *c = heap_look_classes(&k->s->look);
    uint32_t class = v8_class_of(c, node);
    uint64_t known;
    if (!map64_get(&k->frames, class + 1ull, &known)) {
        known = strcmp(v8_class_name(c, class), "AsyncContextFrame") == 0 ? 2 : 1;
        map64_put(&k->frames, class + 1ull, known);
    }
    return known == 2;
}

static void look_at(struct stores *k, uint32_t node) {
    struct suspect_search *s = k->s;
    struct v8_property p;
    if (is_frame(k, node)) {
        bits_set(k->held, node);
        return;
    }
    if (!suspect_property_of(s, &k->store, node, &p) ||
        v8_kind(&s->look.objects, p.key) != KIND_SYMBOL ||
        !v8_is_receiver(v8_kind(&s->look.objects, p.value)))
        return;
    uint32_t store = v8_node_at(s->nodes, p.value);
    if (store != V8_NO_NODE)
        bits_set(k->held, store);
}

static uint64_t is_held(void *ctx, uint32_t node) {
    const struct stores *k = ctx;
    return bits_get(k->held, node);
}

void suspect_async(struct suspect_search *s) {
    uint32_t n = v8_nodes_count(s->nodes);
    struct stores k = {.s = s, .store = {"kResourceStore", {0}}, .held = bits_new(n)};
    struct suspect_groups g;
    for (uint32_t node = 0; node < n; node++)
        if (heap_look_is_live(&s->look, node))
            look_at(&k, node);
    suspect_groups_find(s, is_held, &k, &g);
    if (g.list.n && g.list.at[0].count >= MANY && g.list.at[0].bytes >= s->least) {
        char size[FMT_MAX], count[FMT_MAX];
        suspect_add(s, (struct suspect){.kind = "async-context-leak",
                                        .text = mem_printf("%s stores of AsyncLocalStorage hold %s",
                                                           fmt_count(count, g.list.at[0].count),
                                                           fmt_bytes(size, g.list.at[0].bytes)),
                                        .sample = heap_look_addr(&s->look, g.list.at[0].first),
                                        .count = g.list.at[0].count,
                                        .bytes = g.list.at[0].bytes});
    }
    suspect_groups_done(&g);
    map64_done(&k.store.shapes);
    map64_done(&k.frames);
    free(k.held);
}
