/* Is this a good moment to keep a process's memory? Not while V8 collects: its heap cannot be
 * walked then, nor will it ever be from the file. */
#ifndef MEMWHY_COLLECT_WALKABLE_H
#define MEMWHY_COLLECT_WALKABLE_H

#include "image/capture.h"

struct walkable;

/* While the process runs. */
struct walkable *walkable_new(struct image *img);
void walkable_free(struct walkable *w);
/* For capture_write(). */
/* What the picture that was kept lacks, as a sentence without a full stop; NULL: nothing. */
const char *walkable_note(const struct walkable *w);
struct capture_hooks walkable_hooks(struct walkable *w);

#endif
