/* Which chunk in use an address lies in: asked of every word of a process, so most answers are no,
 * and those cost a nanosecond. The others cost one miss of the cache, which who asks often can
 * avoid by asking for the block some time before.
 *
 * A chunk's memory begins 16 bytes behind the chunk, and ends 8 behind it: malloc lends the first
 * word of the next chunk (prev_size) to a chunk in use. Mappings of their own have no next.
 *
 * Chunks begin and end at multiples of 16 (MALLOC_ALIGNMENT), so each KiB of a heap is told by two
 * words of one bit per 16 bytes: 24 bytes for it, however small the chunks in it are. */
#ifndef MEMWHY_MALLOC_CHUNK_MAP_H
#define MEMWHY_MALLOC_CHUNK_MAP_H

#include "base/limits.h"
#include "base/map64.h"
#include "base/search.h"
#include "model/malloc_census.h"

#define CHUNK_NONE UINT32_MAX
#define CHUNK_UNIT_BITS 20 /* chunks are found by the megabytes they lie in */
#define CHUNK_BLOCK_BITS 10
#define CHUNK_STEP_BITS 4
#define CHUNK_UNIT_BLOCKS (1u << (CHUNK_UNIT_BITS - CHUNK_BLOCK_BITS))

/* One bit for each 16 bytes from a multiple of 1024 on. */
struct chunk_block {
    uint64_t held;  /* memory of small chunks in use begins 16 bytes further on, and goes on */
    uint64_t last;  /* a piece of any state ends with these */
    uint32_t first; /* the first piece that ends behind where the block begins */
};

struct chunk_unit {
    uint64_t key;                     /* 1 + (address >> CHUNK_UNIT_BITS); 0: the slot is empty */
    const struct chunk_block *blocks; /* NULL: all of it is one chunk in use */
};

/* The pieces stay the census's; their numbers are those in census->pieces. */
struct chunk_map {
    const struct malloc_piece *pieces;
    uint32_t n;
    struct chunk_unit *units; /* open addressing: where chunks in use are */
    uint64_t mask;
    struct chunk_block *blocks; /* of all units */
    uint64_t low, high;         /* of all memory in use; 0: none is */
};

/* `c` must have its pieces. -E2BIG: more pieces than can be numbered, or chunks of terabytes. */
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

static inline bool chunk_map_spans(const struct chunk_map *m, uint64_t addr) {
    return addr - m->low < m->high - m->low;
}

/* How many bits are set, without the instruction for it, which not every x86-64 has. */
static inline uint32_t chunk_bits(uint64_t w) {
    w -= w >> 1 & 0x5555555555555555;
    w = (w & 0x3333333333333333) + (w >> 2 & 0x3333333333333333);
    return (uint32_t)(((w + (w >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
}

static inline uint64_t chunk_unit_key(uint64_t addr) {
    return ((addr - 16) >> CHUNK_UNIT_BITS) + 1;
}

/* Where an address of the span is looked up; NULL: no chunk in use is near. */
static inline const struct chunk_unit *chunk_map_unit(const struct chunk_map *m, uint64_t addr) {
    uint64_t key = chunk_unit_key(addr), slot = map64_hash(key) & m->mask;
    while (m->units[slot].key != key) {
        if (!m->units[slot].key)
            return NULL;
        slot = (slot + 1) & m->mask;
    }
    return &m->units[slot];
}

static inline const struct chunk_block *chunk_unit_block(const struct chunk_unit *u,
                                                         uint64_t addr) {
    return &u->blocks[(addr - 16) >> CHUNK_BLOCK_BITS & (CHUNK_UNIT_BLOCKS - 1)];
}

/* The chunk in use that a whole unit is. */
uint32_t chunk_map_find_whole(const struct chunk_map *m, uint64_t addr);

/* The number of the chunk in use whose memory holds `addr`, of which the block was found; NONE. */
static inline uint32_t chunk_block_find(const struct chunk_block *b, uint64_t addr) {
    uint64_t at = addr - 16, bit = 1ull << (at >> CHUNK_STEP_BITS & 63);
    if (!(b->held & bit) || (b->last & bit && at & 8))
        return CHUNK_NONE;
    return b->first + chunk_bits(b->last & (bit - 1));
}

/* The same, of any address. */
static inline uint32_t chunk_map_find(const struct chunk_map *m, uint64_t addr) {
    const struct chunk_unit *u = chunk_map_spans(m, addr) ? chunk_map_unit(m, addr) : NULL;
    if (!u)
        return CHUNK_NONE;
    return u->blocks ? chunk_block_find(chunk_unit_block(u, addr), addr)
                     : chunk_map_find_whole(m, addr);
}

/* The chunk in use whose memory begins at `addr`; CHUNK_NONE. */
static inline uint32_t chunk_map_at(const struct chunk_map *m, uint64_t addr) {
    uint32_t i = chunk_map_find(m, addr);
    return i != CHUNK_NONE && chunk_memory(&m->pieces[i]) == addr ? i : CHUNK_NONE;
}

#endif
