/* What one look found of V8: isolates, their spaces, and the memory outside the heap that objects
 * on it hold. Plain data. "bytes" are address space, "resident" the part of it in memory. */
#ifndef MEMWHY_MODEL_V8_CENSUS_H
#define MEMWHY_MODEL_V8_CENSUS_H

#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* V8's own names, see v8_space_name(). */
enum v8_space {
    V8_READ_ONLY,
    V8_NEW,
    V8_OLD,
    V8_CODE,
    V8_MAP,
    V8_TRUSTED,
    V8_SHARED,
    V8_SHARED_TRUSTED,
    V8_LARGE,
    V8_NEW_LARGE,
    V8_CODE_LARGE,
    V8_TRUSTED_LARGE,
    V8_SHARED_LARGE,
    V8_SHARED_TRUSTED_LARGE,
    V8_SPACES
};

/* What the bytes of a page are; they partition it. */
enum v8_part {
    V8_OBJECTS,  /* live or not yet collected */
    V8_FREE,     /* free-list entries and fillers */
    V8_LAB,      /* allocation areas: reserved for the next allocations of a thread */
    V8_HEADER,   /* page headers, mark bitmaps in them, and the rounding at the end */
    V8_UNUSED,   /* semi-space pages that hold nothing: from-space and to-space beyond the top */
    V8_UNWALKED, /* could not be told apart; 0 outside collections */
    V8_PARTS
};

struct v8_tally {
    uint64_t bytes, resident;
};

struct v8_space_census {
    uint64_t pages;
    uint64_t objects;   /* how many */
    uint64_t committed; /* V8's space_size: the sum of its pages */
    uint64_t used;      /* V8's space_used_size; objects alone are part[V8_OBJECTS] */
    uint64_t accounted; /* V8's own counter in the space; 0 when the space has none */
    struct v8_tally part[V8_PARTS];
    /* Of the objects, where liveness was asked for: a full collection would free the rest. */
    uint64_t live;      /* bytes reachable from the roots */
    uint64_t weak_only; /* bytes reachable through weak references only; to be freed too */
};

/* What V8 lets a heap grow to. */
struct v8_limits {
    uint64_t old_bytes;        /* the old generation; an allocation beyond it ends the process */
    uint64_t semi_space_bytes; /* one semi-space */
    unsigned semi_spaces;      /* how often it counts; 0: nothing of this is known */
};

struct v8_isolate_census {
    uint64_t isolate, heap, roots; /* addresses in the target */
    char name[32];                 /* "main", "worker-3" */
    pid_t tid;                     /* its thread; 0 unknown */
    uint32_t gc_state;             /* 0: no collection under way */
    struct v8_limits limits;
    struct v8_space_census space[V8_SPACES];
    /* Distinct stores, as process.memoryUsage().arrayBuffers counts them: without resizable ones
     * and WebAssembly memories. */
    uint64_t array_buffer_bytes;
    uint64_t array_buffer_count;
    uint64_t external_string_bytes;
    /* Where liveness was asked for: pages that hold nothing live, and what of them is in memory:
     * what a full collection gives back to the kernel, and what it keeps in V8's pool of pages. */
    uint64_t pages_to_free, resident_to_free, resident_to_pool;
    uint64_t array_buffer_garbage; /* the part of array_buffer_bytes that only garbage holds */
};

enum v8_store_kind { V8_STORE_BUFFER, V8_STORE_SHARED, V8_STORE_WASM, V8_STORE_STRING };

/* Memory outside the heap that an object on it holds. */
struct v8_store {
    uint64_t addr, bytes;
    uint64_t holder;  /* the object; the first that was seen */
    uint32_t isolate; /* index; the first that was seen to hold it */
    enum v8_store_kind kind;
    bool two_byte;  /* of a string */
    bool garbage;   /* where liveness was asked for: no live object holds it */
    bool resizable; /* reserved to its maximal length; in no counter of process.memoryUsage() */
};

/* Pages that look like V8's and are in no space: pooled, or of an isolate that has ended. */
struct v8_stale {
    uint64_t pages, bytes, resident;
};

struct v8_range {
    uint64_t start, end;
    int16_t space;   /* enum v8_space; -1: of no space */
    int32_t isolate; /* index; -1: of none, that is read-only or of no space */
};

struct v8_census {
    char v8_version[32], node_version[24];
    bool layout_known; /* false: no table fits; only pages and their owners are reported */
    VEC(struct v8_isolate_census) isolates; /* main first */
    struct v8_space_census read_only;       /* shared by all isolates (V8 10 and later) */
    struct v8_stale stale;
    VEC(struct v8_store) stores; /* sorted by address, distinct */
    VEC(struct v8_range) pages;  /* every page, stale ones too; sorted, not overlapping */
    uint64_t unwalked_bytes;
    uint64_t swapped_bytes; /* of pages not looked into because they are in swap */
    bool has_liveness;      /* `live` and `weak_only` are known */
    bool has_page_pool;  /* empty pages are kept until a later collection or the platform wants */
    uint64_t stack_only; /* live bytes that only words on stacks or in registers hold: some may be
                          * left over from calls that have ended */
    bool in_collection;  /* some isolate's gc_state was not 0 */
    VEC(char *) notes;   /* sentences on what is not known, and why */
};

void v8_census_done(struct v8_census *c);
const char *v8_space_name(enum v8_space s); /* "old", "code_large", ... */
const char *v8_part_name(enum v8_part p);   /* "objects", "free", ... */
/* The page range that holds addr, or NULL. */
const struct v8_range *v8_census_page(const struct v8_census *c, uint64_t addr);

#endif
