/* The objects of a heap by class, by shape, or by where their constructor is written. */
#ifndef MEMWHY_COLLECT_HISTOGRAM_H
#define MEMWHY_COLLECT_HISTOGRAM_H

#include "collect/query.h"

enum histogram_by { HISTOGRAM_BY_CLASS, HISTOGRAM_BY_SHAPE, HISTOGRAM_BY_SCRIPT };

struct histogram_class {
    char *name;       /* of the class */
    char *properties; /* by shape, of objects: "{id, user}"; else NULL */
    uint64_t shape;   /* by shape: the map's tagged address; else 0 */
    char *script;     /* by script: where the constructor is; NULL: V8's own, Node's own in C++ */
    uint32_t line;    /* 0: not known */
    uint64_t count, shallow; /* all of them; bytes on the heap */
    uint64_t off_heap;       /* bytes outside that they hold */
    uint64_t off_heap_live;  /* of it, those of live objects */
    uint64_t retained;       /* bytes that would go with the live ones, on the heap and outside */
    uint64_t garbage_count, garbage_bytes;
};

struct histogram {
    /* The question; the caller's. Without nodes: by class or shape, of the query class and shape
     * only. */
    struct query query;
    enum histogram_by by;
    bool with_retained;    /* takes two thirds of the time */
    bool without_liveness; /* for the caller, who has made the view: garbage is not known */
    /* The answer. */
    VEC(struct histogram_class) classes; /* of which there are any */
    uint64_t nodes, edges;               /* of the graph; 0 without retained sizes */
};

/* Made with the view; `arg` of the visit is the histogram. On a view that has shapes alone
 * garbage and retained sizes stay 0, which says nothing. */
int histogram_see(void *histogram, const struct v8_view *view, struct err *e);
void histogram_done(struct histogram *h);

/* What there is more of now: live objects only. */
struct histogram_growth {
    const struct histogram_class *now; /* names it; NULL: there is none left */
    const struct histogram_class *then;
    uint64_t count_then, count_now;
    int64_t count_delta, bytes_delta; /* bytes on the heap and those they hold outside */
};

struct histogram_growth_list {
    VEC(struct histogram_growth) list; /* what differs, most growth in bytes first */
};

/* Joined by name, properties, script and line: addresses of shapes differ from look to look.
 * Borrows both. */
void histogram_compare(const struct histogram *then, const struct histogram *now,
                       struct histogram_growth_list *ret);

#endif
