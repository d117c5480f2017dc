/* musl's mallocng, 1.2.1 to 1.2.5: groups of up to 32 slots of one size, each described by a `meta`
 * that lies in a page of its own kind. Those pages begin with a secret number that stands in
 * malloc's context among libc's data as well, so both are certain when found. A group small enough
 * lies in a slot of another one. */
#include "base/limits.h"
#include "base/search.h"
#include "malloc/module_data.h"
#include <errno.h>
#include <string.h>

/* src/malloc/mallocng/meta.h. Offsets in struct malloc_context, with PAGESIZE a constant as on
 * x86-64; struct meta_area; struct meta. */
enum { INIT_DONE = 1, AREA_HEAD = 7, CONTEXT_WORDS = 8 };
enum { AREA_BYTES = 4096, AREA_HEADER = 24, META_WORDS = 5, META_BYTES = 40 };
enum { AREA_SLOTS = (AREA_BYTES - AREA_HEADER) / META_BYTES };
enum { UNIT = 16, CLASSES = 48, CLASS_ALONE = 63, SLOTS = 32 };

/* malloc.c, size_classes: in units. */
static const uint16_t classes[CLASSES] = {
    1,   2,   3,   4,    5,    6,    7,    8,    9,    10,   12,   15,   18,   20,   25,   31,
    36,  42,  50,  63,   72,   84,   102,  127,  146,  170,  204,  255,  292,  340,  409,  511,
    584, 682, 818, 1023, 1169, 1364, 1637, 2047, 2340, 2730, 3276, 4095, 4680, 5460, 6552, 8191,
};

struct group {
    uint64_t start, end, stride;
    uint32_t slots, free; /* how many; set of those that are free */
    bool nested;          /* its memory is a slot of another one, or was libc's data */
};

struct run { /* of slots, or of what is not a slot (size 0) */
    uint64_t start, size, count;
    enum malloc_state state;
};

struct walk {
    struct tally *t;
    uint64_t secret, first_area;
    VEC(uint64_t) areas;
    VEC(struct group) groups; /* sorted by start */
    VEC(struct run) runs;     /* sorted by start */
};

static uint64_t bits_of(uint64_t v, unsigned from, unsigned n) {
    return v >> from & ((1ull << n) - 1);
}

/* ---- the context ---- */

static bool is_context(void *arg, const struct module_data *d, uint64_t at, uint64_t word) {
    struct walk *w = arg;
    uint64_t c[CONTEXT_WORDS], check, area;
    (void)d;
    if (mem_pages_read(&w->t->pages, at, c, sizeof c) < 0 || (uint32_t)c[INIT_DONE] != 1)
        return false;
    area = c[AREA_HEAD];
    if (!area || area % AREA_BYTES || mem_pages_u64(&w->t->pages, area, &check) < 0 ||
        check != word)
        return false;
    w->secret = word;
    w->first_area = area;
    return true;
}

/* ---- groups ---- */

/* -EBADMSG: no group. */
static int group_read(struct walk *w, uint64_t meta, const uint64_t m[META_WORDS],
                      struct group *ret) {
    uint64_t back, pages = bits_of(m[4], 12, 52), size_class = bits_of(m[4], 6, 6);
    struct group g = {.start = m[2],
                      .slots = (uint32_t)bits_of(m[4], 0, 5) + 1,
                      .free = (uint32_t)m[3] | (uint32_t)(m[3] >> 32),
                      .nested = !pages};
    int r = mem_pages_u64(&w->t->pages, g.start, &back);
    if (r < 0)
        return r;
    if (g.start % UNIT || back != meta || pages > LIMIT_USER_ADDR / PAGE_BYTES ||
        (size_class >= CLASSES && (size_class != CLASS_ALONE || !pages || g.slots != 1)) ||
        (g.slots < SLOTS && g.free >> g.slots))
        return -EBADMSG;
    g.stride =
        pages && g.slots == 1 ? pages * PAGE_BYTES - UNIT : (uint64_t)UNIT * classes[size_class];
    g.end = g.start + UNIT + g.slots * g.stride;
    if (pages && (g.start % PAGE_BYTES || g.end > g.start + pages * PAGE_BYTES))
        return -EBADMSG;
    if (pages)
        g.end = g.start + pages * PAGE_BYTES;
    *ret = g;
    return 0;
}

static void read_area(struct walk *w, uint64_t area, const uint64_t *words) {
    for (int i = 0; i < AREA_SLOTS; i++) {
        const uint64_t *m = words + AREA_HEADER / 8 + i * META_WORDS;
        uint64_t at = area + AREA_HEADER + (uint64_t)i * META_BYTES;
        struct group g;
        if (!m[2])
            continue; /* not used, or not any more */
        int r = group_read(w, at, m, &g);
        if (r == 0)
            vec_push(&w->groups, g);
        else if (r == -ENODATA)
            w->t->c->coverage.not_resident++;
        else
            tally_broken(w->t, at);
    }
}

static void read_areas(struct walk *w, uint64_t area) {
    uint64_t words[AREA_BYTES / 8];
    while (area) {
        if (area % AREA_BYTES || mem_pages_read(&w->t->pages, area, words, sizeof words) < 0 ||
            words[0] != w->secret || (uint32_t)words[2] != AREA_SLOTS) {
            tally_broken(w->t, area);
            return;
        }
        if (w->areas.n >= LIMIT_META_AREAS) {
            w->t->c->coverage.truncated = true;
            return;
        }
        vec_push(&w->areas, area);
        read_area(w, area, words);
        area = words[1];
    }
}

static int by_start(const void *a, const void *b) {
    const struct group *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* ---- telling ---- */

static bool holds_group(const struct walk *w, uint64_t start, uint64_t end) {
    size_t i = first_where(w->groups.n, k, w->groups.at[k].start >= start);
    return i < w->groups.n && w->groups.at[i].start < end && w->groups.at[i].nested;
}

static void add_run(struct walk *w, uint64_t start, uint64_t size, enum malloc_state state) {
    struct run *last = w->runs.n ? &w->runs.at[w->runs.n - 1] : NULL;
    if (last && last->state == state && last->size == size &&
        last->start + last->size * last->count == start)
        last->count++;
    else
        vec_push(&w->runs, (struct run){start, size, 1, state});
}

/* Its slots, but those which other groups lie in. */
static void add_slots(struct walk *w, const struct group *g) {
    for (uint32_t i = 0; i < g->slots; i++) {
        uint64_t at = g->start + UNIT + i * g->stride;
        bool free = g->free >> i & 1;
        if (free || !holds_group(w, at, at + g->stride))
            add_run(w, at, g->stride, free ? MALLOC_BINNED : MALLOC_IN_USE);
    }
}

static int run_by_start(const void *a, const void *b) {
    const struct run *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* A span with the runs in it; what is between them are headers and ends of groups. */
static void tell_span(struct walk *w, uint64_t start, uint64_t end, size_t *run) {
    if (!tally_span(w->t, start, end)) {
        tally_broken(w->t, start);
        return;
    }
    for (; *run < w->runs.n && w->runs.at[*run].start < end; (*run)++) {
        const struct run *r = &w->runs.at[*run];
        if (r->start < start)
            continue;
        tally_rest(w->t, start, r->start, MALLOC_METADATA);
        tally_blocks(w->t, r->start, r->size, r->count, r->state);
    }
    tally_rest(w->t, start, end, MALLOC_METADATA);
}

static int by_value(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void tell(struct walk *w) {
    size_t area = 0, run = 0;
    uint64_t end = 0;
    vec_sort(&w->groups, by_start);
    vec_sort(&w->areas, by_value);
    for (size_t i = 0; i < w->groups.n; i++)
        add_slots(w, &w->groups.at[i]);
    vec_sort(&w->runs, run_by_start);
    for (size_t i = 0; i <= w->groups.n; i++) {
        const struct group *g = i < w->groups.n ? &w->groups.at[i] : NULL;
        for (; area < w->areas.n && (!g || w->areas.at[area] < g->start); area++)
            tell_span(w, w->areas.at[area], w->areas.at[area] + AREA_BYTES, &run);
        if (g && g->start >= end) { /* else it lies in the one before */
            tell_span(w, g->start, g->end, &run);
            end = g->end;
        }
    }
}

const struct tally_release *musl_walk(struct tally *t) {
    static const struct tally_release release = {"1.2.1 to 1.2.5", NULL};
    struct walk w = {.t = t};
    if (!module_data_search(t, 0, is_context, &w))
        return NULL;
    read_areas(&w, w.first_area);
    tell(&w);
    vec_free(&w.areas);
    vec_free(&w.groups);
    vec_free(&w.runs);
    return &release;
}
