#include "v8/liveness.h"

#include "base/bits.h"
#include "base/parallel.h"
#include "v8/mark.h"
#include "v8/weaken.h"
#include <string.h>

struct tally {
    const struct v8_nodes *nodes;
    const uint64_t *marks;
    uint64_t *bytes; /* per page */
};

static void tally_page(void *arg, size_t page) {
    const struct tally *t = arg;
    uint32_t node, end;
    uint64_t sum = 0;
    v8_nodes_of_page(t->nodes, page, &node, &end);
    for (; node < end; node++)
        if (bits_get(t->marks, node))
            sum += v8_node_bytes(t->nodes, node);
    t->bytes[page] = sum;
}

/* What is marked on each page; returns the sum. */
static uint64_t marked_bytes(const struct v8_pages *p, const struct v8_nodes *nodes,
                             const struct v8_marks *marks, uint64_t *ret) {
    struct tally t = {nodes, v8_marks(marks), ret};
    uint64_t sum = 0;
    parallel_for(p->list.n, tally_page, &t);
    for (size_t i = 0; i < p->list.n; i++)
        sum += ret[i];
    return sum;
}

static struct v8_space_census *space_of(struct v8_census *c, const struct v8_page *g) {
    return g->isolate < 0 ? &c->read_only : &c->isolates.at[g->isolate].space[g->space];
}

/* Which empty pages the pool takes, where there is one: neither code nor trusted ones, and only of
 * the usual size (MemoryAllocator::Free, PooledPage::Create, src/heap/memory-pool.cc of 14.6). */
static bool is_pooled(const struct v8_layout *l, const struct v8_page *g) {
    return l->facts.page_pool && g->size == V8_PAGE_ALIGN &&
           (g->space == V8_OLD || g->space == V8_SHARED);
}

/* A page without a live object is given up; the new space keeps its pages. */
static void take_empty(const struct image *img, const struct v8_layout *l, const struct v8_page *g,
                       struct v8_census *c) {
    const struct residency *res = image_residency(img);
    if (g->isolate < 0 || g->space == V8_NEW || g->space == V8_READ_ONLY)
        return;
    struct v8_isolate_census *iso = &c->isolates.at[g->isolate];
    uint64_t resident = res ? residency_bytes(res, g->addr, g->addr + g->size) : 0;
    iso->pages_to_free++;
    if (is_pooled(l, g))
        iso->resident_to_pool += resident;
    else
        iso->resident_to_free += resident;
}

static bool is_live(const struct v8_nodes *nodes, const struct v8_marks *marks, uint64_t holder) {
    uint32_t node = v8_node_at(nodes, holder | 1);
    return node != V8_NO_NODE && bits_get(v8_marks(marks), node);
}

/* A store lives as long as one of its holders. Both lists are sorted by address: the walk's has
 * every holder, the census's each store once. */
static void take_stores(const struct v8_walk *walk, const struct v8_nodes *nodes,
                        const struct v8_marks *marks, struct v8_census *c) {
    size_t k = 0;
    for (size_t i = 0; i < c->stores.n; i++) {
        struct v8_store *s = &c->stores.at[i];
        s->garbage = true;
        while (k < walk->stores.n && walk->stores.at[k].addr < s->addr)
            k++;
        for (; k < walk->stores.n && walk->stores.at[k].addr == s->addr; k++)
            s->garbage = s->garbage && !is_live(nodes, marks, walk->stores.at[k].holder);
        if (s->garbage && s->isolate < c->isolates.n && !s->resizable &&
            (s->kind == V8_STORE_BUFFER || s->kind == V8_STORE_SHARED))
            c->isolates.at[s->isolate].array_buffer_garbage += s->bytes;
    }
}

void v8_liveness_take(struct image *img, const struct v8_layout *l, const struct v8_heap *heap,
                      struct v8_liveness *k, struct v8_census *c) {
    const struct v8_pages *p = &heap->pages;
    cleanup_free uint64_t *live = mem_zalloc((p->list.n + 1) * sizeof *live);
    cleanup_free uint64_t *held = mem_zalloc((p->list.n + 1) * sizeof *held);
    v8_nodes_settle(k->nodes);
    v8_roots_collect(img, l, p, &heap->isolates, k->nodes, &k->roots);
    v8_weaken(img, l, p, &k->roots, k->nodes);
    struct v8_marks *marks = v8_marks_new(k->nodes);
    v8_mark(marks, &k->roots, V8_STRONG_ROOTS & ~(1u << ROOT_STACK));
    uint64_t without_stacks = marked_bytes(p, k->nodes, marks, live);
    v8_mark(marks, &k->roots, V8_STRONG_ROOTS);
    c->stack_only = marked_bytes(p, k->nodes, marks, live) - without_stacks;
    take_stores(&heap->walk, k->nodes, marks, c);
    size_t words = v8_nodes_count(k->nodes) / 64 + 1;
    k->live = mem_alloc(words * sizeof *k->live);
    memcpy(k->live, v8_marks(marks), words * sizeof *k->live);
    v8_mark(marks, &k->roots, 1u << ROOT_WEAK);
    v8_mark_weak(marks);
    marked_bytes(p, k->nodes, marks, held);
    v8_marks_free(marks);
    for (size_t i = 0; i < p->list.n; i++) {
        const struct v8_page *g = &p->list.at[i];
        if (!g->in_use)
            continue;
        struct v8_space_census *s = space_of(c, g);
        s->live += live[i];
        s->weak_only += held[i] - live[i];
        if (!live[i])
            take_empty(img, l, g, c);
    }
    c->has_liveness = k->roots.globals_found && v8_nodes_are_whole(k->nodes);
    c->has_page_pool = l->facts.page_pool;
}

void v8_liveness_done(struct v8_liveness *k) {
    v8_nodes_free(k->nodes);
    v8_roots_done(&k->roots);
    free(k->live);
    *k = (struct v8_liveness){0};
}
