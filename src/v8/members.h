/* What an object consists of, in the terms of the program it belongs to. */
#ifndef MEMWHY_V8_MEMBERS_H
#define MEMWHY_V8_MEMBERS_H

#include "v8/places.h"

enum v8_member_kind {
    MEMBER_PROPERTY, /* own ones, private fields of classes too */
    MEMBER_ELEMENT,
    MEMBER_ENTRY,    /* of a Map or Set, or of V8's tables */
    MEMBER_VARIABLE, /* of the scopes a function closes over */
    MEMBER_EXPORT,   /* of a module */
    MEMBER_SLOT,     /* what the language keeps inside: [[Prototype]] */
    MEMBER_FIELD,    /* a word of an object of V8's own, by its offset */
    MEMBER_KINDS
};

/* One of text, value and (of accessors) getter and setter. */
struct v8_member {
    enum v8_member_kind kind;
    char *name;     /* "list", "Symbol(mark)", "#secret", "[[Target]]"; of elements and sets'
                       entries their index; of maps' entries NULL */
    uint64_t key;   /* of a map's entry: tagged */
    uint64_t value; /* tagged */
    char *text;     /* what is no tagged value: "0x7f12...", "app.js:12:3" */
    uint64_t getter, setter; /* tagged; undefined where there is none */
    char *scope;             /* of variables: "main (/app/server.js:3:1)"; NULL: of the innermost */
    bool is_accessor;
    bool is_hidden; /* not enumerable */
    bool is_weak;   /* it does not keep its value alive */
};

struct v8_members {
    VEC(struct v8_member) list;
    size_t count[MEMBER_KINDS];  /* of those in the list */
    uint64_t more[MEMBER_KINDS]; /* of those left out */
};

/* How objects are read, and how much of them: of each kind of members at most `limit`, of long
 * texts (source, stacks) at most `text_max` units. */
struct v8_decoder {
    struct v8_objects *o;
    struct v8_places places;
    struct v8_bytecode_sizes sizes;
    size_t limit, text_max;
    bool raw; /* every object word by word, as V8 laid it out */
};

/* It must stay where it is. */
void v8_decoder_open(struct v8_objects *o, size_t limit, size_t text_max, struct v8_decoder *ret);
void v8_decoder_done(struct v8_decoder *d);

/* Of something that is no object: none. */
void v8_members_of(struct v8_decoder *d, uint64_t object, struct v8_members *ret);
void v8_members_done(struct v8_members *m);
const char *v8_member_kind_name(enum v8_member_kind k); /* "property" */
/* The C++ class behind an object with internal fields, and where its object is; NULL: none that is
 * known. The caller frees. */
char *v8_native_class(struct v8_objects *o, uint64_t object, uint64_t *ret_addr);

#endif
