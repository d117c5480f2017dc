/* What the notes of a core say: process, threads, mapped files, auxiliary vector. Hostile bytes in,
 * plain data out. Private to src/image/. */
#ifndef MEMWHY_IMAGE_CORE_NOTES_H
#define MEMWHY_IMAGE_CORE_NOTES_H

#include "base/vec.h"
#include "image/core_capture.h"
#include "image/image.h"

struct core_mapped {
    uint64_t start, end, offset;
    const char *name; /* in the core's own bytes, ended by a NUL */
};

struct core_notes {
    pid_t pid;
    char name[16];
    VEC(struct image_thread) threads;
    VEC(struct core_mapped) files;                  /* sorted, not overlapping */
    uint64_t at_phdr, at_entry, at_random, at_vdso; /* 0: not told */
    bool has_files;
    struct core_capture capture;
};

/* May be called for each PT_NOTE in turn. */
void core_notes_parse(struct core_notes *n, const uint8_t *p, size_t len, uint64_t align);
/* After the last one. */
void core_notes_settle(struct core_notes *n);
void core_notes_done(struct core_notes *n);

/* The entry that holds `addr`, else the first one above it, else NULL. */
const struct core_mapped *core_notes_file(const struct core_notes *n, uint64_t addr);

#endif
