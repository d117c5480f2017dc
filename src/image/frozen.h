/* The frozen side of a live image. Private to src/image/. */
#ifndef MEMWHY_IMAGE_FROZEN_H
#define MEMWHY_IMAGE_FROZEN_H

#include "image/live.h"

/* Fork it; the image reads the child from then on. Errors as image_freeze. */
int frozen_make(struct live *l, struct err *e);
/* A copy that was given up leaves the reason in l->no_fork. */
void frozen_release(struct live *l);
int frozen_check_alive(const struct live *l, struct err *e);
/* Whether [addr, addr + len) touches memory the child does not have as the process had it. */
bool frozen_lacks(const struct frozen *f, uint64_t addr, size_t len);

#endif
