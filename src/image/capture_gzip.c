#include "image/capture_codec.h"

#include "base/mem.h"
#include <errno.h>
#include <string.h>
#include <zlib.h>

/* RFC 1952: magic, deflate, no flags, no time, fastest, Unix. */
static const uint8_t head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3};
static const uint8_t last_block[] = {3, 0}; /* empty */

enum { LEVEL = 1, RAW = -15, MEMORY = 8, FLUSH_MAX = 16 };

static size_t bound(size_t n) {
    return compressBound(n) + FLUSH_MAX;
}

static void *open_gzip(void) {
    z_stream *z = mem_zalloc(sizeof *z);
    if (deflateInit2(z, LEVEL, Z_DEFLATED, RAW, MEMORY, Z_DEFAULT_STRATEGY) == Z_OK)
        return z;
    free(z);
    return NULL;
}

static void close_gzip(void *ctx) {
    if (ctx)
        deflateEnd(ctx);
    free(ctx);
}

static int pack(void *ctx, const uint8_t *in, size_t n, uint8_t *out, size_t room,
                struct capture_piece *ret) {
    z_stream *z = ctx;
    if (deflateReset(z) != Z_OK)
        return -ENOMEM;
    z->next_in = (Bytef *)in;
    z->avail_in = (uInt)n;
    z->next_out = out;
    z->avail_out = (uInt)room;
    if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in || !z->avail_out)
        return -ENOMEM;
    *ret = (struct capture_piece){(uint32_t)(room - z->avail_out), (uint32_t)n,
                                  (uint32_t)crc32_z(0, in, n)};
    return 0;
}

static uint8_t *tail(const struct capture_piece *pieces, size_t n, size_t *ret_n) {
    uint32_t check[2] = {0}; /* CRC and bytes, both of all */
    uint8_t *ret = mem_alloc(sizeof last_block + sizeof check);
    for (size_t i = 0; i < n; i++) {
        check[0] = (uint32_t)crc32_combine(check[0], pieces[i].check, pieces[i].plain);
        check[1] += pieces[i].plain;
    }
    memcpy(ret, last_block, sizeof last_block);
    memcpy(ret + sizeof last_block, check, sizeof check);
    *ret_n = sizeof last_block + sizeof check;
    return ret;
}

const struct capture_codec capture_gzip = {.head = head,
                                           .n_head = sizeof head,
                                           .bound = bound,
                                           .open = open_gzip,
                                           .close = close_gzip,
                                           .pack = pack,
                                           .tail = tail};
