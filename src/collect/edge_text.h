/* Edges as a program's author writes them. */
#ifndef MEMWHY_COLLECT_EDGE_TEXT_H
#define MEMWHY_COLLECT_EDGE_TEXT_H

#include "v8/edges.h"

/* Behind the name of what it leads out of: "[988]", ".name", "[\"odd name\"]", ".#private",
 * ".get(\"key\")"; of V8's own fields " <table>". The caller frees it. */
char *edge_text(struct v8_objects *o, const struct v8_edge *e);
/* Of a property: ".name", "[\"odd name\"]". */
char *edge_text_property(const char *name);
/* Of the program's own making: a variable, a property, an element, an entry of a Map. */
bool edge_is_own(const struct v8_edge *e);
/* The best of several between the same two: the program's own before V8's, strong before weak. */
const struct v8_edge *edge_best(const struct v8_edge *e, size_t n);

#endif
