/* What an object is called in a histogram: the name of its constructor, or as DevTools groups what
 * is no object of the program's: "(string)", "(array)", "(compiled code)", "(object shape)". */
#ifndef MEMWHY_V8_CLASSES_H
#define MEMWHY_V8_CLASSES_H

#include "v8/heap.h"
#include "v8/objects.h"
#include "v8/shapes.h"
#include "v8/v8.h"

struct v8_classes;

/* Looks at one object of each shape. While the view lasts. */
struct v8_classes *v8_classes_new(const struct v8_view *view, struct v8_objects *o);
void v8_classes_free(struct v8_classes *c);
uint32_t v8_classes_count(const struct v8_classes *c);
/* Valid as long as the classes. */
const char *v8_class_name(const struct v8_classes *c, uint32_t class);

/* All shapes there are; they live as long as the classes. */
const struct v8_shapes *v8_classes_shapes(const struct v8_classes *c);
/* The class of a shape, by its index. */
uint32_t v8_class_of_shape(const struct v8_classes *c, uint32_t shape);
/* The shape with this map (tagged); V8_NO_NODE when no object has it. */
uint32_t v8_shape_of_map(const struct v8_classes *c, uint64_t map);

/* The shape and the class of a node. Need nodes, no image. */
uint32_t v8_shape_of(const struct v8_classes *c, uint32_t node);
uint32_t v8_class_of(const struct v8_classes *c, uint32_t node);

#endif
