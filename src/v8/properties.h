/* Named properties of objects, and what follows from them: prototypes, names of constructors. */
#ifndef MEMWHY_V8_PROPERTIES_H
#define MEMWHY_V8_PROPERTIES_H

#include "v8/objects.h"

struct v8_property {
    uint64_t key, value; /* of an accessor the value is its pair, or V8's AccessorInfo */
    bool is_accessor, is_enumerable;
    bool is_double; /* the value is the bits of a double, not tagged */
    int32_t offset; /* of the field in the object itself that holds the value; -1: elsewhere */
    uint32_t order; /* of a dictionary: grows with each property that is added */
};

/* Own named properties of an object, fast or in a dictionary, in the order they are kept; of a
 * global object those that its cells hold. */
struct v8_properties {
    struct v8_objects *o;
    uint64_t object;
    uint64_t table; /* descriptors or dictionary; 0: there are none */
    uint64_t more;  /* property array of fast objects */
    bool is_fast, is_global;
    uint8_t in_object_start, in_object_end; /* words */
    int64_t at, n;
};

void v8_properties_open(struct v8_objects *o, uint64_t object, struct v8_properties *ret);
bool v8_properties_next(struct v8_properties *p, struct v8_property *ret);

/* All of them in the order they were added; the caller frees the vector. */
struct v8_property_list {
    VEC(struct v8_property) list;
};
void v8_properties_all(struct v8_objects *o, uint64_t object, struct v8_property_list *ret);

/* The own property with this name (of a string key, or the description of a symbol). */
bool v8_property_own(struct v8_objects *o, uint64_t object, const char *name,
                     struct v8_property *ret);
/* The same on the object or the first of its prototypes that has it. */
bool v8_property_find(struct v8_objects *o, uint64_t object, const char *name,
                      struct v8_property *ret);

/* The object's prototype; 0 when there is none. */
uint64_t v8_prototype(struct v8_objects *o, uint64_t object);

/* JSReceiver::GetConstructorName, as Error().stack and heap snapshots have it; NULL when it cannot
 * be told. Of values that are no objects, the name of their wrapper. The caller frees. */
char *v8_constructor_name(struct v8_objects *o, uint64_t value);
/* The name of the function that made the object's map: of classes that derive from a built-in one,
 * that one. NULL when there is none. The caller frees. */
char *v8_base_constructor_name(struct v8_objects *o, uint64_t object);

/* The function that name comes from; 0 when there is none, or when it is Object's. */
uint64_t v8_constructor(struct v8_objects *o, uint64_t value);

#endif
