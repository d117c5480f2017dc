/* Which pages of the target are in memory: sorted runs of equal state. Plain data, with the two
 * questions everyone asks of it. Bytes are always multiples of PAGE_BYTES. */
#ifndef MEMWHY_MODEL_RESIDENCY_H
#define MEMWHY_MODEL_RESIDENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RESIDENT_FILE = 1, /* page cache or shmem page, not anonymous */
    RESIDENT_HUGE = 2, /* mapped by a huge page-table entry */
};

struct resident_run {
    uint64_t start, end; /* [start, end), page aligned */
    uint64_t before;     /* bytes resident in all earlier runs */
    uint32_t flags;
};

struct residency {
    struct resident_run
        *at; /* sorted, not overlapping; zero pages and PFN mappings are not in it */
    size_t n, cap;
    uint64_t total_bytes; /* what the kernel calls RSS */
    uint64_t file_bytes;  /* of it RESIDENT_FILE */
    uint64_t huge_bytes;
    uint64_t swap_bytes; /* in swap, in none of the runs */
    bool estimated;      /* from a core: pages with content; says nothing of pages it left out */
};

/* Append a run; runs must come in ascending order. Adjacent runs of equal flags are joined. */
void residency_add(struct residency *r, uint64_t start, uint64_t end, uint32_t flags);
/* Both together, in an empty `ret`; no page may be in both. */
void residency_join(const struct residency *a, const struct residency *b, struct residency *ret);
void residency_done(struct residency *r);

/* Resident bytes inside [start, end); the ends need not be aligned. */
uint64_t residency_bytes(const struct residency *r, uint64_t start, uint64_t end);

/* The first run with end > addr, or n. */
size_t residency_lower_bound(const struct residency *r, uint64_t addr);

/* Fill `bits` (bit i: page i is resident) for n_pages pages from the page-aligned `start`. */
void residency_bitmap(const struct residency *r, uint64_t start, size_t n_pages, uint64_t *bits);

#endif
