#include "image/capture_codec.h"

#include "base/mem.h"
#include <errno.h>
#include <string.h>
#include <zstd.h>

enum { LEVEL = 1 };

#define SEEK_TABLE_MAGIC 0x184D2A5Eu /* a skippable frame */
#define SEEKABLE_MAGIC 0x8F92EAB1u

static size_t bound(size_t n) {
    return ZSTD_compressBound(n);
}

static void *open_zstd(void) {
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    if (ctx) {
        ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, LEVEL);
        ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
    }
    return ctx;
}

static void close_zstd(void *ctx) {
    ZSTD_freeCCtx(ctx);
}

static int pack(void *ctx, const uint8_t *in, size_t n, uint8_t *out, size_t room,
                struct capture_piece *ret) {
    size_t packed = ZSTD_compress2(ctx, out, room, in, n);
    if (ZSTD_isError(packed))
        return -ENOMEM;
    *ret = (struct capture_piece){(uint32_t)packed, (uint32_t)n, 0};
    return 0;
}

static uint8_t *seek_table(const struct capture_piece *pieces, size_t count, size_t *ret_n) {
    enum { ENTRY = 8 };
    size_t entries = count * ENTRY, n = 8 + entries + 9;
    uint32_t head[2] = {SEEK_TABLE_MAGIC, (uint32_t)(entries + 9)};
    uint32_t n_frames = (uint32_t)count, magic = SEEKABLE_MAGIC;
    uint8_t *table = mem_zalloc(n); /* the descriptor byte stays 0: no checksums */
    memcpy(table, head, sizeof head);
    for (size_t i = 0; i < count; i++)
        memcpy(table + 8 + ENTRY * i, &pieces[i], ENTRY);
    memcpy(table + 8 + entries, &n_frames, 4);
    memcpy(table + n - 4, &magic, 4);
    *ret_n = n;
    return table;
}

const struct capture_codec capture_zstd = {
    .bound = bound, .open = open_zstd, .close = close_zstd, .pack = pack, .tail = seek_table};
