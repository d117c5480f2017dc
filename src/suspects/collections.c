/* Collections, large objects and chains of them, as src/graph finds them, named. */
#include "suspects/suspect.h"

#include "base/map64.h"
#include "graph/hoards.h"
#include "suspects/hoard_words.h"

struct telling {
    struct suspect_search *s;
    struct map64 told; /* holders */
};

static uint32_t class_of(void *ctx, uint32_t node) {
    struct suspect_search *s = ctx;
    return v8_class_of(heap_look_classes(&s->look), node);
}

static const char *class_name(void *ctx, uint32_t class) {
    struct suspect_search *s = ctx;
    return v8_class_name(heap_look_classes(&s->look), class);
}

static char *summary_of(void *ctx, uint32_t node) {
    struct suspect_search *s = ctx;
    return heap_look_summary(&s->look, node);
}

/* What a program's author would call the holder: an array's elements and a Map's table are not it.
 */
static uint32_t holder_of(struct suspect_search *s, uint32_t node) {
    uint32_t root = graph_root_id(s->graph->graph), at = node;
    while (at != GRAPH_NONE && at != root &&
           !v8_is_receiver(v8_kind(&s->look.objects, heap_look_addr(&s->look, at))))
        at = graph_tree_dominator(s->tree, at);
    return at == GRAPH_NONE || at == root ? node : at;
}

static bool is_new(struct telling *t, uint32_t holder) {
    uint64_t known;
    if (map64_get(&t->told, holder + 1ull, &known))
        return false;
    map64_put(&t->told, holder + 1ull, 1);
    return true;
}

/* The registry of Symbol.for() is a dictionary that only the roots table refers to. */
static bool is_symbol_registry(struct suspect_search *s, uint64_t holder) {
    const struct v8_layout *l = s->look.view->l;
    int i = v8_layout_root(l, "public_symbol_table");
    uint64_t table;
    for (size_t k = 0; i >= 0 && k < s->look.view->heap->isolates.list.n; k++) {
        const struct v8_isolate *iso = &s->look.view->heap->isolates.list.at[k];
        if (v8_objects_read(&s->look.objects, iso->roots + 8 * (uint64_t)i, &table, 8) == 0 &&
            table == holder)
            return true;
    }
    return false;
}

static void tell(struct telling *t, const struct hoard_namer *namer, const struct graph_hoard *h) {
    struct suspect_search *s = t->s;
    uint32_t holder = h->kind == GRAPH_CHAIN ? h->node : holder_of(s, h->node);
    uint64_t addr = heap_look_addr(&s->look, holder);
    if (!is_new(t, holder) || (h->kind == GRAPH_COLLECTION && suspect_is_told(s, addr)))
        return;
    struct suspect found = hoard_suspect(namer, h, holder);
    found.addr = addr;
    if (h->kind == GRAPH_COLLECTION && is_symbol_registry(s, addr))
        found.kind = "symbol-registry-leak";
    suspect_add(s, found);
}

void suspect_collections(struct suspect_search *s) {
    struct hoard_namer namer = {s->tree, s, class_name, summary_of};
    struct telling t = {.s = s};
    struct graph_hoards hoards = {0};
    graph_hoards_find(s->tree, s->least, class_of, s, &hoards);
    for (size_t i = 0; i < hoards.list.n; i++)
        tell(&t, &namer, &hoards.list.at[i]);
    vec_free(&hoards.list);
    map64_done(&t.told);
}
