/* The file a capture or a snapshot is written to, from front to end: plain with holes for zeros, or
 * packed. Beside its final name (".NAME.partial") until it is whole. Knows nothing of
 * what is written. */
#ifndef MEMWHY_IMAGE_CAPTURE_SINK_H
#define MEMWHY_IMAGE_CAPTURE_SINK_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture_sink;
struct capture_packer;

enum capture_form { CAPTURE_PLAIN, CAPTURE_ZSTD, CAPTURE_GZIP };

/* -EEXIST when `path` or its temporary name is there already. */
int capture_sink_open(const char *path, enum capture_form form, struct capture_sink **ret,
                      struct err *e);
/* -ENOSPC unless the folder has room for `bytes` of content. */
int capture_sink_check_room(const struct capture_sink *s, uint64_t bytes, struct err *e);
/* How long the file will be at most when nothing more is written. */
uint64_t capture_sink_written(const struct capture_sink *s);
/* 0, or the negative errno of the first write that failed. */
int capture_sink_write(struct capture_sink *s, const uint8_t *p, size_t n);
/* Everything to the disk, then the final name. On failure only capture_sink_free() may follow. */
int capture_sink_finish(struct capture_sink *s, uint64_t *ret_disk_bytes);
/* Removes what is not finished. */
void capture_sink_free(struct capture_sink *s);
/* The sentence for a negative errno of the functions above. */
int capture_sink_explain(const struct capture_sink *s, int error, struct err *e);

/* Pieces of 4 MiB, packed by two threads, in the order they came. */
int capture_packer_new(int fd, enum capture_form form, struct capture_packer **ret);
uint64_t capture_packer_written(struct capture_packer *p);
int capture_packer_write(struct capture_packer *p, const uint8_t *bytes, size_t n);
/* Wait for all pieces, and write what comes behind them. */
int capture_packer_finish(struct capture_packer *p);
void capture_packer_free(struct capture_packer *p);

#endif
