#include "model/residency.h"
#include "base/limits.h"
#include "base/search.h"
#include "base/vec.h"
#include <assert.h>
#include <string.h>

static void count(struct residency *r, uint64_t bytes, uint32_t flags) {
    r->total_bytes += bytes;
    if (flags & RESIDENT_FILE)
        r->file_bytes += bytes;
    if (flags & RESIDENT_HUGE)
        r->huge_bytes += bytes;
}

void residency_add(struct residency *r, uint64_t start, uint64_t end, uint32_t flags) {
    struct resident_run *last = r->n ? &r->at[r->n - 1] : NULL;
    assert(start % PAGE_BYTES == 0 && end % PAGE_BYTES == 0);
    assert(!last || last->end <= start);
    if (start >= end)
        return;
    if (last && last->end == start && last->flags == flags)
        last->end = end;
    else
        vec_push(r, (struct resident_run){start, end, r->total_bytes, flags});
    count(r, end - start, flags);
}

void residency_join(const struct residency *a, const struct residency *b, struct residency *ret) {
    for (size_t i = 0, k = 0; i < a->n || k < b->n;) {
        bool first = k == b->n || (i < a->n && a->at[i].start < b->at[k].start);
        const struct resident_run *run = first ? &a->at[i++] : &b->at[k++];
        residency_add(ret, run->start, run->end, run->flags);
    }
    ret->swap_bytes = a->swap_bytes + b->swap_bytes;
    ret->estimated = a->estimated || b->estimated;
}

void residency_done(struct residency *r) {
    free(r->at);
    *r = (struct residency){0};
}

size_t residency_lower_bound(const struct residency *r, uint64_t addr) {
    return first_where(r->n, i, r->at[i].end > addr);
}

/* Resident bytes below `addr`. */
static uint64_t bytes_below(const struct residency *r, uint64_t addr) {
    size_t i = residency_lower_bound(r, addr);
    if (i == r->n)
        return r->total_bytes;
    const struct resident_run *run = &r->at[i];
    return run->before + (addr > run->start ? addr - run->start : 0);
}

uint64_t residency_bytes(const struct residency *r, uint64_t start, uint64_t end) {
    if (start >= end)
        return 0;
    return bytes_below(r, end) - bytes_below(r, start);
}

void residency_bitmap(const struct residency *r, uint64_t start, size_t n_pages, uint64_t *bits) {
    uint64_t end = start + n_pages * PAGE_BYTES;
    memset(bits, 0, (n_pages + 63) / 64 * sizeof *bits);
    for (size_t i = residency_lower_bound(r, start); i < r->n && r->at[i].start < end; i++) {
        uint64_t from = r->at[i].start > start ? r->at[i].start : start;
        uint64_t to = r->at[i].end < end ? r->at[i].end : end;
        for (uint64_t p = (from - start) / PAGE_BYTES; p < (to - start) / PAGE_BYTES; p++)
            bits[p / 64] |= 1ull << (p % 64);
    }
}
