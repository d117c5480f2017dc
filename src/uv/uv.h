/* The event loops of libuv in an image: handles, requests, work of the pool, and the C++ objects
 * that Node puts around handles. Knows nothing of V8, nor of the kernel's side of a file.
 *
 * A loop is believed when its parts point back at it, a handle when it names its loop and its
 * neighbour in the loop's list names it. What could not be followed is told as `cut`. */
#ifndef MEMWHY_UV_UV_H
#define MEMWHY_UV_UV_H

#include "image/image.h"
#include "model/uv_census.h"

/* Variables and functions of libuv; 0 where there is no symbol. */
struct uv_symbols {
    uint64_t default_loop; /* default_loop_struct, src/uv-common.c */
    uint64_t queue;        /* wq, src/threadpool.c: what waits for a thread of the pool */
    uint64_t slow_queue;   /* slow_io_pending_wq, the same: getaddrinfo and the like */
    /* Functions that tell what a piece of work is part of. */
    uint64_t fs_work, addrinfo_work, queued_work;
};

/* Reads files: best done before the image is stopped. */
void uv_symbols_find(struct image *img, struct uv_symbols *ret);

/* All loops that a thread runs, and the default one. The image must not move. No loop is no error.
 * The caller ends `ret` with uv_census_done(). */
void uv_census_take(const struct image *img, const struct uv_symbols *symbols,
                    struct uv_census *ret);

/* Tells, in no order, what of memory loops and handles are read from that is no pointer as well:
 * for a capture without what the program wrote. Names of files are not part of it. */
void uv_each_kept(const struct uv_census *c, void (*keep)(void *arg, uint64_t start, uint64_t end),
                  void *arg);

#endif
