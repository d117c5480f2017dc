#include "malloc/totals.h"

#include "base/limits.h"
#include "base/vec.h"
#include "malloc/glibc.h"
#include <errno.h>

/* Of an arena, from `next` on: next, next_free, attached_threads (from 2.23 on), system_mem and
 * max_system_mem. */
enum { NEXT = 0, WORDS = 5 };

struct malloc_totals {
    VEC(uint64_t) arenas; /* in the order of their ring, or found since */
    uint32_t next_at;     /* in an arena */
    uint32_t system;      /* word of system_mem, from `next` on */
    uint64_t mapped;      /* address of mp_.mmapped_mem; max_mmapped_mem follows; 0 unknown */
};

int malloc_totals_find(struct image *img, struct malloc_totals **ret) {
    static const struct malloc_hints none;
    struct malloc_allocator who;
    malloc_recognise_paths(img, &who);
    if (who.kind != MALLOC_GLIBC)
        return -ENODATA;
    struct malloc_census c = {0};
    struct glibc *g = mem_zalloc(sizeof *g);
    g->img = img;
    g->hints = &none;
    g->c = &c;
    mem_pages_init(&g->pages, img);
    int r = glibc_find(g);
    if (r == 0) {
        glibc_find_par(g);
        struct malloc_totals *t = mem_zalloc(sizeof *t);
        t->next_at = c.glibc.bins_at + BINS_NEXT;
        t->system = ((g->has_attached ? BINS_SYSTEM_MEM : BINS_ATTACHED) - BINS_NEXT) / 8;
        t->mapped = c.glibc.mp_addr ? c.glibc.mmapped_mem_at : 0;
        for (size_t i = 0; i < c.arenas.n; i++)
            vec_push(&t->arenas, c.arenas.at[i].addr);
        *ret = t;
    }
    mem_pages_done(&g->pages);
    malloc_census_done(&c);
    free(g);
    return r;
}

static bool is_known(const struct malloc_totals *t, uint64_t arena) {
    for (size_t i = 0; i < t->arenas.n; i++)
        if (t->arenas.at[i] == arena)
            return true;
    return false;
}

/* Each arena's words. A thread's arena is put into the ring before others see it, and stays. */
static int read_arenas(struct malloc_totals *t, const struct image *img, uint64_t (*words)[WORDS]) {
    enum { BATCH = 64 };
    struct image_part parts[BATCH];
    for (size_t from = 0; from < t->arenas.n; from += BATCH) {
        size_t n = t->arenas.n - from < BATCH ? t->arenas.n - from : BATCH;
        for (size_t i = 0; i < n; i++)
            parts[i] = (struct image_part){t->arenas.at[from + i] + t->next_at, words[from + i],
                                           8 * (t->system + 2)};
        if (image_read_parts(img, parts, n) < 0)
            return -EAGAIN;
    }
    return 0;
}

static int add_arenas(struct malloc_totals *t, const struct image *img, uint64_t *ret) {
    uint64_t sum = 0, (*words)[WORDS] = NULL;
    size_t before = t->arenas.n, known;
    int r = 0;
    do { /* once more when the ring has new ones */
        known = t->arenas.n;
        words = mem_grow(words, known, sizeof *words);
        r = read_arenas(t, img, words);
        sum = 0;
        for (size_t i = 0; r == 0 && i < known; i++) {
            uint64_t next = words[i][NEXT], system = words[i][t->system];
            if ((next & 7) || next < PAGE_BYTES || next >= LIMIT_USER_ADDR ||
                system > words[i][t->system + 1] || system >= LIMIT_USER_ADDR)
                r = -EAGAIN;
            else if (!is_known(t, next) && t->arenas.n < LIMIT_ARENAS)
                vec_push(&t->arenas, next);
            sum += system;
        }
    } while (r == 0 && t->arenas.n > known);
    free(words);
    if (r < 0)
        t->arenas.n = before; /* what a bad word led to is no arena */
    else
        *ret = sum;
    return r;
}

int malloc_totals_read(struct malloc_totals *t, const struct image *img, uint64_t *ret_arenas,
                       uint64_t *ret_mapped) {
    uint64_t mapped[2], arenas = 0;
    int r = add_arenas(t, img, &arenas);
    if (r < 0)
        return r;
    if (t->mapped &&
        (image_read(img, t->mapped, mapped, sizeof mapped) < 0 || mapped[0] > mapped[1] ||
         mapped[0] % PAGE_BYTES || mapped[0] >= LIMIT_USER_ADDR))
        return -EAGAIN;
    *ret_arenas = arenas;
    if (!t->mapped)
        return -ENODATA;
    *ret_mapped = mapped[0];
    return 0;
}

void malloc_totals_free(struct malloc_totals *t) {
    if (!t)
        return;
    vec_free(&t->arenas);
    free(t);
}
