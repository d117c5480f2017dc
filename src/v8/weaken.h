/* References that a full collection does not follow although they are not written as weak ones. */
#ifndef MEMWHY_V8_WEAKEN_H
#define MEMWHY_V8_WEAKEN_H

#include "v8/roots.h"

/* Turn them into weak references of `nodes`, before anything is marked: what stands in caches that
 * every collection empties first (v8_root_is_emptied), and what optimised code was compiled for,
 * without which it is given up. The image must not move. */
void v8_weaken(const struct image *img, const struct v8_layout *l, const struct v8_pages *pages,
               const struct v8_root_list *roots, struct v8_nodes *nodes);

#endif
