/* Values in a few words: for arguments of frames. */
#ifndef MEMWHY_V8_VALUES_H
#define MEMWHY_V8_VALUES_H

#include "v8/objects.h"

/* "42", "\"GET /in...\"", "undefined", "Server", "function foo", "Array(3)"; "?" when it cannot be
 * told. Never NULL; the caller frees. */
char *v8_value_summary(struct v8_objects *o, uint64_t value);

#endif
