#include "collect/ways.h"

#include "base/bits.h"
#include "base/search.h"
#include "v8/contexts.h"
#include "v8/heap.h"
#include "v8/referrers.h"
#include <string.h>

enum {
    OWN = 1,      /* objects of the program, and where they keep things */
    NEAR = 2,     /* small structures of V8's: reactions, modules, the native context */
    INTERNAL = 8, /* maps, code, scope infos, feedback */
    BUCKETS = 32, /* more than the costliest step */
};

/* What is on stacks comes and goes; caches keep what has another owner. */
static uint32_t root_cost(enum v8_root_kind k) {
    static const uint8_t costs[ROOT_KINDS] = {
        [ROOT_ISOLATE] = 2,  [ROOT_GLOBAL] = 1,  [ROOT_ETERNAL] = 3, [ROOT_CACHE] = 8,
        [ROOT_COMPILED] = 8, [ROOT_HANDLE] = 12, [ROOT_STACK] = 12,  [ROOT_WEAK] = 8,
    };
    return costs[k];
}

struct search {
    struct ways *w;
    const struct v8_nodes *nodes;
    uint8_t *map_cost; /* by node of a map; 0: not asked yet */
    struct v8_ephemeron *by_key;
    size_t n_by_key;
    uint64_t *is_key;
    VEC(uint32_t) bucket[BUCKETS];
};

static uint8_t cost_of_kind(struct v8_objects *o, uint64_t object) {
    switch (v8_type(o, object)) {
    case TYPE_ACCESSOR_PAIR:
    case TYPE_CONTEXT_CELL:
    case TYPE_CELL:
        return OWN;
    case TYPE_PROMISE_REACTION:
    case TYPE_PROMISE_CAPABILITY:
    case TYPE_SOURCE_TEXT_MODULE:
    case TYPE_SYNTHETIC_MODULE:
    case TYPE_WEAK_CELL:
        return NEAR;
    default:
        break;
    }
    enum v8_kind k = v8_kind(o, object);
    if (v8_is_receiver(k) || k == KIND_ARRAY || k == KIND_PROPERTY_CELL || k == KIND_STRING ||
        k == KIND_SYMBOL || k == KIND_HEAP_NUMBER || k == KIND_BIGINT)
        return OWN;
    if (v8_is_native_context(o, object))
        return NEAR;
    return v8_is_context(o, object) ? OWN : INTERNAL;
}

/* Objects of one map are of one kind. */
static uint32_t cost_of(struct search *s, uint32_t node) {
    size_t n;
    const uint32_t *refs = v8_node_refs(s->nodes, node, &n);
    uint32_t map = n ? V8_REF_NODE(refs[0]) : node;
    if (!s->map_cost[map])
        s->map_cost[map] = cost_of_kind(&s->w->look->objects, heap_look_addr(s->w->look, node));
    return s->map_cost[map];
}

static void reach(struct search *s, uint32_t node, uint32_t from, uint32_t so_far) {
    if (!bits_get(s->w->look->view->live, node) || s->w->cost[node] <= so_far + OWN)
        return;
    uint32_t cost = so_far + cost_of(s, node);
    if (cost >= s->w->cost[node])
        return;
    s->w->cost[node] = cost;
    s->w->from[node] = from;
    vec_push(&s->bucket[cost % BUCKETS], node);
}

static int by_key(const void *a, const void *b) {
    const struct v8_ephemeron *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

/* Entries of live tables: their values are reached by their keys. */
static void load_ephemerons(struct search *s) {
    size_t n;
    const struct v8_ephemeron *e = v8_nodes_ephemerons(s->nodes, &n);
    s->is_key = bits_new(v8_nodes_count(s->nodes));
    s->by_key = mem_alloc((n + 1) * sizeof *s->by_key);
    for (size_t i = 0; i < n; i++)
        if (bits_get(s->w->look->view->live, e[i].table)) {
            s->by_key[s->n_by_key++] = e[i];
            bits_set(s->is_key, e[i].key);
        }
    if (s->n_by_key)
        qsort(s->by_key, s->n_by_key, sizeof *s->by_key, by_key);
}

static void reach_values(struct search *s, uint32_t key, uint32_t cost) {
    size_t lo = first_where(s->n_by_key, i, s->by_key[i].key >= key);
    for (; lo < s->n_by_key && s->by_key[lo].key == key; lo++)
        reach(s, s->by_key[lo].value, key, cost);
}

static void expand(struct search *s, uint32_t node, uint32_t cost) {
    size_t n;
    const uint32_t *refs = v8_node_refs(s->nodes, node, &n);
    for (size_t i = 0; i < n; i++)
        if (!(refs[i] & V8_REF_WEAK))
            reach(s, refs[i], node, cost);
    if (bits_get(s->is_key, node))
        reach_values(s, node, cost);
}

static void reach_roots(struct search *s) {
    const struct v8_root_list *roots = s->w->look->view->roots;
    size_t n;
    for (size_t i = 0; i < roots->list.n; i++)
        if (V8_STRONG_ROOTS >> roots->list.at[i].kind & 1)
            reach(s, roots->list.at[i].node, roots->list.at[i].node,
                  root_cost(roots->list.at[i].kind));
    const uint32_t *maps = v8_nodes_retained_maps(s->nodes, &n);
    for (size_t i = 0; i < n; i++)
        reach(s, maps[i], maps[i], root_cost(ROOT_CACHE));
}

/* Buckets by cost, a ring of them: a step costs less than there are. */
static void search(struct search *s) {
    reach_roots(s);
    size_t idle = 0;
    for (uint32_t cost = 0; idle < BUCKETS; cost++) {
        uint32_t b = cost % BUCKETS;
        idle = s->bucket[b].n ? 0 : idle + 1;
        for (size_t i = 0; i < s->bucket[b].n; i++) {
            uint32_t node = s->bucket[b].at[i];
            if (s->w->cost[node] == cost) /* else a cheaper way was found meanwhile */
                expand(s, node, cost);
        }
        s->bucket[b].n = 0;
    }
}

struct ways ways_open(struct heap_look *look) {
    struct ways w = {.look = look};
    struct search s = {.w = &w, .nodes = look->view->nodes};
    uint32_t n = v8_nodes_count(s.nodes);
    w.from = mem_alloc_random((n + 1ull) * sizeof *w.from);
    w.cost = mem_alloc_random((n + 1ull) * sizeof *w.cost);
    memset(w.from, 0xff, (n + 1ull) * sizeof *w.from);
    memset(w.cost, 0xff, (n + 1ull) * sizeof *w.cost);
    s.map_cost = mem_zalloc(n + 1ull);
    load_ephemerons(&s);
    search(&s);
    for (int b = 0; b < BUCKETS; b++)
        vec_free(&s.bucket[b]);
    free(s.map_cost);
    free(s.by_key);
    free(s.is_key);
    return w;
}

void ways_done(struct ways *w) {
    free(w->from);
    free(w->cost);
    *w = (struct ways){0};
}

/* The cheapest, as the search took it; of those the one with a name. */
const struct v8_root *ways_root(const struct ways *w, uint32_t node) {
    const struct v8_root_list *roots = w->look->view->roots;
    const struct v8_root *best = NULL;
    for (size_t i = 0; i < roots->list.n; i++) {
        const struct v8_root *r = &roots->list.at[i];
        if (r->node != node || !(V8_STRONG_ROOTS >> r->kind & 1))
            continue;
        if (!best || root_cost(r->kind) < root_cost(best->kind) ||
            (r->kind == best->kind && best->entry == V8_NO_ENTRY))
            best = r;
    }
    return best;
}

/* --- ways to one node --- */

struct last {
    uint32_t node, cost;
};

static int by_cost(const void *a, const void *b) {
    const struct last *x = a, *y = b;
    if (x->cost != y->cost)
        return x->cost < y->cost ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

/* The way to `last`, and from there to `node`; false when it comes through the node itself. */
static bool take_way(const struct ways *w, uint32_t last, uint32_t node, struct way_nodes *ret) {
    size_t begin = ret->nodes.n;
    vec_push(&ret->nodes, node);
    for (uint32_t at = last; at != V8_NO_NODE; at = w->from[at]) {
        if (at == node && last != node) {
            ret->nodes.n = begin;
            return false;
        }
        if (at != node)
            vec_push(&ret->nodes, at);
        if (w->from[at] == at)
            break;
    }
    for (size_t a = begin, b = ret->nodes.n; a + 1 < b; a++) {
        uint32_t swap = ret->nodes.at[--b];
        ret->nodes.at[b] = ret->nodes.at[a];
        ret->nodes.at[a] = swap;
    }
    vec_push(&ret->ends, ret->nodes.n);
    return true;
}

void ways_to(const struct ways *w, uint32_t node, size_t most, struct way_nodes *ret) {
    const struct v8_view *view = w->look->view;
    struct v8_referrer_list found = {0};
    VEC(struct last) lasts = {0};
    uint64_t *wanted = bits_new(v8_nodes_count(view->nodes));
    bits_set(wanted, node);
    v8_referrers_find(view->nodes, &view->heap->pages, wanted, &found);
    free(wanted);
    uint32_t previous = node;
    for (size_t i = 0; i < found.list.n; i++) {
        const struct v8_referrer *e = &found.list.at[i];
        bool is_way = !e->is_weak || w->from[node] == e->from; /* a key of a WeakMap */
        if (is_way && e->from != previous && e->from != node && w->from[e->from] != V8_NO_NODE)
            vec_push(&lasts, (struct last){previous = e->from, w->cost[e->from]});
    }
    const struct v8_root *root = ways_root(w, node);
    if (root)
        vec_push(&lasts, (struct last){node, root_cost(root->kind)});
    vec_sort(&lasts, by_cost);
    for (size_t i = 0, n = 0; i < lasts.n && n < most; i++)
        n += take_way(w, lasts.at[i].node, node, ret);
    vec_free(&lasts);
    v8_referrers_done(&found);
}

void way_nodes_done(struct way_nodes *n) {
    vec_free(&n->nodes);
    vec_free(&n->ends);
}
