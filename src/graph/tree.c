#include "graph/tree.h"

#include "base/bits.h"
#include "base/parallel.h"
#include "graph/dominators.h"
#include "graph/edges.h"

/* By position, except `position`. */
struct graph_tree {
    const struct graph *g;
    uint32_t n;         /* live nodes and the root */
    uint32_t *position; /* of a node */
    uint32_t *node;
    uint32_t *up;  /* the dominator's position; the root's own is 0 */
    uint32_t *end; /* behind the last it dominates */
    /* Bytes of all positions before, in 48 bits: twice the user's half of the address space. n + 1
     * of them. */
    uint32_t *before_low;
    uint16_t *before_high;
};

#define MOST_BYTES ((1ull << 48) - 1)

static uint64_t before(const struct graph_tree *t, uint32_t p) {
    return (uint64_t)t->before_high[p] << 32 | t->before_low[p];
}

static void before_set(struct graph_tree *t, uint32_t p, uint64_t bytes) {
    t->before_high[p] = (uint16_t)(bytes >> 32);
    t->before_low[p] = (uint32_t)bytes;
}

void graph_tree_free(struct graph_tree *t) {
    if (!t)
        return;
    free(t->position);
    free(t->node);
    free(t->up);
    free(t->end);
    free(t->before_low);
    free(t->before_high);
    free(t);
}

uint64_t graph_tree_bytes(const struct graph_tree *t) {
    return sizeof *t + (t->g->nodes + 1ull + 3ull * t->n) * sizeof(uint32_t) +
           (t->n + 1ull) * (sizeof(uint32_t) + sizeof(uint16_t));
}

/* ---- building ---- */

/* From dominators by number to positions: `d->idom` is used up. Children keep the order in which
 * the search came upon them. */
static void place(struct graph_tree *t, struct dominators *d) {
    uint32_t *place =
        mem_alloc_random(t->n * sizeof *place); /* first how many it dominates, then where */
    for (uint32_t v = 0; v < t->n; v++)
        place[v] = 1;
    for (uint32_t v = t->n - 1; v > 0; v--)
        place[d->idom[v]] += place[v];
    t->up = mem_alloc_random(t->n * sizeof(*t->up));
    t->end = mem_alloc_random(t->n * sizeof(*t->end));
    place[0] = t->up[0] = 0;
    t->end[0] = 1; /* grows behind the children placed so far */
    for (uint32_t v = 1; v < t->n; v++) {
        uint32_t up = place[d->idom[v]], at = t->end[up];
        t->end[up] += place[v];
        t->end[at] = at + 1;
        t->up[at] = up;
        place[v] = at;
    }
    free(d->idom);
    t->position = d->number;
    t->node = mem_alloc_random(t->n * sizeof(*t->node));
    for (uint32_t node = 0; node <= t->g->nodes; node++)
        if (t->position[node] != GRAPH_NONE) {
            t->position[node] = place[t->position[node]];
            t->node[t->position[node]] = node;
        }
    free(place);
}

struct weighing {
    struct graph_tree *t;
    const struct graph_weights *w;
};

static void weigh_block(void *arg, size_t block) {
    struct weighing *g = arg;
    uint32_t first = (uint32_t)(block << GRAPH_BLOCK_BITS), end = edges_block_end(g->t->g, block);
    uint64_t *sizes = mem_zalloc(GRAPH_BLOCK * sizeof *sizes);
    if (g->w->sizes)
        g->w->sizes(g->w->ctx, first, end, sizes);
    for (uint32_t node = first; node < end; node++) {
        uint64_t size = g->w->sizes ? sizes[node - first] : 1;
        if (g->t->position[node] != GRAPH_NONE)
            before_set(g->t, g->t->position[node], size < MOST_BYTES ? size : MOST_BYTES);
    }
    free(sizes);
}

static void weigh(struct graph_tree *t, const struct graph_weights *w) {
    t->before_low = mem_alloc_random((t->n + 1ul) * sizeof(*t->before_low));
    t->before_high = mem_alloc_random((t->n + 1ul) * sizeof(*t->before_high));
    parallel_for(t->g->blocks, weigh_block, &(struct weighing){t, w});
    before_set(t, 0, 0); /* the root's own; after it the last place, where none was weighed */
    before_set(t, t->n, 0);
    uint64_t sum = 0;
    for (uint32_t p = 0; p <= t->n; p++) {
        uint64_t size = before(t, p);
        before_set(t, p, sum);
        if (size <= MOST_BYTES - sum)
            sum += size;
    }
}

int graph_tree_build(const struct graph *g, const struct graph_weights *w, struct graph_tree **ret,
                     struct err *e) {
    struct dominators d;
    struct graph_nodes live = {0}; /* what only dead ones own is not owned */
    for (uint32_t i = 0; i < w->user_roots.n; i++)
        if (w->user_roots.at[i] < g->nodes && graph_is_live(g, w->user_roots.at[i]))
            vec_push(&live, w->user_roots.at[i]);
    struct graph_list user_roots = {live.at, (uint32_t)live.n};
    uint64_t *reached =
        live.n && !w->owned ? graph_reach(g, user_roots, (struct graph_list){0}) : NULL;
    int r = dominators_find(g, w->owned ? w->owned : reached, user_roots, &d);
    free(reached);
    vec_free(&live);
    if (r < 0)
        return err_set(e, r, "", "a node is referred to over 4,294,967,295 times");
    if (w->dominated)
        w->dominated(w->ctx);
    struct graph_tree *t = mem_zalloc(sizeof *t);
    t->g = g;
    t->n = d.n;
    place(t, &d);
    weigh(t, w);
    *ret = t;
    return 0;
}

/* ---- asking ---- */

uint32_t graph_tree_position(const struct graph_tree *t, uint32_t node) {
    return t->position[node];
}

uint32_t graph_tree_node(const struct graph_tree *t, uint32_t position) {
    return t->node[position];
}

uint32_t graph_tree_end(const struct graph_tree *t, uint32_t position) {
    return t->end[position];
}

uint32_t graph_tree_dominator(const struct graph_tree *t, uint32_t node) {
    uint32_t p = t->position[node];
    return p == GRAPH_NONE || p == 0 ? GRAPH_NONE : t->node[t->up[p]];
}

bool graph_tree_dominates(const struct graph_tree *t, uint32_t above, uint32_t node) {
    uint32_t a = t->position[above], p = t->position[node];
    return a != GRAPH_NONE && p != GRAPH_NONE && a <= p && p < t->end[a];
}

uint64_t graph_tree_shallow(const struct graph_tree *t, uint32_t node) {
    uint32_t p = t->position[node];
    return p == GRAPH_NONE ? 0 : before(t, p + 1) - before(t, p);
}

static uint64_t retained(const struct graph_tree *t, uint32_t p) {
    return before(t, t->end[p]) - before(t, p);
}

uint64_t graph_tree_retained(const struct graph_tree *t, uint32_t node) {
    uint32_t p = t->position[node];
    return p == GRAPH_NONE ? 0 : retained(t, p);
}

uint32_t graph_tree_count(const struct graph_tree *t, uint32_t node) {
    uint32_t p = t->position[node];
    return p == GRAPH_NONE ? 0 : t->end[p] - p;
}

/* ---- the largest of many ---- */

/* A heap, smallest on top, of at most `most` positions from `ret->at + kept` on. */
struct choice {
    const struct graph_tree *t;
    struct graph_nodes *ret;
    size_t kept, most;
};

/* Whether position a comes behind b in the answer. */
static bool behind(const struct graph_tree *t, uint32_t a, uint32_t b) {
    uint64_t x = retained(t, a), y = retained(t, b);
    return x != y ? x < y : t->node[a] > t->node[b];
}

static void sift_down(const struct choice *c, size_t n) {
    uint32_t *heap = c->ret->at + c->kept;
    for (size_t i = 0, child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && behind(c->t, heap[child + 1], heap[child]))
            child++;
        if (!behind(c->t, heap[child], heap[i]))
            return;
        uint32_t swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
    }
}

static void consider(struct choice *c, uint32_t p) {
    if (c->ret->n - c->kept == c->most) {
        uint32_t *heap = c->ret->at + c->kept;
        if (!c->most || !behind(c->t, heap[0], p))
            return;
        heap[0] = p;
        sift_down(c, c->most);
        return;
    }
    vec_push(c->ret, p);
    uint32_t *heap = c->ret->at + c->kept;
    for (size_t i = c->ret->n - c->kept - 1; i && behind(c->t, heap[i], heap[(i - 1) / 2]);) {
        uint32_t swap = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = swap;
        i = (i - 1) / 2;
    }
}

/* Sort, and turn positions into nodes. */
static void conclude(struct choice *c) {
    uint32_t *heap = c->ret->at + c->kept;
    for (size_t n = c->ret->n - c->kept; n > 1;) {
        uint32_t smallest = heap[0];
        heap[0] = heap[--n];
        heap[n] = smallest;
        sift_down(c, n);
    }
    for (size_t i = c->kept; i < c->ret->n; i++)
        c->ret->at[i] = c->t->node[c->ret->at[i]];
}

void graph_tree_children(const struct graph_tree *t, uint32_t node, size_t most,
                         struct graph_nodes *ret) {
    struct choice c = {.t = t, .ret = ret, .kept = ret->n, .most = most};
    uint32_t p = t->position[node];
    if (p == GRAPH_NONE)
        return;
    for (uint32_t child = p + 1; child < t->end[p]; child = t->end[child])
        consider(&c, child);
    conclude(&c);
}

void graph_tree_largest(const struct graph_tree *t, size_t most, struct graph_nodes *ret) {
    struct choice c = {.t = t, .ret = ret, .kept = ret->n, .most = most};
    for (uint32_t p = 1; p < t->n; p++)
        consider(&c, p);
    conclude(&c);
}
