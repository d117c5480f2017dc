/* The census from beginning to end, and the questions asked of it later. */
#include "base/limits.h"
#include "base/u64.h"
#include "malloc/glibc.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void sort_list(struct malloc_census *c, bool fast) {
    uint64_t *at = fast ? c->fast.at : c->tcached.at;
    size_t n = fast ? c->fast.n : c->tcached.n, kept = 0;
    sort_addresses(at, n);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || at[i] != at[kept - 1])
            at[kept++] = at[i];
    c->coverage.list_errors += n - kept; /* listed twice: a loop, or one list inside another */
    if (fast)
        c->fast.n = kept;
    else
        c->tcached.n = kept;
}

/* The walk kept the arenas' pieces, before mmapped chunks were looked for. */
static void keep_mmapped(struct malloc_census *c) {
    size_t from = c->pieces.n, to = from + c->mmapped.count;
    vec_reserve(&c->pieces, to);
    c->pieces.n = to;
    for (size_t i = c->spans.n; i-- > 0 && to > from;) {
        const struct malloc_span *s = &c->spans.at[i];
        if (s->arena != MALLOC_SPAN_MMAPPED)
            continue;
        while (from && c->pieces.at[from - 1].addr > s->header)
            c->pieces.at[--to] = c->pieces.at[--from];
        c->pieces.at[--to] = (struct malloc_piece){s->header, s->end - s->header, MALLOC_IN_USE};
    }
}

static int glibc_census(struct glibc *g) {
    uint64_t bytes = 0;
    int r = glibc_find(g);
    if (r < 0)
        return r;
    glibc_find_par(g);
    g->budget = LIMIT_SEGMENT_CHUNKS;
    glibc_find_segments(g);
    glibc_read_lists(g);
    glibc_read_tcaches(g);
    sort_list(g->c, true);
    sort_list(g->c, false);
    for (size_t i = 0; i < g->c->spans.n; i++)
        bytes += g->c->spans.at[i].end - g->c->spans.at[i].start;
    g->budget = bytes / CHUNK_MIN * 2 + (1 << 20);
    if (g->budget > LIMIT_CHUNKS)
        g->budget = LIMIT_CHUNKS;
    glibc_walk(g);
    glibc_find_mmapped(g);
    if (g->hints->keep_pieces)
        keep_mmapped(g->c);
    g->c->coverage.faults += g->window.faults + g->pages.faults;
    return 0;
}

/* Addresses in mmapped chunks: the arenas' were answered by the walk. */
static void answer_rest(const struct malloc_hints *h, struct malloc_census *c) {
    for (size_t i = 0; i < h->n_wanted; i++) {
        size_t s;
        if (c->wanted.at[i].size || !malloc_census_owner(c, h->wanted[i], &s) ||
            c->spans.at[s].arena != MALLOC_SPAN_MMAPPED)
            continue;
        c->wanted.at[i] = (struct malloc_chunk){.addr = c->spans.at[s].start,
                                                .size = c->spans.at[s].end - c->spans.at[s].start,
                                                .state = MALLOC_IN_USE,
                                                .arena = MALLOC_SPAN_MMAPPED};
    }
}

/* Whose state found glibc's bins and who serves malloc() are two questions: with jemalloc preloaded
 * libc's arena may still have served a few early calls. */
static void settle_kind(const struct malloc_allocator *a, bool glibc, struct malloc_census *c) {
    if (glibc && (a->kind == MALLOC_GLIBC || a->kind == MALLOC_UNKNOWN || a->kind == MALLOC_NONE)) {
        c->kind = MALLOC_GLIBC;
        snprintf(c->how, sizeof c->how, "main_arena at 0x%llx by its bins%s%.120s",
                 (unsigned long long)c->glibc.main_arena, a->how[0] ? "; " : "", a->how);
    } else {
        c->kind = a->kind;
        snprintf(c->how, sizeof c->how, "%s", a->how);
    }
    snprintf(c->glibc.version, sizeof c->glibc.version, "%s", a->glibc_version);
}

int malloc_census_take(const struct image *img, const struct malloc_hints *hints,
                       struct malloc_census *ret, struct err *e) {
    static const struct malloc_hints none;
    struct malloc_allocator by_path, *a = &by_path;
    struct glibc *g = mem_zalloc(sizeof *g);
    memset(ret, 0, sizeof *ret);
    g->hints = hints ? hints : &none;
    if (g->hints->allocator)
        by_path = *g->hints->allocator;
    else
        malloc_recognise_paths(img, a);
    g->img = img;
    g->c = ret;
    g->res = image_residency(img);
    ret->has_residency = g->res != NULL;
    ret->residency_estimated = g->res && g->res->estimated;
    for (size_t i = 0; i < g->hints->n_wanted; i++)
        vec_push(&ret->wanted, (struct malloc_chunk){0});
    for (size_t i = 0; i < MALLOC_SIZE_CLASSES; i++)
        ret->classes[i].size = malloc_size_class_limit(i);
    mem_pages_init(&g->pages, img);
    mem_window_init(&g->window, img);
    int r = glibc_census(g);
    settle_kind(a, r == 0, ret);
    if (ret->kind != MALLOC_GLIBC)
        malloc_other_census(img, ret);
    answer_rest(g->hints, ret);
    mem_window_done(&g->window);
    mem_pages_done(&g->pages);
    vec_free(&g->first_chunks);
    free(g);
    if (ret->kind == MALLOC_GLIBC && r < 0)
        return err_set(
            e, -ENODATA, "If it has only just started, try again; a core must hold libc's .data.",
            "The target has glibc, but its main_arena was not found: malloc has not been "
            "used yet, or its memory cannot be read");
    return 0;
}

static bool holds(const uint64_t *at, size_t n, uint64_t key) {
    size_t i = u64_lower_bound(at, n, key);
    return i < n && at[i] == key;
}

/* The state of a chunk that ends before its span does. */
static int chunk_state(const struct image *img, const struct malloc_census *c,
                       struct malloc_chunk *k) {
    uint64_t after;
    if (holds(c->tcached.at, c->tcached.n, k->addr))
        k->state = MALLOC_TCACHED;
    else if (holds(c->fast.at, c->fast.n, k->addr))
        k->state = MALLOC_FAST;
    else if (image_read_u64(img, k->addr + k->size + CHUNK_SIZE, &after) < 0)
        return -EFAULT;
    else if (!(after & CHUNK_PREV_INUSE))
        k->state = MALLOC_BINNED;
    return 0;
}

int malloc_chunk_at(const struct image *img, const struct malloc_census *c, uint64_t addr,
                    struct malloc_chunk *ret) {
    size_t i;
    if (!malloc_census_owner(c, addr, &i))
        return -ENODATA;
    const struct malloc_span *s = &c->spans.at[i];
    struct malloc_chunk k = {.arena = s->arena, .state = MALLOC_IN_USE};
    if (s->arena == MALLOC_SPAN_MMAPPED) {
        k.addr = s->start;
        k.size = s->end - s->start;
        *ret = k;
        return 0;
    }
    size_t block = (addr - s->start) / MALLOC_INDEX_BYTES;
    if (s->arena < 0 || block >= s->n_index || s->index[block] == MALLOC_INDEX_NONE)
        return -ENODATA;
    uint64_t at = (s->start & ~15ull) + 16ull * s->index[block], next = at, head = 0;
    while (next <= addr) {
        at = next;
        if (at >= s->used_end)
            return -ENODATA;
        if (image_read_u64(img, at + CHUNK_SIZE, &head) < 0)
            return -EFAULT;
        k.size = head & ~(uint64_t)CHUNK_FLAGS;
        if (k.size < CHUNK_MIN || k.size > s->used_end - at)
            return k.size == CHUNK_FENCE ? -ENODATA : -EBADMSG;
        next = at + k.size;
    }
    if (at > addr)
        return -ENODATA;
    k.addr = at;
    int r = 0;
    if (next == s->used_end)
        k.state = MALLOC_TOP;
    else
        r = chunk_state(img, c, &k);
    if (r == 0)
        *ret = k;
    return r;
}
