/* What memwhy's own notes in a core say (capture_note.h). Hostile bytes in, plain data out. Private
 * to src/image/. */
#ifndef MEMWHY_IMAGE_CORE_CAPTURE_H
#define MEMWHY_IMAGE_CORE_CAPTURE_H

#include "base/vec.h"
#include "image/elf_note.h"
#include <stdbool.h>

struct core;

struct core_bytes {
    const uint8_t *at; /* in the core */
    size_t len;
};

struct core_capture {
    bool has_info, has_runs;
    uint64_t kernel_rss, swap_bytes;
    struct core_bytes maps, runs, threads, gaps;
    VEC(struct core_bytes) texts; /* a name, a NUL, the text */
};

/* Take one note if it is ours. */
void core_capture_parse(struct core_capture *c, const struct elf_note *note);
void core_capture_done(struct core_capture *c);

/* Regions, residency and names of threads from the notes; false when the core is no capture or the
 * notes make no sense, and must be estimated as for any core. */
bool core_capture_apply(struct core *c);

#endif
