/* The bytes of a core file, mapped whole: plain as it is, zstd unpacked into an unlinked temporary
 * file first. Knows nothing of ELF. Private to src/image/. */
#ifndef MEMWHY_IMAGE_CORE_FILE_H
#define MEMWHY_IMAGE_CORE_FILE_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct core_file {
    int fd;
    const uint8_t *map;
    size_t len;
    bool unpacked;       /* from zstd; fd is the temporary file */
    bool packed_cut;     /* the compressed file ended early */
    uint64_t disk_bytes; /* what the temporary file takes */
};

/* Takes over `fd`. Anything but a regular file of a useful size is -EBADMSG with the reason. */
int core_file_open(int fd, const char *path, struct core_file *ret, struct err *e);
void core_file_close(struct core_file *f);

/* Copy of what is mapped, of this file or of another. This file's bytes are read, though: so they
 * stay in the page cache, and what was looked at is not counted as memory of ours. */
void core_file_copy(const struct core_file *f, const uint8_t *from, size_t n, void *to);

/* The first offset from `offset` on where the file has data, `end` if there is none before it; and
 * in *ret_until how far that data goes at least. Holes of sparse cores are skipped by the file
 * system's word instead of being read. */
uint64_t core_file_next_data(const struct core_file *f, uint64_t offset, uint64_t end,
                             uint64_t *ret_until);

bool core_zstd_is(const uint8_t *p, size_t len);
/* Unpack into a new unlinked file, blocks of zeros left as holes. What can be unpacked of a file
 * cut short is kept, and *ret_cut set. -ENOSPC when the disk would fill, -EBADMSG on damaged input.
 */
int core_zstd_unpack(const uint8_t *p, size_t len, const char *path, int *ret_fd, bool *ret_cut,
                     struct err *e);

#endif
