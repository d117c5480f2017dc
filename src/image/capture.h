/* What an image holds, written into a file: a standard ELF core that gdb reads, with notes of our
 * own from which memwhy tells what it would have told of the process. Knows nothing of V8, malloc
 * or what a command wants.
 *
 * Written are anonymous, dirtied and shared-memory pages that are in memory; of files only the
 * first page of each mapped ELF (its build id finds the file again) and what the process may have
 * written to. The file is there under its name whole or not at all. */
#ifndef MEMWHY_IMAGE_CAPTURE_H
#define MEMWHY_IMAGE_CAPTURE_H

#include "base/progress.h"
#include "image/image.h"
#include <stdatomic.h>

/* A file of /proc/PID (or another fact) kept as it is. "auxv" and "cmdline" also fill the standard
 * notes. */
struct capture_text {
    const char *name;
    const char *bytes;
    size_t len;
};

/* What those who know the target better than this layer have to say of a capture; each may be NULL.
 */
struct capture_hooks {
    void *arg;
    /* The picture stands, nothing is written yet. -EAGAIN: a bad moment (a collection is under
     * way); the process is let go and stopped again a little later, unless this was the `last` try.
     */
    int (*look)(void *arg, struct image *img, bool last, struct err *e);
    /* Memory on its way into the file, in one mapping; may be changed. */
    void (*filter)(void *arg, uint64_t addr, uint8_t *bytes, size_t len);
    /* Registers likewise. */
    void (*words)(void *arg, uint64_t *words, size_t n);
};

struct capture_options {
    const char *path;
    struct image_freeze_how how;
    bool packed; /* zstd, seekable: frames of 4 MiB and a seek table */
    const struct capture_text *texts;
    size_t n_texts;
    struct capture_hooks hooks;
    const atomic_bool *cancelled; /* set by a signal handler; NULL: never */
    struct progress *progress;    /* may be NULL */
};

struct capture_result {
    uint64_t core_bytes;   /* length of the core, holes included */
    uint64_t memory_bytes; /* pages read from the target */
    uint64_t file_bytes;   /* what the file takes on disk */
    uint64_t lost_bytes;   /* in memory but not readable; reading them from the file fails too */
    uint64_t swap_bytes;   /* not in memory, so not in the file */
    uint32_t segments, threads, stops;
    enum image_kind kind; /* IMAGE_STOPPED or IMAGE_FROZEN: how it was read */
};

/* Stops (or freezes) the image, writes, releases it as soon as the last page is read, and makes the
 * file safe on disk. -EEXIST when there is such a file, -ENOSPC (looked at before a byte is
 * written), -EINTR when cancelled. On failure no file is left. */
int capture_write(struct image *img, const struct capture_options *o, struct capture_result *ret,
                  struct err *e);

/* A text kept in the capture behind `img`; NULL when it has none, or is no capture. Followed by no
 * NUL. */
const char *capture_text(const struct image *img, const char *name, size_t *ret_len);

#endif
