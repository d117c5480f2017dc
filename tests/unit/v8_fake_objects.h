/* Strings and functions on the heap of v8_fake.h, and the reader of single objects on it. */
#ifndef MEMWHY_TESTS_V8_FAKE_OBJECTS_H
#define MEMWHY_TESTS_V8_FAKE_OBJECTS_H

#include "v8/objects.h"
#include "v8_fake.h"

/* Instance types of the fake's own; strings as V8 numbers them. */
enum {
    TYPE_SEQ_TWO = 0x20,
    TYPE_SEQ_ONE = 0x28,
    TYPE_CONS_ONE = 0x29,
    TYPE_EXTERNAL_ONE = 0x2a,
    TYPE_SLICED_ONE = 0x2b,
    TYPE_THIN_ONE = 0x2d,
    TYPE_UNCACHED_ONE = 0x3a,
    TYPE_FUNCTION = 1059,
    TYPE_SHARED = 180,
};

/* A map on the object page, for objects of this type; tagged. */
static inline uint64_t fake_own_map(struct v8_fake *f, uint16_t type) {
    uint64_t at = f->at;
    fake_word(f->old, at, fake_map_address(FAKE_META));
    fake_word(f->old, at + 8, 4);
    memcpy(f->old + at + 12, &type, 2);
    f->at += 80;
    return FAKE_OLD + at + 1;
}

/* An object of words behind its map; tagged. */
static inline uint64_t fake_object(struct v8_fake *f, uint64_t map, const uint64_t *words,
                                   size_t n) {
    uint64_t at = f->at;
    fake_word(f->old, at, map);
    for (size_t i = 0; i < n; i++)
        fake_word(f->old, at + 8 + 8 * i, words[i]);
    f->at += 8 + 8 * n;
    return FAKE_OLD + at + 1;
}

static inline uint64_t fake_length(size_t n) {
    return (uint64_t)n << 32; /* the hash stands below it */
}

static inline uint64_t fake_one_byte(struct v8_fake *f, const char *s) {
    uint64_t map = fake_own_map(f, TYPE_SEQ_ONE), length = fake_length(strlen(s));
    uint64_t string = fake_object(f, map, &length, 1);
    memcpy(f->old + f->at, s, strlen(s));
    f->at += (strlen(s) + 7) & ~7ull;
    return string;
}

static inline uint64_t fake_string_of(struct v8_fake *f, uint16_t type, size_t length, uint64_t a,
                                      uint64_t b) {
    const uint64_t words[] = {fake_length(length), a, b};
    return fake_object(f, fake_own_map(f, type), words, 3);
}

struct fake_reader {
    struct image *img;
    struct v8_pages pages;
    struct v8_objects o;
};

static inline void fake_reader_open(struct v8_fake *f, struct fake_reader *r) {
    *r = (struct fake_reader){.img = fake_image(f)};
    v8_pages_find(r->img, &f->layout, 0, &r->pages);
    r->o = (struct v8_objects){.img = r->img, .l = &f->layout, .pages = &r->pages};
    r->o.kinds = malloc(1u << 16);
    r->o.types = calloc(1u << 16, 1);
    memset(r->o.kinds, KIND_OTHER, 1u << 16);
    memset(r->o.kinds, KIND_STRING, 64);
    r->o.kinds[150] = KIND_ARRAY;
    r->o.kinds[151] = KIND_BYTES;
    r->o.kinds[172] = KIND_MAP;
    r->o.kinds[TYPE_FUNCTION] = KIND_FUNCTION;
    r->o.kinds[TYPE_SHARED] = KIND_SHARED;
    r->o.kinds[1057] = KIND_RECEIVER;
}

static inline void fake_reader_done(struct fake_reader *r) {
    v8_objects_done(&r->o);
    v8_pages_done(&r->pages);
    image_free(r->img);
}

#endif
