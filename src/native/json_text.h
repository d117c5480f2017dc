/* Whether a text is JSON. */
#ifndef MEMWHY_NATIVE_JSON_TEXT_H
#define MEMWHY_NATIVE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An object or array of RFC 8259 with nothing behind it but space; of a text that goes on behind
 * these bytes (`cut`), its beginning. At least one member: "{}" says nothing. */
bool json_text(const uint8_t *text, size_t n, bool cut);

#endif
