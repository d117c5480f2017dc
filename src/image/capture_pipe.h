/* A core that comes through a pipe, from the kernel (core(5), "Piping core dumps to a program") or
 * anybody, becomes a packed capture: the same core with memwhy's notes in it, for which the process
 * is looked at while the kernel still keeps it. Nothing is held in memory but headers and notes. */
#ifndef MEMWHY_IMAGE_CAPTURE_PIPE_H
#define MEMWHY_IMAGE_CAPTURE_PIPE_H

#include "image/capture.h"

struct capture_pipe {
    int fd;              /* the core comes from here */
    uint64_t max_bytes;  /* the file is cut there */
    unsigned patience_s; /* how long nothing may come before it is taken for ended */
    struct image *img;   /* the process, open; NULL: not there any more */
};

struct capture_pipe_result {
    uint64_t core_bytes, file_bytes;
    bool cut;         /* something is missing at the end: for lack of room, or it never came */
    char why[128];    /* in words; "" when whole */
    uint32_t threads; /* 0 when nothing is known of the process beside the core */
};

/* Uses path, texts and cancelled of the options; always packed. -EBADMSG: no core, or one whose
 * notes do not come first. On failure no file is left. */
int capture_from_pipe(const struct capture_pipe *in, const struct capture_options *o,
                      struct capture_pipe_result *ret, struct err *e);

#endif
