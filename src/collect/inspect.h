/* Objects as a console's tree shows them: their members, and the members of those. */
#ifndef MEMWHY_COLLECT_INSPECT_H
#define MEMWHY_COLLECT_INSPECT_H

#include "v8/members.h"
#include "v8/v8.h"

/* A value or a part of one. Texts are its own. */
struct inspected {
    enum v8_member_kind kind; /* of members */
    char *name;               /* of members; NULL: an entry of a map */
    char *key;                /* of a map's entry: in one line */
    uint64_t key_addr;        /* 0: it is no object */
    char *summary;            /* the value in one line; NULL: an accessor */
    uint64_t addr;            /* tagged; 0: it is no object */
    char *getter, *setter;    /* NULL: none */
    uint64_t getter_addr, setter_addr;
    char *scope; /* of variables */
    bool is_accessor, is_hidden, is_weak;
    bool is_open; /* its members are known: they were looked at */
    VEC(struct inspected *) members;
    uint64_t more[MEMBER_KINDS]; /* that were left out */
};

/* One that was asked for, and where it is. */
struct inspected_object {
    struct inspected *tree;
    char *class, *details;
    const char *space; /* "old" */
    char isolate[32];  /* "main"; "": of all */
    uint64_t page, map, shallow;
    int instance_type;
    const char *type; /* "JSMap"; NULL: it has no name here */
    bool is_live;
    /* With `with_retained`, of live ones: */
    bool has_retained;
    uint64_t retained;
    uint64_t dominator; /* tagged; 0: the roots */
    char *dominator_summary;
};

struct inspection {
    /* Set by the caller, and valid as long as it is. */
    VEC(uint64_t) addrs;
    const char *class; /* or all objects of this class; NULL */
    unsigned depth;    /* levels of members */
    uint64_t limit;    /* members of each kind that are shown */
    uint64_t text_max; /* units of long texts */
    bool raw;          /* words, as V8 laid them out */
    bool with_retained;
    /* The answer. */
    VEC(struct inspected_object) objects;
    uint64_t more_objects;       /* of the class, over the limit */
    VEC(struct inspected *) all; /* every node of the trees, for the end */
    bool is_cut;                 /* more members than could be kept */
};

/* `arg` of the visit is the inspection. -EINVAL with `e` filled: no object begins at an address, or
 * there is none of the class. */
int inspection_see(void *inspection, const struct v8_view *view, struct err *e);
void inspection_done(struct inspection *s);

#endif
