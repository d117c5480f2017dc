/* The V8 half: from an image to a census. Knows nothing of malloc or of accounts. */
#ifndef MEMWHY_V8_V8_H
#define MEMWHY_V8_V8_H

#include "model/v8_census.h"
#include "v8/layout.h"

/* Count everything V8 has in this (stopped) image. -EAGAIN: a collection is under way, release and
 * stop again (with `accept_collection` it is counted as it is, and the census says so). -ENODATA:
 * no isolate was found. */
int v8_census_take(const struct image *img, const struct v8_layout *l, bool accept_collection,
                   struct v8_census *ret, struct err *e);

#endif
