/* Why an object lives: ways to it from the roots, in the words of the program's author. */
#ifndef MEMWHY_COLLECT_PATHS_H
#define MEMWHY_COLLECT_PATHS_H

#include "collect/ways.h"
#include "v8/edges.h"

struct path_step {
    uint64_t addr;    /* tagged */
    char *name;       /* how what is before refers to it; of the first, the root's */
    const char *kind; /* of that edge; "root" */
    char *summary;
};

struct path {
    char *line; /* "global.list[988]", "variable list of /app/server.js: list[988]" */
    VEC(struct path_step) steps;
};

/* Names ways; borrows both. */
struct path_namer {
    struct heap_look *look;
    struct v8_edge_reader *reader;
};
/* Of a way's nodes, from the root's on. */
struct path path_name(struct path_namer *p, const struct ways *w, const uint32_t *nodes, size_t n);
void path_done(struct path *p);
/* "worker-1" when the object is on the heap of one; NULL: the main isolate's, or all isolates'. */
const char *path_worker(const struct heap_look *look, uint64_t addr);

/* --- for a command --- */

struct paths {
    uint64_t addr; /* set by the caller, with */
    size_t most;   /* how many */
    char *summary; /* of the object */
    bool live;
    VEC(struct path) list;
};

/* `arg` of the visit is the paths. -EINVAL with `e` filled: no object begins at addr. */
int paths_see(void *paths, const struct v8_view *view, struct err *e);
void paths_done(struct paths *p);

#endif
