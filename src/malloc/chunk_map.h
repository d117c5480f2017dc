/* Which chunk in use an address lies in: asked of every word of a process, so most answers are no,
 * and those cost a few nanoseconds.
 *
 * A chunk's memory begins 16 bytes behind the chunk, and ends 8 behind it: malloc lends the first
 * word of the next chunk (prev_size) to a chunk in use. Mappings of their own have no next. */
#ifndef MEMWHY_MALLOC_CHUNK_MAP_H
#define MEMWHY_MALLOC_CHUNK_MAP_H

#include "base/limits.h"
#include "base/map64.h"
#include "base/search.h"
#include "model/malloc_census.h"

#define CHUNK_NONE UINT32_MAX
#define CHUNK_UNIT_BITS 20 /* small pieces are found by the megabyte and page they lie in */
#define CHUNK_UNIT_PAGES ((1u << CHUNK_UNIT_BITS) / (unsigned)PAGE_BYTES)

struct chunk_unit {
    uint64_t number; /* address >> CHUNK_UNIT_BITS; 0: the slot is empty */
    uint32_t *first; /* of each of its pages, and of the one behind: the first piece that ends
                        behind where the page begins */
};

/* The pieces stay the census's; their numbers are those in census->pieces. */
struct chunk_map {
    const struct malloc_piece *pieces;
    uint32_t n;
    struct chunk_unit *units; /* open addressing */
    uint64_t mask;
    VEC(uint32_t) large; /* pieces in use of a unit or more, ascending */
    uint64_t low, high;  /* of all memory in use */
};

/* `c` must have its pieces. -E2BIG: more than can be numbered. */
int chunk_map_init(struct chunk_map *m, const struct malloc_census *c);
void chunk_map_done(struct chunk_map *m);

static inline uint64_t chunk_memory(const struct malloc_piece *p) {
    return p->addr + 16;
}

/* Where a piece's memory ends, whatever its state. */
static inline uint64_t chunk_memory_end(const struct chunk_map *m, uint32_t i) {
    const struct malloc_piece *p = &m->pieces[i];
    uint64_t end = p->addr + p->size;
    return i + 1 < m->n && p[1].addr == end ? end + 8 : end;
}

static inline uint32_t chunk_among(const struct chunk_map *m, uint32_t i, uint64_t addr) {
    const struct malloc_piece *p = &m->pieces[i];
    return i < m->n && p->state == MALLOC_IN_USE && addr >= chunk_memory(p) &&
                   addr < chunk_memory_end(m, i)
               ? i
               : CHUNK_NONE;
}

/* Of the large ones. */
uint32_t chunk_map_find_large(const struct chunk_map *m, uint64_t addr);

/* The number of the chunk in use whose memory holds `addr`; CHUNK_NONE. */
static inline uint32_t chunk_map_find(const struct chunk_map *m, uint64_t addr) {
    if (addr < m->low || addr >= m->high)
        return CHUNK_NONE;
    uint64_t number = addr >> CHUNK_UNIT_BITS, slot = map64_hash(number) & m->mask;
    while (m->units[slot].number && m->units[slot].number != number)
        slot = (slot + 1) & m->mask;
    if (m->units[slot].number) {
        const uint32_t *first = m->units[slot].first + (addr / PAGE_BYTES & (CHUNK_UNIT_PAGES - 1));
        uint32_t from = first[0], last = first[1] < m->n ? first[1] : m->n - 1;
        size_t n = last + 1 - from;
        size_t i = first_where(n, k, chunk_memory_end(m, from + (uint32_t)k) > addr);
        uint32_t found = chunk_among(m, from + (uint32_t)i, addr);
        if (found != CHUNK_NONE)
            return found;
    }
    return m->large.n ? chunk_map_find_large(m, addr) : CHUNK_NONE;
}

/* The chunk in use whose memory begins at `addr`; CHUNK_NONE. */
static inline uint32_t chunk_map_at(const struct chunk_map *m, uint64_t addr) {
    uint32_t i = chunk_map_find(m, addr);
    return i != CHUNK_NONE && chunk_memory(&m->pieces[i]) == addr ? i : CHUNK_NONE;
}

#endif
