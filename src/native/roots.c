#include "native/roots.h"

#include "base/limits.h"
#include "malloc/glibc_layout.h"

enum { RED_ZONE = 128 };
enum { POINTER_GUARD = 0x30 }; /* glibc, sysdeps/x86_64/nptl/tls.h: tcbhead_t (2.4 to 2.43) */
#define SHARE (1ull << 20)     /* bytes for one thread at a time */

struct ranges {
    VEC(struct image_range) list;
};

static void add_range(struct ranges *r, uint64_t start, uint64_t end) {
    if (start < end)
        vec_push(&r->list, (struct image_range){start, end});
}

static int by_start(const void *x, const void *y) {
    const struct image_range *a = x, *b = y;
    return a->start < b->start ? -1 : a->start > b->start;
}

/* ---- what is no root ---- */

/* Malloc's spans, but for what of them could not be walked. */
static void leave_out_malloc(const struct malloc_census *c, struct ranges * not ) {
    size_t p = malloc_census_sum(c, MALLOC_UNWALKED).count ? 0 : c->pieces.n;
    for (size_t i = 0; i < c->spans.n; i++) {
        uint64_t at = c->spans.at[i].start, end = c->spans.at[i].end;
        for (; p < c->pieces.n && c->pieces.at[p].addr < end; p++) {
            if (c->pieces.at[p].state != MALLOC_UNWALKED)
                continue;
            add_range(not, at, c->pieces.at[p].addr);
            at = c->pieces.at[p].addr + c->pieces.at[p].size;
        }
        add_range(not, at, end);
    }
    if (c->glibc.main_arena) /* its bins lead to free chunks */
        add_range(not, c->glibc.main_arena, c->glibc.main_arena + c->glibc.bins_at + BINS_NEXT);
}

static bool holds(const struct region *r, uint64_t addr) {
    return addr >= r->start && addr < r->end;
}

/* What lies below the stack pointer is dead if nothing but this stack can be there: in [stack], and
 * in a mapping that ends with the same thread's thread-local storage, as glibc's and musl's
 * stacks do. */
static void leave_out_dead_stack(const struct image *img, size_t thread, struct ranges * not ) {
    size_t n;
    const struct image_thread *t = image_threads(img, &n);
    uint64_t sp = t[thread].regs[IMAGE_RSP], tls = t[thread].regs[IMAGE_FS_BASE];
    const struct region *r = region_find(image_regions(img), sp);
    if (!r || (r->kind != REGION_STACK && (r->kind != REGION_ANON || tls < sp || !holds(r, tls))))
        return;
    for (size_t i = 0; i < n; i++) /* mappings without a guard page between them become one */
        if (i != thread && (!t[i].has_regs || holds(r, t[i].regs[IMAGE_RSP])))
            return;
    add_range(not, r->start, (sp - RED_ZONE) & ~7ull);
}

static void read_threads(const struct image *img, struct native_roots *ret, struct ranges * not ) {
    size_t n;
    const struct image_thread *t = image_threads(img, &n);
    for (size_t i = 0; i < n; i++) {
        if (!t[i].has_regs) {
            ret->threads_without_regs++;
            continue;
        }
        for (size_t k = 0; k < IMAGE_REGS; k++)
            vec_push(&ret->words, t[i].regs[k]);
        for (size_t k = 0; t[i].has_fpregs && k < IMAGE_FPREGS; k++)
            vec_push(&ret->words, t[i].fpregs[k]);
        leave_out_dead_stack(img, i, not );
        if (!ret->guard &&
            image_read_u64(img, t[i].regs[IMAGE_FS_BASE] + POINTER_GUARD, &ret->guard) < 0)
            ret->guard = 0;
    }
}

/* ---- what is one ---- */

static bool may_hold_pointers(const struct region *r) {
    if (!(r->prot & REGION_R))
        return false;
    switch (r->kind) {
    case REGION_ANON:
    case REGION_HEAP:
    case REGION_STACK:
        return true;
    case REGION_FILE:
        return !r->shared;
    case REGION_SHMEM:
        return r->prot & REGION_W;
    default:
        return false;
    }
}

static void add_shares(struct native_roots *ret, struct root_range r) {
    uint64_t end = r.end & ~7ull;
    r.start = (r.start + 7) & ~7ull;
    for (; r.start < end; r.start = r.end) {
        r.end = end - r.start > SHARE ? r.start + SHARE : end;
        vec_push(&ret->list, r);
    }
}

/* The range without what is left out; *at goes along. */
static void add_rest(struct native_roots *ret, const struct ranges * not, size_t *at,
                     struct root_range r) {
    uint64_t end = r.end;
    while (*at < not ->list.n && not ->list.at[*at].end <= r.start)
        ++*at;
    for (size_t i = *at; i < not ->list.n && not ->list.at[i].start < end; i++) {
        const struct image_range *x = &not ->list.at[i];
        r.end = x->start;
        if (r.end > r.start)
            add_shares(ret, r);
        if (x->end > r.start)
            r.start = x->end;
    }
    r.end = end;
    if (r.start < end)
        add_shares(ret, r);
}

/* bss is anonymous memory right behind what is mapped from the file. */
static enum root_kind kind_of(const struct region_list *l, size_t i) {
    const struct region *r = &l->at[i];
    bool follows = i && l->at[i - 1].end == r->start && l->at[i - 1].kind == REGION_FILE;
    return r->kind == REGION_STACK                                         ? ROOT_STACK
           : r->kind == REGION_FILE || (r->kind == REGION_ANON && follows) ? ROOT_DATA
                                                                           : ROOT_OTHER;
}

static void add_region(const struct image *img, size_t region, const struct ranges * not,
                       size_t *at, struct native_roots *ret) {
    const struct region *r = &image_regions(img)->at[region];
    const struct residency *res = image_residency(img);
    struct root_range x = {r->start, r->end, kind_of(image_regions(img), region),
                           r->prot & REGION_X && r->kind == REGION_ANON};
    if (!res)
        add_rest(ret, not, at, x);
    for (size_t i = res ? residency_lower_bound(res, r->start) : 0;
         res && i < res->n && res->at[i].start < r->end; i++) {
        const struct resident_run *run = &res->at[i];
        x.start = run->start > r->start ? run->start : r->start;
        x.end = run->end < r->end ? run->end : r->end;
        if (r->kind == REGION_FILE && run->flags & RESIDENT_FILE && !(r->prot & REGION_W))
            continue; /* as it is in the file */
        add_rest(ret, not, at, x);
    }
}

/* Sorted, and joined where they overlap. */
static void settle(struct ranges * not ) {
    size_t n = 0;
    vec_sort(&not ->list, by_start);
    for (size_t i = 0; i < not ->list.n; i++) {
        struct image_range *x = &not ->list.at[i], *last = n ? &not ->list.at[n - 1] : NULL;
        if (!last || x->start > last->end)
            not ->list.at[n++] = *x;
        else if (x->end > last->end)
            last->end = x->end;
    }
    not ->list.n = n;
}

void native_roots_find(const struct image *img, const struct malloc_census *c,
                       struct native_roots *ret) {
    const struct region_list *l = image_regions(img);
    struct ranges not = {0};
    size_t at = 0;
    *ret = (struct native_roots){0};
    leave_out_malloc(c, &not );
    read_threads(img, ret, &not );
    settle(&not );
    for (size_t i = 0; i < l->n; i++)
        if (may_hold_pointers(&l->at[i]))
            add_region(img, i, &not, &at, ret);
    for (size_t i = 0; i < c->tcaches.n; i++) /* their threads' storage may be in swap */
        vec_push(&ret->words, c->tcaches.at[i]);
    vec_free(&not .list);
}

void native_roots_done(struct native_roots *r) {
    vec_free(&r->list);
    vec_free(&r->words);
}
