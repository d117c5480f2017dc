/* A heap of V8 9.4 made by hand in a fake image: one isolate with a read-only page that holds the
 * maps and one old-space page for objects a test writes. Small enough to spoil byte by byte. */
#ifndef MEMWHY_TESTS_V8_FAKE_H
#define MEMWHY_TESTS_V8_FAKE_H

#include "image/fake.h"
#include "v8/sizes.h"
#include "v8/v8.h"
#include <stdlib.h>
#include <string.h>

enum { FAKE_PAGE = 0x40000, FAKE_NATIVE_SIZE = 0x40000, FAKE_AREA = 0x1118 };
#define FAKE_NATIVE 0x10000000ull
#define FAKE_ROOTS (FAKE_NATIVE + 0x10000)
#define FAKE_HEAP (FAKE_ROOTS + 0xa290)
#define FAKE_OLD_SPACE (FAKE_NATIVE + 0x30000)
#define FAKE_RO_SPACE (FAKE_NATIVE + 0x31000)
#define FAKE_RO 0x20000000ull
#define FAKE_OLD 0x20040000ull
#define FAKE_OLD_VTABLE 0x500010ull
#define FAKE_RO_VTABLE 0x600010ull

/* Root indices, and the order of the maps on the read-only page. */
enum fake_map {
    FAKE_META,
    FAKE_FIXED_ARRAY,
    FAKE_BYTE_ARRAY,
    FAKE_FREE,
    FAKE_FILLER1,
    FAKE_FILLER2,
    FAKE_OBJECT, /* 4 words */
    FAKE_BUFFER, /* JSArrayBuffer */
    FAKE_MAPS
};

static const struct {
    const char *name;
    uint16_t type;
    uint8_t words; /* 0: by rule */
} fake_maps[FAKE_MAPS] = {
    {"meta_map", 172, 10},
    {"fixed_array_map", 150, 0},
    {"byte_array_map", 151, 0},
    {"free_space_map", 152, 0},
    {"one_pointer_filler_map", 153, 1},
    {"two_pointer_filler_map", 153, 2},
    {"object", 1057, 4},
    {"buffer", 1086, 9},
};

struct v8_fake {
    uint8_t native[FAKE_NATIVE_SIZE], ro[FAKE_PAGE], old[FAKE_PAGE];
    struct v8_layout layout;
    uint64_t at; /* where fake_put writes next, in `old` */
};

static inline void fake_word(uint8_t *page, uint64_t offset, uint64_t value) {
    memcpy(page + offset, &value, 8);
}
static inline uint64_t fake_map_address(enum fake_map m) {
    return FAKE_RO + FAKE_AREA + 80ull * m + 1;
}

static inline void fake_page(uint8_t *page, uint64_t addr, uint64_t owner, uint64_t area_end) {
    fake_word(page, 0, FAKE_PAGE);
    fake_word(page, 8 * 2, FAKE_HEAP);
    fake_word(page, 8 * 3, addr + FAKE_AREA);
    fake_word(page, 8 * 4, addr + area_end);
    fake_word(page, 8 * 8, owner);
}

static inline void fake_space(uint8_t *native, uint64_t at, uint64_t vtable, uint64_t page) {
    fake_word(native, at - FAKE_NATIVE, vtable);
    fake_word(native, at - FAKE_NATIVE + 8, FAKE_HEAP);
    fake_word(native, at - FAKE_NATIVE + 8 * 23, page);
    fake_word(native, at - FAKE_NATIVE + 8 * 24, page);
}

static inline void fake_layout(struct v8_layout *l) {
    struct v8_map_info maps[FAKE_MAPS] = {0};
    l->facts = v8_line_exact(9, 4)->facts;
    l->exact = l->explained = true;
    l->table = "fake";
    l->map_type = 172;
    l->array_buffer_type = 1086;
    l->first_nonstring_type = 64;
    l->string_representation_mask = 7;
    l->external_string_tag = 2;
    l->string_encoding_mask = l->one_byte_tag = 8;
    l->first_context_type = 137;
    l->last_context_type = 147;
    l->native_context_type = 144;
    l->vtables[0] = (struct v8_vtable){FAKE_OLD_VTABLE, V8_OLD};
    l->vtables[1] = (struct v8_vtable){FAKE_RO_VTABLE, V8_READ_ONLY};
    l->n_vtables = 2;
    l->root_names = calloc(FAKE_MAPS, sizeof *l->root_names);
    for (l->n_roots = 0; l->n_roots < FAKE_MAPS; l->n_roots++) {
        size_t i = l->n_roots;
        l->root_names[i] = strdup(fake_maps[i].name);
        maps[i] = (struct v8_map_info){.map = fake_map_address((enum fake_map)i),
                                       .type = fake_maps[i].type,
                                       .fixed_size = 8u * fake_maps[i].words};
    }
    l->free_space_map = fake_map_address(FAKE_FREE);
    l->free_space_type = 152;
    l->filler_type = 153;
    v8_sizes_setup(l, maps);
}

/* Everything but the objects. */
static inline struct v8_fake *fake_new(void) {
    struct v8_fake *f = calloc(1, sizeof *f);
    uint64_t ro_end = FAKE_AREA + 80ull * FAKE_MAPS;
    fake_page(f->ro, FAKE_RO, FAKE_RO_SPACE, ro_end);
    fake_page(f->old, FAKE_OLD, FAKE_OLD_SPACE, FAKE_PAGE);
    fake_space(f->native, FAKE_OLD_SPACE, FAKE_OLD_VTABLE, FAKE_OLD);
    fake_space(f->native, FAKE_RO_SPACE, FAKE_RO_VTABLE, FAKE_RO);
    for (int i = 0; i < FAKE_MAPS; i++) {
        uint64_t at = FAKE_AREA + 80ull * (uint64_t)i;
        fake_word(f->native, FAKE_ROOTS - FAKE_NATIVE + 8ull * (uint64_t)i,
                  fake_map_address((enum fake_map)i));
        fake_word(f->ro, at, fake_map_address(FAKE_META));
        f->ro[at + 8] = fake_maps[i].words;
        memcpy(f->ro + at + 12, &fake_maps[i].type, 2);
    }
    fake_layout(&f->layout);
    f->at = FAKE_AREA;
    return f;
}

static inline void fake_free(struct v8_fake *f) {
    for (size_t i = 0; i < f->layout.n_roots; i++)
        free(f->layout.root_names[i]);
    free(f->layout.root_names);
    free(f);
}

/* Put an object of `size` bytes, its second word given (a length as a Smi is n << 32). */
static inline uint64_t fake_put(struct v8_fake *f, enum fake_map map, uint64_t size,
                                uint64_t second) {
    uint64_t at = f->at;
    fake_word(f->old, at, fake_map_address(map));
    if (size > 8)
        fake_word(f->old, at + 8, second);
    f->at += size;
    return FAKE_OLD + at;
}

/* Free space to the end of the page. */
static inline void fake_fill(struct v8_fake *f) {
    uint64_t rest = FAKE_PAGE - f->at;
    if (rest)
        fake_put(f, FAKE_FREE, rest, rest << 32);
}

static inline struct image *fake_image(const struct v8_fake *f) {
    struct image *img = image_fake_new();
    image_fake_add(img, FAKE_NATIVE, f->native, sizeof f->native, REGION_ANON, REGION_R | REGION_W,
                   "");
    image_fake_add(img, FAKE_RO, f->ro, sizeof f->ro, REGION_ANON, REGION_R, "");
    image_fake_add(img, FAKE_OLD, f->old, sizeof f->old, REGION_ANON, REGION_R | REGION_W, "");
    return img;
}

#endif
