/* An ELF core as an image. Private to src/image/.
 *
 * core.c opens and reads, core_regions.c makes the list of mappings, core_host.c adds what files of
 * this host hold, core_residency.c finds the pages with content; core_capture.c knows better where
 * memwhy itself wrote the core. */
#ifndef MEMWHY_IMAGE_CORE_H
#define MEMWHY_IMAGE_CORE_H

#include "image/backend.h"
#include "image/core_file.h"
#include "image/core_notes.h"

/* A PT_LOAD, clipped so that they are sorted and do not overlap. */
struct core_load {
    uint64_t start, end;
    const uint8_t *data;
    uint64_t file_bytes; /* that the core should hold */
    uint64_t held;       /* that it does hold */
    uint8_t prot;
};

/* Bytes that can be read. */
struct core_extent {
    uint64_t start, end;
    const uint8_t *data; /* NULL: zeros */
    bool of_host;        /* from a file of this host, not from the core */
};

struct core {
    struct image img;
    struct core_file file;
    struct core_notes notes;
    VEC(struct core_load) loads;
    VEC(struct core_extent) extents; /* sorted, not overlapping */
};

/* Takes over `fd`; `path` is for messages only. */
int image_open_core_fd(int fd, const char *path, struct image **ret, struct err *e);

/* Index of the first extent with end > addr. */
size_t core_extent_lower_bound(const struct core *c, uint64_t addr);

/* After some were added. */
void core_sort_extents(struct core *c);

/* Fill the image's regions from loads and notes. */
void core_find_regions(struct core *c);
/* Which of the regions is the program. */
void core_find_exe(struct core *c);
/* Add extents for what the core left out and files of this host hold, if they are the same ones. */
void core_use_host_files(struct core *c);
void core_find_residency(struct core *c);

/* A file descriptor for the file a core names, under $MEMWHY_SYSROOT if that is set; regular files
 * only. */
int core_open_host_file(const char *path);

#endif
