#include "snapshot/spool.h"

#include <errno.h>
#include <stdlib.h>

int snapshot_spool_open(const char *path, struct snapshot_spool *ret) {
    int r = spool_open_beside(path, &ret->bytes);
    ret->edges = 0;
    ret->n = 0;
    ret->block.at = NULL;
    ret->block.n = ret->block.cap = 0;
    return r;
}

void snapshot_spool_done(struct snapshot_spool *s) {
    spool_close(&s->bytes);
    vec_free(&s->block);
}

static void end_block(struct snapshot_spool *s) {
    spool_put(&s->bytes, s->buf, s->n);
    vec_push(&s->block, s->bytes.n);
    s->n = 0;
}

static void put_number(struct snapshot_spool *s, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        s->buf[s->n++] = (uint8_t)(v | 0x80);
    s->buf[s->n++] = (uint8_t)v;
}

void snapshot_spool_put(struct snapshot_spool *s, unsigned kind, uint32_t name, uint32_t to) {
    put_number(s, (uint64_t)name << 3 | kind);
    put_number(s, to);
    if (++s->edges % SNAPSHOT_BLOCK == 0)
        end_block(s);
}

int snapshot_spool_end(struct snapshot_spool *s) {
    if (s->edges % SNAPSHOT_BLOCK)
        end_block(s);
    spool_end(&s->bytes, NULL);
    return s->bytes.error;
}

int snapshot_block_read(const struct snapshot_spool *s, size_t i, struct snapshot_block *ret) {
    uint64_t from = i ? s->block.at[i - 1] : 0, left = s->edges - (uint64_t)i * SNAPSHOT_BLOCK;
    ret->at = 0;
    ret->n = (size_t)(s->block.at[i] - from);
    ret->left = left < SNAPSHOT_BLOCK ? (uint32_t)left : SNAPSHOT_BLOCK;
    return spool_read(&s->bytes, from, ret->buf, ret->n);
}

static uint64_t get_number(struct snapshot_block *b) {
    uint64_t v = 0;
    for (unsigned shift = 0; b->at < b->n && shift < 64; shift += 7) {
        uint8_t byte = b->buf[b->at++];
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    return v;
}

bool snapshot_block_next(struct snapshot_block *b, unsigned *ret_kind, uint32_t *ret_name,
                         uint32_t *ret_to) {
    if (!b->left)
        return false;
    uint64_t first = get_number(b);
    *ret_kind = first & 7;
    *ret_name = (uint32_t)(first >> 3);
    *ret_to = (uint32_t)get_number(b);
    b->left--;
    return true;
}
