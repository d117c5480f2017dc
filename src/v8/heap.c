#include "v8/heap.h"

#include "base/debug.h"
#include <string.h>

/* Each round finds the areas of background threads on which the round before got stuck; a page can
 * hold several. */
#define MAX_ROUNDS 6

void v8_heap_find(const struct image *img, const struct v8_layout *l, struct v8_heap *ret) {
    if (v8_pages_find(img, l, 0, &ret->pages) < 0)
        return;
    v8_pages_assign(img, l, &ret->pages);
    v8_isolates_find(img, l, &ret->pages, &ret->isolates);
}

bool v8_heap_in_collection(const struct v8_heap *h) {
    for (size_t i = 0; i < h->isolates.list.n; i++)
        if (h->isolates.list.at[i].gc_state)
            return true;
    return false;
}

static bool has_top(const struct v8_lab_list *labs, const struct v8_page *g) {
    for (size_t i = 0; i < labs->list.n; i++)
        if (labs->list.at[i].top >= g->area_start && labs->list.at[i].top <= g->area_end)
            return true;
    return false;
}

/* Up to version 10 to-space pages after the one with the allocation top keep old contents. The
 * order is the list's, not the addresses'. */
static void mark_raw_tails(struct v8_pages *p, const struct v8_lab_list *labs) {
    for (size_t i = 0; i < p->list.n; i++) {
        struct v8_page *g = &p->list.at[i];
        if (!g->in_use || g->space != V8_NEW || !(g->flags & V8_PAGE_TO) || !has_top(labs, g))
            continue;
        size_t guard = 0;
        for (struct v8_page *n = v8_pages_by_base(p, g->next);
             n && n->owner == g->owner && guard++ < p->list.n; n = v8_pages_by_base(p, n->next))
            n->raw_tail = true;
    }
}

static int by_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Walk all pages in use; where a walk gets stuck, look for the area of a background thread there
 * and walk those pages again. */
static void walk_all(const struct image *img, const struct v8_layout *l, struct v8_heap *h) {
    const struct v8_pages *p = &h->pages;
    struct v8_lab_list *labs = &h->labs;
    struct v8_walk *walk = &h->walk;
    VEC(size_t) which = {0};
    for (size_t i = 0; i < p->list.n; i++)
        if (p->list.at[i].in_use)
            vec_push(&which, i);
    VEC(uint64_t) before = {0};
    bool last = false;
    for (int round = 0; which.n; round++) {
        walk->stuck.n = 0;
        v8_walk_pages(img, l, p, labs, h->isolates.list.n, which.at, which.n, last, walk);
        if (!walk->stuck.n || last)
            break;
        debug("v8", "round %d: stuck at %zu places", round, walk->stuck.n);
        VEC(uint64_t) at = {0};
        which.n = 0;
        for (size_t i = 0; i < walk->stuck.n; i++) {
            vec_push(&which, walk->stuck.at[i].page);
            vec_push(&at, walk->stuck.at[i].at);
        }
        qsort(at.at, at.n, sizeof *at.at, by_u64);
        bool same = at.n == before.n && !memcmp(at.at, before.at, at.n * sizeof *at.at);
        /* Nothing more is to be found: count what there is. */
        last = same || round + 1 >= MAX_ROUNDS || !v8_labs_search(img, p, at.at, at.n, labs);
        vec_free(&before);
        before.at = at.at;
        before.n = at.n;
        before.cap = at.cap;
    }
    vec_free(&before);
    vec_free(&which);
}

void v8_heap_walk(const struct image *img, const struct v8_layout *l, struct v8_heap *h) {
    h->walk.space = mem_zalloc((h->isolates.list.n + 1) * sizeof *h->walk.space);
    v8_labs_find(img, &h->pages, &h->isolates, &h->labs);
    if (l->facts.new_space_raw_tail)
        mark_raw_tails(&h->pages, &h->labs);
    walk_all(img, l, h);
}

void v8_heap_done(struct v8_heap *h) {
    v8_walk_done(&h->walk);
    v8_labs_done(&h->labs);
    vec_free(&h->isolates.list);
    v8_pages_done(&h->pages);
}
