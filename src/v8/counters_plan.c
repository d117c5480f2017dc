#include "v8/counters_plan.h"

#include "base/limits.h"
#include "v8/pages.h"
#include <errno.h>
#include <string.h>

enum {
    COMMITTED_WORD = 3,    /* of a space: BaseSpace::committed_, all versions */
    HEAP_SEARCH = 0x400,   /* bytes of a Heap that hold the pointers to its spaces */
    NEW_SEARCH = 0x400,    /* of a NewSpace that hold its semi-spaces */
    ISOLATE_TAIL = 0x3000, /* behind the heap's address: the isolate's own fields */
};

static bool is_plausible(uint64_t addr) {
    return !(addr & 7) && addr >= PAGE_BYTES && addr < LIMIT_USER_ADDR;
}

/* The words at addr are read with each sample; returns where they will be, -1 when there are too
 * many: then the plan does not hold. */
static int add(struct v8_plan *p, uint64_t addr, size_t words) {
    if (p->n_cells == PLAN_CELLS || p->n_words + words > PLAN_WORDS)
        return -1;
    int at = (int)p->n_words;
    p->cells[p->n_cells].addr = addr;
    p->cells[p->n_cells].at = (uint16_t)at;
    p->cells[p->n_cells++].words = (uint16_t)words;
    p->n_words += words;
    return at;
}

static int add_moving(struct v8_plan *p, uint64_t addr) {
    int at = add(p, addr, 1);
    if (at >= 0)
        p->moves[at] = true;
    return at;
}

/* {start, top, limit}, of which the top moves. */
static int add_area(struct v8_plan *p, uint64_t addr) {
    int at = add(p, addr, 3);
    if (at >= 0)
        p->moves[at + 1] = true;
    return at;
}

/* --- spaces --- */

struct maker {
    const struct v8_recipe *r;
    uint64_t bias;
    const struct image *img;
    struct v8_plan *p;
};

static int kind_of(const struct maker *m, uint64_t vtable) {
    for (size_t i = 0; i < m->r->n_vtables; i++)
        if (m->r->vtables[i].addr + m->bias == vtable)
            return (int)m->r->vtables[i].space;
    return -1;
}

static struct plan_space *add_space(struct maker *m, enum v8_space kind, enum plan_form form,
                                    uint64_t addr, uint64_t vtable) {
    struct v8_plan *p = m->p;
    if (p->n_spaces == PLAN_SPACES)
        return NULL;
    struct plan_space *s = &p->spaces[p->n_spaces++];
    *s = (struct plan_space){.kind = kind,
                             .form = form,
                             .addr = addr,
                             .vtable = vtable,
                             .head = add(p, addr, 2),
                             .committed = {-1, -1},
                             .size = -1,
                             .capacity = -1,
                             .area = -1,
                             .quarantined = -1};
    return s;
}

/* A NewSpace has its semi-spaces, or its paged space, in itself. */
static void add_new_space(struct maker *m, uint64_t addr, uint64_t vtable) {
    const struct v8_facts *f = &m->r->facts;
    bool paged = vtable == m->r->new_paged + m->bias;
    uint64_t words[NEW_SEARCH / 8], part = paged ? m->r->paged_new : m->r->semi_space, area;
    struct plan_space *s = add_space(m, V8_NEW, paged ? FORM_PAGED_NEW : FORM_SEMI, addr, vtable);
    if (!s)
        return;
    size_t n = image_read_prefix(m->img, addr, words, sizeof words) / 8, found = 0;
    for (size_t i = 2; i + 1 < n && found < 2; i++)
        if (words[i] == part + m->bias && words[i + 1] == m->p->heap) {
            uint64_t at = addr + 8 * i;
            s->committed[found++] = add(m->p, at + 8ull * COMMITTED_WORD, 1);
            if (paged)
                s->size = add(m->p, at + 8 * (uint64_t)f->space_size_word, 1);
        }
    if (paged)
        return;
    s->capacity = add(m->p, addr + (uint64_t)f->new_capacity_offset, 1);
    if (f->new_quarantined_offset >= 0)
        s->quarantined = add(m->p, addr + (uint64_t)f->new_quarantined_offset, 1);
    if (f->new_area_offset >= 0) {
        if (image_read_u64(m->img, addr + (uint64_t)f->new_area_offset, &area) == 0 &&
            is_plausible(area))
            s->size = add_moving(m->p, area + 8);
    } else {
        /* Where allocation areas are apart it moves from area to area only. */
        s->size = f->allocators_offset >= 0 ? add(m->p, addr + (uint64_t)f->new_top_offset, 1)
                                            : add_moving(m->p, addr + (uint64_t)f->new_top_offset);
    }
}

static void add_old_space(struct maker *m, int kind, uint64_t addr, uint64_t vtable) {
    const struct v8_facts *f = &m->r->facts;
    bool paged = kind == V8_OLD || kind == V8_CODE || kind == V8_MAP || kind == V8_TRUSTED ||
                 kind == V8_SHARED || kind == V8_SHARED_TRUSTED;
    struct plan_space *s =
        add_space(m, (enum v8_space)kind, paged ? FORM_PAGED : FORM_LARGE, addr, vtable);
    if (!s)
        return;
    s->committed[0] = add(m->p, addr + 8ull * COMMITTED_WORD, 1);
    s->size = add(
        m->p,
        paged ? addr + 8 * (uint64_t)f->space_size_word : addr + (uint64_t)f->large_size_offset, 1);
}

/* Up to version 9 the read-only space counts in its isolate. */
static void add_read_only(struct maker *m) {
    const struct v8_facts *f = &m->r->facts;
    uint64_t addr, vtable;
    if (f->read_only_space_offset < 0 ||
        image_read_u64(m->img, m->p->heap + (uint64_t)f->read_only_space_offset, &addr) < 0 ||
        !is_plausible(addr) || image_read_u64(m->img, addr, &vtable) < 0)
        return;
    struct plan_space *s = add_space(m, V8_READ_ONLY, FORM_READ_ONLY, addr, vtable);
    if (!s)
        return;
    s->committed[0] = add(m->p, addr + 8ull * COMMITTED_WORD, 1);
    s->size = add(m->p, addr + (uint64_t)f->read_only_size_offset, 1);
}

static bool has_space(const struct v8_plan *p, uint64_t addr) {
    for (size_t i = 0; i < p->n_spaces; i++)
        if (p->spaces[i].addr == addr)
            return true;
    return false;
}

static int find_spaces(struct maker *m) {
    uint64_t words[HEAP_SEARCH / 8], head[2];
    unsigned seen = 0;
    if (image_read(m->img, m->p->heap, words, sizeof words) < 0)
        return -ENODATA;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!is_plausible(words[i]) || has_space(m->p, words[i]) ||
            image_read(m->img, words[i], head, sizeof head) < 0 || head[1] != m->p->heap)
            continue;
        int kind = kind_of(m, head[0]);
        if (head[0] == m->r->new_semi + m->bias || head[0] == m->r->new_paged + m->bias) {
            add_new_space(m, words[i], head[0]);
            seen |= 1u << V8_NEW;
        } else if (kind >= 0 && kind != V8_NEW && kind != V8_READ_ONLY) {
            add_old_space(m, kind, words[i], head[0]);
            seen |= 1u << kind;
        }
    }
    add_read_only(m);
    const unsigned need = 1u << V8_NEW | 1u << V8_OLD | 1u << V8_CODE | 1u << V8_LARGE;
    return (seen & need) == need ? 0 : -ENODATA;
}

/* --- allocation areas --- */

/* V8 closes its main thread's areas before it counts, where they are in a HeapAllocator. */
static void find_areas(struct maker *m) {
    const struct v8_facts *f = &m->r->facts;
    enum { SPACE = 0x10, AREA = 0xa0 }; /* of a MainAllocator: 12.4, 13.6, 14.6 */
    uint64_t all, space, area;
    if (f->allocators_offset < 0 ||
        image_read_u64(m->img, m->p->heap + (uint64_t)f->allocators_offset, &all) < 0)
        return;
    for (int i = 0; i < PLAN_AREAS; i++) {
        uint64_t at = all + (uint64_t)f->main_allocator_offset +
                      (uint64_t)i * (uint64_t)f->main_allocator_bytes;
        uint8_t there;
        if (image_read(m->img, at + (uint64_t)f->main_allocator_flag, &there, 1) < 0 ||
            image_read_u64(m->img, at + SPACE, &space) < 0 ||
            image_read_u64(m->img, at + AREA, &area) < 0 || there != 1 || !is_plausible(area))
            continue;
        for (size_t k = 0; k < m->p->n_spaces; k++)
            if (m->p->spaces[k].addr == space)
                m->p->areas[m->p->n_areas++] = (struct plan_area){
                    .space = (int)k,
                    .words = add_area(m->p, area),
                    .most = m->p->spaces[k].form == FORM_SEMI
                                ? -1
                                : add(m->p, at + (uint64_t)f->main_allocator_limit, 1)};
    }
}

/* --- single words --- */

/* Node's allocator of this isolate: its first counter is what it has given out. Up to Node 22 a
 * flag stands before it. */
static void find_allocator(struct maker *m) {
    struct v8_plan *p = m->p;
    uint64_t words[ISOLATE_TAIL / 8], o[3];
    size_t n = image_read_prefix(m->img, p->heap, words, sizeof words) / 8;
    for (size_t i = 0; i + 1 < n; i++) {
        if (!is_plausible(words[i]) || image_read(m->img, words[i], o, sizeof o) < 0 || !o[0] ||
            (o[0] != m->r->allocators[0] + m->bias && o[0] != m->r->allocators[1] + m->bias))
            continue;
        bool has_flag = (uint32_t)o[1] <= 1;
        p->array_buffers = add_moving(p, words[i] + (has_flag ? 16 : 8));
        /* A worker's isolate shares in the ownership of it: a second pointer follows. */
        p->lone_allocator = words[i + 1] != words[i];
        return;
    }
}

static void find_words(struct maker *m) {
    const struct v8_facts *f = &m->r->facts;
    struct v8_plan *p = m->p;
    uint64_t at, limits = p->heap;
    p->vm_state = add_moving(p, p->isolate + (uint64_t)f->vm_state_offset);
    p->gc_state = add(p, p->heap + (uint64_t)f->gc_state_offset, 1);
    p->gc_counts = add(p, p->heap + (uint64_t)f->gc_count_offset, 1);
    p->backing_stores = add_moving(p, p->heap + (uint64_t)f->backing_stores_offset);
    if (f->sweeper_offset >= 0 &&
        image_read_u64(m->img, p->heap + (uint64_t)f->sweeper_offset, &at) == 0 && is_plausible(at))
        p->swept = add_moving(p, at + (uint64_t)f->sweeper_bytes_offset);
    if (f->heap_limits_offset >= 0 &&
        (image_read_u64(m->img, p->heap + (uint64_t)f->heap_limits_offset, &limits) < 0 ||
         !is_plausible(limits)))
        return;
    p->max_old = add(p, limits + (uint64_t)f->max_old_space_offset, 1);
    p->max_semi = add(p, p->heap + (uint64_t)f->max_semi_space_offset, 1);
    p->live_after_gc = add(p, limits + (uint64_t)f->live_after_gc_offset, 1);
}

/* Where objects begin in a page of the new space: the page that is being filled says it. */
static int find_page_start(struct maker *m) {
    const struct v8_facts *f = &m->r->facts;
    struct v8_plan *p = m->p;
    uint64_t top, page, base, start;
    for (size_t i = 0; i < p->n_spaces; i++) {
        if (p->spaces[i].form != FORM_SEMI)
            continue;
        if (p->spaces[i].size < 0)
            return -ENODATA;
        for (size_t k = 0; k < p->n_cells; k++)
            if (p->cells[k].at == p->spaces[i].size &&
                (image_read_u64(m->img, p->cells[k].addr, &top) < 0 || !top))
                return -ENODATA; /* nothing was allocated yet */
        base = page = (top - 1) & ~(V8_PAGE_ALIGN - 1);
        if (f->page_metadata_word >= 0 &&
            image_read_u64(m->img, page + 8 * (uint64_t)f->page_metadata_word, &base) < 0)
            return -ENODATA;
        if (image_read_u64(m->img, base + 8 * (uint64_t)f->page_area_start_word, &start) < 0 ||
            start <= page || start - page >= V8_PAGE_ALIGN / 2)
            return -ENODATA;
        p->page_start = start - page;
    }
    return 0;
}

int v8_plan_make(const struct v8_recipe *r, uint64_t bias, const struct image *img,
                 uint64_t isolate, struct v8_plan *ret) {
    struct v8_plan *p = ret;
    memset(p, 0, sizeof *p);
    p->isolate = isolate;
    p->heap = isolate + (uint64_t)r->facts.heap_from_isolate;
    p->vm_state = p->gc_state = p->gc_counts = p->backing_stores = p->swept = p->array_buffers = -1;
    p->max_old = p->max_semi = p->live_after_gc = -1;
    struct maker m = {r, bias, img, p};
    if (!is_plausible(isolate) || find_spaces(&m) < 0 || find_page_start(&m) < 0)
        return -ENODATA;
    p->semi_spaces = 3;
    for (size_t i = 0; i < p->n_spaces; i++)
        if (p->spaces[i].form == FORM_PAGED_NEW)
            p->semi_spaces = 2; /* as v8_limits_semi_spaces() has it */
    find_areas(&m);
    find_words(&m);
    find_allocator(&m);
    if (p->n_cells == PLAN_CELLS || p->max_old < 0 || p->live_after_gc < 0)
        return -ENOTSUP;
    return 0;
}
