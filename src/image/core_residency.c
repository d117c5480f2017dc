/* The pages of a core that have content.
 *
 * A core does not say what was in memory. Pages never touched read as zeros, so what is not zero
 * was there; a page that was touched and holds zeros is missed, and one that was in swap is
 * counted. Two threads per some hundred megabytes, for this is bound by memory and disk. */
#include "base/limits.h"
#include "image/core.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_THREADS = 4, SLICES_PER_THREAD = 8, STEP = 4 << 20 };

#define WORTH_THREADS (32ull << 20)

struct slice {
    uint64_t start, end; /* addresses, page aligned */
    struct residency found;
    uint64_t low, high; /* of the file, looked at and not yet let go */
};

struct scan {
    const struct core *c;
    struct slice *slices;
    size_t n;
    atomic_size_t next;
};

static uint64_t page_up(uint64_t a) {
    return (a + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

/* memcmp of libc compares 32 or 64 bytes at a time. */
static bool all_zero(const uint8_t *p, size_t n) {
    uint64_t w[4] = {0};
    memcpy(w, p, n < sizeof w ? n : sizeof w);
    if (w[0] | w[1] | w[2] | w[3])
        return false;
    return n <= sizeof w || memcmp(p, p + sizeof w, n - sizeof w) == 0;
}

/* Pages of [start, end), whose bytes begin at `data`. A page of which the core holds a part only
 * (truncation) counts by that part. */
static void scan_pages(struct slice *s, const uint8_t *data, uint64_t start, uint64_t end,
                       uint32_t flags) {
    struct residency *r = &s->found;
    for (uint64_t at = start; at < end;) {
        uint64_t page = at & ~(PAGE_BYTES - 1);
        uint64_t until = end - page < PAGE_BYTES ? end : page + PAGE_BYTES;
        bool counted = r->n && r->at[r->n - 1].end > page;
        if (!counted && !all_zero(data + (at - start), until - at))
            residency_add(r, page, page + PAGE_BYTES, flags);
        at = until;
    }
}

/* What was looked at stays in the page cache, but is no longer counted as memory of ours: a core by
 * gdb is twice as large as what was resident. */
static void let_go(struct slice *s, const struct core *c, uint64_t offset, uint64_t until) {
    s->low = s->high && s->low < offset ? s->low : offset;
    s->high = s->high > until ? s->high : until;
    if (s->high - s->low < STEP)
        return;
    s->low &= ~(PAGE_BYTES - 1);
    madvise((void *)(c->file.map + s->low), s->high - s->low, MADV_DONTNEED);
    s->high = 0;
}

/* Only where the file has data: holes are zeros. */
static void scan_bytes(struct slice *s, const struct core *c, const uint8_t *data, uint64_t start,
                       uint64_t end, uint32_t flags) {
    uint64_t base = (uint64_t)(data - c->file.map), stop = base + (end - start);
    for (uint64_t offset = base, until; offset < stop;) {
        uint64_t from = core_file_next_data(&c->file, offset, stop, &until);
        if (from >= stop)
            return;
        if (until - from > STEP)
            until = from + STEP;
        /* Whole pages: data and holes change at blocks of the file, which are not pages of memory
         * when gdb wrote the core. */
        uint64_t a = start + (from - base), b = page_up(start + (until - base));
        if ((a & ~(PAGE_BYTES - 1)) >= start)
            a &= ~(PAGE_BYTES - 1);
        if (b > end)
            b = end;
        scan_pages(s, data + (a - start), a, b, flags);
        offset = base + (b - start);
        let_go(s, c, from, offset);
    }
}

/* Mappings of the kernel and of devices are not in the kernel's count either. */
static bool counts(const struct region *r, uint32_t *ret_flags) {
    bool file = r->kind == REGION_FILE || r->kind == REGION_SHMEM;
    *ret_flags = file ? RESIDENT_FILE : 0;
    return r->kind != REGION_KERNEL && r->kind != REGION_DEVICE;
}

static void scan_slice(const struct core *c, struct slice *s) {
    size_t k = region_lower_bound(&c->img.regions, s->start);
    for (size_t i = core_extent_lower_bound(c, s->start); i < c->extents.n; i++) {
        const struct core_extent *x = &c->extents.at[i];
        if (x->start >= s->end)
            break;
        uint64_t at = x->start > s->start ? x->start : s->start;
        uint64_t end = x->end < s->end ? x->end : s->end;
        while (at < end && !x->of_host) {
            while (k < c->img.regions.n && c->img.regions.at[k].end <= at)
                k++;
            if (k >= c->img.regions.n || c->img.regions.at[k].start >= end)
                break;
            const struct region *r = &c->img.regions.at[k];
            uint64_t from = at > r->start ? at : r->start, to = end < r->end ? end : r->end;
            uint32_t flags;
            if (counts(r, &flags))
                scan_bytes(s, c, x->data + (from - x->start), from, to, flags);
            at = to;
        }
    }
}

static void *worker(void *arg) {
    struct scan *s = arg;
    for (size_t i; (i = atomic_fetch_add(&s->next, 1)) < s->n;)
        scan_slice(s->c, &s->slices[i]);
    return NULL;
}

/* Cut the address space so that each slice has about the same number of bytes to look at. */
static void cut(struct scan *s, uint64_t total) {
    uint64_t seen = 0, start = 0;
    size_t k = 0;
    for (size_t i = 0; i < s->c->extents.n && k + 1 < s->n; i++) {
        const struct core_extent *x = &s->c->extents.at[i];
        uint64_t len = x->of_host ? 0 : x->end - x->start;
        while (k + 1 < s->n && seen + len > (k + 1) * (total / s->n)) {
            uint64_t into = (k + 1) * (total / s->n) - seen;
            uint64_t at = (x->start + into) & ~(PAGE_BYTES - 1);
            if (at < start)
                at = start;
            s->slices[k++] = (struct slice){.start = start, .end = at};
            start = at;
        }
        seen += len;
    }
    s->slices[k++] = (struct slice){.start = start, .end = UINT64_MAX & ~(PAGE_BYTES - 1)};
    s->n = k;
}

static void join(struct residency *all, struct slice *s) {
    for (size_t i = 0; i < s->found.n; i++)
        residency_add(all, s->found.at[i].start, s->found.at[i].end, s->found.at[i].flags);
    residency_done(&s->found);
}

void core_find_residency(struct core *c) {
    uint64_t total = 0;
    for (size_t i = 0; i < c->extents.n; i++)
        if (!c->extents.at[i].of_host)
            total += c->extents.at[i].end - c->extents.at[i].start;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t n = total < WORTH_THREADS || cpus < 1 ? 1
               : cpus > MAX_THREADS              ? MAX_THREADS
                                                 : (size_t)cpus;
    struct slice slices[MAX_THREADS * SLICES_PER_THREAD] = {0};
    struct scan s = {.c = c, .slices = slices, .n = n == 1 ? 1 : n * SLICES_PER_THREAD};
    cut(&s, total);
    pthread_t threads[MAX_THREADS];
    size_t started = 0;
    while (started + 1 < n && !pthread_create(&threads[started], NULL, worker, &s))
        started++;
    worker(&s);
    while (started)
        pthread_join(threads[--started], NULL);
    for (size_t i = 0; i < s.n; i++)
        join(&c->img.residency, &slices[i]);
    c->img.residency.estimated = true;
    c->img.has_residency = true;
}
