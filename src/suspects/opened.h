/* A .heapsnapshot file as the commands ask for it: classes, what holds what, suspects, ways. */
#ifndef MEMWHY_SUSPECTS_OPENED_H
#define MEMWHY_SUSPECTS_OPENED_H

#include "collect/dominators.h"
#include "collect/paths.h"
#include "heapfile/classes.h"
#include "heapfile/heap_graph.h"
#include "suspects/suspects.h"

struct opened {
    struct heapfile *f;
    struct heapfile_classes classes;
    struct heapfile_graph graph;
    struct heapfile_ways ways; /* by opened_find_ways() */
    bool has_ways;
    uint64_t *globals; /* set: the global objects */
    struct progress *progress;
};

/* `p` may be NULL; it must outlive it. Errors as heapfile_open(). */
int opened_open(const char *path, struct progress *p, struct opened *ret, struct err *e);
void opened_done(struct opened *o);

/* What a node is, in a few words: "Map", "function handler", "\"text\"", "(array) (object
 * elements)". The caller frees it. */
char *opened_summary(const struct opened *o, uint32_t node);
/* -EINVAL: there is none of that id. */
int opened_find(const struct opened *o, uint64_t id, uint32_t *ret, struct err *e);

/* Where the internal edge of `node` leads whose name is `name`; GRAPH_NONE: it has none. */
uint32_t opened_target(const struct opened *o, uint32_t node, const char *name);

struct opened_class {
    const char *name; /* the classes' */
    uint64_t count, shallow, retained;
};
struct opened_classes {
    VEC(struct opened_class) list; /* those that retain most first */
};
void opened_histogram(const struct opened *o, struct opened_classes *ret);

/* By kind of node, as V8 calls it. */
struct opened_kind {
    const char *name;
    uint64_t count, bytes;
};
struct opened_kinds {
    VEC(struct opened_kind) list; /* the largest first */
    uint64_t bytes;               /* of all */
};
void opened_sum_kinds(const struct opened *o, struct opened_kinds *ret);

/* The list of `d`, whose addr is an id, as are those of the list. -EINVAL: no such node. */
int opened_dominators(const struct opened *o, struct dominators *d, struct err *e);

/* The list of `s`; addr and sample are ids. */
int opened_suspects(struct opened *o, struct suspects *s, struct err *e);

/* The list and the summary of `p`, whose addr is an id, as are those of the steps; live: some way
 * leads there. */
int opened_paths(struct opened *o, struct paths *p, struct err *e);

/* For the files of this part: */
int opened_find_ways(struct opened *o, struct err *e);
/* The way that is known to `node`, which has one, in words. */
struct path opened_path_to(const struct opened *o, uint32_t node);

#endif
