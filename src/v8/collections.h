/* Map, Set, WeakMap, WeakSet and their tables. */
#ifndef MEMWHY_V8_COLLECTIONS_H
#define MEMWHY_V8_COLLECTIONS_H

#include "v8/objects.h"

struct v8_entry {
    uint64_t key, value; /* tagged; of sets the value is the key */
};

/* The entries of a collection: in the order they were added, those of weak ones as they lie in the
 * table. */
struct v8_entries {
    struct v8_objects *o;
    uint64_t table;  /* tagged */
    bool has_values; /* a map */
    bool is_weak;
    unsigned stride, value; /* words of an entry; where its value is */
    int64_t first, at, n;   /* index of the first entry in the table; entries, deleted ones too */
    int64_t count;          /* of those that are there, as the table has it */
};

/* -EBADMSG when it is no collection, or a broken one. */
int v8_entries_open(struct v8_objects *o, uint64_t collection, struct v8_entries *ret);
/* The entries an iterator of a Map or Set still has to give. */
int v8_entries_open_iterator(struct v8_objects *o, uint64_t iterator, struct v8_entries *ret);
bool v8_entries_next(struct v8_entries *e, struct v8_entry *ret);

#endif
