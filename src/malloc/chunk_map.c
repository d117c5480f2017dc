#include "malloc/chunk_map.h"

#include "base/parallel.h"
#include <errno.h>
#include <string.h>

#define UNIT (1ull << CHUNK_UNIT_BITS)

static uint64_t end_of(const struct chunk_map *m, uint32_t i) {
    return m->pieces[i].addr + m->pieces[i].size;
}

/* A unit that chunks in use lie in. */
struct unit {
    uint64_t number;
    uint32_t piece; /* in use, and the first such to reach into it */
};

struct units {
    struct chunk_map *map;
    VEC(struct unit) list; /* with blocks; ascending */
    VEC(uint64_t) whole;   /* numbers of those that are all one chunk */
};

/* ---- which there are ---- */

/* Up to where the last 16 bytes begin, for those may be lent, or not. */
static bool is_whole(const struct chunk_map *m, uint32_t i, uint64_t number) {
    uint64_t start = number << CHUNK_UNIT_BITS;
    return m->pieces[i].addr <= start && end_of(m, i) - 16 >= start + UNIT;
}

/* From unit to unit: what lies in one is passed over. */
static bool find_units(struct units *u) {
    struct chunk_map *m = u->map;
    uint64_t next = 0; /* the first that was not looked at */
    for (uint32_t i = 0; i < m->n && u->whole.n < LIMIT_CHUNK_UNITS;) {
        const struct malloc_piece *p = &m->pieces[i];
        if (p->state != MALLOC_IN_USE) {
            i++;
            continue;
        }
        if (!m->low)
            m->low = p->addr;
        uint64_t number = p->addr >> CHUNK_UNIT_BITS;
        if (number < next)
            number = next; /* it reaches into it */
        if (is_whole(m, i, number))
            vec_push(&u->whole, number);
        else
            vec_push(&u->list, (struct unit){number, i});
        next = number + 1;
        uint64_t end = next << CHUNK_UNIT_BITS;
        i += (uint32_t)first_where(m->n - i, k, end_of(m, i + (uint32_t)k) > end);
    }
    for (uint32_t i = m->n; i-- > 0 && !m->high;)
        if (m->pieces[i].state == MALLOC_IN_USE)
            m->high = chunk_memory_end(m, i);
    return u->whole.n < LIMIT_CHUNK_UNITS;
}

/* ---- what is in one ---- */

static void set_range(struct chunk_block *blocks, uint64_t from, uint64_t to) {
    while (from < to) {
        uint64_t n = 64 - from % 64 < to - from ? 64 - from % 64 : to - from;
        blocks[from / 64].held |= UINT64_MAX >> (64 - n) << from % 64;
        from += n;
    }
}

/* Its bits, where it lies in the unit. */
static void set_held(const struct chunk_map *m, uint32_t i, uint64_t start,
                     struct chunk_block *blocks) {
    uint64_t from = m->pieces[i].addr, to = (chunk_memory_end(m, i) - 1) & ~15ull;
    if (from < start)
        from = start;
    if (to > start + UNIT)
        to = start + UNIT;
    if (from < to)
        set_range(blocks, (from - start) >> CHUNK_STEP_BITS, (to - start) >> CHUNK_STEP_BITS);
}

static void fill_unit(void *arg, size_t number) {
    const struct units *u = arg;
    const struct chunk_map *m = u->map;
    struct chunk_block *blocks = &m->blocks[number * CHUNK_UNIT_BLOCKS];
    uint64_t start = u->list.at[number].number << CHUNK_UNIT_BITS, at = 0;
    uint32_t i = u->list.at[number].piece;
    memset(blocks, 0, CHUNK_UNIT_BLOCKS * sizeof *blocks);
    while (i && end_of(m, i - 1) > start)
        i--;
    for (; i < m->n && m->pieces[i].addr < start + UNIT; i++) {
        uint64_t end = end_of(m, i) - start, bit = (end - 1) >> CHUNK_STEP_BITS;
        for (; at < CHUNK_UNIT_BLOCKS && at << CHUNK_BLOCK_BITS < end; at++)
            blocks[at].first = i;
        if (end <= UNIT)
            blocks[bit / 64].last |= 1ull << bit % 64;
        if (m->pieces[i].state == MALLOC_IN_USE)
            set_held(m, i, start, blocks);
    }
}

/* ---- all of them ---- */

static void add_unit(struct chunk_map *m, uint64_t number, const struct chunk_block *blocks) {
    uint64_t key = number + 1, slot = map64_hash(key) & m->mask;
    while (m->units[slot].key)
        slot = (slot + 1) & m->mask;
    m->units[slot] = (struct chunk_unit){key, blocks};
}

int chunk_map_init(struct chunk_map *m, const struct malloc_census *c) {
    struct units u = {.map = m};
    if (c->pieces.n >= CHUNK_NONE - 1)
        return -E2BIG;
    *m = (struct chunk_map){.pieces = c->pieces.at, .n = (uint32_t)c->pieces.n, .mask = 15};
    bool fits = find_units(&u);
    while (m->mask < (u.list.n + u.whole.n) * 3) /* a miss is told by the first slot, mostly */
        m->mask = m->mask * 2 + 1;
    m->units = mem_zalloc((size_t)(m->mask + 1) * sizeof *m->units);
    m->blocks = mem_alloc_random(u.list.n * CHUNK_UNIT_BLOCKS * sizeof *m->blocks);
    for (size_t i = 0; i < u.list.n; i++)
        add_unit(m, u.list.at[i].number, &m->blocks[i * CHUNK_UNIT_BLOCKS]);
    for (size_t i = 0; i < u.whole.n; i++)
        add_unit(m, u.whole.at[i], NULL);
    parallel_for(u.list.n, fill_unit, &u);
    vec_free(&u.list);
    vec_free(&u.whole);
    if (!fits)
        chunk_map_done(m);
    return fits ? 0 : -E2BIG;
}

void chunk_map_done(struct chunk_map *m) {
    free(m->units);
    free(m->blocks);
    *m = (struct chunk_map){0};
}

uint32_t chunk_map_find_whole(const struct chunk_map *m, uint64_t addr) {
    return (uint32_t)first_where(m->n, i, m->pieces[i].addr + m->pieces[i].size > addr);
}
