/* How pieces of a file are packed, each by itself; what is made of them is one file, between `head`
 * and what `tail` gives. For capture_packer.c. */
#ifndef MEMWHY_IMAGE_CAPTURE_CODEC_H
#define MEMWHY_IMAGE_CAPTURE_CODEC_H

#include <stddef.h>
#include <stdint.h>

struct capture_piece {
    uint32_t packed, plain; /* bytes */
    uint32_t check;         /* the codec's own */
};

struct capture_codec {
    const uint8_t *head;
    size_t n_head;
    size_t (*bound)(size_t n); /* of n bytes packed */
    void *(*open)(void);       /* one for each thread; NULL: no memory */
    void (*close)(void *ctx);
    /* 0 or -ENOMEM. */
    int (*pack)(void *ctx, const uint8_t *in, size_t n, uint8_t *out, size_t room,
                struct capture_piece *ret);
    /* The caller frees it. */
    uint8_t *(*tail)(const struct capture_piece *pieces, size_t n, size_t *ret_n);
};

/* Frames of zstd, and the seek table (zstd contrib/seekable_format/
 * zstd_seekable_compression_format.md). */
extern const struct capture_codec capture_zstd;
/* One member, as every reader of gzip expects: pieces of deflate that end on whole bytes. */
extern const struct capture_codec capture_gzip;

#endif
