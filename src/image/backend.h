/* What a backend of the image fills in. Private to src/image/.
 *
 * To add a backend: embed `struct image` first in your own struct, set `ops` and `kind`, fill
 * regions, threads, residency, call image_find_modules(), and write one image_open_*. */
#ifndef MEMWHY_IMAGE_BACKEND_H
#define MEMWHY_IMAGE_BACKEND_H

#include "base/vec.h"
#include "image/elf_file.h"
#include "image/image.h"

struct image_ops {
    /* Whole or -EFAULT. */
    int (*read)(const struct image *img, uint64_t addr, void *buf, size_t len);
    size_t (*read_prefix)(const struct image *img, uint64_t addr, void *buf, size_t len);
    /* NULL: the front end loops over read. */
    int (*read_parts)(const struct image *img, const struct image_part *parts, size_t n);
    /* NULL: cannot move, nothing to do. */
    int (*stop)(struct image *img, struct err *e);
    /* NULL: as stop. */
    int (*freeze)(struct image *img, const struct image_freeze_how *how, struct err *e);
    void (*release)(struct image *img);
    /* NULL: always. */
    int (*check_alive)(const struct image *img, struct err *e);
    /* Open the file behind a module; a file descriptor or a negative errno. */
    int (*open_module)(const struct image *img, const struct image_module *m);
    /* Free what the backend owns beside the common part, then the struct itself. */
    void (*free)(struct image *img);
};

struct image {
    const struct image_ops *ops;
    enum image_kind kind;
    pid_t pid;
    char *exe;
    struct region_list regions;
    VEC(struct image_thread) threads;
    VEC(struct image_module) modules;
    struct elf_file **elfs; /* per module, opened when first asked for */
    struct residency residency;
    bool has_residency;
    uint64_t kernel_rss;
    uint64_t pause_ns;
    struct image_freeze_cost freeze_cost;
    VEC(struct image_range) left_out; /* sorted: in the process, not in the fork */
    bool missed_left_out;             /* some of it was to be read */
    VEC(char *) notes;
};

/* Fill img->modules from img->regions: every file mapped executable, with its whole extent. The
 * bias is settled when the ELF file is opened. */
void image_find_modules(struct image *img);
void image_note(struct image *img, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
