/* FinalizationRegistry: what is kept by the value that was meant to be handed over when it is gone.
 */
#include "collect/suspect.h"

#include "base/bits.h"
#include <string.h>

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

static uint64_t is_kept(void *ctx, uint32_t node) {
    const struct targets *k = ctx;
    return bits_get(k->kept, node);
}

void suspect_finalizers(struct suspect_search *s) {
    uint32_t n = v8_nodes_count(s->nodes);
    struct targets k = {s, bits_new(n)};
    struct suspect_groups g;
    for (uint32_t node = 0; node < n; node++)
        if (heap_look_type(&s->look, node) == TYPE_WEAK_CELL && heap_look_is_live(&s->look, node))
            look_at(&k, node);
    suspect_groups_find(s, is_kept, &k, &g);
    if (g.list.n && g.list.at[0].count >= MANY && g.list.at[0].bytes >= s->least) {
        char size[FMT_MAX], count[FMT_MAX];
        suspect_add(s, (struct suspect){
                           .kind = "finalization-leak",
                           .text = mem_printf("%s objects registered with a FinalizationRegistry "
                                              "are kept by their own held value, and hold %s",
                                              fmt_count(count, g.list.at[0].count),
                                              fmt_bytes(size, g.list.at[0].bytes)),
                           .sample = heap_look_addr(&s->look, g.list.at[0].first),
                           .count = g.list.at[0].count,
                           .bytes = g.list.at[0].bytes});
    }
    suspect_groups_done(&g);
    free(k.kept);
}
