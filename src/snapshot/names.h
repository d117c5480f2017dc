/* The strings of a snapshot: each once, by number, in the order they were first asked for. What the
 * heap holds is not copied: the table says where it stands, and it is read once more when the
 * strings are written, at the end of the file. Strings are the same when a hash of 64 bits is. */
#ifndef MEMWHY_SNAPSHOT_NAMES_H
#define MEMWHY_SNAPSHOT_NAMES_H

#include "base/hash.h"
#include "base/map64.h"
#include "base/vec.h"
#include "v8/objects.h"

/* V8's heap_snapshot_string_limit: units of a string that are shown. */
#define SNAPSHOT_STRING_MAX 1024u

struct snapshot_names {
    struct v8_objects *o;
    uint32_t first;         /* the number of the first */
    VEC(uint64_t) list;     /* a tagged string, or twice the place of a text */
    VEC(uint64_t) hash;     /* of each */
    uint32_t *slot;         /* by hash: index + 1; 0: none */
    size_t slots;           /* a power of two, or 0 */
    VEC(char) texts;        /* UTF-8, each ended by NUL */
    VEC(uint32_t) by_index; /* numbers of "0", "1", ...; 0: not there yet */
    struct map64 by_address;
};

/* Of a text in UTF-8. */
uint32_t snapshot_name_text(struct snapshot_names *n, const char *text);
/* Of a decimal number. */
uint32_t snapshot_name_index(struct snapshot_names *n, uint32_t index);
/* Of the content of a string of the heap; `keep`: it will be asked for again. What cannot be read
 * is "". */
uint32_t snapshot_name_string(struct snapshot_names *n, uint64_t string, bool keep);
/* The same if it was kept; 0: it was not, or is no string. */
static inline uint32_t snapshot_name_kept(const struct snapshot_names *n, uint64_t string) {
    uint64_t number;
    return map64_get(&n->by_address, string, &number) ? (uint32_t)number : 0;
}
/* Of its content; false when it cannot be read. */
bool snapshot_string_hash(struct v8_objects *o, uint64_t string, uint64_t *ret);
/* Of an object that is a string whose characters are in one place; 0: it is none, or they cannot be
 * read. */
uint64_t snapshot_whole_string_hash(struct v8_objects *o, uint64_t object);
/* The hash's next, from 0 on: by units of UTF-16, or by bytes of a text of our own. */
static inline uint64_t snapshot_hash_step(uint64_t h, uint64_t unit) {
    return hash_mix(h ^ (unit + 0x9E3779B97F4A7C15ull), 0xD6E8FEB86659FD93ull);
}
/* The number of what has this hash; 0: there is none. */
uint32_t snapshot_name_find(const struct snapshot_names *n, uint64_t hash);
/* It will be asked for soon. */
static inline void snapshot_name_prefetch(const struct snapshot_names *n, uint64_t hash) {
    if (n->slots)
        __builtin_prefetch(&n->slot[map64_hash(hash) & (n->slots - 1)]);
}
/* Of a string whose hash is known. */
uint32_t snapshot_name_hashed(struct snapshot_names *n, uint64_t string, uint64_t hash);
/* The i-th as a text, valid until the next is added; NULL: it is *ret_string's content. */
const char *snapshot_name_at(const struct snapshot_names *n, size_t i, uint64_t *ret_string);
void snapshot_names_done(struct snapshot_names *n);

#endif
