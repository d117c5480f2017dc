/* Where the counters of one isolate are, and what they say. Private to counters*.c. */
#ifndef MEMWHY_V8_COUNTERS_PLAN_H
#define MEMWHY_V8_COUNTERS_PLAN_H

#include "v8/counters.h"
#include "v8/layout.h"

struct v8_recipe {
    struct v8_facts facts;
    bool moves;
    /* Addresses below are without the bias. */
    struct v8_vtable vtables[24]; /* of spaces that own pages */
    size_t n_vtables;
    uint64_t new_semi, new_paged;   /* vtables of the two kinds of NewSpace */
    uint64_t semi_space, paged_new; /* of what they consist of */
    uint64_t allocators[2];         /* vtables of Node's ArrayBuffer allocators */
    uint64_t platform_vtable;
    uint64_t platform, platform_bytes; /* node::per_process::v8_platform */
};

enum { PLAN_CELLS = 80, PLAN_WORDS = 192, PLAN_SPACES = 18, PLAN_AREAS = 6 };

enum plan_form { FORM_PAGED, FORM_LARGE, FORM_SEMI, FORM_PAGED_NEW, FORM_READ_ONLY };

/* All that is a place in the words read; -1: there is none. */
struct plan_space {
    enum v8_space kind;
    enum plan_form form;
    uint64_t addr;      /* of the space */
    int head;           /* its vtable, then its heap */
    uint64_t vtable;    /* what must stand there */
    int committed[2];   /* to be added up */
    int size;           /* what is allocated in it */
    int capacity, area; /* of a semi-space; the area where it says how far the page is filled */
    int quarantined;
};

struct plan_area {
    int space; /* index */
    int words; /* start, top, limit */
    int most;  /* how far it reaches at most */
};

struct v8_plan {
    uint64_t isolate, heap;
    bool lone_allocator; /* as only the main isolate has it */
    struct {
        uint64_t addr;
        uint16_t at, words;
    } cells[PLAN_CELLS];
    size_t n_cells;
    uint64_t words[2][PLAN_WORDS]; /* read one after the other */
    bool moves[PLAN_WORDS];        /* may differ between the two */
    size_t n_words;
    struct plan_space spaces[PLAN_SPACES];
    size_t n_spaces;
    struct plan_area areas[PLAN_AREAS];
    size_t n_areas;
    uint64_t page_start; /* where the objects of a new-space page begin in it */
    int vm_state, gc_state, gc_counts, backing_stores, swept, array_buffers;
    int max_old, max_semi, live_after_gc;
    unsigned semi_spaces; /* how many of them count in the limit */
};

/* -ENODATA: there is no isolate, or none that is set up; -ENOTSUP: its counters do not fit. */
int v8_plan_make(const struct v8_recipe *r, uint64_t bias, const struct image *img,
                 uint64_t isolate, struct v8_plan *ret);

struct v8_counts {
    uint64_t heap_used, heap_total, heap_limit, old_limit, external, array_buffers;
    uint64_t gc_major, gc_minor, live_after_gc; /* the last is 0 before there was a collection */
    struct sample_space space[V8_SPACES];
    uint32_t known_spaces; /* bit s */
};

/* -EAGAIN: it changes right now; -ESTALE: the isolate is no more. */
int v8_plan_read(struct v8_plan *p, const struct image *img, struct v8_counts *ret);

#endif
