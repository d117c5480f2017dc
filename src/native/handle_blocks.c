#include "native/handle_blocks.h"

#include "base/bytes.h"
#include "base/map64.h"
#include "base/vec.h"
#include <string.h>

enum { HANDLES = 1022, BLOCK_BYTES = HANDLES * 8 };
enum { CHUNK_BYTES = BLOCK_BYTES + 16, CHUNK_MOST = CHUNK_BYTES + 16 }; /* one that may hold it */

struct values {
    VEC(struct handle_blocks) list;
    struct map64 by_word; /* index into it */
};

/* The reference that all of the block is, but for a few slots: the last block is not full, and its
 * scope's own handles come first. 0: there is none. */
static uint64_t value_of(const struct image *img, uint64_t addr) {
    uint8_t bytes[BLOCK_BYTES];
    size_t same = 0;
    if (image_read(img, addr, bytes, sizeof bytes) < 0)
        return 0;
    uint64_t word = u64_at(bytes, BLOCK_BYTES / 2);
    for (size_t i = 0; i < HANDLES; i++)
        same += u64_at(bytes, i * 8) == word;
    return (word & 3) == 1 && same >= HANDLES - HANDLES / 10 ? word : 0;
}

/* V8's oddballs refer to their names (objects/oddball.h), strings of one byte a character behind a
 * header of two or three words (3.14 to 14). */
static const char *name_of(const struct image *img, uint64_t word) {
    static const char *const names[] = {"undefined", "null", "true", "false"};
    enum { FIELDS = 6, HEADER_FROM = 16, HEADER_TO = 24, SEEN = 40 };
    uint64_t fields[FIELDS];
    uint8_t text[SEEN];
    if (image_read(img, word - 1, fields, sizeof fields) < 0)
        return NULL;
    for (size_t f = 1; f < FIELDS; f++)
        for (size_t n = 0; (fields[f] & 3) == 1 && n < sizeof names / sizeof *names; n++)
            for (size_t at = HEADER_FROM; at <= HEADER_TO; at += 4)
                if (image_read(img, fields[f] - 1, text, sizeof text) == 0 &&
                    memcmp(text + at, names[n], strlen(names[n])) == 0)
                    return names[n];
    return NULL;
}

static void add_block(struct values *v, uint64_t word, const struct malloc_piece *p) {
    uint64_t at;
    if (!map64_get(&v->by_word, word, &at)) {
        at = v->list.n;
        vec_push(&v->list, (struct handle_blocks){.sample = p->addr + 16});
        map64_put(&v->by_word, word, at);
    }
    struct handle_blocks *b = &v->list.at[at];
    b->count++;
    b->bytes += p->size;
    b->handles += HANDLES;
}

/* Chunks in use of the sizes that a block may have, and others. */
static uint64_t count_candidates(const struct malloc_census *c) {
    size_t first = malloc_size_class_of(CHUNK_BYTES), last = malloc_size_class_of(CHUNK_MOST);
    uint64_t n = c->mmapped.count;
    for (size_t i = first; i <= last; i++)
        n += c->classes[i].in_use_count;
    return n;
}

void handle_blocks_find(const struct image *img, const struct malloc_census *c,
                        struct handle_blocks *ret) {
    struct values v = {0};
    *ret = (struct handle_blocks){0};
    if (count_candidates(c) < HANDLE_BLOCKS_LEAST)
        return;
    for (size_t i = 0; i < c->pieces.n; i++) {
        const struct malloc_piece *p = &c->pieces.at[i];
        if (p->state != MALLOC_IN_USE || p->size < CHUNK_BYTES || p->size > CHUNK_MOST)
            continue;
        uint64_t word = value_of(img, p->addr + 16);
        if (word)
            add_block(&v, word, p);
    }
    for (size_t i = 0; i < v.list.n; i++)
        if (v.list.at[i].count >= HANDLE_BLOCKS_LEAST && v.list.at[i].count > ret->count)
            *ret = v.list.at[i];
    if (ret->count) {
        uint64_t word;
        if (image_read_u64(img, ret->sample + BLOCK_BYTES / 2, &word) == 0)
            ret->value = name_of(img, word);
    }
    vec_free(&v.list);
    map64_done(&v.by_word);
}
