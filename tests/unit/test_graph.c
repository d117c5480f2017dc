/* Graphs made by hand, thousands of random ones against definitions written out naively, and shapes
 * that break what recurses or is quadratic. MEMWHY_GRAPH_SEED=N runs one random graph. */
#include "unit.h"

#include "base/bits.h"
#include "graph/classes.h"
#include "graph/mark.h"
#include "graph/path.h"
#include "graph/tree.h"
#include <errno.h>

/* ---- a graph as lists, the source of the one under test ---- */

struct arc {
    uint32_t from, to;
};

struct lists {
    uint32_t n; /* the root is n */
    VEC(struct arc) arcs;
    VEC(struct graph_ephemeron) ephemerons;
    VEC(uint32_t) user_roots;
};

static void arc(struct lists *l, uint32_t from, uint32_t to) {
    vec_push(&l->arcs, (struct arc){from, to});
}

static void lists_done(struct lists *l) {
    vec_free(&l->arcs);
    vec_free(&l->ephemerons);
    vec_free(&l->user_roots);
}

static void lists_roots(void *ctx, struct graph_sink *to) {
    const struct lists *l = ctx;
    for (size_t i = 0; i < l->arcs.n; i++)
        if (l->arcs.at[i].from == l->n)
            graph_root(to, l->arcs.at[i].to);
}

static void lists_edges(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to) {
    const struct lists *l = ctx;
    for (uint32_t node = first; node < end; node++) {
        for (size_t i = 0; i < l->arcs.n; i++)
            if (l->arcs.at[i].from == node)
                graph_edge(to, node, l->arcs.at[i].to);
        for (size_t i = 0; i < l->ephemerons.n; i++)
            if (l->ephemerons.at[i].table == node)
                graph_ephemeron(to, node, l->ephemerons.at[i].key, l->ephemerons.at[i].value);
    }
}

static struct graph_source lists_source(struct lists *l, unsigned threads) {
    return (struct graph_source){
        .ctx = l, .nodes = l->n, .threads = threads, .roots = lists_roots, .edges = lists_edges};
}

static struct graph *built(const struct graph_source *source) {
    struct graph *g;
    struct err e = {0};
    assert_int_equal(graph_build(source, &g, &e), 0);
    return g;
}

static uint64_t size_of(uint32_t node) {
    return 8 + node % 5 * 8;
}

static void sizes(void *ctx, uint32_t first, uint32_t end, uint64_t *ret) {
    (void)ctx;
    for (uint32_t node = first; node < end; node++)
        ret[node - first] = size_of(node);
}

static struct graph_tree *grown(const struct graph *g, const uint32_t *user, uint32_t n_user) {
    struct graph_tree *t;
    struct err e = {0};
    struct graph_weights w = {.sizes = sizes, .user_roots = {user, n_user}};
    assert_int_equal(graph_tree_build(g, &w, &t, &e), 0);
    return t;
}

/* ---- definitions, written out ---- */

/* What is reached from the root without going through `without`, entries of ephemerons to the
 * fixpoint. `reached` has room for the root. */
static void naive_reach(const struct lists *l, uint32_t without, bool *reached) {
    memset(reached, 0, l->n + 1);
    reached[l->n] = true;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < l->arcs.n; i++) {
            struct arc a = l->arcs.at[i];
            if (reached[a.from] && !reached[a.to] && a.to != without)
                more = reached[a.to] = true;
        }
        for (size_t i = 0; i < l->ephemerons.n; i++) {
            struct graph_ephemeron x = l->ephemerons.at[i];
            if (reached[x.table] && reached[x.key] && !reached[x.value] && x.value != without)
                more = reached[x.value] = true;
        }
    }
}

/* The same graph as its tree is to be of: live ephemerons as edges from their keys, user roots as
 * roots, and no edge from what they do not reach to what they do. */
static struct lists naive_settle(const struct lists *l, const bool *live) {
    struct lists s = {.n = l->n};
    for (size_t i = 0; i < l->arcs.n; i++)
        vec_push(&s.arcs, l->arcs.at[i]);
    for (size_t i = 0; i < l->ephemerons.n; i++) {
        struct graph_ephemeron x = l->ephemerons.at[i];
        if (live[x.table] && live[x.key])
            arc(&s, x.key, x.value);
    }
    return s;
}

static struct lists naive_owned(const struct lists *settled, const struct lists *l,
                                const bool *live) {
    struct lists user = {.n = l->n}, s = {.n = l->n};
    bool *owned = mem_alloc(l->n + 1);
    for (size_t i = 0; i < l->user_roots.n; i++) {
        if (live[l->user_roots.at[i]]) {
            arc(&user, l->n, l->user_roots.at[i]);
            arc(&s, l->n, l->user_roots.at[i]);
        }
    }
    for (size_t i = 0; i < settled->arcs.n; i++)
        if (settled->arcs.at[i].from != l->n)
            vec_push(&user.arcs, settled->arcs.at[i]);
    naive_reach(&user, GRAPH_NONE, owned);
    for (size_t i = 0; i < settled->arcs.n; i++) {
        struct arc a = settled->arcs.at[i];
        if ((a.from != l->n && owned[a.from]) || !owned[a.to])
            vec_push(&s.arcs, a);
    }
    free(owned);
    lists_done(&user);
    return s;
}

/* dominates[x * (n + 1) + y]: y is live, and every way from the root to it leads by x. */
static bool *naive_dominators(const struct lists *l) {
    size_t n = l->n + 1ul;
    bool *dominates = mem_zalloc(n * n), *live = mem_alloc(n), *rest = mem_alloc(n);
    naive_reach(l, GRAPH_NONE, live);
    for (uint32_t x = 0; x < n; x++) {
        if (!live[x])
            continue;
        naive_reach(l, x, rest);
        for (uint32_t y = 0; y < n; y++)
            dominates[x * n + y] = live[y] && (x == l->n || x == y || !rest[y]);
    }
    free(live);
    free(rest);
    return dominates;
}

/* ---- comparing ---- */

static void check_live(const struct lists *l, const struct graph *g, const bool *live) {
    uint32_t count = 0;
    struct graph_source source = lists_source((struct lists *)(uintptr_t)l, 2);
    uint64_t *marked = bits_new(l->n);
    assert_int_equal(graph_mark(&source, marked, NULL), graph_live_count(g));
    for (uint32_t x = 0; x < l->n; x++) {
        assert_int_equal(graph_is_live(g, x), live[x]);
        assert_int_equal(bits_get(marked, x), live[x]);
        count += live[x];
    }
    assert_int_equal(graph_live_count(g), count);
    free(marked);
}

static void check_edges(const struct lists *settled, const struct graph *g) {
    size_t n = settled->n + 1ul;
    uint32_t *there = mem_zalloc(n * n * sizeof *there);
    for (size_t i = 0; i < settled->arcs.n; i++)
        there[settled->arcs.at[i].from * n + settled->arcs.at[i].to]++;
    assert_int_equal(graph_edge_count(g), settled->arcs.n);
    for (uint32_t x = 0; x < n; x++) {
        struct graph_list to = graph_successors(g, x);
        for (uint32_t i = 0; i < to.n; i++)
            there[x * n + to.at[i]] += 1u << 16;
    }
    for (uint32_t y = 0; y < settled->n; y++) {
        struct graph_nodes from = {0};
        graph_predecessors(g, y, &from);
        size_t i = 0;
        for (uint32_t x = 0; x < n; x++) {
            uint32_t both = there[x * n + y];
            assert_int_equal(both >> 16, both & 0xffff);
            if (both) {
                assert_true(i < from.n);
                assert_int_equal(from.at[i++], x);
            }
        }
        assert_int_equal(i, from.n);
        vec_free(&from);
    }
    free(there);
}

static void check_order(const struct graph_tree *t, const struct graph_nodes *list) {
    for (size_t i = 1; i < list->n; i++) {
        uint64_t a = graph_tree_retained(t, list->at[i - 1]);
        uint64_t b = graph_tree_retained(t, list->at[i]);
        assert_true(a > b || (a == b && list->at[i - 1] < list->at[i]));
    }
}

static void check_children(const struct graph_tree *t, uint32_t n, uint32_t x) {
    struct graph_nodes all = {0}, few = {0};
    vec_push(&few, 12345); /* what is there stays */
    graph_tree_children(t, x, SIZE_MAX, &all);
    graph_tree_children(t, x, 2, &few);
    check_order(t, &all);
    size_t count = 0;
    for (uint32_t y = 0; y < n; y++)
        count += graph_tree_dominator(t, y) == x;
    assert_int_equal(all.n, count);
    assert_int_equal(few.n, 1 + (count < 2 ? count : 2));
    assert_int_equal(few.at[0], 12345);
    for (size_t i = 0; i < all.n; i++) {
        assert_int_equal(graph_tree_dominator(t, all.at[i]), x);
        if (i < 2)
            assert_int_equal(few.at[1 + i], all.at[i]);
    }
    vec_free(&all);
    vec_free(&few);
}

static void check_node(const struct graph_tree *t, uint32_t n, const bool *dominates, uint32_t x) {
    size_t w = n + 1ul;
    uint64_t retained = 0;
    uint32_t count = 0, nearest = GRAPH_NONE;
    for (uint32_t y = 0; y <= n; y++) {
        if (dominates[x * w + y]) {
            retained += y == n ? 0 : size_of(y);
            count++;
        }
        assert_int_equal(graph_tree_dominates(t, x, y), dominates[x * w + y]);
        /* The nearest is the strict dominator that all others dominate. */
        if (y != x && dominates[y * w + x] && (nearest == GRAPH_NONE || dominates[nearest * w + y]))
            nearest = y;
    }
    assert_int_equal(graph_tree_dominator(t, x), nearest);
    assert_int_equal(graph_tree_retained(t, x), retained);
    assert_int_equal(graph_tree_count(t, x), count);
    assert_int_equal(graph_tree_shallow(t, x), count && x < n ? size_of(x) : 0);
    check_children(t, n, x);
}

static uint32_t class_of(void *ctx, uint32_t node) {
    (void)ctx;
    return node % 7 == 6 ? GRAPH_NONE : node % 7 % 3;
}

static void check_classes(const struct graph_tree *t, uint32_t n, const bool *dominates) {
    struct graph_class got[3] = {0};
    graph_classes(t, 3, class_of, NULL, got);
    for (uint32_t c = 0; c < 3; c++) {
        struct graph_class want = {0};
        for (uint32_t x = 0; x < n; x++) {
            if (class_of(NULL, x) != c || graph_tree_position(t, x) == GRAPH_NONE)
                continue;
            want.count++;
            want.shallow += size_of(x);
            bool covered = false;
            for (uint32_t y = 0; y < n; y++)
                covered |= y != x && class_of(NULL, y) == c && dominates[y * (n + 1ul) + x];
            want.retained += covered ? 0 : graph_tree_retained(t, x);
        }
        assert_int_equal(got[c].count, want.count);
        assert_int_equal(got[c].shallow, want.shallow);
        assert_int_equal(got[c].retained, want.retained);
    }
}

/* What two nodes retain together. */
static void check_reach(const struct lists *settled, const struct graph *g) {
    struct lists cut = {.n = settled->n};
    uint32_t two[] = {settled->n / 3, settled->n / 2};
    bool *reached = mem_alloc(settled->n + 1ul);
    for (size_t i = 0; i < settled->arcs.n; i++)
        if (settled->arcs.at[i].from != two[0] && settled->arcs.at[i].to != two[0])
            vec_push(&cut.arcs, settled->arcs.at[i]);
    naive_reach(&cut, two[1], reached);
    uint64_t *got =
        graph_reach(g, graph_successors(g, graph_root_id(g)), (struct graph_list){two, 2});
    for (uint32_t x = 0; x < settled->n; x++)
        assert_int_equal(bits_get(got, x), reached[x]);
    free(got);
    free(reached);
    lists_done(&cut);
}

static void check_tree(const struct lists *l, const struct graph *g, const struct graph_tree *t) {
    assert_int_equal(graph_tree_end(t, 0), graph_live_count(g) + 1);
    bool *dominates = naive_dominators(l);
    for (uint32_t x = 0; x <= l->n; x++)
        check_node(t, l->n, dominates, x);
    check_classes(t, l->n, dominates);
    struct graph_nodes largest = {0};
    graph_tree_largest(t, 5, &largest);
    check_order(t, &largest);
    for (uint32_t x = 0; largest.n == 5 && x < l->n; x++) {
        bool in = false;
        for (size_t i = 0; i < 5; i++)
            in |= largest.at[i] == x;
        assert_true(in || graph_tree_retained(t, x) <= graph_tree_retained(t, largest.at[4]));
    }
    vec_free(&largest);
    free(dominates);
}

static bool leads(const struct graph *g, uint32_t from, uint32_t to) {
    struct graph_list l = graph_successors(g, from);
    for (uint32_t i = 0; i < l.n; i++)
        if (l.at[i] == to)
            return true;
    return false;
}

/* Distances of the settled graph without `without`, the slow way. */
static void naive_distances(const struct lists *l, uint32_t without, uint32_t *distance) {
    memset(distance, 0xff, (l->n + 1ul) * sizeof *distance);
    distance[l->n] = 0;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < l->arcs.n; i++) {
            struct arc a = l->arcs.at[i];
            if (distance[a.from] != GRAPH_NONE && a.to != without &&
                distance[a.to] > distance[a.from] + 1) {
                distance[a.to] = distance[a.from] + 1;
                more = true;
            }
        }
    }
}

static void check_paths(const struct lists *settled, const struct graph *g, uint32_t x) {
    struct graph_paths p = {0};
    uint32_t *distance = mem_alloc((settled->n + 1ul) * sizeof *distance);
    naive_distances(settled, x, distance);
    if (!graph_is_live(g, x)) {
        assert_int_equal(graph_paths(g, x, 3, &p), -ENODATA);
        free(distance);
        return;
    }
    assert_int_equal(graph_paths(g, x, SIZE_MAX, &p), 0);
    size_t referrers = 0;
    for (uint32_t y = 0; y <= settled->n; y++)
        referrers += leads(g, y, x) && distance[y] != GRAPH_NONE;
    assert_int_equal(p.ends.n, referrers);
    bool *seen = mem_zalloc(settled->n + 1ul);
    size_t begin = 0, before = 0;
    for (size_t i = 0; i < p.ends.n; i++) {
        size_t end = p.ends.at[i];
        uint32_t at = settled->n, last = at;
        for (size_t k = begin; k < end; k++) {
            assert_true(leads(g, at, p.nodes.at[k]));
            last = at;
            at = p.nodes.at[k];
        }
        assert_int_equal(at, x);
        assert_false(seen[last]);
        seen[last] = true;
        assert_int_equal(end - begin, distance[last] + 1);
        assert_true(end - begin >= before);
        before = end - begin;
        begin = end;
    }
    free(seen);
    free(distance);
    graph_paths_done(&p);
}

/* Built anew with what lives told, not found. */
static void check_known_live(struct lists *l, const struct graph *g) {
    struct graph_source source = lists_source(l, 1);
    source.live = graph_live(g);
    struct graph *known = built(&source);
    assert_int_equal(graph_live_count(known), graph_live_count(g));
    assert_int_equal(graph_edge_count(known), graph_edge_count(g));
    for (uint32_t x = 0; x <= l->n; x++) {
        struct graph_list a = graph_successors(known, x), b = graph_successors(g, x);
        assert_int_equal(graph_is_live(known, x), graph_is_live(g, x));
        assert_int_equal(a.n, b.n);
        for (uint32_t i = 0; i < a.n; i++)
            assert_int_equal(a.at[i], b.at[i]);
    }
    graph_free(known);
}

static void check(struct lists *l, unsigned threads) {
    struct graph_source source = lists_source(l, threads);
    struct graph *g = built(&source);
    bool *live = mem_alloc(l->n + 1);
    naive_reach(l, GRAPH_NONE, live);
    check_live(l, g, live);
    check_known_live(l, g);
    struct lists settled = naive_settle(l, live);
    check_edges(&settled, g);
    if (l->n)
        check_reach(&settled, g);
    struct graph_tree *t = grown(g, NULL, 0);
    check_tree(&settled, g, t);
    graph_tree_free(t);
    if (l->user_roots.n) {
        t = grown(g, l->user_roots.at, (uint32_t)l->user_roots.n);
        struct lists owned = naive_owned(&settled, l, live);
        check_tree(&owned, g, t);
        lists_done(&owned);
        graph_tree_free(t);
    }
    uint32_t *got = graph_distances(g), *want = mem_alloc((l->n + 1ul) * sizeof *want);
    naive_distances(&settled, GRAPH_NONE, want);
    assert_memory_equal(got, want, (l->n + 1ul) * sizeof *want);
    for (uint32_t x = 0; x < l->n; x++)
        check_paths(&settled, g, x);
    free(got);
    free(want);
    free(live);
    lists_done(&settled);
    graph_free(g);
}

/* ---- by hand ---- */

/* The example of Lengauer and Tarjan's paper (1979), figure 1, with the answer of its figure 2. */
static void lengauer_tarjan(void **state) {
    (void)state;
    static const char arcs[] = "RA RB RC AD BA BD BE CF CG DL EH FI GI GJ HE HK IK JI KI KR LH";
    static const char idoms[] = "AR BR CR DR ER FC GC HR IR JG KR LD";
    struct lists l = {.n = 13}; /* A to L, and R as a node */
    arc(&l, 13, 12);
    for (const char *s = arcs; *s; s += s[2] ? 3 : 2)
        arc(&l, s[0] == 'R' ? 12 : (uint32_t)(s[0] - 'A'),
            s[1] == 'R' ? 12 : (uint32_t)(s[1] - 'A'));
    struct graph_source source = lists_source(&l, 1);
    struct graph *g = built(&source);
    struct graph_tree *t = grown(g, NULL, 0);
    for (const char *s = idoms; *s; s += s[2] ? 3 : 2)
        assert_int_equal(graph_tree_dominator(t, (uint32_t)(s[0] - 'A')),
                         s[1] == 'R' ? 12 : s[1] - 'A');
    assert_int_equal(graph_tree_dominator(t, 12), 13);
    assert_int_equal(graph_tree_dominator(t, 13), GRAPH_NONE);
    graph_tree_free(t);
    graph_free(g);
    check(&l, 2);
    lists_done(&l);
}

/* A value lives by two: without the table, or without the key, it goes. */
static void weak_map(void **state) {
    (void)state;
    enum { TABLE, KEY, VALUE, LOST_KEY, LOST_VALUE, LOST_TABLE, OTHER_VALUE };
    struct lists l = {.n = 7};
    arc(&l, 7, TABLE);
    arc(&l, 7, KEY);
    vec_push(&l.ephemerons, (struct graph_ephemeron){TABLE, KEY, VALUE});
    vec_push(&l.ephemerons, (struct graph_ephemeron){TABLE, LOST_KEY, LOST_VALUE});
    vec_push(&l.ephemerons, (struct graph_ephemeron){LOST_TABLE, KEY, OTHER_VALUE});
    arc(&l, LOST_VALUE, LOST_KEY); /* a key that only its own value refers to */
    struct graph_source source = lists_source(&l, 1);
    struct graph *g = built(&source);
    assert_true(graph_is_live(g, VALUE));
    for (uint32_t x = LOST_KEY; x <= OTHER_VALUE; x++)
        assert_false(graph_is_live(g, x));
    struct graph_list to = graph_successors(g, KEY);
    assert_int_equal(to.n, 1);
    assert_int_equal(to.at[0], VALUE);
    assert_int_equal(graph_successors(g, TABLE).n, 0);
    struct graph_tree *t = grown(g, NULL, 0);
    assert_int_equal(graph_tree_dominator(t, VALUE), KEY);
    graph_tree_free(t);
    graph_free(g);
    check(&l, 2);
    lists_done(&l);
}

/* The program's objects are retained by the program, whatever the runtime's own tables hold. */
static void user_roots(void **state) {
    (void)state;
    enum { GLOBAL, SYSTEM, LIST, THING, RUNTIME };
    struct lists l = {.n = 5};
    arc(&l, 5, SYSTEM);
    arc(&l, 5, LIST); /* neither does a handle hold what the program does */
    arc(&l, SYSTEM, GLOBAL);
    arc(&l, SYSTEM, THING);
    arc(&l, SYSTEM, RUNTIME);
    arc(&l, GLOBAL, LIST);
    arc(&l, LIST, THING);
    vec_push(&l.user_roots, GLOBAL);
    struct graph_source source = lists_source(&l, 1);
    struct graph *g = built(&source);
    struct graph_tree *t = grown(g, NULL, 0);
    assert_int_equal(graph_tree_dominator(t, THING), 5);
    graph_tree_free(t);
    t = grown(g, l.user_roots.at, 1);
    assert_int_equal(graph_tree_dominator(t, THING), LIST);
    assert_int_equal(graph_tree_dominator(t, LIST), GLOBAL);
    assert_int_equal(graph_tree_dominator(t, GLOBAL), 5);
    assert_int_equal(graph_tree_dominator(t, RUNTIME), SYSTEM);
    graph_tree_free(t);
    graph_free(g);
    check(&l, 1);
    lists_done(&l);
}

static void tell_badly(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to) {
    (void)ctx;
    graph_edge(to, first, 2);
    graph_edge(to, first, 3);          /* no such node */
    graph_edge(to, first, GRAPH_NONE); /* nor this */
    graph_edge(to, end, 1);            /* not asked for */
    graph_edge(to, end - 1, 1);
    if (end - first > 1)
        graph_edge(to, first, 0); /* not ascending */
    graph_ephemeron(to, first, 1, 3);
    graph_ephemeron(to, end, 1, 1);
}

static void strays(void **state) {
    (void)state;
    struct lists l = {.n = 3};
    arc(&l, 3, 0);
    arc(&l, 3, 7);
    struct graph_source source = lists_source(&l, 1);
    source.edges = tell_badly;
    struct graph *g = built(&source);
    assert_int_equal(graph_strays(g), 7);
    assert_int_equal(graph_edge_count(g), 3);
    assert_int_equal(graph_successors(g, 0).at[0], 2);
    assert_int_equal(graph_successors(g, 2).at[0], 1);
    graph_free(g);
    struct err e = {0};
    source.nodes = UINT32_MAX - 1;
    assert_int_equal(graph_build(&source, &g, &e), -E2BIG);
    lists_done(&l);
}

static void absurd_sizes(void *ctx, uint32_t first, uint32_t end, uint64_t *ret) {
    (void)ctx;
    for (uint32_t node = first; node < end; node++)
        ret[node - first] = node == 1 ? UINT64_MAX : 100;
}

/* A broken heap may tell any size: nothing overflows, and what is beside it keeps its own. */
static void absurd_weight(void **state) {
    (void)state;
    struct lists l = {.n = 3};
    arc(&l, 3, 0);
    arc(&l, 0, 1);
    arc(&l, 0, 2);
    struct graph_source source = lists_source(&l, 1);
    struct graph *g = built(&source);
    struct graph_tree *t;
    struct graph_weights w = {.sizes = absurd_sizes};
    assert_int_equal(graph_tree_build(g, &w, &t, NULL), 0);
    assert_int_equal(graph_tree_shallow(t, 0), 100);
    assert_int_equal(graph_tree_shallow(t, 1), 0);
    assert_int_equal(graph_tree_retained(t, 2), 100);
    assert_int_equal(graph_tree_retained(t, 0), 200);
    graph_tree_free(t);
    w.sizes = NULL;
    assert_int_equal(graph_tree_build(g, &w, &t, NULL), 0);
    assert_int_equal(graph_tree_retained(t, 0), 3);
    assert_int_equal(graph_tree_retained(t, 3), 3); /* the root has no weight */
    graph_tree_free(t);
    graph_free(g);
    lists_done(&l);
}

static void nothing(void **state) {
    (void)state;
    struct lists l = {.n = 0};
    check(&l, 2);
    l.n = 3; /* no roots */
    arc(&l, 0, 1);
    check(&l, 2);
    lists_done(&l);
}

/* Nodes in another block than their referrers, ephemerons among them; the block's border. */
static void blocks(void **state) {
    (void)state;
    enum { N = (1 << 16) + 3, KEY = 1 << 16, VALUE = N - 1 };
    struct lists l = {.n = N};
    arc(&l, N, 0);
    arc(&l, 0, 65535);
    arc(&l, 65535, KEY);
    arc(&l, KEY, 0);
    vec_push(&l.ephemerons, (struct graph_ephemeron){65535, KEY, VALUE});
    vec_push(&l.ephemerons, (struct graph_ephemeron){65535, 0, VALUE});
    struct graph_source source = lists_source(&l, 2);
    struct graph *g = built(&source);
    assert_int_equal(graph_live_count(g), 4);
    assert_int_equal(graph_successors(g, KEY).n, 2);
    assert_int_equal(graph_successors(g, VALUE).n, 0);
    struct graph_nodes from = {0};
    graph_predecessors(g, VALUE, &from);
    assert_int_equal(from.n, 2);
    assert_int_equal(from.at[0], 0);
    assert_int_equal(from.at[1], KEY);
    vec_free(&from);
    struct graph_tree *t = grown(g, NULL, 0);
    assert_int_equal(graph_tree_dominator(t, VALUE), 0);
    assert_int_equal(graph_tree_dominator(t, KEY), 65535);
    graph_tree_free(t);
    graph_free(g);
    lists_done(&l);
}

/* ---- random ---- */

static uint64_t random_state;

static uint32_t below(uint32_t n) {
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) % n;
}

static struct lists random_lists(uint32_t seed) {
    random_state = seed;
    for (int i = 0; i < 4; i++)
        below(2);
    struct lists l = {.n = 1 + below(seed % 50 ? 24 : 60)};
    uint32_t density = 1 + below(3), locality = 1 + below(l.n);
    for (uint32_t i = 0; i < l.n * density; i++) {
        uint32_t from = below(l.n);
        arc(&l, from, below(2) ? below(l.n) : (from + below(locality)) % l.n);
    }
    for (uint32_t i = 1 + below(3); i; i--)
        arc(&l, l.n, below(l.n));
    if (seed % 2)
        for (uint32_t i = below(l.n + 1); i; i--)
            vec_push(&l.ephemerons, (struct graph_ephemeron){below(l.n), below(l.n), below(l.n)});
    if (seed % 3 == 0)
        for (uint32_t i = 1 + below(2); i; i--)
            vec_push(&l.user_roots, below(l.n));
    return l;
}

static uint32_t failing_seed;

static void random_graphs(void **state) {
    (void)state;
    const char *one = getenv("MEMWHY_GRAPH_SEED");
    uint32_t seed = one ? (uint32_t)strtoul(one, NULL, 10) : 1, end = one ? seed + 1 : 3001;
    for (; seed < end; seed++) {
        struct lists l = random_lists(seed);
        failing_seed = seed;
        check(&l, 1 + seed % 4);
        lists_done(&l);
    }
    failing_seed = 0;
}

static int name_seed(void **state) {
    (void)state;
    if (failing_seed)
        print_message("MEMWHY_GRAPH_SEED=%u\n", failing_seed);
    return 0;
}

/* ---- shapes ---- */

/* A source whose edges follow from the node's number. */
struct shape {
    uint32_t n, k;
    void (*edges)(const struct shape *s, uint32_t node, struct graph_sink *to);
    uint32_t root; /* the only one */
};

static void shape_roots(void *ctx, struct graph_sink *to) {
    graph_root(to, ((const struct shape *)ctx)->root);
}

static void shape_edges(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to) {
    const struct shape *s = ctx;
    for (uint32_t node = first; node < end; node++)
        s->edges(s, node, to);
}

static struct graph_source shape_source(const struct shape *s, unsigned threads) {
    return (struct graph_source){.ctx = (void *)(uintptr_t)s,
                                 .nodes = s->n,
                                 .threads = threads,
                                 .roots = shape_roots,
                                 .edges = shape_edges};
}

static struct graph *shaped(const struct shape *s) {
    struct graph_source source = shape_source(s, 2);
    return built(&source);
}

enum { MANY = 5000000 };

/* Each refers to the next, every tenth also back. */
static void chain_edges(const struct shape *s, uint32_t node, struct graph_sink *to) {
    if (node + 1 < s->n)
        graph_edge(to, node, node + 1);
    if (node % 10 == 0)
        graph_edge(to, node, node / 2);
}

static void chain(void **state) {
    (void)state;
    struct shape s = {.n = MANY, .edges = chain_edges};
    struct graph *g = shaped(&s);
    assert_int_equal(graph_live_count(g), MANY);
    struct graph_tree *t = grown(g, NULL, 0);
    for (uint32_t x = 0; x < MANY; x += 99991) {
        assert_int_equal(graph_tree_dominator(t, x), x ? x - 1 : s.n);
        assert_int_equal(graph_tree_count(t, x), MANY - x);
    }
    uint32_t *distance = graph_distances(g);
    assert_int_equal(distance[MANY - 1], MANY);
    free(distance);
    struct graph_paths p = {0};
    assert_int_equal(graph_paths(g, MANY - 1, 2, &p), 0);
    assert_int_equal(p.ends.n, 1);
    assert_int_equal(p.nodes.n, MANY);
    graph_paths_done(&p);
    struct graph_class c[3] = {0};
    graph_classes(t, 3, class_of, NULL, c);
    assert_int_equal(c[0].retained, graph_tree_retained(t, 0));
    graph_tree_free(t);
    graph_free(g);
}

static void star_edges(const struct shape *s, uint32_t node, struct graph_sink *to) {
    if (node)
        graph_edge(to, node, 0);
    else
        for (uint32_t i = 1; i < s->n; i++)
            graph_edge(to, 0, i);
}

static void star(void **state) {
    (void)state;
    struct shape s = {.n = MANY / 5, .edges = star_edges};
    struct graph *g = shaped(&s);
    struct graph_tree *t = grown(g, NULL, 0);
    assert_int_equal(graph_tree_dominator(t, s.n - 1), 0);
    assert_int_equal(graph_tree_count(t, 0), s.n);
    struct graph_nodes list = {0};
    graph_tree_children(t, 0, 3, &list);
    assert_int_equal(list.n, 3);
    assert_int_equal(list.at[0], 4); /* the first of the heaviest */
    vec_free(&list);
    graph_predecessors(g, 0, &list);
    assert_int_equal(list.n, s.n); /* without itself, with the root */
    vec_free(&list);
    struct graph_paths p = {0}; /* all but the root live by it alone */
    assert_int_equal(graph_paths(g, 0, 5, &p), 0);
    assert_int_equal(p.ends.n, 1);
    graph_paths_done(&p);
    graph_tree_free(t);
    graph_free(g);
}

/* Layers of k, each node of which refers to all of the next. */
static void layer_edges(const struct shape *s, uint32_t node, struct graph_sink *to) {
    uint32_t next = (node / s->k + 1) * s->k;
    for (uint32_t i = 0; i < s->k && next + i < s->n; i++)
        graph_edge(to, node, next + i);
}

static void layers(void **state) {
    (void)state;
    struct shape s = {.n = 2000 * 50, .k = 50, .edges = layer_edges};
    struct graph *g = shaped(&s);
    assert_int_equal(graph_live_count(g), s.n - 49);
    struct graph_tree *t = grown(g, NULL, 0);
    assert_int_equal(graph_tree_dominator(t, 0), s.n);
    assert_int_equal(graph_tree_dominator(t, 1), GRAPH_NONE);
    assert_int_equal(graph_tree_retained(t, 1), 0);
    for (uint32_t x = 50; x < s.n; x += 17)
        assert_int_equal(graph_tree_dominator(t, x), 0);
    graph_tree_free(t);
    graph_free(g);
}

/* Two chains, side by side, with rungs both ways. */
static void ladder_edges(const struct shape *s, uint32_t node, struct graph_sink *to) {
    graph_edge(to, node, node ^ 1);
    graph_edge(to, node, node);
    if (node + 2 < s->n)
        graph_edge(to, node, node + 2);
    if (node >= 2)
        graph_edge(to, node, node - 2);
}

static void ladder(void **state) {
    (void)state;
    struct shape s = {.n = 500000, .edges = ladder_edges};
    struct graph *g = shaped(&s);
    struct graph_tree *t = grown(g, NULL, 0);
    for (uint32_t x = 1; x < s.n; x += 9973)
        assert_int_equal(graph_tree_dominator(t, x), 0);
    graph_tree_free(t);
    graph_free(g);
}

/* A list of k; element i refers to the next and then to thing i, which a table also refers to. The
 * root is below all: it refers to the list first. Climbing from a thing's place in the search's
 * tree to its dominator element by element would take k * k / 2 steps. */
static void queue_edges(const struct shape *s, uint32_t node, struct graph_sink *to) {
    if (node == 2 * s->k) { /* the table */
        for (uint32_t i = 0; i < s->k; i++)
            graph_edge(to, node, s->k + i);
    } else if (node == s->root) {
        graph_edge(to, node, 0);
        graph_edge(to, node, 2 * s->k);
    } else if (node < s->k) {
        if (node + 1 < s->k)
            graph_edge(to, node, node + 1);
        graph_edge(to, node, s->k + node);
    }
}

static void queue_beside_table(void **state) {
    (void)state;
    struct shape s = {.k = 500000, .edges = queue_edges};
    s.root = 2 * s.k + 1;
    s.n = 2 * s.k + 2;
    struct graph *g = shaped(&s);
    struct graph_tree *t = grown(g, NULL, 0);
    for (uint32_t i = 0; i < s.k; i += 997) {
        assert_int_equal(graph_tree_dominator(t, s.k + i), s.root);
        assert_int_equal(graph_tree_dominator(t, i), i ? i - 1 : s.root);
    }
    graph_tree_free(t);
    graph_free(g);
}

/* Table i's value is key i + 1 of the next table: nothing can be known before the last is. */
static void ephemeron_chain_edges(const struct shape *s, uint32_t node, struct graph_sink *to) {
    if (node == s->root)
        for (uint32_t i = s->k; i < s->root; i++)
            graph_edge(to, node, s->root - 1 - (i - s->k));
    if (node == s->root)
        graph_edge(to, node, 0);
    if (node >= s->k && node < s->root && node - s->k + 1 < s->k)
        graph_ephemeron(to, node, node - s->k, node - s->k + 1);
}

static void ephemeron_chain(void **state) {
    (void)state;
    struct shape s = {.k = 100000, .edges = ephemeron_chain_edges};
    s.root = 2 * s.k;
    s.n = 2 * s.k + 1;
    struct graph *g = shaped(&s);
    assert_int_equal(graph_live_count(g), s.n);
    uint32_t *distance = graph_distances(g);
    assert_int_equal(distance[s.k - 1], s.k + 1);
    free(distance);
    graph_free(g);
}

/* ---- threads ---- */

static uint32_t mix(uint32_t x) {
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

static void tangle_edges(const struct shape *s, uint32_t node, struct graph_sink *to) {
    for (uint32_t i = mix(node) % 4; i; i--)
        graph_edge(to, node, mix(node * 4 + i) % s->n);
    if (mix(node) % 3 == 0)
        graph_ephemeron(to, node, mix(node + 1) % s->n, mix(node + 2) % s->n);
}

static void drop_edges(void *graph) {
    graph_drop_edges(graph);
}

/* The tree of a graph whose edges went when it was half done. */
static void check_without_edges(const struct graph_source *source, const struct graph_tree *t) {
    struct graph *g = built(source);
    struct graph_tree *u;
    struct graph_weights w = {.ctx = g, .sizes = sizes, .dominated = drop_edges};
    assert_int_equal(graph_tree_build(g, &w, &u, NULL), 0);
    for (uint32_t x = 0; x < source->nodes; x++) {
        assert_int_equal(graph_tree_dominator(u, x), graph_tree_dominator(t, x));
        assert_int_equal(graph_tree_retained(u, x), graph_tree_retained(t, x));
    }
    graph_tree_free(u);
    graph_free(g);
}

static void threads_agree(void **state) {
    (void)state;
    struct shape s = {.n = 200000, .edges = tangle_edges, .root = 5};
    struct graph_source source = shape_source(&s, 1);
    struct graph *one = built(&source);
    struct graph_tree *t = grown(one, NULL, 0);
    assert_in_range(graph_live_count(one), 1000, s.n - 1000);
    for (source.threads = 2; source.threads <= 4; source.threads++) {
        struct graph *g = built(&source);
        struct graph_tree *u = grown(g, NULL, 0);
        uint64_t *marked = bits_new(s.n);
        assert_int_equal(graph_mark(&source, marked, NULL), graph_live_count(one));
        assert_int_equal(graph_edge_count(g), graph_edge_count(one));
        for (uint32_t x = 0; x < s.n; x++) {
            assert_int_equal(graph_is_live(g, x), graph_is_live(one, x));
            assert_int_equal(bits_get(marked, x), graph_is_live(one, x));
            assert_int_equal(graph_tree_dominator(u, x), graph_tree_dominator(t, x));
            assert_int_equal(graph_tree_retained(u, x), graph_tree_retained(t, x));
        }
        free(marked);
        graph_tree_free(u);
        graph_free(g);
    }
    check_without_edges(&source, t);
    graph_tree_free(t);
    graph_free(one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengauer_tarjan),
        cmocka_unit_test(weak_map),
        cmocka_unit_test(user_roots),
        cmocka_unit_test(strays),
        cmocka_unit_test(nothing),
        cmocka_unit_test(absurd_weight),
        cmocka_unit_test(blocks),
        cmocka_unit_test_teardown(random_graphs, name_seed),
        cmocka_unit_test(chain),
        cmocka_unit_test(star),
        cmocka_unit_test(layers),
        cmocka_unit_test(ladder),
        cmocka_unit_test(queue_beside_table),
        cmocka_unit_test(ephemeron_chain),
        cmocka_unit_test(threads_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
