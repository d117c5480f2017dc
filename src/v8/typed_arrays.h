/* ArrayBuffers and the views of them. */
#ifndef MEMWHY_V8_TYPED_ARRAYS_H
#define MEMWHY_V8_TYPED_ARRAYS_H

#include "v8/objects.h"

struct v8_array_buffer {
    uint64_t byte_length, max_byte_length, store; /* bytes; where they are, 0: nowhere */
    bool is_shared, is_resizable, is_detached;
};

/* -EBADMSG when it is none. */
int v8_array_buffer_read(struct v8_objects *o, uint64_t object, struct v8_array_buffer *ret);

/* What one element of a typed array is. */
enum v8_number_kind {
    NUMBER_NONE,
    NUMBER_UINT8,
    NUMBER_INT8,
    NUMBER_UINT16,
    NUMBER_INT16,
    NUMBER_UINT32,
    NUMBER_INT32,
    NUMBER_FLOAT16,
    NUMBER_FLOAT32,
    NUMBER_FLOAT64,
    NUMBER_BIGUINT64,
    NUMBER_BIGINT64,
};

/* A typed array or a DataView. */
struct v8_typed_array {
    uint64_t buffer; /* tagged */
    uint64_t byte_offset, byte_length, length;
    uint64_t data;            /* address of its first element; 0: it has none, or it is not known */
    enum v8_number_kind kind; /* NUMBER_NONE: a DataView */
    unsigned size;            /* bytes of an element */
    bool tracks_length;       /* as long as its buffer is */
};

/* -EBADMSG when it is none. */
int v8_typed_array_read(struct v8_objects *o, uint64_t object, struct v8_typed_array *ret);
/* An element as JavaScript prints it; NULL when it cannot be read. The caller frees. */
char *v8_typed_array_element(struct v8_objects *o, const struct v8_typed_array *t, uint64_t index);

#endif
