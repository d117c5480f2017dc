/* How an object is referred to: by its address in a heap, by its id in a .heapsnapshot. */
#ifndef MEMWHY_CMD_OBJECT_REF_H
#define MEMWHY_CMD_OBJECT_REF_H

#include <jansson.h>
#include <stdint.h>

enum object_ref { OBJECT_ADDR, OBJECT_ID };

enum { OBJECT_REF_MAX = 24 };
/* "0x2c2cdf7e6391", "@1234". Returns the buffer. */
const char *object_ref_text(enum object_ref how, uint64_t value, char buf[OBJECT_REF_MAX]);
/* "addr", "id", and the value to it. */
const char *object_ref_key(enum object_ref how);
json_t *object_ref_json(enum object_ref how, uint64_t value);

#endif
