/* What kind of data bytes are, by their form alone. */
#ifndef MEMWHY_NATIVE_CHUNK_CONTENT_H
#define MEMWHY_NATIVE_CHUNK_CONTENT_H

#include "model/v8_census.h"
#include <stddef.h>
#include <stdint.h>

/* A name that lasts, "text" or "handles of V8"; NULL. `v8` may be NULL. */
const char *chunk_content(const struct v8_census *v8, const uint8_t *bytes, size_t n);

/* A text of six bytes and a zero cannot be told from an address. */
#define CHUNK_TEXT_LEAST 7
/* How many bytes of printable UTF-8 there are at the beginning. */
size_t chunk_content_text(const uint8_t *bytes, size_t n);

#endif
