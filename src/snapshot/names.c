#include "snapshot/names.h"

#include "v8/strings.h"
#include <stdio.h>
#include <string.h>

enum { INDICES_KEPT = 1 << 20 };

static uint32_t add(struct snapshot_names *n, uint64_t hash, uint64_t entry) {
    uint32_t number = n->first + (uint32_t)n->list.n;
    vec_push(&n->list, entry);
    map64_put(&n->by_hash, hash | 1, number);
    return number;
}

uint32_t snapshot_name_text(struct snapshot_names *n, const char *text) {
    uint64_t hash = 0, number;
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        hash = snapshot_hash_step(hash, (unsigned char)text[i]);
    if (map64_get(&n->by_hash, hash | 1, &number))
        return (uint32_t)number;
    size_t at = n->texts.n;
    vec_reserve(&n->texts, at + len + 1);
    memcpy(n->texts.at + at, text, len + 1);
    n->texts.n += len + 1;
    return add(n, hash, 2 * at);
}

uint32_t snapshot_name_index(struct snapshot_names *n, uint32_t index) {
    char text[16];
    if (index < n->by_index.n && n->by_index.at[index])
        return n->by_index.at[index];
    snprintf(text, sizeof text, "%u", index);
    uint32_t number = snapshot_name_text(n, text);
    while (index < INDICES_KEPT && n->by_index.n <= index)
        vec_push(&n->by_index, 0);
    if (index < n->by_index.n)
        n->by_index.at[index] = number;
    return number;
}

bool snapshot_string_hash(struct v8_objects *o, uint64_t string, uint64_t *ret) {
    uint64_t hash = 0;
    struct v8_text t;
    if (v8_string_read(o, string, SNAPSHOT_STRING_MAX, &t) < 0)
        return false;
    for (size_t i = 0; i < t.n; i++)
        hash = snapshot_hash_step(hash, t.units[i]);
    v8_text_done(&t);
    *ret = hash;
    return true;
}

uint32_t snapshot_name_find(const struct snapshot_names *n, uint64_t hash) {
    uint64_t number;
    return map64_get(&n->by_hash, hash | 1, &number) ? (uint32_t)number : 0;
}

uint32_t snapshot_name_hashed(struct snapshot_names *n, uint64_t string, uint64_t hash) {
    uint64_t number;
    return map64_get(&n->by_hash, hash | 1, &number) ? (uint32_t)number : add(n, hash, string);
}

uint32_t snapshot_name_string(struct snapshot_names *n, uint64_t string, bool keep) {
    uint64_t hash, number;
    if (keep && map64_get(&n->by_address, string, &number))
        return (uint32_t)number;
    if (!snapshot_string_hash(n->o, string, &hash))
        return snapshot_name_text(n, "");
    number = snapshot_name_hashed(n, string, hash);
    if (keep)
        map64_put(&n->by_address, string, number);
    return (uint32_t)number;
}

const char *snapshot_name_at(struct snapshot_names *n, size_t i, uint64_t *ret_string) {
    uint64_t entry = n->list.at[i];
    *ret_string = entry;
    return entry & 1 ? NULL : n->texts.at + entry / 2;
}

void snapshot_names_done(struct snapshot_names *n) {
    vec_free(&n->list);
    vec_free(&n->texts);
    vec_free(&n->by_index);
    map64_done(&n->by_hash);
    map64_done(&n->by_address);
}
