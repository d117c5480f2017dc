/* What an address is: where it lies, and what that is called. Of a process as a whole: malloc's
 * chunks, V8's objects, code and data of modules, stacks, thread-local storage, other mappings. */
#ifndef MEMWHY_NATIVE_PLACES_H
#define MEMWHY_NATIVE_PLACES_H

#include "collect/collect.h"
#include "collect/heap_look.h"
#include "malloc/chunk_map.h"

enum place_kind {
    PLACE_NOWHERE, /* not mapped */
    PLACE_CHUNK,   /* of malloc, in any state, and what it has between chunks */
    PLACE_OBJECT,  /* of V8 */
    PLACE_HEAP,    /* a page of V8, where no object is */
    PLACE_CODE,    /* of a module: a function */
    PLACE_DATA,    /* of a module: a variable, a table */
    PLACE_TLS,     /* thread-local storage */
    PLACE_STACK,
    PLACE_MAPPING,  /* any other */
    PLACE_REGISTER, /* no address at all; never of places_find() */
};
const char *place_kind_name(enum place_kind k); /* "chunk", "object", ... */

struct place {
    enum place_kind kind;
    uint64_t addr; /* that was asked for */
    uint64_t start,
        end;            /* of what it lies in: a chunk's memory, an object, a variable, a mapping */
    const char *name;   /* a class, a content, a symbol, what a mapping is; NULL: it has none */
    const char *module; /* of code and data: the file's own name */
    uint32_t piece;     /* of chunks: its number in the census; else CHUNK_NONE */
    uint32_t node;      /* of objects; else V8_NO_NODE */
    size_t thread;      /* of stacks and thread-local storage: its index */
    bool is_table;      /* of virtual functions, of the class `name` */
    bool dead; /* a free chunk, a garbage object, what is below a stack pointer: nothing is held by
                  what stands there */
};

struct places;

/* Is it for those who look at V8's heap? Else it is for those of this folder. */
bool place_is_of_heap(const struct whole *whole, uint64_t addr);

/* While the visit lasts; `whole` is borrowed. */
struct places *places_new(const struct whole *whole);
void places_free(struct places *p);

/* Names are the places'. */
struct place places_find(struct places *p, uint64_t addr);
/* "ZlibStream, chunk of 160 B", "variable list of leaks +0x8"; the caller frees it. */
char *place_text(struct places *p, const struct place *at);
/* The name of the kind of thing it is, to group by: "ZlibStream", "Deflate", "list of leaks"; NULL:
 * it has none. The places'. */
const char *place_class(struct places *p, const struct place *at);
/* How what stands at `at` (and is that word) is called within it: "+0x18", "[[InternalField0]]",
 * "<backing_store>"; "" of a variable that is one pointer. The caller frees it. */
char *place_field(struct places *p, const struct place *at);

/* What they know, for who needs it. */
const struct whole *places_whole(const struct places *p);
const struct chunk_map *places_chunks(const struct places *p); /* NULL: chunks are not known */
struct heap_look *places_heap(struct places *p);               /* NULL: objects are not known */
/* The piece of malloc that holds addr, whatever its state; CHUNK_NONE. */
uint32_t places_piece(const struct places *p, uint64_t addr);
/* "123 (MainThread)". The caller frees it. */
char *places_thread(const struct places *p, size_t thread);

#endif
