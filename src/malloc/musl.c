/* musl's mallocng, 1.2.1 to 1.2.5: groups of up to 32 slots of one size, each described by a `meta`
 * that lies in a page of its own kind. Those pages begin with a secret number that stands in
 * malloc's context among libc's data as well, so both are certain when found. A group small enough
 * lies in a slot of another one. */
#include "base/limits.h"
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

struct run { /* of slots of one state */
    uint64_t start, size, count;
    enum malloc_state state;
};

struct walk {
    struct tally *t;
    uint64_t secret, first_area;
    VEC(uint64_t) areas;
    VEC(struct group) groups; /* sorted by start */
    size_t next;              /* of the groups: not told yet */
    struct run run;           /* that may go on */
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

static void end_run(struct walk *w) {
    struct run *r = &w->run;
    if (!r->count)
        return;
    tally_rest(w->t, w->t->at, r->start, MALLOC_METADATA); /* headers and ends of groups */
    tally_blocks(w->t, r->start, r->size, r->count, r->state);
    r->count = 0;
}

static void add_slot(struct walk *w, uint64_t start, uint64_t size, enum malloc_state state) {
    struct run *r = &w->run;
    if (r->count && r->state == state && r->size == size && r->start + size * r->count == start) {
        r->count++;
        return;
    }
    end_run(w);
    *r = (struct run){start, size, 1, state};
}

/* The group that lies in [start, end), when it is the next one. */
static const struct group *nested_in(struct walk *w, uint64_t start, uint64_t end) {
    while (w->next < w->groups.n && w->groups.at[w->next].start < start)
        w->next++;
    const struct group *g = w->next < w->groups.n ? &w->groups.at[w->next] : NULL;
    return g && g->nested && g->start < end ? g : NULL;
}

/* The slots of a group, upwards; where another group has one, that group's instead. */
static void add_slots(struct walk *w, const struct group *g) {
    enum { DEPTH = 16 }; /* each is in a slot of a larger class: 8 deep at most */
    struct {
        const struct group *g;
        uint32_t slot;
    } stack[DEPTH] = {{g, 0}};
    for (int depth = 0; depth >= 0;) {
        const struct group *of = stack[depth].g, *inner = NULL;
        uint32_t i = stack[depth].slot++;
        if (i == of->slots) {
            depth--;
            continue;
        }
        uint64_t at = of->start + UNIT + i * of->stride;
        bool free = of->free >> i & 1;
        if (!free && depth + 1 < DEPTH && (inner = nested_in(w, at, at + of->stride))) {
            stack[++depth].g = inner;
            stack[depth].slot = 0;
            w->next++;
        } else {
            add_slot(w, at, of->stride, free ? MALLOC_BINNED : MALLOC_IN_USE);
        }
    }
}

static void tell_group(struct walk *w, const struct group *g) {
    if (!tally_span(w->t, g->start, g->end)) {
        tally_broken(w->t, g->start);
        return;
    }
    add_slots(w, g);
    end_run(w);
    tally_rest(w->t, g->start, g->end, MALLOC_METADATA);
}

static void tell_area(struct walk *w, uint64_t area) {
    if (tally_span(w->t, area, area + AREA_BYTES))
        tally_rest(w->t, area, area + AREA_BYTES, MALLOC_METADATA);
    else
        tally_broken(w->t, area);
}

static void tell(struct walk *w) {
    size_t area = 0;
    uint64_t end = 0;
    vec_sort(&w->groups, by_start);
    sort_addresses(w->areas.at, w->areas.n);
    for (size_t i = 0; i <= w->groups.n; i++) {
        const struct group *g = i < w->groups.n ? &w->groups.at[i] : NULL;
        for (; area < w->areas.n && (!g || w->areas.at[area] < g->start); area++)
            tell_area(w, w->areas.at[area]);
        if (!g || g->start < end)
            continue; /* it lies in the one before, and was told with it */
        w->next = i + 1;
        end = g->end;
        tell_group(w, g);
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
    return &release;
}
