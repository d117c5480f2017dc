/* Which objects a command is about, asked in one way by `instances`, `objects` and `strings`. All
 * that a query says must hold. */
#ifndef MEMWHY_COLLECT_QUERY_H
#define MEMWHY_COLLECT_QUERY_H

#include "collect/heap_look.h"
#include "collect/origins.h"

enum query_which { QUERY_LIVE, QUERY_GARBAGE, QUERY_ALL };

enum query_measure {
    QUERY_SIZE,     /* bytes of the object alone */
    QUERY_RETAINED, /* bytes that would go with it; needs the graph */
    QUERY_OFF_HEAP, /* bytes it holds outside the heap */
    QUERY_LENGTH,   /* of a string or array, entries of a Map or Set */
    QUERY_MEASURES
};

/* "size>=1M" is between `least` and UINT64_MAX. */
struct query_range {
    enum query_measure of;
    uint64_t least, most; /* least > most: nothing fits */
};

enum { QUERY_RANGES_MAX = 16 };

struct query {
    enum query_which which;
    const char *class;    /* a name, maybe with *; NULL: any */
    const char *script;   /* a part of the script's name; NULL: any */
    uint64_t shape;       /* address of the map; 0: any */
    uint64_t retained_by; /* address of a dominator; 0: any */
    struct query_range where[QUERY_RANGES_MAX];
    size_t n_where;
};

/* Adds what the text of --where says: "size>1M", several separated by commas. -EINVAL with `e`
 * filled. */
int query_where(struct query *q, const char *text, struct err *e);
/* Does it leave out nothing? */
bool query_is_any(const struct query *q);
/* Does `name` fit a name or pattern, in which * stands for any text? */
bool query_fits(const char *pattern, const char *name);

/* A query of one heap. The look, the query and the origins are the caller's. */
struct query_run {
    const struct query *q;
    struct heap_look *look;
    struct origins *origins;
    const struct heap_graph *graph; /* NULL: not needed */
    uint64_t *classes;              /* those that fit (base/bits.h); NULL: all do */
    uint32_t shape, retained_by;    /* nodes; V8_NO_NODE: any */
};

/* -EINVAL with `e` filled: an address in it is none; others as heap_look_graph(). */
int query_open(const struct query *q, struct heap_look *look, struct origins *origins,
               struct query_run *ret, struct err *e);
void query_done(struct query_run *r);
bool query_matches(struct query_run *r, uint32_t node);

#endif
