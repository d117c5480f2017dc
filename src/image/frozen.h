/* The frozen side of a live image. Private to src/image/. */
#ifndef MEMWHY_IMAGE_FROZEN_H
#define MEMWHY_IMAGE_FROZEN_H

#include "image/live.h"

/* Fork it; the image reads the child from then on. Errors as image_freeze. */
int frozen_make(struct live *l, const struct image_freeze_how *how, struct err *e);
/* A copy that was given up leaves the reason in l->no_fork. */
void frozen_release(struct live *l);
int frozen_check_alive(const struct live *l, struct err *e);
void frozen_note_missed(struct frozen *f);

#endif
