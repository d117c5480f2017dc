#include "v8/snapshot_form.h"

#include "base/mem.h"

/* All of it as snapshots of Node 16.20.2 (9.4), 18.20.8 (10.2), 20.20.2 (11.3), 22.23.3 (12.4),
 * 24.21.0 (13.6) and 26.10.0 (14.6) have it (v8.writeHeapSnapshot); the source is
 * HeapSnapshotJSONSerializer::SerializeSnapshot in src/profiler/heap-snapshot-generator.cc, and
 * ROOT_ID_LIST in src/objects/visitors.h. From version 12 on the subroots are sorted. */
#define KINDS                                                                                      \
    "\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\","       \
    "\"native\",\"synthetic\",\"concatenated string\",\"sliced string\",\"symbol\",\"bigint\""

static const char *const subroots_9[] = {"(Internalized strings)",
                                         "(External strings)",
                                         "(Read-only roots)",
                                         "(Strong roots)",
                                         "(Smi roots)",
                                         "(Bootstrapper)",
                                         "(Stack roots)",
                                         "(Relocatable)",
                                         "(Debugger)",
                                         "(Compilation cache)",
                                         "(Handle scope)",
                                         "(Builtins)",
                                         "(Global handles)",
                                         "(Eternal handles)",
                                         "(Thread manager)",
                                         "(Strong roots)",
                                         "(Extensions)",
                                         "(Code flusher)",
                                         "(Startup object cache)",
                                         "(Read-only object cache)",
                                         "(Weak collections)",
                                         "(Wrapper tracing)",
                                         "(Write barrier)",
                                         "(Retain maps)",
                                         "(Unknown)",
                                         NULL};

static const char *const subroots_10[] = {"(Internalized strings)",
                                          "(External strings)",
                                          "(Read-only roots)",
                                          "(Strong roots)",
                                          "(Smi roots)",
                                          "(Bootstrapper)",
                                          "(Stack roots)",
                                          "(Relocatable)",
                                          "(Debugger)",
                                          "(Compilation cache)",
                                          "(Handle scope)",
                                          "(Builtins)",
                                          "(Global handles)",
                                          "(Eternal handles)",
                                          "(Thread manager)",
                                          "(Strong roots)",
                                          "(Extensions)",
                                          "(Code flusher)",
                                          "(Startup object cache)",
                                          "(Read-only object cache)",
                                          "(Shareable object cache)",
                                          "(Weak collections)",
                                          "(Wrapper tracing)",
                                          "(Write barrier)",
                                          "(Retain maps)",
                                          "(Client heap)",
                                          "(Unknown)",
                                          NULL};

static const char *const subroots_11[] = {"(Internalized strings)",
                                          "(External strings)",
                                          "(Read-only roots)",
                                          "(Strong roots)",
                                          "(Smi roots)",
                                          "(Bootstrapper)",
                                          "(Stack roots)",
                                          "(Relocatable)",
                                          "(Debugger)",
                                          "(Compilation cache)",
                                          "(Handle scope)",
                                          "(Builtins)",
                                          "(Global handles)",
                                          "(Traced handles)",
                                          "(Eternal handles)",
                                          "(Thread manager)",
                                          "(Strong roots)",
                                          "(Extensions)",
                                          "(Code flusher)",
                                          "(Startup object cache)",
                                          "(Read-only object cache)",
                                          "(Shareable object cache)",
                                          "(Weak collections)",
                                          "(Wrapper tracing)",
                                          "(Write barrier)",
                                          "(Retain maps)",
                                          "(Client heap)",
                                          "(Unknown)",
                                          NULL};

#define SUBROOTS_12_BEFORE                                                                         \
    "(Bootstrapper)", "(Builtins)", "(Client heap)", "(Code flusher)", "(Compilation cache)",      \
        "(Debugger)", "(Extensions)", "(Eternal handles)", "(External strings)",                   \
        "(Global handles)", "(Handle scope)"
#define SUBROOTS_12_AFTER                                                                          \
    "(Micro tasks)", "(Read-only roots)", "(Relocatable)", "(Retain maps)",                        \
        "(Shareable object cache)", "(SharedStruct type registry)", "(Smi roots)",                 \
        "(Stack roots)", "(Startup object cache)", "(Internalized strings)", "(Strong root list)", \
        "(Strong roots)", "(Thread manager)", "(Traced handles)", "(Weak roots)",                  \
        "(Write barrier)", NULL

static const char *const subroots_12[] = {SUBROOTS_12_BEFORE, SUBROOTS_12_AFTER};
static const char *const subroots_14[] = {SUBROOTS_12_BEFORE, "(Identity map)", SUBROOTS_12_AFTER};

static const struct {
    int major;
    struct v8_snapshot_form form;
} forms[] = {
    {14,
     {KINDS ",\"object shape\"", false, false, true, true, subroots_14, "(Strong root list)",
      "(Strong roots)", "global_object", true}},
    {13,
     {KINDS ",\"object shape\"", false, true, true, true, subroots_12, "(Strong root list)",
      "(Strong roots)", "extension", false}},
    {12,
     {KINDS ",\"object shape\"", true, true, false, true, subroots_12, "(Strong root list)",
      "(Strong roots)", "extension", false}},
    {11,
     {KINDS ",\"object shape\",\"wasm object\"", true, true, false, true, subroots_11,
      "(Strong roots)", "(Unknown)", "extension", false}},
    {10,
     {KINDS, true, true, false, false, subroots_10, "(Strong roots)", "(Unknown)", "extension",
      false}},
    {0,
     {KINDS, true, true, false, false, subroots_9, "(Strong roots)", "(Unknown)", "extension",
      false}},
};

const struct v8_snapshot_form *v8_snapshot_form(const struct v8_layout *l) {
    size_t i = 0;
    while (forms[i].major > l->version[0])
        i++;
    return &forms[i].form;
}

unsigned v8_snapshot_fields(const struct v8_snapshot_form *f) {
    return f->has_trace_node_id ? 7 : 6;
}

char *v8_snapshot_meta(const struct v8_snapshot_form *f) {
    return mem_printf(
        "{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\",%s"
        "\"detachedness\"],\"node_types\":[[%s],\"string\",\"number\",\"number\",\"number\","
        "\"number\"%s],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":"
        "[[\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],"
        "\"string_or_number\",\"node\"],\"trace_function_info_fields\":[\"function_id\",\"name\","
        "\"script_name\",\"script_id\",\"line\",\"column\"],\"trace_node_fields\":[\"id\","
        "\"function_info_index\",\"count\",\"size\",\"children\"],\"sample_fields\":["
        "\"timestamp_us\",\"last_assigned_id\"],\"location_fields\":[\"object_index\","
        "\"script_id\",\"line\",\"column\"]}",
        f->has_trace_node_id ? "\"trace_node_id\"," : "", f->node_types,
        f->types_one_more ? ",\"number\"" : "");
}
