#include "malloc/chunk_map.h"

#include <errno.h>

#define UNIT (1ull << CHUNK_UNIT_BITS)

static bool is_large(const struct malloc_piece *p) {
    return p->size >= UNIT;
}

/* The units that small chunks in use lie in, ascending. */
struct unit_list {
    VEC(uint64_t) at;
};

static void find_units(struct chunk_map *m, struct unit_list *ret) {
    for (uint32_t i = 0; i < m->n; i++) {
        const struct malloc_piece *p = &m->pieces[i];
        if (p->state != MALLOC_IN_USE)
            continue;
        if (!m->high)
            m->low = p->addr;
        m->high = chunk_memory_end(m, i);
        if (is_large(p)) {
            vec_push(&m->large, i);
            continue;
        }
        for (uint64_t u = p->addr >> CHUNK_UNIT_BITS; u <= (m->high - 1) >> CHUNK_UNIT_BITS; u++)
            if (!ret->at.n || ret->at.at[ret->at.n - 1] < u)
                vec_push(&ret->at, u);
    }
}

static void add_unit(struct chunk_map *m, uint64_t number, uint32_t *piece) {
    uint32_t *first = mem_alloc((CHUNK_UNIT_PAGES + 1) * sizeof *first);
    for (uint32_t k = 0; k <= CHUNK_UNIT_PAGES; k++) {
        uint64_t page = (number << CHUNK_UNIT_BITS) + k * PAGE_BYTES;
        while (*piece < m->n && chunk_memory_end(m, *piece) <= page)
            ++*piece;
        first[k] = *piece;
    }
    uint64_t slot = map64_hash(number) & m->mask;
    while (m->units[slot].number)
        slot = (slot + 1) & m->mask;
    m->units[slot] = (struct chunk_unit){number, first};
}

int chunk_map_init(struct chunk_map *m, const struct malloc_census *c) {
    struct unit_list units = {0};
    if (c->pieces.n >= CHUNK_NONE - 1)
        return -E2BIG;
    *m = (struct chunk_map){.pieces = c->pieces.at, .n = (uint32_t)c->pieces.n, .mask = 15};
    find_units(m, &units);
    while (m->mask < units.at.n * 2)
        m->mask = m->mask * 2 + 1;
    m->units = mem_zalloc((size_t)(m->mask + 1) * sizeof *m->units);
    uint32_t piece = 0;
    for (size_t i = 0; i < units.at.n; i++)
        add_unit(m, units.at.at[i], &piece);
    vec_free(&units.at);
    return 0;
}

void chunk_map_done(struct chunk_map *m) {
    for (uint64_t i = 0; m->units && i <= m->mask; i++)
        free(m->units[i].first);
    free(m->units);
    vec_free(&m->large);
    *m = (struct chunk_map){0};
}

uint32_t chunk_map_find_large(const struct chunk_map *m, uint64_t addr) {
    size_t at = first_where(m->large.n, i, chunk_memory_end(m, m->large.at[i]) > addr);
    return at < m->large.n ? chunk_among(m, m->large.at[at], addr) : CHUNK_NONE;
}
