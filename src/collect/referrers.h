/* Who refers to an object, to a value, or has a property of some name; or what an object refers to:
 * each with the edge's name. */
#ifndef MEMWHY_COLLECT_REFERRERS_H
#define MEMWHY_COLLECT_REFERRERS_H

#include "v8/edges.h"
#include "v8/v8.h"

enum referrers_of {
    REFERRERS_OF_OBJECT, /* addrs */
    REFERRERS_OF_STRING, /* text: of every string with this content */
    REFERRERS_OF_NUMBER, /* number */
    REFERRERS_BY_NAME,   /* text: objects with a property of this name */
    REFERRERS_FROM,      /* addrs: what they refer to */
};

/* An edge with both its ends; the texts are its own. */
struct referrer {
    uint64_t from, to; /* tagged; from 0: a root; to 0: a number that is no object */
    char *from_summary, *to_summary;
    char *from_class; /* NULL: a root */
    char *name;       /* V8's */
    char *text;       /* as a program's author writes it: edge_text.h */
    const char *kind;
    bool live;    /* `from` is */
    bool is_own;  /* of the program's own making, no field of V8's */
    bool is_ours; /* V8's snapshots have no such edge */
    size_t order; /* as they were found: of one object, as it keeps them */
};

struct referrers {
    /* The caller's question. */
    enum referrers_of of;
    const uint64_t *addrs;
    size_t n_addrs;
    const char *text;
    double number;
    bool garbage;   /* what is garbage itself counts too */
    bool internal;  /* also where objects keep their properties, when the object itself is told */
    uint64_t limit; /* 0: all */
    /* The answer: the program's own edges first, then by address. */
    char *summary;  /* of the object asked for; NULL when it is no single one */
    uint64_t found; /* objects with the value asked for */
    VEC(struct referrer) list;
    uint64_t left_out;      /* by the limit */
    uint64_t garbage_count; /* left out because garbage */
    bool cut;               /* more candidates than are looked at */
};

/* `arg` of the visit is the referrers. -EINVAL with `e` filled: no object begins at addr. */
int referrers_see(void *referrers, const struct v8_view *view, struct err *e);
void referrers_done(struct referrers *r);

#endif
