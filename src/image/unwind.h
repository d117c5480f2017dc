/* The machine frames of a thread, from its registers and its stack, of an image that does not move.
 *
 * By unwind tables where a file has them; by frame pointers elsewhere, and in code that the caller
 * says was generated at run time. Names nothing. What is read may be hostile: each frame lies above
 * the one before, except where a signal handler has a stack of its own, and their number is
 * limited. */
#ifndef MEMWHY_IMAGE_UNWIND_H
#define MEMWHY_IMAGE_UNWIND_H

#include "base/vec.h"
#include "image/code.h"

struct unwind_frame {
    uint64_t pc; /* where it goes on; of the innermost frame: where it stands */
    uint64_t fp; /* rbp in it; 0 at the edge of a function that has no frame yet, or no more */
    uint64_t sp; /* rsp in it */
    bool exact;  /* pc is the instruction it stands on (innermost, or interrupted by a signal), not
                  * the one behind a call */
    bool generated;
    bool signal; /* no frame of a function: the kernel called the signal handler before it */
};

struct unwind_frames {
    VEC(struct unwind_frame) list; /* innermost first */
    const char
        *cut; /* why the thread's first frame was not reached; NULL when it was. A constant */
};

/* Was the code at pc generated at run time: frame pointers, no tables? NULL: none was. */
struct unwind_generated {
    bool (*is_code)(void *arg, uint64_t pc);
    void *arg;
};

/* At least one frame unless the thread's registers are not known. `max`: no more frames than that
 * (or LIMIT_FRAMES). */
void unwind_thread(const struct image *img, struct code_map *code,
                   const struct unwind_generated *generated, const struct image_thread *t,
                   size_t max, struct unwind_frames *ret);

#endif
