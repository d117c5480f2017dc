#include "cmd/object_ref.h"

#include <inttypes.h>
#include <stdio.h>

const char *object_ref_text(enum object_ref how, uint64_t value, char buf[OBJECT_REF_MAX]) {
    if (how == OBJECT_ADDR)
        snprintf(buf, OBJECT_REF_MAX, "0x%" PRIx64, value);
    else
        snprintf(buf, OBJECT_REF_MAX, "@%" PRIu64, value);
    return buf;
}

const char *object_ref_key(enum object_ref how) {
    return how == OBJECT_ADDR ? "addr" : "id";
}

json_t *object_ref_json(enum object_ref how, uint64_t value) {
    char text[OBJECT_REF_MAX];
    return how == OBJECT_ADDR ? json_string(object_ref_text(how, value, text))
                              : json_integer((json_int_t)value);
}
