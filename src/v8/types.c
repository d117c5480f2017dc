#include "v8/types.h"

static const struct {
    const char *class, *constant;
} types[V8_TYPE_COUNT] = {
#define X(class, name) [TYPE_##name] = {#class, "type_" #class "__" #name "_TYPE"},
    V8_TYPES(X)
#undef X
};

/* Types that no constant states, by one they stand beside (src/objects/instance-type.h numbers the
 * classes of a hierarchy in their order), in the numbering of which versions. */
static const struct {
    enum v8_type type;
    const char *beside;
    int by;
    int flavour; /* the fact kinds_flavour */
} neighbours[] = {
    {TYPE_JS_GENERATOR_OBJECT, "type_JSAsyncFunctionObject__JS_ASYNC_FUNCTION_OBJECT_TYPE", -1, 94},
    {TYPE_JS_MODULE_NAMESPACE, "type_JSDeferredModuleNamespace__JS_DEFERRED_MODULE_NAMESPACE_TYPE",
     -1, 94},
    {TYPE_WASM_INSTANCE_OBJECT, "type_WasmGlobalObject__WASM_GLOBAL_OBJECT_TYPE", 1, 94},
    {TYPE_JS_PROXY, "type_JSGlobalObject__JS_GLOBAL_OBJECT_TYPE", -1, 78},
    {TYPE_JS_ARGUMENTS_OBJECT, "type_JSObject__JS_OBJECT_TYPE", 1, 78},
    {TYPE_JS_ASYNC_FUNCTION_OBJECT,
     "type_JSAsyncFromSyncIterator__JS_ASYNC_FROM_SYNC_ITERATOR_TYPE", 1, 78},
    {TYPE_JS_ASYNC_GENERATOR_OBJECT,
     "type_JSAsyncFromSyncIterator__JS_ASYNC_FROM_SYNC_ITERATOR_TYPE", 2, 78},
    {TYPE_JS_GENERATOR_OBJECT, "type_JSError__JS_ERROR_TYPE", 1, 78},
    {TYPE_JS_MAP, "type_JSMessageObject__JS_MESSAGE_OBJECT_TYPE", -4, 78},
    {TYPE_JS_MAP_KEY_ITERATOR, "type_JSMessageObject__JS_MESSAGE_OBJECT_TYPE", -3, 78},
    {TYPE_JS_MAP_KEY_VALUE_ITERATOR, "type_JSMessageObject__JS_MESSAGE_OBJECT_TYPE", -2, 78},
    {TYPE_JS_MAP_VALUE_ITERATOR, "type_JSMessageObject__JS_MESSAGE_OBJECT_TYPE", -1, 78},
    {TYPE_JS_REG_EXP, "type_JSRegExp__JS_REGEXP_TYPE", 0, 78},
    {TYPE_JS_REG_EXP_STRING_ITERATOR, "type_JSRegExpStringIterator__JS_REGEXP_STRING_ITERATOR_TYPE",
     0, 78},
    {TYPE_JS_SET, "type_JSStringIterator__JS_STRING_ITERATOR_TYPE", -3, 78},
    {TYPE_JS_SET_KEY_VALUE_ITERATOR, "type_JSStringIterator__JS_STRING_ITERATOR_TYPE", -2, 78},
    {TYPE_JS_SET_VALUE_ITERATOR, "type_JSStringIterator__JS_STRING_ITERATOR_TYPE", -1, 78},
    {TYPE_JS_WEAK_MAP, "type_JSTypedArray__JS_TYPED_ARRAY_TYPE", -2, 78},
    {TYPE_JS_WEAK_SET, "type_JSTypedArray__JS_TYPED_ARRAY_TYPE", -1, 78},
};

static bool is_there(const uint8_t *of, enum v8_type type) {
    for (unsigned i = 0; i < 1u << 16; i++)
        if (of[i] == type)
            return true;
    return false;
}

static void add_unstated(const struct image *img, const struct v8_layout *l, uint8_t *of) {
    for (size_t i = 0; i < sizeof neighbours / sizeof *neighbours; i++) {
        int32_t beside = v8_layout_constant(img, l, neighbours[i].beside, -1);
        int32_t number = beside + neighbours[i].by;
        if (neighbours[i].flavour == l->facts.kinds_flavour && beside > 0 && number <= UINT16_MAX &&
            !of[number] && !is_there(of, neighbours[i].type))
            of[number] = (uint8_t)neighbours[i].type;
    }
    for (int i = 0; l->facts.map_iterator_type > 0 && i < 5; i++)
        of[l->facts.map_iterator_type + i] = (uint8_t)(TYPE_JS_MAP_KEY_ITERATOR + i);
}

uint8_t *v8_types_load(const struct image *img, const struct v8_layout *l) {
    uint8_t *of = mem_zalloc(1u << 16);
    for (int t = TYPE_OTHER + 1; t < V8_TYPE_COUNT; t++) {
        int32_t number = v8_layout_constant(img, l, types[t].constant, -1);
        if (number >= 0 && number <= UINT16_MAX)
            of[number] = (uint8_t)t;
    }
    add_unstated(img, l, of);
    return of;
}

const char *v8_type_class(enum v8_type t) {
    return types[t].class;
}
