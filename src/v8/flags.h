/* V8's flags as they are in one process: the table the binary has of them (struct Flag in
 * src/flags/flags.cc: type, name, address of the value, of the default, comment), and the values in
 * memory. Found by its symbol, or where that is stripped by what it holds: an entry that points to
 * the name of --max-old-space-size, with entries on both sides. */
#ifndef MEMWHY_V8_FLAGS_H
#define MEMWHY_V8_FLAGS_H

#include "model/flags.h"
#include "v8/layout.h"

/* All flags; of a layout that does not explain the target, too, as long as it has the ELF file.
 * -ENODATA: no such table was found. The caller ends `ret` with flags_done(). */
int v8_flags_read(const struct image *img, const struct v8_layout *l, struct flag_list *ret);

/* One flag of type bool; -ENODATA. */
int v8_flag_bool(const struct image *img, const struct v8_layout *l, const char *name, bool *ret);

#endif
