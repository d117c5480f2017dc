/* What AsyncLocalStorage keeps: stores that hang on what began while they were current. */
#include "suspects/suspect.h"

#include "base/bits.h"

enum { MANY = 64 };

struct stores {
    struct suspect_search *s;
    /* lib/internal/async_local_storage: up to Node 22 a resource has its store by a symbol of the
     * storage's own; from 24 on frames map storages to stores. */
    struct suspect_property store;
    struct suspect_class frame;
    uint64_t *held; /* nodes that are stores */
};

static void look_at(struct stores *k, uint32_t node) {
    struct suspect_search *s = k->s;
    struct v8_property p;
    if (suspect_is_a(s, &k->frame, node)) {
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

void suspect_async(struct suspect_search *s) {
    uint32_t n = v8_nodes_count(s->nodes);
    struct stores k = {.s = s,
                       .store = {"kResourceStore", {0}},
                       .frame = {"AsyncContextFrame", {0}},
                       .held = bits_new(n)};
    for (uint32_t node = 0; node < n; node++)
        if (heap_look_is_live(&s->look, node))
            look_at(&k, node);
    suspect_set_tell(s, k.held, MANY, "async-context-leak", "stores of AsyncLocalStorage hold");
    map64_done(&k.store.shapes);
    map64_done(&k.frame.known);
    free(k.held);
}
