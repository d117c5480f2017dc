/* What lies at an address outside V8's heap: the chunk or whatever else it is, what it begins with
 * word by word, and who holds it. */
#ifndef MEMWHY_NATIVE_SPOT_H
#define MEMWHY_NATIVE_SPOT_H

#include "native/keepers.h"

struct spot_word {
    uint64_t at, value;
    uint8_t n;        /* bytes of it that are there: 8, fewer at the end */
    char *text;       /* what it refers to; NULL: nothing that is known */
    const char *kind; /* of what it refers to; place_kind_name() */
    uint64_t to;      /* an address to go on with; 0 */
};

struct spot {
    struct place place; /* without its names */
    char *text, *name;  /* "ZlibStream, chunk of 160 B"; NULL: it has no name */
    char *module;       /* of code and data */
    char *shape;        /* of a chunk without a name: what its first words are; NULL */
    char *begins;       /* the text it begins with; NULL */
    char *mapping;      /* "rw-p /dev/shm/x": the mapping it lies in; NULL: none */
    uint64_t resident;  /* of its bytes */
    /* Of chunks: */
    uint64_t size;
    enum malloc_state state;
    int32_t arena; /* as in struct malloc_span */
    VEC(struct spot_word) words;
    uint64_t more_bytes; /* behind the last word */
    struct keepers keepers;
};

/* `bytes` of it are told. */
void spot_look(struct places *p, uint64_t addr, uint64_t bytes, struct spot *ret);
void spot_done(struct spot *s);

#endif
