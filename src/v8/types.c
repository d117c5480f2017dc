#include "v8/types.h"

static const struct {
    const char *class, *constant;
} types[V8_TYPE_COUNT] = {
#define X(class, name) [TYPE_##name] = {#class, "type_" #class "__" #name "_TYPE"},
    V8_TYPES(X)
#undef X
};

uint8_t *v8_types_load(const struct image *img, const struct v8_layout *l) {
    uint8_t *of = mem_zalloc(1u << 16);
    for (int t = TYPE_OTHER + 1; t < V8_TYPE_COUNT; t++) {
        int32_t number = v8_layout_constant(img, l, types[t].constant, -1);
        if (number >= 0 && number <= UINT16_MAX)
            of[number] = (uint8_t)t;
    }
    return of;
}

const char *v8_type_class(enum v8_type t) {
    return types[t].class;
}
