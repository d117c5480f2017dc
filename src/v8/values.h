/* Values in a few words: for arguments of frames, lists of objects, members of objects. */
#ifndef MEMWHY_V8_VALUES_H
#define MEMWHY_V8_VALUES_H

#include "v8/properties.h"

/* "42", "\"GET /in...\"", "undefined", "Server", "function foo", "Array(3)", "Map(2)", "123n",
 * "Promise {<pending>}", "/ab+c/gi", "TypeError: no such user"; "?" when it cannot be told. Never
 * NULL; the caller frees. */
char *v8_value_summary(struct v8_objects *o, uint64_t value);
/* The same with the first of what it holds: "Object {name: \"hi\", arr: Array(100000)}",
 * "Array(3) [1, 2, 3]", "Map(1) {\"key\" => 5}". */
char *v8_value_details(struct v8_objects *o, uint64_t value);

/* The key of a property as a console shows it: "name", "Symbol(mark)", "#secret". NULL when it is
 * none. The caller frees. */
char *v8_key_text(struct v8_objects *o, uint64_t key);
/* A Symbol of V8's own, which no program can see; private names of classes are none. */
bool v8_key_is_internal(struct v8_objects *o, uint64_t key);
/* The value of a property that is no accessor, in one line. The caller frees. */
char *v8_property_summary(struct v8_objects *o, const struct v8_property *p);
/* A Date's milliseconds since 1970; NaN when it is an invalid one. */
double v8_date_value(struct v8_objects *o, uint64_t date);
/* "gi", as the `flags` getter of a RegExp gives them. The caller frees. */
char *v8_regexp_flags(struct v8_objects *o, uint64_t regexp);

#endif
