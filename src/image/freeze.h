/* How a running process comes to stand still: forked or stopped, whichever holds it for the shorter
 * time. Private to src/image/. */
#ifndef MEMWHY_IMAGE_FREEZE_H
#define MEMWHY_IMAGE_FREEZE_H

#include "image/image.h"

/* image_freeze() for a live image. */
int live_freeze(struct image *img, const struct image_freeze_how *how, struct err *e);

#endif
