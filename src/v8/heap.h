/* V8's heap at one moment: pages, isolates, allocation areas and what the walk counted. Made once
 * for whoever needs objects: the census, the redaction. */
#ifndef MEMWHY_V8_HEAP_H
#define MEMWHY_V8_HEAP_H

#include "v8/isolates.h"
#include "v8/walk.h"

struct v8_heap {
    struct v8_pages pages;
    struct v8_isolate_list isolates;
    struct v8_lab_list labs;
    struct v8_walk walk;
};

/* Pages and isolates; none of either is no error. The image must not move from here to the end of
 * the walk. */
void v8_heap_find(const struct image *img, const struct v8_layout *l, struct v8_heap *ret);
bool v8_heap_in_collection(const struct v8_heap *h);
/* Areas, and every page in use object by object, told to h->walk.sink if that is set. */
void v8_heap_walk(const struct image *img, const struct v8_layout *l, struct v8_heap *h);
void v8_heap_done(struct v8_heap *h);

#endif
