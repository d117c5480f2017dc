#include "v8/maps.h"

#include "base/limits.h"

enum {
    SLOTS_MIN = 1 << 12, /* a process has some thousands of maps */
    SLOTS_MAX = 1 << 20, /* then begun anew; 40 MB */
    PAGES = 128,         /* maps stand together: one read serves many */
};

struct v8_map_page {
    uint64_t addr; /* 0: empty */
    uint8_t bytes[PAGE_BYTES];
};

/* What a look-up needs beside the cache itself. */
struct context {
    const struct image *img;
    const struct v8_layout *l;
    const struct v8_pages *pages;
};

static struct v8_map_info *slot_of(struct v8_map_info *slots, size_t n, uint64_t map) {
    size_t i = map64_hash(map) & (n - 1);
    while (slots[i].map && slots[i].map != map)
        i = (i + 1) & (n - 1);
    return &slots[i];
}

static void grow(struct v8_maps *m) {
    size_t n = m->n_slots ? 2 * m->n_slots : SLOTS_MIN;
    bool anew = n > SLOTS_MAX;
    if (anew)
        n = SLOTS_MIN;
    struct v8_map_info *slots = mem_zalloc(n * sizeof *slots);
    for (size_t i = 0; i < m->n_slots && !anew; i++)
        if (m->slots[i].map)
            *slot_of(slots, n, m->slots[i].map) = m->slots[i];
    if (anew)
        m->n = 0;
    free(m->slots);
    m->slots = slots;
    m->n_slots = n;
    if (!m->pages)
        m->pages = mem_zalloc(PAGES * sizeof *m->pages);
}

/* A map's head, from its OS page. */
static bool read_map(struct v8_maps *m, const struct context *c, uint64_t map,
                     struct v8_map_info *ret) {
    uint64_t addr = map - 1, at = addr & ~(PAGE_BYTES - 1);
    struct v8_map_page *p = &m->pages[at / PAGE_BYTES % PAGES];
    if ((map & 3) != 1 || !v8_pages_at(c->pages, map))
        return false;
    if (addr - at > PAGE_BYTES - V8_MAP_HEAD) /* across two pages */
        return v8_map_read(c->img, c->l, map, ret) == 0;
    if (p->addr != at) {
        p->addr = 0;
        if (image_read(c->img, at, p->bytes, PAGE_BYTES) < 0)
            return v8_map_read(c->img, c->l, map, ret) == 0;
        p->addr = at;
    }
    v8_map_parse(c->l, map, p->bytes + (addr - at), ret);
    return true;
}

/* From version 13 on native contexts have meta maps of their own, so that equality with the root is
 * not enough: the type of the map's map decides. */
static bool load(struct v8_maps *m, const struct context *c, uint64_t map,
                 struct v8_map_info *ret) {
    struct v8_map_info meta;
    if (!read_map(m, c, map, ret))
        return false;
    if (ret->meta == map)
        return ret->type == c->l->map_type;
    const struct v8_map_info *known = slot_of(m->slots, m->n_slots, ret->meta);
    if (known->map && known->map == ret->meta)
        return known->type == c->l->map_type;
    return read_map(m, c, ret->meta, &meta) && meta.type == c->l->map_type;
}

const struct v8_map_info *v8_maps_get(struct v8_maps *m, const struct image *img,
                                      const struct v8_layout *l, const struct v8_pages *pages,
                                      uint64_t map) {
    const struct context c = {img, l, pages};
    if ((map & 3) != 1)
        return NULL;
    if (m->last.map == map)
        return &m->last;
    if (2 * m->n >= m->n_slots)
        grow(m);
    struct v8_map_info *slot = slot_of(m->slots, m->n_slots, map), loaded;
    if (slot->map != map) {
        if (!load(m, &c, map, &loaded))
            return NULL;
        *slot = loaded;
        m->n++;
    }
    m->last = *slot;
    return &m->last;
}

void v8_maps_done(struct v8_maps *m) {
    free(m->slots);
    free(m->pages);
}
