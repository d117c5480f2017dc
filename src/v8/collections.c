#include "v8/collections.h"

#include <errno.h>

/* JSCollection, JSWeakCollection: table; JSCollectionIterator: table and index
 * (src/objects/js-collection.tq, js-collection-iterator.tq). */
enum { TABLE = 24, INDEX = 32, OBSOLETE_MAX = 1000 };

static int64_t smi_at(struct v8_objects *o, uint64_t table, int64_t index) {
    uint64_t v = v8_array_get(o, table, index);
    return v8_is_smi(v) ? v8_smi(v) : -1;
}

/* OrderedHashTable (src/objects/ordered-hash-table.h): elements, deleted elements, buckets; then
 * the buckets, then entries in the order of insertion, each with a link at its end. */
static int open_ordered(struct v8_objects *o, uint64_t table, bool is_map, struct v8_entries *ret) {
    int64_t words = v8_array_length(o, table), buckets = smi_at(o, table, 2);
    struct v8_entries e = {.o = o, .table = table, .has_values = is_map};
    e.stride = is_map ? 3 : 2;
    e.value = is_map ? 1 : 0;
    e.first = 3 + buckets;
    e.count = smi_at(o, table, 0);
    e.n = e.count + smi_at(o, table, 1);
    if (buckets <= 0 || e.count < 0 || e.n < e.count || e.first + e.n * e.stride > words)
        return -EBADMSG;
    *ret = e;
    return 0;
}

/* EphemeronHashTable: a HashTable of pairs (src/objects/hash-table.h). */
static int open_weak(struct v8_objects *o, uint64_t table, bool is_map, struct v8_entries *ret) {
    int64_t words = v8_array_length(o, table);
    struct v8_entries e = {.o = o, .table = table, .has_values = is_map, .is_weak = true};
    e.stride = 2;
    e.value = is_map ? 1 : 0;
    e.first = 3;
    e.count = smi_at(o, table, 0);
    e.n = smi_at(o, table, 2);
    if (e.count < 0 || e.n < e.count || e.first + e.n * e.stride > words)
        return -EBADMSG;
    *ret = e;
    return 0;
}

int v8_entries_open(struct v8_objects *o, uint64_t collection, struct v8_entries *ret) {
    uint64_t table = v8_field_or_0(o, collection, TABLE);
    switch (v8_type(o, collection)) {
    case TYPE_JS_MAP:
    case TYPE_JS_SET:
        return open_ordered(o, table, v8_type(o, collection) == TYPE_JS_MAP, ret);
    case TYPE_JS_WEAK_MAP:
    case TYPE_JS_WEAK_SET:
        return open_weak(o, table, v8_type(o, collection) == TYPE_JS_WEAK_MAP, ret);
    default:
        return -EBADMSG;
    }
}

/* A table that was replaced while an iterator stood in it has the next one in place of the number
 * of its elements, and the indices of the entries that were removed then, or -1 when all were. */
static bool next_table(struct v8_objects *o, uint64_t *table, int64_t *index) {
    uint64_t next = v8_array_get(o, *table, 0);
    if (v8_is_smi(next))
        return false;
    int64_t removed = smi_at(o, *table, 1), before = 0;
    for (int64_t i = 0; i < removed && smi_at(o, *table, 3 + i) < *index; i++)
        before++;
    *index = removed < 0 ? 0 : *index - before;
    *table = next;
    return true;
}

int v8_entries_open_iterator(struct v8_objects *o, uint64_t iterator, struct v8_entries *ret) {
    enum v8_type t = v8_type(o, iterator);
    bool is_map = t == TYPE_JS_MAP_KEY_ITERATOR || t == TYPE_JS_MAP_VALUE_ITERATOR ||
                  t == TYPE_JS_MAP_KEY_VALUE_ITERATOR;
    if (!is_map && t != TYPE_JS_SET_VALUE_ITERATOR && t != TYPE_JS_SET_KEY_VALUE_ITERATOR)
        return -EBADMSG;
    uint64_t table = v8_field_or_0(o, iterator, TABLE);
    uint64_t at = v8_field_or_0(o, iterator, INDEX);
    int64_t index = v8_is_smi(at) ? v8_smi(at) : -1;
    for (int i = 0; i < OBSOLETE_MAX && next_table(o, &table, &index); i++)
        ;
    struct v8_entries e;
    if (index < 0 || open_ordered(o, table, is_map, &e) < 0)
        return -EBADMSG;
    e.at = index < e.n ? index : e.n;
    *ret = e;
    return 0;
}

/* What else stands in a table is no entry: free places hold undefined. */
static bool is_weak_key(struct v8_objects *o, uint64_t key) {
    enum v8_kind k = v8_kind(o, key);
    return v8_is_receiver(k) || k == KIND_SYMBOL;
}

bool v8_entries_next(struct v8_entries *e, struct v8_entry *ret) {
    while (e->at < e->n) {
        int64_t entry = e->first + e->at++ * e->stride;
        uint64_t key = v8_array_get(e->o, e->table, entry);
        if (!v8_is_smi(key) && (v8_is_hole(e->o, key) || (e->is_weak && !is_weak_key(e->o, key))))
            continue;
        *ret = (struct v8_entry){key, v8_array_get(e->o, e->table, entry + e->value)};
        return true;
    }
    return false;
}
