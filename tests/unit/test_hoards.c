/* Collections, large nodes and chains in trees made by hand. */
#include "unit.h"

#include "graph/hoards.h"
#include <stdbool.h>

enum { CHILDREN = 100, LINKS = 200, NODES = 1 + CHILDREN + 1 + LINKS };
enum { HUB = 0, LARGE = 1 + CHILDREN, CHAIN = LARGE + 1 };
enum { OF_HUB = 1, OF_CHILD, OF_LARGE, OF_LINK, OF_OTHER_LINK };

static void tell_roots(void *ctx, struct graph_sink *to) {
    (void)ctx;
    graph_root(to, HUB);
    graph_root(to, LARGE);
    graph_root(to, CHAIN);
}

static void tell_edges(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to) {
    (void)ctx;
    for (uint32_t node = first; node < end; node++) {
        for (uint32_t i = 1; node == HUB && i <= CHILDREN; i++)
            graph_edge(to, node, i);
        if (node >= CHAIN && node + 1 < NODES)
            graph_edge(to, node, node + 1);
    }
}

static void tell_sizes(void *ctx, uint32_t first, uint32_t end, uint64_t *ret) {
    (void)ctx;
    for (uint32_t node = first; node < end; node++)
        ret[node - first] = node == LARGE ? 5000 : 10;
}

/* Of two that take turns in the chain, or, where ctx says so, of none in particular. */
static uint32_t class_of(void *ctx, uint32_t node) {
    const bool *mixed = ctx;
    if (node < LARGE)
        return node == HUB ? OF_HUB : OF_CHILD;
    if (node == LARGE)
        return OF_LARGE;
    return *mixed ? OF_LINK + node * node % 97 : node % 2 ? OF_LINK : OF_OTHER_LINK;
}

static struct graph_hoards found(uint64_t least, bool mixed) {
    struct graph_source source = {.nodes = NODES, .roots = tell_roots, .edges = tell_edges};
    struct graph_weights weights = {.sizes = tell_sizes};
    struct graph_hoards hoards = {0};
    struct graph *g;
    struct graph_tree *t;
    assert_int_equal(graph_build(&source, &g, NULL), 0);
    assert_int_equal(graph_tree_build(g, &weights, &t, NULL), 0);
    graph_hoards_find(t, least, class_of, &mixed, &hoards);
    graph_tree_free(t);
    graph_free(g);
    return hoards;
}

static const struct graph_hoard *of_kind(const struct graph_hoards *all, enum graph_hoard_kind k) {
    for (size_t i = 0; i < all->list.n; i++)
        if (all->list.at[i].kind == k)
            return &all->list.at[i];
    return NULL;
}

static void each_kind(void **state) {
    (void)state;
    struct graph_hoards all = found(500, false);
    assert_int_equal(all.list.n, 3);
    const struct graph_hoard *h = of_kind(&all, GRAPH_COLLECTION);
    assert_int_equal(h->node, HUB);
    assert_int_equal(h->class, OF_CHILD);
    assert_int_equal(h->count, CHILDREN);
    assert_int_equal(h->bytes, 10 * CHILDREN);
    h = of_kind(&all, GRAPH_LARGE);
    assert_int_equal(h->node, LARGE);
    h = of_kind(&all, GRAPH_CHAIN);
    assert_int_equal(h->period, 2);
    uint32_t before = h->node - CHAIN; /* a link begins with one or the other of the two */
    assert_true(before < 2);
    assert_int_equal(h->count, (LINKS - before) / 2);
    assert_int_equal(h->bytes, 10 * (LINKS - before));
    vec_free(&all.list);
}

static void less_than_asked_for(void **state) {
    (void)state;
    struct graph_hoards all = found(2500, false);
    assert_int_equal(all.list.n, 1);
    assert_int_equal(all.list.at[0].kind, GRAPH_LARGE);
    vec_free(&all.list);
}

/* A way through this and that is no chain. */
static void no_turns(void **state) {
    (void)state;
    struct graph_hoards all = found(500, true);
    assert_null(of_kind(&all, GRAPH_CHAIN));
    assert_int_equal(all.list.n, 2);
    vec_free(&all.list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind),
        cmocka_unit_test(less_than_asked_for),
        cmocka_unit_test(no_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
