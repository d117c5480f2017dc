/* What a process waits for: libuv's handles, joined with V8's objects around them and the kernel's
 * view of their files. In three steps, so that what needs no stillness is done outside of it. */
#ifndef MEMWHY_COLLECT_HANDLES_H
#define MEMWHY_COLLECT_HANDLES_H

#include "image/image.h"
#include "model/uv_census.h"
#include "v8/layout.h"

struct handle_reader;

/* Before the image is stopped: opens program and libraries. Image and layout are borrowed; the
 * layout may be NULL, when there is no V8: handles then have no JavaScript objects. */
struct handle_reader *handle_reader_new(struct image *img, const struct v8_layout *l);
void handle_reader_free(struct handle_reader *r);

/* While the image does not move. -EAGAIN: V8 is moving its objects, -EBUSY: a thread stands in the
 * middle of changing a list; stop again, or `accept` it (V8_ACCEPT_COLLECTION, V8_ACCEPT_UNWALKED
 * of v8/v8.h). The caller ends `ret` with uv_census_done(). */
int handle_reader_take(struct handle_reader *r, unsigned accept, struct uv_census *ret);
/* Afterwards: names of functions and classes of C++, from the files alone. */
void handle_reader_name(struct handle_reader *r, struct uv_census *c);

#endif
