/* Semi-NCA (Georgiadis, "Linear-Time Algorithms for Dominators and Related Problems", 2005,
 * section 2.3), with three changes that bring it to the size of heaps:
 *
 * Only "late" edges are kept backwards: those that lead to a lower number. The others lead from an
 * ancestor in the search's tree, and their whole effect, a minimum, is had during the search.
 *
 * The tree itself is kept as parentheses, 2 bits a node, because its parent pointers are
 * overwritten by path compression, which turns the pointers of a path around instead of stacking
 * it.
 *
 * The last step climbs from a node's parent to its dominator. A linked list a million long whose
 * elements refer to things a table also holds makes that quadratic, so it climbs by jump pointers
 * (Myers, "An applicative random-access stack", 1983). The whole is O(edges * log nodes). */
#include "graph/dominators.h"

#include "base/bits.h"
#include "base/parallel.h"
#include "graph/edges.h"
#include <errno.h>
#include <string.h>

struct vertex {
    uint32_t up;    /* parent; after compression, the first vertex above that is not linked */
    uint32_t least; /* lowest semidominator from here to below `up`; before: see late_* */
};

struct search {
    const struct graph *g;
    const uint64_t *owned;
    struct graph_nodes top; /* successors of the root */
    uint32_t n;
    uint32_t *number;
    struct vertex *v;
    uint32_t *semi; /* semidominators, in the end dominators */

    uint64_t *parens; /* set: begins a vertex; not: ends one */
    uint64_t n_parens;
    size_t depth; /* of the search's tree */

    /* Late edges by where they lead, of the numbers low to high - 1: of all numbers at once they
     * would take as much memory as the rest. Until a number's semidominator is found,
     * vertex.least is how many it has, and while its list is laid down and read, where that
     * begins. */
    uint32_t *late, low, high;
    bool too_many;
};

static bool counts(const struct search *s, uint32_t from, uint32_t to) {
    return !s->owned || from == s->g->nodes || bits_get(s->owned, from) || !bits_get(s->owned, to);
}

/* ---- depth first ---- */

struct step {
    uint32_t node, next; /* the edge to take next */
};

static void begin_vertex(struct search *s, uint32_t node, uint32_t parent) {
    s->number[node] = s->n;
    s->v[s->n] = (struct vertex){parent, 0};
    s->semi[s->n++] = parent;
    bits_set(s->parens, s->n_parens++);
}

/* Take edges from where the step stands up to one that leads to something new; GRAPH_NONE: none. */
static uint32_t find_new(struct search *s, struct step *at) {
    struct graph_list l = at->node == s->g->nodes
                              ? (struct graph_list){s->top.at, (uint32_t)s->top.n}
                              : edges_of(s->g, at->node);
    uint32_t from = s->number[at->node];
    while (at->next < l.n) {
        uint32_t node = l.at[at->next++], to = s->number[node];
        if (!counts(s, at->node, node))
            continue;
        if (to == GRAPH_NONE) {
            begin_vertex(s, node, from);
            return node;
        }
        if (to < from)
            s->too_many |= ++s->v[to].least == 0;
        else if (s->semi[to] > from)
            s->semi[to] = from;
    }
    return GRAPH_NONE;
}

static void search_depth_first(struct search *s) {
    VEC(struct step) path = {0};
    begin_vertex(s, s->g->nodes, 0);
    vec_push(&path, (struct step){s->g->nodes, 0});
    while (path.n) {
        if (path.n > s->depth)
            s->depth = path.n;
        uint32_t node = find_new(s, &path.at[path.n - 1]);
        if (node != GRAPH_NONE) {
            vec_push(&path, (struct step){node, 0});
        } else {
            path.n--;
            s->n_parens++;
        }
    }
    vec_free(&path);
}

/* ---- late edges ---- */

/* Nothing is lower than a semidominator 0: its edges need no look. */
static uint32_t late_count(const struct search *s, uint32_t w) {
    return s->semi[w] ? s->v[w].least : 0;
}

/* Below `high` as many numbers as have `most` late edges, at least one; from counts to ends of
 * lists. Returns how many edges they have. */
static uint32_t late_lay_out(struct search *s, uint32_t most) {
    uint32_t sum = late_count(s, s->high - 1), at = 0;
    s->low = s->high - 1;
    while (s->low > 1 && sum <= most && late_count(s, s->low - 1) <= most - sum)
        sum += late_count(s, --s->low);
    for (uint32_t w = s->low; w < s->high; w++)
        s->v[w].least = at += late_count(s, w);
    return sum;
}

/* From ends of lists to beginnings, as they fill up: blocks of nodes by several threads, which take
 * turns at the ends. The order within a list is not defined, and what is sought a minimum. */
static void late_fill_block(void *search, size_t block) {
    struct search *s = search;
    uint32_t end = edges_block_end(s->g, block), n = s->high - s->low;
    for (uint32_t node = (uint32_t)(block << GRAPH_BLOCK_BITS); node < end; node++) {
        uint32_t from = s->number[node];
        if (from == GRAPH_NONE || from <= s->low)
            continue;
        struct graph_list l = edges_of(s->g, node);
        for (uint32_t i = 0; i < l.n; i++) {
            uint32_t to = s->number[l.at[i]];
            if (to < from && to - s->low < n && s->semi[to] && counts(s, node, l.at[i]))
                s->late[__atomic_sub_fetch(&s->v[to].least, 1, __ATOMIC_RELAXED)] = from;
        }
    }
}

/* ---- semidominators ---- */

/* Make every vertex from u to below the first that is not linked (not above w) point to that one,
 * knowing the lowest on its way: upwards turning pointers around, downwards setting them right. */
static void compress(struct vertex *v, uint32_t u, uint32_t w) {
    uint32_t below = u, at = v[u].up;
    while (v[at].up > w) {
        uint32_t above = v[at].up;
        v[at].up = below;
        below = at;
        at = above;
    }
    uint32_t top = v[at].up, least = v[at].least;
    for (at = below;; at = below) {
        below = v[at].up;
        if (v[at].least > least)
            v[at].least = least;
        least = v[at].least;
        v[at].up = top;
        if (at == u)
            return;
    }
}

/* Of those whose late edges are laid down; `n_late` of them. */
static void find_some_semidominators(struct search *s, uint32_t n_late) {
    enum { AHEAD = 24 };
    struct vertex *v = s->v;
    uint32_t end = n_late;
    for (uint32_t w = s->high - 1; w >= s->low; w--) {
        uint32_t begin = v[w].least, semi = s->semi[w];
        for (uint32_t i = end; i > begin && semi; i--) {
            uint32_t u = s->late[i - 1];
            __builtin_prefetch(&v[s->late[i > AHEAD ? i - AHEAD : 0]]);
            if (v[u].up > w)
                compress(v, u, w);
            if (v[u].least < semi)
                semi = v[u].least;
        }
        end = begin;
        s->semi[w] = v[w].least = semi;
    }
}

static void find_semidominators(struct search *s) {
    uint32_t most = s->n / 2, room = 0;
    for (s->high = s->n; s->high > 1; s->high = s->low) {
        uint32_t n = late_lay_out(s, most);
        if (n > room) {
            free(s->late);
            room = n > most ? n : most;
            s->late = mem_alloc_random(room * sizeof(*s->late));
        }
        if (n)
            parallel_for(s->g->blocks, late_fill_block, s);
        find_some_semidominators(s, n);
    }
}

/* ---- dominators ---- */

struct jump {
    uint32_t to, depth;
};

/* The dominator of w is the first on the way from its parent up that is not below its
 * semidominator. */
static void find_dominators(struct search *s) {
    struct jump *jump = mem_alloc_random(s->n * sizeof *jump);
    uint32_t *open = mem_alloc(s->depth * sizeof *open), *idom = s->semi;
    size_t depth = 0;
    uint32_t w = 0;
    for (uint64_t i = 0; i < s->n_parens; i++) {
        if (!bits_get(s->parens, i)) {
            depth--;
            continue;
        }
        uint32_t x = depth ? open[depth - 1] : 0, semi = idom[w];
        while (x > semi)
            x = jump[x].to > semi ? jump[x].to : idom[x];
        idom[w] = x;
        struct jump up = w ? jump[x] : (struct jump){0, 0}, far = w ? jump[up.to] : up;
        bool as_far = up.depth - far.depth == far.depth - (w ? jump[far.to].depth : 0);
        jump[w] = (struct jump){as_far ? far.to : x, w ? up.depth + 1 : 0};
        open[depth++] = w++;
    }
    free(open);
    free(jump);
}

static void set_top(struct search *s, struct graph_list user_roots) {
    for (uint32_t i = 0; i < user_roots.n; i++)
        vec_push(&s->top, user_roots.at[i]);
    for (size_t i = 0; i < s->g->roots.n; i++)
        if (!s->owned || !bits_get(s->owned, s->g->roots.at[i]))
            vec_push(&s->top, s->g->roots.at[i]);
}

int dominators_find(const struct graph *g, const uint64_t *owned, struct graph_list user_roots,
                    struct dominators *ret) {
    struct search s = {.g = g, .owned = owned};
    size_t n = g->n_live + 1ul;
    set_top(&s, user_roots);
    s.number = mem_alloc_random((g->nodes + 1ul) * sizeof(*s.number));
    memset(s.number, 0xff, (g->nodes + 1ul) * sizeof(*s.number)); /* GRAPH_NONE */
    s.v = mem_alloc_random(n * sizeof(*s.v));
    s.semi = mem_alloc_random(n * sizeof(*s.semi));
    s.parens = bits_new(2 * n);
    search_depth_first(&s);
    int r = s.too_many ? -E2BIG : 0;
    if (r == 0)
        find_semidominators(&s);
    free(s.late);
    free(s.v);
    if (r == 0)
        find_dominators(&s);
    free(s.parens);
    vec_free(&s.top);
    if (r < 0) {
        free(s.number);
        free(s.semi);
        return r;
    }
    *ret = (struct dominators){s.n, s.number, s.semi};
    return 0;
}
