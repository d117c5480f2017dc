/* What an object is called in a histogram: the name of its constructor, or as DevTools groups what
 * is no object of the program's: "(string)", "(array)", "(compiled code)", "(object shape)". */
#ifndef MEMWHY_V8_CLASSES_H
#define MEMWHY_V8_CLASSES_H

#include "v8/heap.h"
#include "v8/objects.h"
#include "v8/v8.h"

struct v8_classes;

/* Looks at one object of each map. While the view lasts. */
struct v8_classes *v8_classes_new(const struct v8_view *view, struct v8_objects *o);
void v8_classes_free(struct v8_classes *c);
uint32_t v8_classes_count(const struct v8_classes *c);
/* Valid as long as the classes. */
const char *v8_class_name(const struct v8_classes *c, uint32_t class);
/* The class of a node, below the count. Needs nodes, no image. */
uint32_t v8_class_of(const struct v8_classes *c, uint32_t node);

#endif
