/* Private to src/malloc/: one census of a glibc in the making. Steps, in order: find (main_arena,
 * mp_, the ring of arenas), segments (where their chunks are), lists (fastbins, thread caches),
 * walk (every chunk), mmapped chunks. */
#ifndef MEMWHY_MALLOC_GLIBC_H
#define MEMWHY_MALLOC_GLIBC_H

#include "malloc/glibc_layout.h"
#include "malloc/malloc.h"
#include "malloc/reader.h"

struct glibc {
    const struct image *img;
    const struct malloc_hints *hints; /* never NULL */
    struct malloc_census *c;
    struct mem_pages pages; /* for lists */
    struct mem_window window;
    const struct residency *res; /* NULL: unknown */
    bool has_attached;
    uint32_t bins_end;                 /* BINS_END, or 8 less before 2.23 */
    uint64_t region_start, region_end; /* the writable data main_arena is in */
    VEC(uint64_t) first_chunks;        /* per span: where its chain begins */
    uint64_t budget;                   /* chunks that may still be walked */
};

/* glibc_find.c. -ENODATA when the target has no initialised main_arena. */
int glibc_find(struct glibc *g);
/* The bins of an arena, from which all its other fields are counted. */
static inline uint64_t glibc_bins(const struct glibc *g, const struct malloc_arena *a) {
    return a->addr + g->c->glibc.bins_at;
}
/* glibc_par.c: mp_, into c->glibc. Leaves mp_addr 0 when it is not there. */
void glibc_find_par(struct glibc *g);

/* glibc_segments.c: fills c->spans with the arenas' memory, sorted, not overlapping. */
void glibc_find_segments(struct glibc *g);

/* glibc_lists.c: c->fast, and whether lists are mangled. glibc_tcache.c: c->tcached, threads. */
void glibc_read_lists(struct glibc *g);
void glibc_read_tcaches(struct glibc *g);

/* Where a list of free chunks may lead: `size` 0 is any. True when a chunk header of that size
 * stands at `chunk` inside malloc's spans. */
bool glibc_is_chunk(struct glibc *g, uint64_t chunk, uint64_t size_from, uint64_t size_to);

/* glibc_walk.c: every chunk of every span into the arenas' shares. */
void glibc_walk(struct glibc *g);

/* glibc_mmap.c: chunks that are mappings of their own. */
void glibc_find_mmapped(struct glibc *g);
/* Where the hints' range that holds addr ends; 0 when none does. */
uint64_t glibc_skip_to(const struct malloc_hints *h, uint64_t addr);

/* In glibc_segments.c: insert a span in order; false (a list error) when it overlaps one. */
bool glibc_add_span(struct glibc *g, const struct malloc_span *s, uint64_t first_chunk);

/* other.c: what is known of an allocator that is not walked; and recognition without ELF files. */
void malloc_other_census(const struct image *img, struct malloc_census *ret);
void malloc_recognise_paths(const struct image *img, struct malloc_allocator *ret);

#endif
