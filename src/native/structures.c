#include "native/structures.h"

#include "base/map64.h"
#include "base/mem.h"
#include "image/elf_file.h"
#include "malloc/reader.h"

static structure_test *const tests[] = {structure_zlib, structure_openssl, structure_node,
                                        structure_v8,   structure_sqlite,  structure_icu};

struct named {
    const char *name;
    bool whole;
};

struct structures {
    struct image *img;
    const struct chunk_map *map;
    struct map64 at; /* where a chunk's memory begins: 1 + index of all */
    VEC(struct named) all;
    struct map64 symbols; /* by address: 1 + index of names; 1: none */
    VEC(const char *) names;
};

/* A structure is no part of another; else the first to say it is right. */
static void say(struct structures *s, uint64_t addr, const char *name, bool whole) {
    uint64_t at;
    if (!map64_get(&s->at, addr, &at)) {
        vec_push(&s->all, (struct named){name, whole});
        map64_put(&s->at, addr, s->all.n);
    } else if (whole && !s->all.at[at - 1].whole) {
        s->all.at[at - 1] = (struct named){name, whole};
    }
}

void structure_part(const struct structure_look *l, uint64_t addr, const char *name) {
    enum { BEFORE_MAX = 16 };
    uint32_t i = chunk_map_find(l->map, addr);
    if (i == CHUNK_NONE)
        return;
    uint64_t memory = chunk_memory(&l->map->pieces[i]);
    if (addr - memory <= BEFORE_MAX && memory != l->addr)
        say(l->s, memory, name, false);
}

bool structure_fits(const struct structure_look *l, uint64_t addr, uint64_t bytes) {
    enum { LEAST = 24, ALIGNMENT = 16, KEPT = 16 };
    uint32_t i = chunk_map_at(l->map, addr);
    if (i == CHUNK_NONE)
        return false;
    uint64_t room = chunk_memory_end(l->map, i) - addr;
    return bytes <= room && (room <= LEAST + KEPT || room - bytes < ALIGNMENT + KEPT);
}

static const char *find_symbol(struct image *img, uint64_t addr) {
    size_t n;
    const struct image_module *m = image_modules(img, &n);
    const struct region *r = region_find(image_regions(img), addr);
    if (!r || r->kind != REGION_FILE)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct elf_file *elf;
        struct elf_symbol s;
        if (addr < m[i].start || addr >= m[i].end || image_module_elf(img, i, &elf, NULL) < 0)
            continue;
        if (elf_file_symbol_at(elf, addr - m[i].bias, &s) == 0 && s.value == addr - m[i].bias)
            return s.name;
    }
    return NULL;
}

const char *structure_symbol(const struct structure_look *l, uint64_t addr) {
    struct structures *s = l->s;
    uint64_t at;
    if (!addr || addr >= LIMIT_USER_ADDR)
        return NULL;
    if (map64_get(&s->symbols, addr, &at))
        return s->names.at[at];
    const char *name = find_symbol(l->img, addr);
    at = 0;
    if (name) {
        at = s->names.n;
        vec_push(&s->names, name);
    }
    map64_put(&s->symbols, addr, at);
    return name;
}

static void look_at(struct structures *s, const struct v8_census *v8, struct mem_window *w,
                    uint32_t i) {
    enum { LEAST = 24 };
    uint64_t addr = chunk_memory(&s->map->pieces[i]), end = chunk_memory_end(s->map, i);
    struct structure_look l = {.s = s,
                               .img = s->img,
                               .map = s->map,
                               .v8 = v8,
                               .addr = addr,
                               .size = end - addr,
                               .have = end - addr};
    uint8_t bytes[STRUCTURE_BYTES];
    if (l.have > STRUCTURE_BYTES)
        l.have = STRUCTURE_BYTES;
    bool inside = addr >= w->addr && addr - w->addr + 8 <= w->len;
    if (!inside && mem_window_fill(w, addr) == 0)
        inside = true;
    if (inside && w->len - (size_t)(addr - w->addr) >= l.have) {
        l.bytes = w->buf + (addr - w->addr);
    } else { /* the window ends in it */
        l.have = image_read_prefix(s->img, addr, bytes, l.have);
        l.bytes = bytes;
    }
    for (size_t k = 0; k < sizeof tests / sizeof *tests && l.have >= LEAST; k++) {
        const char *name = tests[k](&l);
        if (name) {
            say(s, addr, name, true);
            return;
        }
    }
}

struct structures *structures_find(struct image *img, const struct chunk_map *map,
                                   const struct v8_census *v8) {
    struct structures *s = mem_zalloc(sizeof *s);
    struct mem_window w;
    s->img = img;
    s->map = map;
    vec_push(&s->names, NULL);
    mem_window_init(&w, img);
    for (uint32_t i = 0; i < map->n; i++)
        if (map->pieces[i].state == MALLOC_IN_USE)
            look_at(s, v8, &w, i);
    mem_window_done(&w);
    return s;
}

void structures_free(struct structures *s) {
    if (!s)
        return;
    map64_done(&s->at);
    map64_done(&s->symbols);
    vec_free(&s->all);
    vec_free(&s->names);
    free(s);
}

const char *structures_name(const struct structures *s, uint64_t addr, bool *ret_whole) {
    uint64_t at;
    if (!map64_get(&s->at, addr, &at))
        return NULL;
    *ret_whole = s->all.at[at - 1].whole;
    return s->all.at[at - 1].name;
}
