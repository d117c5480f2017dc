#include "base/map64.h"
#include "base/mem.h"
#include <assert.h>
#include <stdlib.h>

/* The slot that holds `key`, or the empty one where it belongs. */
static size_t slot_of(const struct map64 *m, uint64_t key) {
    size_t i = map64_hash(key) & (m->cap - 1);
    while (m->keys[i] && m->keys[i] != key)
        i = (i + 1) & (m->cap - 1);
    return i;
}

static void rehash(struct map64 *m) {
    struct map64 old = *m;
    m->cap = old.cap ? old.cap * 2 : 16;
    m->keys = mem_grow(NULL, m->cap, sizeof *m->keys);
    m->values = mem_grow(NULL, m->cap, sizeof *m->values);
    for (size_t i = 0; i < m->cap; i++)
        m->keys[i] = 0;
    for (size_t i = 0; i < old.cap; i++) {
        if (!old.keys[i])
            continue;
        size_t at = slot_of(m, old.keys[i]);
        m->keys[at] = old.keys[i];
        m->values[at] = old.values[i];
    }
    free(old.keys);
    free(old.values);
}

void map64_put(struct map64 *m, uint64_t key, uint64_t value) {
    assert(key);
    if (m->n >= m->cap - m->cap / 4) /* at most three quarters full; 0 of 0 too */
        rehash(m);
    size_t i = slot_of(m, key);
    if (!m->keys[i])
        m->n++;
    m->keys[i] = key;
    m->values[i] = value;
}

bool map64_get(const struct map64 *m, uint64_t key, uint64_t *ret) {
    if (!m->n || !key)
        return false;
    size_t i = slot_of(m, key);
    if (!m->keys[i])
        return false;
    if (ret)
        *ret = m->values[i];
    return true;
}

void map64_done(struct map64 *m) {
    free(m->keys);
    free(m->values);
    *m = (struct map64){0};
}
