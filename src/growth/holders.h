/* What holds other things on a heap, and how much: arrays, Maps, Sets, dictionaries, structures of
 * objects that refer to one another, objects that many others hang on, large Buffers and strings;
 * each with how it is reached. Plain data, so that it outlives the look: what two looks are
 * compared by. What only garbage refers to is not in it. */
#ifndef MEMWHY_GROWTH_HOLDERS_H
#define MEMWHY_GROWTH_HOLDERS_H

#include "base/err.h"
#include "growth/sketch.h"

enum holder_kind {
    HOLDER_ARRAY,
    HOLDER_TABLE,      /* Map, Set */
    HOLDER_DICTIONARY, /* an object used as one */
    HOLDER_LINKED,     /* objects of one shape, each kept by another of it: lists, chains, trees */
    HOLDER_OWNER,      /* an object that many of one class hang on, whatever way they do */
    HOLDER_LARGE,      /* one large string or ArrayBuffer */
    HOLDER_WORKERS,    /* the isolates of worker threads */
};

/* Fewer members are not looked at. */
enum { HOLDER_MEMBERS_MIN = 4 };

struct holder {
    enum holder_kind kind;
    uint64_t addr;     /* tagged; 0: it is no object of the process */
    bool is_moving;    /* in the young generation, or not known to stay where it is */
    char *class;       /* "Map", "Array", of HOLDER_LINKED that of its objects */
    char *line;        /* "variable list of /app/server.js"; NULL: not looked for */
    char *link;        /* of HOLDER_LINKED: how one is held by the one before; NULL: not known */
    VEC(char *) steps; /* the way, each as what is before refers to it; a link at the end */
    uint64_t members;  /* entries, elements, objects linked; 0 of HOLDER_LARGE */
    uint64_t shallow, retained, off_heap; /* bytes; off_heap is part of retained */
    char *member_class; /* of most of them; NULL: not known, or they are no objects */
    char *script;       /* where that class or function is written; NULL: not known */
    uint32_t script_line;
    struct sketch sketch;   /* of those of its members that stay where they are */
    uint64_t lasting;       /* how many those are: keys and values each count */
    struct sketch young;    /* of the others */
    char *bound_name;       /* beside it: what looks like its bound ("max"); NULL */
    uint64_t bound;         /* what that says */
    uint32_t position, end; /* in the dominator tree of its look */
};

struct holders {
    VEC(struct holder) list; /* those that hold most first */
    struct sketch young;     /* of all objects of the young generation, garbage too: they stay where
                              * they     are until there is a collection */
};

void holders_done(struct holders *h);

/* The same holder at another look: the same place in memory where it does not move, else the same
 * way from a root; and the same class. NULL: there is none. `same_process`: addresses of both mean
 * the same. */
const struct holder *holders_same(const struct holders *in, const struct holder *like,
                                  bool same_process);

#endif
