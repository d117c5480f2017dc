#include "snapshot/names.h"

#include "v8/strings.h"
#include <stdio.h>
#include <string.h>

enum { INDICES_KEPT = 1 << 20 };

/* Where it is in the table, or belongs. */
static uint32_t *slot_of(const struct snapshot_names *n, uint64_t hash) {
    size_t i = map64_hash(hash) & (n->slots - 1);
    while (n->slot[i] && n->hash.at[n->slot[i] - 1] != hash)
        i = (i + 1) & (n->slots - 1);
    return &n->slot[i];
}

static void grow(struct snapshot_names *n) {
    enum { LEAST = 1 << 12 };
    free(n->slot);
    n->slots = n->slots ? 2 * n->slots : LEAST;
    n->slot = mem_zalloc(n->slots * sizeof *n->slot);
    for (size_t i = 0; i < n->hash.n; i++)
        *slot_of(n, n->hash.at[i]) = (uint32_t)i + 1;
}

static uint32_t add(struct snapshot_names *n, uint64_t hash, uint64_t entry) {
    if (n->list.n >= n->slots / 4 * 3)
        grow(n);
    vec_push(&n->list, entry);
    vec_push(&n->hash, hash);
    *slot_of(n, hash) = (uint32_t)n->list.n;
    return n->first + (uint32_t)n->list.n - 1;
}

uint32_t snapshot_name_find(const struct snapshot_names *n, uint64_t hash) {
    uint32_t slot = n->slots ? *slot_of(n, hash) : 0;
    return slot ? n->first + slot - 1 : 0;
}

uint32_t snapshot_name_text(struct snapshot_names *n, const char *text) {
    uint64_t hash = 0;
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        hash = snapshot_hash_step(hash, (unsigned char)text[i]);
    uint32_t number = snapshot_name_find(n, hash);
    if (number)
        return number;
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

uint64_t snapshot_whole_string_hash(struct v8_objects *o, uint64_t object) {
    uint64_t hash;
    enum v8_string_form form = v8_string_form(o->l, v8_instance_type(o, object));
    bool is_whole = form != STRING_CONS && form != STRING_SLICED && form != STRING_FORMS;
    return is_whole && snapshot_string_hash(o, object, &hash) ? hash : 0;
}

uint32_t snapshot_name_hashed(struct snapshot_names *n, uint64_t string, uint64_t hash) {
    uint32_t number = snapshot_name_find(n, hash);
    return number ? number : add(n, hash, string);
}

uint32_t snapshot_name_string(struct snapshot_names *n, uint64_t string, bool keep) {
    uint64_t hash;
    uint32_t number = keep ? snapshot_name_kept(n, string) : 0;
    if (number)
        return number;
    if (!snapshot_string_hash(n->o, string, &hash))
        return snapshot_name_text(n, "");
    number = snapshot_name_hashed(n, string, hash);
    if (keep)
        map64_put(&n->by_address, string, number);
    return number;
}

const char *snapshot_name_at(const struct snapshot_names *n, size_t i, uint64_t *ret_string) {
    uint64_t entry = n->list.at[i];
    *ret_string = entry;
    return entry & 1 ? NULL : n->texts.at + entry / 2;
}

void snapshot_names_done(struct snapshot_names *n) {
    vec_free(&n->list);
    vec_free(&n->hash);
    free(n->slot);
    vec_free(&n->texts);
    vec_free(&n->by_index);
    map64_done(&n->by_address);
}
