/* mp_, malloc's parameters: recognised by sbrk_base pointing at the start of the heap, and by the
 * counters before it being possible. */
#include "base/limits.h"
#include "malloc/glibc.h"
#include <string.h>

enum { MAX_MMAP_THRESHOLD = 32 << 20 }; /* DEFAULT_MMAP_THRESHOLD_MAX, all releases */

static uint64_t field(const uint8_t *base, int16_t offset) {
    uint64_t v = 0;
    if (offset)
        memcpy(&v, base + offset, sizeof v);
    return v;
}

static uint32_t field32(const uint8_t *base, int16_t offset) {
    uint32_t v = 0;
    if (offset)
        memcpy(&v, base + offset, sizeof v);
    return v;
}

/* How well the words around `base` are struct malloc_par; 0: they are not. `sbrk` is 0 when the
 * heap was never used. */
static int par_score(const struct par_layout *l, const uint8_t *base) {
    uint64_t mem = field(base, l->mmapped_mem), max_mem = field(base, l->max_mmapped_mem);
    uint64_t threshold = field(base, l->mmap_threshold), arena_test = field(base, l->arena_test);
    uint32_t n = field32(base, l->n_mmaps), max_n = field32(base, l->max_n_mmaps);
    uint64_t hp = field(base, l->hp_pagesize), thp = field(base, l->thp_pagesize);
    int score = 1;
    if (mem > max_mem || mem % PAGE_BYTES || max_mem % PAGE_BYTES || n > max_n ||
        (n == 0) != (mem == 0) || field32(base, l->no_dyn_threshold) > 1 ||
        max_mem > LIMIT_USER_ADDR)
        return 0;
    if ((hp & (hp - 1)) || (thp & (thp - 1)))
        return 0;
    score += field32(base, l->n_mmaps_max) == 65536; /* DEFAULT_MMAP_MAX */
    score += arena_test == 8;                        /* NARENAS_FROM_NCORES (1) */
    score += threshold >= PAGE_BYTES && threshold <= MAX_MMAP_THRESHOLD;
    score += threshold == 128 << 10 || field(base, l->trim_threshold) == 2 * threshold;
    score += field(base, l->arena_max) < LIMIT_ARENAS;
    if (l->tcache) {
        uint64_t bins = field(base, 8), bytes = field(base, 16), count = field(base, 24);
        if (bins == 64 && bytes >= 24 && bytes <= (8 << 20) && count <= UINT16_MAX)
            score += 3;
    }
    return score;
}

static void par_take(struct malloc_glibc *f, const struct par_layout *l, const uint8_t *base,
                     uint64_t addr) {
    f->mp_addr = addr + (uint64_t)(int64_t)l->n_mmaps;
    f->trim_threshold = field(base, l->trim_threshold);
    f->top_pad = field(base, l->top_pad);
    f->mmap_threshold = field(base, l->mmap_threshold);
    f->arena_test = field(base, l->arena_test);
    f->arena_max = field(base, l->arena_max);
    f->thp_pagesize = field(base, l->thp_pagesize);
    f->hp_pagesize = field(base, l->hp_pagesize);
    f->n_mmaps = field32(base, l->n_mmaps);
    f->n_mmaps_max = field32(base, l->n_mmaps_max);
    f->max_n_mmaps = field32(base, l->max_n_mmaps);
    f->mmap_threshold_dynamic = field32(base, l->no_dyn_threshold) == 0;
    f->mmapped_mem = field(base, l->mmapped_mem);
    f->mmapped_mem_at = addr + (uint64_t)(int64_t)l->mmapped_mem;
    f->max_mmapped_mem = field(base, l->max_mmapped_mem);
    memcpy(&f->sbrk_base, base, sizeof f->sbrk_base);
    f->has_tcache_settings = l->tcache != 0;
    if (l->tcache) {
        f->tcache_bins = field(base, 8);
        f->tcache_max_bytes = field(base, 16);
        f->tcache_count = field(base, 24);
    }
}

static bool in_brk(const struct glibc *g, uint64_t addr) {
    const struct region *r = region_find(image_regions(g->img), addr);
    return r && r->kind == REGION_HEAP;
}

void glibc_find_par(struct glibc *g) {
    enum { BEFORE = PAR_REACH, AFTER = 40 };
    int best = 4; /* a lone pointer into the heap must not do */
    for (uint64_t at = (g->region_start + BEFORE + 7) & ~7ull; at + AFTER <= g->region_end;
         at += 8) {
        uint64_t sbrk_base;
        uint8_t around[BEFORE + AFTER];
        if (mem_pages_u64(&g->pages, at, &sbrk_base) < 0)
            continue;
        if (sbrk_base && (sbrk_base >= LIMIT_USER_ADDR || !in_brk(g, sbrk_base)))
            continue;
        if (mem_pages_read(&g->pages, at - BEFORE, around, sizeof around) < 0)
            continue;
        for (size_t i = 0; i < PAR_LAYOUTS; i++) {
            int score = par_score(&par_layouts[i], around + BEFORE) + 2 * (sbrk_base != 0);
            if (score > best) {
                best = score;
                par_take(&g->c->glibc, &par_layouts[i], around + BEFORE, at);
            }
        }
    }
}
