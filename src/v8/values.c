#include "v8/values.h"

#include "v8/names.h"
#include "v8/properties.h"
#include "v8/strings.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STRING_MAX = 40, ARRAY_LENGTH = 24, ODDBALL_TEXT = 16, SYMBOL_DESCRIPTION = 16 };

static char *number(double d) {
    char s[32];
    if (isnan(d) || isinf(d))
        return mem_strdup(isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
    for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back the same */
        snprintf(s, sizeof s, "%.*g", digits, d);
        if (strtod(s, NULL) == d)
            break;
    }
    return mem_strdup(s);
}

static char *string(struct v8_objects *o, uint64_t value) {
    cleanup_free char *s = v8_string_utf8(o, value, STRING_MAX);
    return s ? mem_printf("\"%s%s\"", s, v8_string_length(o, value) > STRING_MAX ? "..." : "")
             : NULL;
}

static char *function(struct v8_objects *o, uint64_t value) {
    struct v8_shared s;
    if (v8_shared_read(o, v8_shared_of(o, value), &s) < 0)
        return NULL;
    cleanup_free char *name = v8_function_name(o, value, &s);
    return mem_printf("%s%s%s", v8_shared_is_class(&s) ? "class" : "function", *name ? " " : "",
                      name);
}

static char *receiver(struct v8_objects *o, uint64_t value) {
    char *name = v8_constructor_name(o, value);
    uint64_t length = v8_field_or_0(o, value, ARRAY_LENGTH);
    if (!name || strcmp(name, "Array") != 0 || !v8_is_smi(length) || v8_smi(length) < 0)
        return name;
    char *longer = mem_printf("Array(%d)", v8_smi(length));
    free(name);
    return longer;
}

static char *of_kind(struct v8_objects *o, uint64_t value) {
    uint64_t bits;
    double d;
    switch (v8_kind(o, value)) {
    case KIND_STRING:
        return string(o, value);
    case KIND_ODDBALL:
        return v8_string_utf8(o, v8_field_or_0(o, value, ODDBALL_TEXT), STRING_MAX);
    case KIND_SYMBOL: {
        cleanup_free char *s =
            v8_string_utf8(o, v8_field_or_0(o, value, SYMBOL_DESCRIPTION), STRING_MAX);
        return mem_printf("Symbol(%s)", s ? s : "");
    }
    case KIND_HEAP_NUMBER:
        if (!v8_field(o, value, 8, &bits))
            return NULL;
        memcpy(&d, &bits, sizeof d);
        return number(d);
    case KIND_BIGINT:
        return mem_strdup("BigInt");
    case KIND_FUNCTION:
        return function(o, value);
    case KIND_PROXY:
        return mem_strdup("Proxy");
    case KIND_GLOBAL_PROXY:
        return mem_strdup("globalThis");
    case KIND_RECEIVER:
        return receiver(o, value);
    default:
        return NULL;
    }
}

char *v8_value_summary(struct v8_objects *o, uint64_t value) {
    char *s = v8_is_smi(value) ? mem_printf("%d", v8_smi(value)) : of_kind(o, value);
    return s ? s : mem_strdup("?");
}
