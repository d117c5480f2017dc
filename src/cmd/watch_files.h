/* The files that rules write into a folder, and how much of the disk they may take. Files are told
 * by their names, memwhy-watch-..., and by whose they are: nothing else is ever removed. */
#ifndef MEMWHY_CMD_WATCH_FILES_H
#define MEMWHY_CMD_WATCH_FILES_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct watch_place {
    char *path;          /* of the file to write; the caller frees it */
    uint64_t most_bytes; /* it may be so large, and the folder stays within the budget */
    unsigned removed;    /* older files that had to go for it */
    uint64_t removed_bytes;
};

/* Makes the folder, if need be, and room in it for a file of about `want_bytes` by removing the
 * oldest; 32 MiB of the disk stay free. -EFBIG when the budget, or -ENOSPC when the disk cannot
 * hold such a file at all: then nothing is removed. `ending` is ".core.zst" or ".heapsnapshot". */
int watch_files_place(const char *folder, uint64_t budget_bytes, uint64_t want_bytes, pid_t pid,
                      unsigned rule, const char *ending, struct watch_place *ret, struct err *e);

#endif
