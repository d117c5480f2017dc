/* Collections, large objects and chains of them, as src/graph finds them, named. */
#include "collect/suspect.h"

#include "base/map64.h"
#include "graph/hoards.h"
#include <string.h>

struct telling {
    struct suspect_search *s;
    struct map64 told; /* holders */
};

static uint32_t class_of(void *ctx, uint32_t node) {
    struct suspect_search *s = ctx;
    return v8_class_of(heap_look_classes(&s->look), node);
}

static const char *class_name(struct suspect_search *s, uint32_t class) {
    return v8_class_name(heap_look_classes(&s->look), class);
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
static const char *kind_of_collection(struct suspect_search *s, uint64_t holder) {
    const struct v8_layout *l = s->look.view->l;
    int i = v8_layout_root(l, "public_symbol_table");
    uint64_t table;
    for (size_t k = 0; i >= 0 && k < s->look.view->heap->isolates.list.n; k++) {
        const struct v8_isolate *iso = &s->look.view->heap->isolates.list.at[k];
        if (v8_objects_read(&s->look.objects, iso->roots + 8 * (uint64_t)i, &table, 8) == 0 &&
            table == holder)
            return "symbol-registry-leak";
    }
    return "collection-leak";
}

static void tell_collection(struct telling *t, const struct graph_hoard *h) {
    struct suspect_search *s = t->s;
    uint32_t holder = holder_of(s, h->node);
    uint64_t addr = heap_look_addr(&s->look, holder);
    if (!is_new(t, holder) || suspect_is_told(s, addr))
        return;
    char size[FMT_MAX], count[FMT_MAX];
    const char *class = class_name(s, h->class);
    cleanup_free char *name = heap_look_summary(&s->look, holder);
    uint64_t bytes = graph_tree_retained(s->tree, holder);
    struct suspect *x =
        suspect_add(s, (struct suspect){.kind = kind_of_collection(s, addr),
                                        .text = mem_printf("one %s holds %s, most of it in %s × %s",
                                                           name, fmt_bytes(size, bytes),
                                                           fmt_count(count, h->count), class),
                                        .addr = addr,
                                        .count = h->count,
                                        .bytes = bytes});
    suspect_part_add(x, mem_strdup(class), 0, h->count, h->bytes);
}

static void tell_large(struct telling *t, const struct graph_hoard *h) {
    struct suspect_search *s = t->s;
    uint32_t holder = holder_of(s, h->node);
    if (!is_new(t, holder))
        return;
    char size[FMT_MAX];
    cleanup_free char *name = heap_look_summary(&s->look, holder);
    uint64_t bytes = graph_tree_retained(s->tree, holder);
    suspect_add(s, (struct suspect){.kind = "large-object",
                                    .text = mem_printf("one object alone takes %s: %s",
                                                       fmt_bytes(size, bytes), name),
                                    .addr = heap_look_addr(&s->look, holder),
                                    .count = 1,
                                    .bytes = bytes});
}

/* --- chains --- */

static const char *kind_of_chain(struct suspect_search *s, const struct graph_hoard *h) {
    bool function = false, context = false;
    for (size_t i = 0; i < h->period; i++) {
        const char *class = class_name(s, h->classes[i]);
        function = function || strcmp(class, "Function") == 0;
        context = context || strcmp(class, "system / Context") == 0;
        if (strcmp(class, "Timeout") == 0)
            return "timer-leak";
        if (strcmp(class, "Listener") == 0)
            return "listener-leak";
    }
    return function || context ? "closure-leak" : "collection-leak";
}

static char *turn_text(struct suspect_search *s, const struct graph_hoard *h) {
    char *text = mem_strdup("");
    for (size_t i = 0; i < h->period; i++) {
        char *longer = mem_printf("%s%s%s", text, i ? " → " : "", class_name(s, h->classes[i]));
        free(text);
        text = longer;
    }
    return text;
}

static void tell_chain(struct telling *t, const struct graph_hoard *h) {
    struct suspect_search *s = t->s;
    if (!is_new(t, h->node))
        return;
    char size[FMT_MAX], count[FMT_MAX];
    cleanup_free char *turn = turn_text(s, h);
    suspect_add(s,
                (struct suspect){
                    .kind = kind_of_chain(s, h),
                    .text = mem_printf("a chain of %s links, each held by the one before (%s), "
                                       "holds %s",
                                       fmt_count(count, h->count), turn, fmt_bytes(size, h->bytes)),
                    .addr = heap_look_addr(&s->look, h->node),
                    .count = h->count,
                    .bytes = h->bytes});
}

void suspect_collections(struct suspect_search *s) {
    static void (*const tell[])(struct telling * t, const struct graph_hoard *h) = {
        [GRAPH_COLLECTION] = tell_collection,
        [GRAPH_LARGE] = tell_large,
        [GRAPH_CHAIN] = tell_chain,
    };
    struct telling t = {.s = s};
    struct graph_hoards hoards = {0};
    graph_hoards_find(s->tree, s->least, class_of, s, &hoards);
    for (size_t i = 0; i < hoards.list.n; i++)
        tell[hoards.list.at[i].kind](&t, &hoards.list.at[i]);
    vec_free(&hoards.list);
    map64_done(&t.told);
}
