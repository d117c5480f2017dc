/* The options a Node binary has, beside V8's flags: its own parser's table of them, in memory
 * (PerProcessOptionsParser in src/node_options.cc holds those of the other levels, too). */
#ifndef MEMWHY_V8_NODE_OPTIONS_H
#define MEMWHY_V8_NODE_OPTIONS_H

#include "model/flags.h"
#include "v8/layout.h"

/* Adds their names to ret->options. -ENODATA: there is no such table (no Node, or no symbols);
 * -EBADMSG: it does not hold together, and nothing is added. */
int v8_node_options_read(const struct image *img, const struct v8_layout *l, struct flag_list *ret);

#endif
