/* Private to src/malloc/: one walk of a jemalloc 5.3. Its map from addresses to extents is found
 * among the library's data, all extents through it, then what is freed but in threads' caches. */
#ifndef MEMWHY_MALLOC_JEMALLOC_H
#define MEMWHY_MALLOC_JEMALLOC_H

#include "malloc/tally.h"

/* sc.h: of x86-64 with pages of 4 KiB, a quantum of 16 bytes. */
enum { JEMALLOC_BINS = 36, JEMALLOC_SIZES = 232 };

/* edata.h, EDATA_BITS_*; extent_state_t. */
enum jemalloc_state {
    EXTENT_ACTIVE,
    EXTENT_DIRTY,
    EXTENT_MUZZY,
    EXTENT_RETAINED,
    EXTENT_STATES = 6
};

struct jemalloc_extent {
    uint64_t start, size; /* whole pages; the block of one that is no slab begins at `addr` */
    uint64_t addr, edata; /* edata 0: memory for metadata */
    uint16_t size_index, free;
    uint8_t state;
    bool is_slab;
};

struct jemalloc {
    struct tally *t;
    VEC(struct jemalloc_extent) extents; /* ascending, not overlapping */
    VEC(uint64_t) cached;                /* addresses of blocks in threads' caches, sorted */
};

/* Bytes of a block. */
uint64_t jemalloc_size(uint32_t size_index);
/* The extent that holds `addr`; NULL. */
const struct jemalloc_extent *jemalloc_extent_at(const struct jemalloc *j, uint64_t addr);

/* jemalloc_tree.c: fills j->extents. -ENODATA: there is no such tree. */
int jemalloc_find_extents(struct jemalloc *j);
/* jemalloc_caches.c: fills j->cached. */
void jemalloc_find_caches(struct jemalloc *j);

#endif
