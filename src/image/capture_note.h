/* The notes a capture has beside those of every core; their owner is "MEMWHY". Private to
 * src/image/: capture_notes.c writes them, core_capture.c reads them. Numbers are little-endian.
 * Types are none of a core's own, for gdb looks at the type alone.
 *
 * CAPTURE_INFO       lines "key value": version (of this form, 1), memwhy, kernel_rss_bytes,
 *                    swap_bytes, taken (seconds since 1970)
 * CAPTURE_MAPS       the mappings as lines of /proc/PID/maps, at the moment of the stop
 * CAPTURE_RESIDENT   struct capture_run each: all pages in memory, ascending
 * CAPTURE_THREADS    struct capture_thread each: their names
 * CAPTURE_TEXT       a name, a NUL, then the text: "status", "smaps_rollup", ...
 * CAPTURE_GAPS       struct capture_gap each, ascending, ended by zeros: pages that could not be
 *                    read, and are zeros in the file. In a segment of its own at the end, of
 *                    CAPTURE_GAPS_BYTES, because it is known last */
#ifndef MEMWHY_IMAGE_CAPTURE_NOTE_H
#define MEMWHY_IMAGE_CAPTURE_NOTE_H

#include <stdint.h>

#define CAPTURE_NOTE "MEMWHY"

enum {
    CAPTURE_VERSION = 1,
    CAPTURE_INFO = 0x4d570001,
    CAPTURE_MAPS,
    CAPTURE_RESIDENT,
    CAPTURE_THREADS,
    CAPTURE_TEXT,
    CAPTURE_GAPS,
    CAPTURE_GAPS_BYTES = 64 << 10
};

struct capture_gap {
    uint64_t start, end;
};

struct capture_run {
    uint64_t start, end, flags; /* flags of model/residency.h */
};

struct capture_thread {
    uint64_t tid;
    char name[16];
};

#endif
