#include "graph/hoards.h"

#include "base/map64.h"

enum {
    ENTRIES_MIN = 16, /* fewer are no collection */
    LINKS_MIN = 64,
};

struct fan {
    uint32_t children, largest; /* a position */
    uint64_t largest_bytes;
    uint32_t class, count; /* of its class that holds most */
    uint64_t bytes;
};

struct walk {
    const struct graph_tree *t;
    uint64_t least;
    uint32_t (*class_of)(void *ctx, uint32_t node);
    void *ctx;
    VEC(uint32_t) starts; /* positions whose way down is still to be looked at */
    VEC(uint32_t) way;    /* positions, each the largest child of the one before */
    struct graph_hoards *ret;
};

static uint64_t retained_at(const struct walk *w, uint32_t position) {
    return graph_tree_retained(w->t, graph_tree_node(w->t, position));
}

static uint32_t class_at(const struct walk *w, uint32_t position) {
    return w->class_of(w->ctx, graph_tree_node(w->t, position));
}

/* Which class holds most of what a node dominates directly. */
static void weigh_children(const struct walk *w, uint32_t position, struct fan *ret) {
    struct sum {
        uint32_t class, count;
        uint64_t bytes;
    };
    VEC(struct sum) sums = {0};
    struct map64 index = {0};
    uint32_t end = graph_tree_end(w->t, position);
    for (uint32_t c = position + 1; c < end; c = graph_tree_end(w->t, c)) {
        uint32_t class = class_at(w, c);
        uint64_t at;
        if (!map64_get(&index, class + 1ull, &at)) {
            at = sums.n;
            map64_put(&index, class + 1ull, at);
            vec_push(&sums, (struct sum){.class = class});
        }
        sums.at[at].count++;
        sums.at[at].bytes += retained_at(w, c);
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
    struct fan f = {.largest = GRAPH_NONE};
    uint32_t end = graph_tree_end(w->t, position);
    for (uint32_t c = position + 1; c < end; c = graph_tree_end(w->t, c)) {
        uint64_t bytes = retained_at(w, c);
        f.children++;
        if (f.largest == GRAPH_NONE || bytes > f.largest_bytes) {
            f.largest = c;
            f.largest_bytes = bytes;
        }
    }
    if (f.children >= ENTRIES_MIN)
        weigh_children(w, position, &f);
    for (uint32_t c = position + 1; c < end; c = graph_tree_end(w->t, c))
        if (c != f.largest && retained_at(w, c) >= w->least)
            vec_push(&w->starts, c);
    return f;
}

/* --- chains --- */

/* From way[from] on, each holds at least nine tenths of what the one before holds. */
static size_t links_from(const struct walk *w, size_t from) {
    size_t i = from;
    while (i + 1 < w->way.n &&
           retained_at(w, w->way.at[i + 1]) >= retained_at(w, w->way.at[i]) / 10 * 9)
        i++;
    return i - from;
}

/* In which turns do classes come, by the middle of the chain? 0: in none. */
static size_t period_at(const struct walk *w, size_t middle) {
    for (size_t p = 1; p <= GRAPH_PERIOD_MAX; p++) {
        size_t k = 0;
        while (k < 2 * GRAPH_PERIOD_MAX &&
               class_at(w, w->way.at[middle + k]) == class_at(w, w->way.at[middle + k + p]))
            k++;
        if (k == 2 * GRAPH_PERIOD_MAX)
            return p;
    }
    return 0;
}

/* To its end, which holds less than what is worth saying. */
static uint64_t count_links(struct walk *w, size_t first, const struct graph_hoard *chain) {
    uint64_t n = w->way.n - first;
    for (uint32_t p = w->way.at[w->way.n - 1]; (p = fan_of(w, p).largest) != GRAPH_NONE; n++)
        if (class_at(w, p) != chain->classes[n % chain->period])
            break;
    return n / chain->period;
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
               class_at(w, w->way.at[first - period]) == class_at(w, w->way.at[first]))
            first -= period;
        struct graph_hoard chain = {.kind = GRAPH_CHAIN,
                                    .node = graph_tree_node(w->t, w->way.at[first]),
                                    .bytes = retained_at(w, w->way.at[first]),
                                    .period = period};
        for (size_t k = 0; k < period; k++)
            chain.classes[k] = class_at(w, w->way.at[first + k]);
        chain.count = count_links(w, first, &chain);
        vec_push(&w->ret->list, chain);
        return;
    }
}

/* --- the way down --- */

static void walk_down(struct walk *w, uint32_t start) {
    w->way.n = 0;
    for (uint32_t p = start; p != GRAPH_NONE && retained_at(w, p) >= w->least;) {
        struct fan f = fan_of(w, p);
        uint32_t node = graph_tree_node(w->t, p);
        uint64_t bytes = retained_at(w, p);
        vec_push(&w->way, p);
        if (f.count >= ENTRIES_MIN && f.bytes >= bytes / 2 && f.largest_bytes < f.bytes / 2)
            vec_push(&w->ret->list, (struct graph_hoard){.kind = GRAPH_COLLECTION,
                                                         .node = node,
                                                         .class = f.class,
                                                         .count = f.count,
                                                         .bytes = f.bytes});
        if (graph_tree_shallow(w->t, node) >= w->least)
            vec_push(&w->ret->list, (struct graph_hoard){.kind = GRAPH_LARGE, .node = node});
        p = f.largest;
    }
    if (w->way.n >= LINKS_MIN)
        tell_chain(w);
}

void graph_hoards_find(const struct graph_tree *t, uint64_t least,
                       uint32_t (*class_of)(void *ctx, uint32_t node), void *ctx,
                       struct graph_hoards *ret) {
    struct walk w = {.t = t, .least = least, .class_of = class_of, .ctx = ctx, .ret = ret};
    for (uint32_t c = 1; c < graph_tree_end(t, 0); c = graph_tree_end(t, c))
        if (retained_at(&w, c) >= least)
            vec_push(&w.starts, c);
    while (w.starts.n)
        walk_down(&w, w.starts.at[--w.starts.n]);
    vec_free(&w.starts);
    vec_free(&w.way);
}
