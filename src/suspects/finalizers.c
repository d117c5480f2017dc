/* FinalizationRegistry: what is kept by the value that was meant to be handed over when it is gone.
 */
#include "suspects/suspect.h"

#include "base/bits.h"

enum { MANY = 16 };

struct targets {
    struct suspect_search *s;
    uint64_t *kept; /* nodes that hang on the value their own cell holds: never to be collected */
};

static void look_at(struct targets *k, uint32_t cell) {
    struct suspect_search *s = k->s;
    uint64_t addr = heap_look_addr(&s->look, cell);
    uint32_t target = v8_node_at(
        s->nodes, v8_field_or_0(&s->look.objects, addr, s->look.view->l->facts.weak_cell_target));
    if (target != V8_NO_NODE && graph_tree_dominates(s->tree, cell, target))
        bits_set(k->kept, target);
}

void suspect_finalizers(struct suspect_search *s) {
    uint32_t n = v8_nodes_count(s->nodes);
    struct targets k = {s, bits_new(n)};
    for (uint32_t node = 0; node < n; node++)
        if (heap_look_type(&s->look, node) == TYPE_WEAK_CELL && heap_look_is_live(&s->look, node))
            look_at(&k, node);
    suspect_set_tell(s, k.kept, MANY, "finalization-leak",
                     "objects registered with a FinalizationRegistry are kept by their own held "
                     "value, and hold");
    free(k.kept);
}
