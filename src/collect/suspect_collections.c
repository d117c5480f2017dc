/* Where the dominator tree fans out, ends in something large, or runs on and on: collections, large
 * objects, chains. Eclipse MAT's accumulation points, and what they miss. */
#include "collect/suspect.h"

#include "base/map64.h"
#include <string.h>

enum {
    ENTRIES_MIN = 16, /* fewer are no collection */
    PERIOD_MAX = 8,   /* classes that take turns in a chain */
    LINKS_MIN = 64,
};

struct fan {
    uint32_t children, largest; /* a position */
    uint64_t largest_bytes;
    uint32_t class, count; /* of its class that holds most */
    uint64_t bytes;
};

struct walk {
    struct suspect_search *s;
    VEC(uint32_t) starts; /* positions whose way down is still to be looked at */
    VEC(uint32_t) way;    /* positions, each the largest child of the one before */
    struct map64 told;    /* holders */
};

static uint64_t retained_at(const struct suspect_search *s, uint32_t position) {
    return graph_tree_retained(s->tree, graph_tree_node(s->tree, position));
}

static uint32_t class_at(struct suspect_search *s, uint32_t position) {
    return v8_class_of(heap_look_classes(&s->look), graph_tree_node(s->tree, position));
}

/* Which class holds most of what a node dominates directly. */
static void weigh_children(struct suspect_search *s, uint32_t position, struct fan *ret) {
    struct sum {
        uint32_t class, count;
        uint64_t bytes;
    };
    VEC(struct sum) sums = {0};
    struct map64 index = {0};
    uint32_t end = graph_tree_end(s->tree, position);
    for (uint32_t c = position + 1; c < end; c = graph_tree_end(s->tree, c)) {
        uint32_t class = class_at(s, c);
        uint64_t at;
        if (!map64_get(&index, class + 1ull, &at)) {
            at = sums.n;
            map64_put(&index, class + 1ull, at);
            vec_push(&sums, (struct sum){.class = class});
        }
        sums.at[at].count++;
        sums.at[at].bytes += retained_at(s, c);
    }
    for (size_t i = 0; i < sums.n; i++)
        if (sums.at[i].bytes > ret->bytes) {
            ret->class = sums.at[i].class;
            ret->count = sums.at[i].count;
            ret->bytes = sums.at[i].bytes;
        }
    map64_done(&index);
    vec_free(&sums);
}

static struct fan fan_of(struct walk *w, uint32_t position) {
    struct suspect_search *s = w->s;
    struct fan f = {.largest = GRAPH_NONE};
    uint32_t end = graph_tree_end(s->tree, position);
    for (uint32_t c = position + 1; c < end; c = graph_tree_end(s->tree, c)) {
        uint64_t bytes = retained_at(s, c);
        f.children++;
        if (f.largest == GRAPH_NONE || bytes > f.largest_bytes) {
            f.largest = c;
            f.largest_bytes = bytes;
        }
    }
    if (f.children >= ENTRIES_MIN)
        weigh_children(s, position, &f);
    for (uint32_t c = position + 1; c < end; c = graph_tree_end(s->tree, c))
        if (c != f.largest && retained_at(s, c) >= s->least)
            vec_push(&w->starts, c);
    return f;
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

static bool is_new(struct walk *w, uint32_t holder) {
    uint64_t known;
    if (map64_get(&w->told, holder + 1ull, &known))
        return false;
    map64_put(&w->told, holder + 1ull, 1);
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

static void tell_collection(struct walk *w, uint32_t position, const struct fan *f) {
    struct suspect_search *s = w->s;
    uint32_t holder = holder_of(s, graph_tree_node(s->tree, position));
    uint64_t addr = heap_look_addr(&s->look, holder);
    if (!is_new(w, holder) || suspect_is_told(s, addr))
        return;
    char size[FMT_MAX], count[FMT_MAX];
    const char *class = v8_class_name(heap_look_classes(&s->look), f->class);
    cleanup_free char *name = heap_look_summary(&s->look, holder);
    uint64_t bytes = graph_tree_retained(s->tree, holder);
    struct suspect *x =
        suspect_add(s, (struct suspect){.kind = kind_of_collection(s, addr),
                                        .text = mem_printf("one %s holds %s, most of it in %s × %s",
                                                           name, fmt_bytes(size, bytes),
                                                           fmt_count(count, f->count), class),
                                        .addr = addr,
                                        .count = f->count,
                                        .bytes = bytes});
    suspect_part_add(x, mem_strdup(class), 0, f->count, f->bytes);
}

static void tell_large(struct walk *w, uint32_t position) {
    struct suspect_search *s = w->s;
    uint32_t node = graph_tree_node(s->tree, position), holder = holder_of(s, node);
    if (!is_new(w, holder))
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

/* From way[from] on, each holds at least nine tenths of what the one before holds. */
static size_t links_from(struct walk *w, size_t from) {
    size_t i = from;
    while (i + 1 < w->way.n &&
           retained_at(w->s, w->way.at[i + 1]) >= retained_at(w->s, w->way.at[i]) / 10 * 9)
        i++;
    return i - from;
}

/* In which turns do classes come, by the middle of the chain? 0: in none. */
static size_t period_at(struct walk *w, size_t middle) {
    for (size_t p = 1; p <= PERIOD_MAX; p++) {
        size_t k = 0;
        while (k < 2 * PERIOD_MAX &&
               class_at(w->s, w->way.at[middle + k]) == class_at(w->s, w->way.at[middle + k + p]))
            k++;
        if (k == 2 * PERIOD_MAX)
            return p;
    }
    return 0;
}

static const char *kind_of_chain(struct walk *w, size_t at, size_t period) {
    bool function = false, context = false;
    for (size_t i = 0; i < period; i++) {
        const char *class =
            v8_class_name(heap_look_classes(&w->s->look), class_at(w->s, w->way.at[at + i]));
        function = function || strcmp(class, "Function") == 0;
        context = context || strcmp(class, "system / Context") == 0;
        if (strcmp(class, "Timeout") == 0)
            return "timer-leak";
        if (strcmp(class, "Listener") == 0)
            return "listener-leak";
    }
    return function || context ? "closure-leak" : "collection-leak";
}

static char *turn_text(struct walk *w, size_t at, size_t period) {
    char *text = mem_strdup("");
    for (size_t i = 0; i < period; i++) {
        char *longer = mem_printf(
            "%s%s%s", text, i ? " → " : "",
            v8_class_name(heap_look_classes(&w->s->look), class_at(w->s, w->way.at[at + i])));
        free(text);
        text = longer;
    }
    return text;
}

/* To its end, which holds less than what is worth saying. */
static uint64_t count_links(struct walk *w, size_t first, size_t period) {
    uint64_t n = w->way.n - first;
    uint32_t class[PERIOD_MAX] = {0};
    for (size_t i = 0; i < period; i++)
        class[i] = class_at(w->s, w->way.at[first + i]);
    for (uint32_t p = w->way.at[w->way.n - 1]; (p = fan_of(w, p).largest) != GRAPH_NONE; n++)
        if (class_at(w->s, p) != class[n % period])
            break;
    return n / period;
}

static void tell_chain(struct walk *w) {
    for (size_t i = 0; i < w->way.n; i++) {
        size_t links = links_from(w, i);
        if (links < LINKS_MIN)
            continue;
        size_t period = period_at(w, i + links / 2), first = i + links / 2;
        if (!period)
            return;
        while (first >= period + i &&
               class_at(w->s, w->way.at[first - period]) == class_at(w->s, w->way.at[first]))
            first -= period;
        char size[FMT_MAX], count[FMT_MAX];
        uint64_t bytes = retained_at(w->s, w->way.at[first]), n = count_links(w, first, period);
        uint32_t node = graph_tree_node(w->s->tree, w->way.at[first]);
        cleanup_free char *turn = turn_text(w, first, period);
        if (!is_new(w, node))
            return;
        suspect_add(w->s, (struct suspect){
                              .kind = kind_of_chain(w, first, period),
                              .text = mem_printf("a chain of %s links, each held by the one before "
                                                 "(%s), holds %s",
                                                 fmt_count(count, n), turn, fmt_bytes(size, bytes)),
                              .addr = heap_look_addr(&w->s->look, node),
                              .count = n,
                              .bytes = bytes});
        return;
    }
}

static void walk_down(struct walk *w, uint32_t start) {
    w->way.n = 0;
    for (uint32_t p = start; p != GRAPH_NONE && retained_at(w->s, p) >= w->s->least;) {
        struct fan f = fan_of(w, p);
        uint64_t bytes = retained_at(w->s, p);
        vec_push(&w->way, p);
        if (f.count >= ENTRIES_MIN && f.bytes >= bytes / 2 && f.largest_bytes < f.bytes / 2)
            tell_collection(w, p, &f);
        if (graph_tree_shallow(w->s->tree, graph_tree_node(w->s->tree, p)) >= w->s->least)
            tell_large(w, p);
        p = f.largest;
    }
    if (w->way.n >= LINKS_MIN)
        tell_chain(w);
}

void suspect_collections(struct suspect_search *s) {
    struct walk w = {.s = s};
    for (uint32_t c = 1; c < graph_tree_end(s->tree, 0); c = graph_tree_end(s->tree, c))
        if (retained_at(s, c) >= s->least)
            vec_push(&w.starts, c);
    while (w.starts.n)
        walk_down(&w, w.starts.at[--w.starts.n]);
    vec_free(&w.starts);
    vec_free(&w.way);
    map64_done(&w.told);
}
