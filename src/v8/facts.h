/* What is known of a V8 version's layout: numbers with their provenance, nothing else.
 *
 * Naming: a *_word is an index of 8-byte words, a *_offset is in bytes, -1 means that this version
 * has no such thing. The tables hold for the official x64 Linux builds (no pointer compression, no
 * sandbox). To add a version: add a line to facts.c; `memwhy layout PID` shows it against a
 * process, and the integration tests hold it against V8's own counters. */
#ifndef MEMWHY_V8_FACTS_H
#define MEMWHY_V8_FACTS_H

#include <stdint.h>

/* clang-format off */
#define V8_FACTS(X)                                                                                \
    /* The page ("memory chunk") header: src/heap/memory-chunk-layout.h, basic-memory-chunk.h; from  \
     * 13 on the fields live off-page, in MutablePageMetadata (mutable-page-metadata.h). */          \
    X(page_flags_word,       "word of the page header that holds the flags")                         \
    X(page_self_word,        "word that points to the page itself")                                  \
    X(page_self_tag,         "what is added to that pointer")                                        \
    X(page_metadata_word,    "word that points to the metadata outside the page")                    \
    X(page_size_word,        "size of the page")                                                     \
    X(page_heap_word,        "the heap the page belongs to")                                         \
    X(page_area_start_word,  "first byte of the object area")                                        \
    X(page_area_end_word,    "end of the object area")                                               \
    X(page_allocated_word,   "bytes allocated on the page, V8's own count")                          \
    X(page_owner_word,       "the space that owns the page")                                         \
    X(page_next_word,        "next page of the space; the previous one is in the word after")        \
    /* Spaces: src/heap/base-space.h, spaces.h. */                                                   \
    X(space_heap_word,       "the heap of a space")                                                  \
    X(space_size_word,       "accounting: bytes allocated in a paged space")                         \
    /* Isolate and heap: src/execution/isolate-data.h, src/heap/heap.h. */                           \
    X(heap_from_isolate,     "heap - isolate, in bytes")                                             \
    X(heap_from_roots,       "heap - roots table, in bytes")                                         \
    X(gc_state_offset,       "Heap::gc_state_")                                                      \
    X(max_semi_space_offset, "Heap::max_semi_space_size_")                                           \
    X(max_old_space_offset,  "max_old_generation_size_, in the heap or in its HeapLimits")           \
    X(heap_limits_offset,    "Heap::limits_, a pointer to them; -1: there are none")                 \
    /* V8's counters, as v8.getHeapStatistics() adds them up: Heap::SizeOfObjects, each space's      \
     * SizeOfObjects and CommittedMemory, HeapAllocator::FreeLinearAllocationAreas (src/heap). */    \
    X(vm_state_offset,       "Isolate: what its thread is at (StateTag, include/v8-unwinder.h); 1: a collection") \
    X(new_capacity_offset,   "NewSpace: to-space up to and with the page that is being filled")      \
    X(new_top_offset,        "NewSpace: how far that page is given out")                             \
    X(new_area_offset,       "NewSpace: pointer to its allocation area, which says so instead")      \
    X(new_quarantined_offset,"NewSpace: bytes that a scavenge left where they were")                 \
    X(large_size_offset,     "LargeObjectSpace::objects_size_")                                      \
    X(read_only_space_offset,"Heap::read_only_space_, where its size counts as used")                \
    X(read_only_size_offset, "ReadOnlySpace: bytes allocated")                                       \
    X(backing_stores_offset, "Heap::backing_store_bytes_; memoryUsage().external")                   \
    X(sweeper_offset,        "Heap::array_buffer_sweeper_, whose bytes are added to it")             \
    X(sweeper_bytes_offset,  "ArrayBufferSweeper: bytes of all array buffers")                       \
    X(gc_count_offset,       "Heap::ms_count_; gc_count_ follows it")                                \
    X(live_after_gc_offset,  "old_generation_size_at_last_gc_, in the heap or in its HeapLimits")    \
    X(allocators_offset,     "Heap: pointer to its HeapAllocator")                                   \
    X(main_allocator_offset, "HeapAllocator: the first MainAllocator; others follow")                \
    X(main_allocator_bytes,  "what one MainAllocator takes, with the flag whether there is one")     \
    X(main_allocator_flag,   "that flag in it")                                                      \
    X(main_allocator_limit,  "MainAllocator: how far its area reaches at most")                      \
    X(roots_count,           "entries of the roots table")                                           \
    X(ownerless_read_only,   "read-only pages have neither owner nor heap")                          \
    X(page_pool,             "empty pages are pooled before they go back to the kernel")             \
    X(used_counts_lab,       "space_used_size counts allocation areas")                              \
    X(new_space_raw_tail,    "to-space pages beyond the top are not formatted")                      \
    /* Objects whose size is not in their map: src/objects. */                                       \
    X(free_space_words,      "FreeSpace keeps its size in words, not bytes")                         \
    X(bytecode_header,       "BytecodeArray header")                                                 \
    X(feedback_vector_header,"FeedbackVector header")                                                \
    X(feedback_vector_length_offset, "FeedbackVector length")                                        \
    X(feedback_metadata_slots_offset,"FeedbackMetadata create-closure slot count")                   \
    X(array_list_header,     "ArrayList header")                                                     \
    X(boilerplate_header,    "ObjectBoilerplateDescription and ScriptContextTable header")           \
    X(match_info_header,     "RegExpMatchInfo header")                                               \
    X(sloppy_arguments_header, "SloppyArgumentsElements header")                                     \
    X(descriptor_array_header, "DescriptorArray header")                                             \
    X(native_context_extra,  "raw bytes after a native context's slots")                             \
    X(native_context_links,  "weak slots at a native context's end, which link lists")               \
    X(function_dispatch_handle, "JSFunction::dispatch_handle")                                       \
    X(cell_dispatch_handle,  "FeedbackCell::dispatch_handle")                                        \
    X(code_header,           "Code header (with in-heap instructions)")                              \
    X(code_alignment,        "Code and InstructionStream size alignment")                            \
    X(code_body_offset,      "Code: offset of the int32 instruction size")                           \
    X(code_metadata_offset,  "Code: offset of the int32 metadata size")                              \
    X(instruction_stream_header, "InstructionStream header")                                         \
    X(instruction_stream_size_offset, "InstructionStream: offset of its int32 body size")            \
    X(scope_info_flavour,    "ScopeInfo size rule (9 12 10 124 136 146: V8 version of the rule)")    \
    X(hole_size,             "size of a Hole object, when its map does not say")                     \
    X(wasm_type_info_header, "WasmTypeInfo header; its int32 supertype count is the last in it")     \
    X(wasm_dispatch_table_header, "WasmDispatchTable header")                                        \
    X(wasm_dispatch_table_entry, "bytes per entry of a WasmDispatchTable")                           \
    X(wasm_import_table_header, "WasmDispatchTableForImports header")                                \
    X(wasm_struct_unit,      "unit of the u16 size that a WasmStruct's map holds at byte 9")         \
    /* Objects that hold memory outside the heap. */                                                 \
    X(array_buffer_byte_length, "JSArrayBuffer::byte_length")                                        \
    X(array_buffer_max_byte_length, "JSArrayBuffer::max_byte_length")                                \
    X(array_buffer_store,    "JSArrayBuffer::backing_store")                                         \
    X(array_buffer_bit_field,"JSArrayBuffer::bit_field")                                             \
    X(array_buffer_shared_bit, "JSArrayBuffer::IsSharedBit")                                   \
    X(array_buffer_resizable_bit, "JSArrayBuffer::IsResizableByJsBit")                               \
    X(view_buffer,           "JSArrayBufferView::buffer")                                            \
    X(view_bit_field,        "JSArrayBufferView::bit_field: is_length_tracking, is_backed_by_rab")  \
    X(view_byte_length,      "JSArrayBufferView::byte_length; byte_offset stands before it")         \
    X(typed_array_external,  "JSTypedArray::external_pointer; base_pointer follows it")              \
    X(date_is_raw,           "JSDate::value is the bits of a double, not a tagged number")           \
    X(kinds_flavour,         "unstated instance types, and function kinds (78 94: V8 version of the numbering)") \
    X(unboxed_doubles,       "fields of doubles in objects hold the number itself")                  \
    X(call_site_function,    "CallSiteInfo::function, the receiver before it; -1: an error has no such")  \
    X(symbol_kinds,          "the low bits of Symbol::flags are a kind: private, private name, brand") \
    X(weak_cell_holdings,    "WeakCell::holdings")                                                   \
    X(wasm_memory_maximum,   "WasmMemoryObject::maximum_pages")                                      \
    X(wasm_table_entries,    "WasmTableObject::entries; current_length and maximum_length follow")   \
    X(wasm_instance_module,  "WasmInstanceObject::module_object; exports_object follows it")         \
    X(wasm_i32_type,         "WasmGlobalObject::raw_type of an i32")                                 \
    X(wasm_type_step,        "how far those of i64, f32 and f64 are apart from it")                  \
    X(map_iterator_type,     "JS_MAP_KEY_ITERATOR_TYPE; key-value, value, and Set's two follow it")  \
    X(iterator_helper_underlying, "JSIteratorHelper::underlying_object; next, and what is its own")  \
    X(api_object_header,     "JSAPIObjectWithEmbedderSlots: where the internal fields begin")        \
    /* Functions and scripts: src/objects/js-function.tq, shared-function-info.tq, script.tq. */     \
    X(function_shared,       "JSFunction::shared_function_info")                                     \
    X(shared_name,           "SharedFunctionInfo::name_or_scope_info")                               \
    X(shared_script,         "SharedFunctionInfo::script")                                           \
    X(shared_token,          "SharedFunctionInfo::function_token_offset, 16 bits")                   \
    X(shared_flags,          "SharedFunctionInfo::flags")                                            \
    X(script_flags,          "Script::flags")                                                        \
    X(script_source_url,     "Script::source_url")                                                   \
    X(dictionary_prefix,     "NameDictionary: elements before the entries")                          \
    /* Code: src/objects/bytecode-array.tq, code.h, deoptimization-data.h. */                        \
    X(bytecode_positions,    "BytecodeArray::source_position_table")                                 \
    X(positions_flavour,     "source position table format (94 146: V8 version of the format)")      \
    X(bytecode_constants,    "BytecodeArray::constant_pool")                                         \
    X(code_flags,            "Code::flags; the kind is in the low 4 bits")                           \
    X(code_baseline_kind,    "CodeKind::BASELINE; MAGLEV and TURBOFAN follow it")                    \
    X(code_start,            "Code::instruction_start, where the instructions are elsewhere")        \
    X(code_length,           "Code: int32 size of the instructions, then that of the metadata")      \
    X(code_data,             "Code: deoptimisation data, or the bytecode of baseline code")          \
    X(code_positions,        "Code: source positions, or bytecode offsets of baseline code")         \
    X(safepoint_flavour,     "safepoint table format (94 102 136: V8 version of the format)")        \
    X(translation_flavour,   "frame translation opcodes (94 113 124 136: V8 version of them)")       \
    X(deopt_literals_index,  "DeoptimizationData: index of the literals")                            \
    X(deopt_entries_index,   "DeoptimizationData: index of the first entry")                         \
    X(embedder_fields,       "where the embedder's fields of its wrappers begin")                            \
    X(reaction_next,         "PromiseReaction::next; handlers and promise follow it")                 \
    X(weak_cell_target,      "WeakCell::target; the unregister token follows it")                     \
    X(exit_receiver_word,    "receiver of a frame of a builtin in C++, from fp on")                  \
    X(initializer_kind,      "FunctionKind of a class's members initialiser; the static one is next") \
    X(argc_counts_receiver,  "the argument count in a frame includes the receiver")
/* clang-format on */

struct v8_facts {
#define X(name, text) int32_t name;
    V8_FACTS(X)
#undef X
};

enum v8_fact_id {
#define X(name, text) FACT_##name,
    V8_FACTS(X)
#undef X
        V8_FACT_COUNT
};

/* One shipped V8 line. */
struct v8_line {
    int major, minor;
    const char *measured_on; /* the build whose processes confirmed it */
    struct v8_facts facts;
};

/* The line of exactly this version, or NULL. */
const struct v8_line *v8_line_exact(int major, int minor);
/* The nearest line, for versions no table was made for: to be believed only if all checks pass. */
const struct v8_line *v8_line_nearest(int major, int minor);
/* All lines, oldest first. */
const struct v8_line *v8_lines(int *ret_n);

const char *v8_fact_name(enum v8_fact_id id);
const char *v8_fact_text(enum v8_fact_id id);
int32_t v8_fact_get(const struct v8_facts *f, enum v8_fact_id id);
void v8_fact_set(struct v8_facts *f, enum v8_fact_id id, int32_t value);

#endif
