#include "snapshot/ids.h"

#include "base/bits.h"
#include "v8/walk.h"
#include <errno.h>
#include <stdlib.h>

enum { WORDS_SHIFT = 15, WORDS = 1 << WORDS_SHIFT };

static int add_unit(struct snapshot_ids *ids, uint64_t unit) {
    uint64_t number = unit & (SNAPSHOT_UNITS - 1), other;
    if (map64_get(&ids->units, unit, &other))
        return 0;
    if (ids->units.n >= SNAPSHOT_UNITS - 1)
        return -E2BIG;
    while (bits_get(ids->taken, number))
        number = (number + 1) & (SNAPSHOT_UNITS - 1);
    bits_set(ids->taken, number);
    map64_put(&ids->units, unit, number);
    return 0;
}

int snapshot_ids_new(const struct v8_pages *pages, struct snapshot_ids *ret) {
    struct snapshot_ids ids = {.taken = bits_new(SNAPSHOT_UNITS)};
    int r = 0;
    bits_set(ids.taken, 0);
    for (size_t i = 0; i < pages->list.n && r == 0; i++) {
        const struct v8_page *p = &pages->list.at[i];
        uint64_t end = v8_page_is_large(p) ? p->area_start + 1 : p->addr + p->size;
        for (uint64_t at = p->addr; p->in_use && at < end && r == 0; at += V8_PAGE_ALIGN)
            r = add_unit(&ids, at / V8_PAGE_ALIGN);
    }
    if (r < 0) {
        snapshot_ids_done(&ids);
        return r;
    }
    *ret = ids;
    return 0;
}

void snapshot_ids_done(struct snapshot_ids *ids) {
    map64_done(&ids->units);
    free(ids->taken);
    ids->taken = NULL;
    map64_done(&ids->outside);
}

uint32_t snapshot_id(const struct snapshot_ids *ids, uint64_t addr) {
    uint64_t number = 0;
    map64_get(&ids->units, addr / V8_PAGE_ALIGN, &number);
    return (uint32_t)((number << WORDS_SHIFT | (addr % V8_PAGE_ALIGN) / 8) << 1 | 1);
}

uint32_t snapshot_id_outside(struct snapshot_ids *ids, uint64_t addr) {
    uint64_t id = addr / 16 & 0x7fffffff, other;
    while (!id || map64_get(&ids->outside, id, &other))
        id = (id + 1) & 0x7fffffff;
    map64_put(&ids->outside, id, addr);
    return (uint32_t)id << 1;
}

uint32_t snapshot_id_fresh(struct snapshot_ids *ids) {
    if (ids->fresh % WORDS == 0) {
        uint32_t number = 0;
        while (number < SNAPSHOT_UNITS && bits_get(ids->taken, number))
            number++;
        if (number == SNAPSHOT_UNITS)
            return 0;
        bits_set(ids->taken, number);
        ids->fresh = number << WORDS_SHIFT;
    }
    return ids->fresh++ << 1 | 1;
}
