/* What of a process a fork would leave out: smaps says which mappings are marked so. Private to
 * src/image/. */
#ifndef MEMWHY_IMAGE_DONTFORK_H
#define MEMWHY_IMAGE_DONTFORK_H

#include "base/vec.h"
#include "image/guard.h"
#include "image/image.h"
#include "model/region.h"
#include <stdio.h>

struct dontfork {
    struct region_list regions;      /* all of them, as smaps had them */
    VEC(uint8_t) marks;              /* per region */
    VEC(struct guard_range) ranges;  /* to be made forkable or not, and back again */
    VEC(struct image_range) lacking; /* sorted: the child has not these as the process has them */
};

/* Reads a whole smaps. `leave_out` names regions that the child need not have; what is no region
 * (any more) is ignored. -EIO, -ENODATA when it has no VmFlags lines (Linux before 3.8). */
int dontfork_read(FILE *smaps, const struct image_range *leave_out, size_t n, struct dontfork *ret);
/* Whether the process still has exactly these mappings. */
bool dontfork_fits(const struct dontfork *d, const struct region_list *now);
void dontfork_done(struct dontfork *d);

#endif
