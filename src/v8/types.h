/* Instance types by name, as the binary states them for debuggers (v8dbg_type_CLASS__NAME_TYPE,
 * tools/gen-postmortem-metadata.py). Their numbers differ from build to build. */
#ifndef MEMWHY_V8_TYPES_H
#define MEMWHY_V8_TYPES_H

#include "v8/layout.h"

/* V8's class and the name of its type (src/objects/instance-type.h), without _TYPE. A decoder that
 * needs one more adds a line. */
/* clang-format off */
#define V8_TYPES(X)                                                                                \
    X(JSObject, JS_OBJECT)                                                                         \
    X(JSArray, JS_ARRAY)                                                                           \
    X(JSArgumentsObject, JS_ARGUMENTS_OBJECT)                                                      \
    X(JSArrayBuffer, JS_ARRAY_BUFFER)                                                              \
    X(JSTypedArray, JS_TYPED_ARRAY)                                                                \
    X(JSDataView, JS_DATA_VIEW)                                                                    \
    X(JSRabGsabDataView, JS_RAB_GSAB_DATA_VIEW)                                                    \
    X(JSArrayIterator, JS_ARRAY_ITERATOR)                                                          \
    X(JSBoundFunction, JS_BOUND_FUNCTION)                                                          \
    X(JSWrappedFunction, JS_WRAPPED_FUNCTION)                                                      \
    X(JSDate, JS_DATE)                                                                             \
    X(JSError, JS_ERROR)                                                                           \
    X(JSMap, JS_MAP)                                                                               \
    X(JSSet, JS_SET)                                                                               \
    X(JSWeakMap, JS_WEAK_MAP)                                                                      \
    X(JSWeakSet, JS_WEAK_SET)                                                                      \
    X(JSWeakRef, JS_WEAK_REF)                                                                      \
    X(JSFinalizationRegistry, JS_FINALIZATION_REGISTRY)                                            \
    X(JSPromise, JS_PROMISE)                                                                       \
    X(JSPrimitiveWrapper, JS_PRIMITIVE_WRAPPER)                                                    \
    X(JSProxy, JS_PROXY)                                                                           \
    X(JSRegExp, JS_REG_EXP)                                                                        \
    X(JSRegExpStringIterator, JS_REG_EXP_STRING_ITERATOR)                                          \
    X(JSStringIterator, JS_STRING_ITERATOR)                                                        \
    X(JSAsyncFromSyncIterator, JS_ASYNC_FROM_SYNC_ITERATOR)                                        \
    X(JSAsyncFunctionObject, JS_ASYNC_FUNCTION_OBJECT)                                             \
    X(JSAsyncGeneratorObject, JS_ASYNC_GENERATOR_OBJECT)                                           \
    X(JSGeneratorObject, JS_GENERATOR_OBJECT)                                                      \
    X(JSMapKeyIterator, JS_MAP_KEY_ITERATOR)                                                       \
    X(JSMapKeyValueIterator, JS_MAP_KEY_VALUE_ITERATOR)                                            \
    X(JSMapValueIterator, JS_MAP_VALUE_ITERATOR)                                                   \
    X(JSSetKeyValueIterator, JS_SET_KEY_VALUE_ITERATOR)                                            \
    X(JSSetValueIterator, JS_SET_VALUE_ITERATOR)                                                   \
    X(JSIteratorDropHelper, JS_ITERATOR_DROP_HELPER)                                               \
    X(JSIteratorFilterHelper, JS_ITERATOR_FILTER_HELPER)                                           \
    X(JSIteratorFlatMapHelper, JS_ITERATOR_FLAT_MAP_HELPER)                                        \
    X(JSIteratorMapHelper, JS_ITERATOR_MAP_HELPER)                                                 \
    X(JSIteratorTakeHelper, JS_ITERATOR_TAKE_HELPER)                                               \
    X(JSValidIteratorWrapper, JS_VALID_ITERATOR_WRAPPER)                                           \
    X(JSModuleNamespace, JS_MODULE_NAMESPACE)                                                      \
    X(JSGlobalObject, JS_GLOBAL_OBJECT)                                                            \
    X(JSGlobalProxy, JS_GLOBAL_PROXY)                                                              \
    X(JSExternalObject, JS_EXTERNAL_OBJECT)                                                        \
    X(JSMessageObject, JS_MESSAGE_OBJECT)                                                          \
    X(WasmModuleObject, WASM_MODULE_OBJECT)                                                        \
    X(WasmInstanceObject, WASM_INSTANCE_OBJECT)                                                    \
    X(WasmMemoryObject, WASM_MEMORY_OBJECT)                                                        \
    X(WasmTableObject, WASM_TABLE_OBJECT)                                                          \
    X(WasmGlobalObject, WASM_GLOBAL_OBJECT)                                                        \
    X(WasmTagObject, WASM_TAG_OBJECT)                                                              \
    X(WasmStruct, WASM_STRUCT)                                                                     \
    X(WasmArray, WASM_ARRAY)                                                                       \
    X(AccessorPair, ACCESSOR_PAIR)                                                                 \
    X(AccessorInfo, ACCESSOR_INFO)                                                                 \
    X(AllocationSite, ALLOCATION_SITE)                                                             \
    X(Cell, CELL)                                                                                  \
    X(ContextCell, CONTEXT_CELL)                                                                   \
    X(EnumCache, ENUM_CACHE)                                                                       \
    X(PropertyCell, PROPERTY_CELL)                                                                 \
    X(FeedbackCell, FEEDBACK_CELL)                                                                 \
    X(FeedbackVector, FEEDBACK_VECTOR)                                                             \
    X(FunctionTemplateInfo, FUNCTION_TEMPLATE_INFO)                                                \
    X(ObjectTemplateInfo, OBJECT_TEMPLATE_INFO)                                                    \
    X(PromiseReaction, PROMISE_REACTION)                                                           \
    X(PromiseCapability, PROMISE_CAPABILITY)                                                       \
    X(PrototypeInfo, PROTOTYPE_INFO)                                                               \
    X(ClassPositions, CLASS_POSITIONS)                                                             \
    X(CallSiteInfo, CALL_SITE_INFO)                                                                \
    X(ErrorStackData, ERROR_STACK_DATA)                                                            \
    X(StackFrameInfo, STACK_FRAME_INFO)                                                            \
    X(StackTraceInfo, STACK_TRACE_INFO)                                                            \
    X(SourceTextModule, SOURCE_TEXT_MODULE)                                                        \
    X(SyntheticModule, SYNTHETIC_MODULE)                                                           \
    X(Foreign, FOREIGN)                                                                            \
    X(WeakCell, WEAK_CELL)                                                                         \
    X(WeakFixedArray, WEAK_FIXED_ARRAY)                                                            \
    X(WeakArrayList, WEAK_ARRAY_LIST)
/* clang-format on */

enum v8_type {
    TYPE_OTHER, /* none of these, or not stated by this version */
#define X(class, name) TYPE_##name,
    V8_TYPES(X)
#undef X
        V8_TYPE_COUNT
};

/* What instance type numbers (below 2^16) mean; the caller frees it. */
uint8_t *v8_types_load(const struct image *img, const struct v8_layout *l);
/* "JSMap"; NULL for TYPE_OTHER. */
const char *v8_type_class(enum v8_type t);

#endif
