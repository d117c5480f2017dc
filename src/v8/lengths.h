/* How many things a value holds. */
#ifndef MEMWHY_V8_LENGTHS_H
#define MEMWHY_V8_LENGTHS_H

#include "v8/objects.h"

/* Units of a string, elements of an array (as its length says), of a typed array or of V8's own
 * arrays, entries of a Map, Set, WeakMap or WeakSet. -1: of no such kind, or not readable. */
int64_t v8_length(struct v8_objects *o, uint64_t value);

#endif
