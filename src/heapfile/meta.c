#include "heapfile/meta.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

enum { NO_KIND = 0xff };

static const char *const kinds[] = {
    [HEAPFILE_HIDDEN] = "hidden",
    [HEAPFILE_ARRAY] = "array",
    [HEAPFILE_STRING] = "string",
    [HEAPFILE_OBJECT] = "object",
    [HEAPFILE_CODE] = "code",
    [HEAPFILE_CLOSURE] = "closure",
    [HEAPFILE_REGEXP] = "regexp",
    [HEAPFILE_NUMBER] = "number",
    [HEAPFILE_NATIVE] = "native",
    [HEAPFILE_SYNTHETIC] = "synthetic",
    [HEAPFILE_CONS] = "concatenated string",
    [HEAPFILE_SLICED] = "sliced string",
    [HEAPFILE_SYMBOL] = "symbol",
    [HEAPFILE_BIGINT] = "bigint",
    [HEAPFILE_SHAPE] = "object shape",
};
static const char *const edge_kinds[] = {
    [HEAPFILE_CONTEXT] = "context",    [HEAPFILE_ELEMENT] = "element",
    [HEAPFILE_PROPERTY] = "property",  [HEAPFILE_INTERNAL] = "internal",
    [HEAPFILE_EDGE_HIDDEN] = "hidden", [HEAPFILE_SHORTCUT] = "shortcut",
    [HEAPFILE_WEAK] = "weak",
};

static int refuse(struct err *e, const char *what, const char *which) {
    return err_set(e, -EBADMSG, "", "this is no heap snapshot: its meta %s %s", what, which);
}

static int position(const json_t *fields, const char *name) {
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const char *s = json_string_value(json_array_get(fields, i));
        if (s && !strcmp(s, name))
            return (int)i;
    }
    return META_ABSENT;
}

/* The list `name` of fields; its length in ret_width. */
static int fields_of(const json_t *meta, const char *name, bool must, const json_t **ret,
                     int *ret_width, struct err *e) {
    const json_t *fields = json_object_get(meta, name);
    size_t n = json_array_size(fields);
    if (must && n == 0)
        return refuse(e, "has no", name);
    if (n > META_FIELDS_MAX)
        return refuse(e, "has too many", name);
    *ret = fields;
    *ret_width = (int)n;
    return 0;
}

/* What the kinds are called: types[at] is a list of names. */
static const json_t *names_of(const json_t *meta, const char *name, int at) {
    return at < 0 ? NULL : json_array_get(json_object_get(meta, name), (size_t)at);
}

static int known_kind(const char *name, const char *const *known, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!strcmp(name, known[i]))
            return (int)i;
    return (int)n;
}

static void name_kind(struct meta *m, size_t number, int kind, const char *name) {
    m->kinds[number] = (uint8_t)kind;
    if (!m->kind_names[kind])
        m->kind_names[kind] = mem_strdup(name);
}

/* V8 may be ahead of its own meta: Node 8's (V8 6.2) ends at "sliced string", number 11, and has
 * symbols, number 12. */
static void take_unnamed_kinds(size_t named, int other, struct meta *m) {
    enum { AHEAD = 8, NAMED_BY_V8_6 = HEAPFILE_SLICED + 1 };
    for (size_t i = named; i < named + AHEAD && i < sizeof m->kinds; i++) {
        bool known = named == NAMED_BY_V8_6 && i <= HEAPFILE_BIGINT;
        name_kind(m, i, known ? (int)i : other, known ? kinds[i] : "unknown");
    }
}

static void take_kinds(const json_t *names, struct meta *m) {
    memset(m->kinds, NO_KIND, sizeof m->kinds);
    int other = HEAPFILE_OTHER;
    for (size_t i = 0; i < json_array_size(names) && i < sizeof m->kinds; i++) {
        const char *s = json_string_value(json_array_get(names, i));
        int k = s ? known_kind(s, kinds, sizeof kinds / sizeof *kinds) : HEAPFILE_OTHER;
        if (k == HEAPFILE_OTHER && other < HEAPFILE_KINDS_MAX - 1)
            k = other++;
        name_kind(m, i, k, s ? s : "unknown");
    }
    take_unnamed_kinds(json_array_size(names), other, m);
}

static void take_edge_kinds(const json_t *names, struct meta *m) {
    memset(m->edge_kinds, NO_KIND, sizeof m->edge_kinds);
    for (size_t i = 0; i < json_array_size(names) && i < sizeof m->edge_kinds; i++) {
        const char *s = json_string_value(json_array_get(names, i));
        m->edge_kinds[i] =
            (uint8_t)(s ? known_kind(s, edge_kinds, sizeof edge_kinds / sizeof *edge_kinds)
                        : HEAPFILE_EDGE_OTHER);
    }
}

static int take_fields(const json_t *meta, struct meta *m, struct err *e) {
    const json_t *nodes, *edges, *places;
    int r = fields_of(meta, "node_fields", true, &nodes, &m->node_width, e);
    if (r == 0)
        r = fields_of(meta, "edge_fields", true, &edges, &m->edge_width, e);
    if (r == 0)
        r = fields_of(meta, "location_fields", false, &places, &m->location_width, e);
    if (r < 0)
        return r;
    m->type = position(nodes, "type");
    m->name = position(nodes, "name");
    m->id = position(nodes, "id");
    m->self_size = position(nodes, "self_size");
    m->edge_count_at = position(nodes, "edge_count");
    m->detachedness = position(nodes, "detachedness");
    m->edge_type = position(edges, "type");
    m->name_or_index = position(edges, "name_or_index");
    m->to_node = position(edges, "to_node");
    m->object_index = position(places, "object_index");
    m->script_id = position(places, "script_id");
    m->line = position(places, "line");
    m->column = position(places, "column");
    if (m->type < 0 || m->name < 0 || m->id < 0 || m->self_size < 0 || m->edge_count_at < 0)
        return refuse(e, "lacks one of type, name, id, self_size and edge_count in", "node_fields");
    if (m->edge_type < 0 || m->name_or_index < 0 || m->to_node < 0)
        return refuse(e, "lacks one of type, name_or_index and to_node in", "edge_fields");
    take_kinds(names_of(meta, "node_types", m->type), m);
    take_edge_kinds(names_of(meta, "edge_types", m->edge_type), m);
    return 0;
}

static bool take_count(const json_t *snapshot, const char *name, bool must, uint64_t *ret) {
    const json_t *n = json_object_get(snapshot, name);
    if (!n && !must)
        return true;
    if (!json_is_integer(n) || json_integer_value(n) < 0)
        return false;
    *ret = (uint64_t)json_integer_value(n);
    return true;
}

int meta_parse(const char *json, struct meta *ret, struct err *e) {
    json_error_t wrong;
    uint64_t traces = 0;
    json_t *snapshot = json_loads(json, 0, &wrong);
    if (!snapshot)
        return err_set(e, -EBADMSG, "",
                       "this is no heap snapshot: its `snapshot` object cannot be read: %s",
                       wrong.text);
    int r = 0;
    if (!take_count(snapshot, "node_count", true, &ret->node_count) ||
        !take_count(snapshot, "edge_count", true, &ret->edge_count) ||
        !take_count(snapshot, "root_index", false, &ret->root_index) ||
        !take_count(snapshot, "trace_function_count", false, &traces) ||
        !take_count(snapshot, "extra_native_bytes", false, &ret->extra_native_bytes))
        r = err_set(e, -EBADMSG, "",
                    "this is no heap snapshot: its `snapshot` object does not say how many nodes "
                    "and edges there are");
    if (r == 0)
        r = take_fields(json_object_get(snapshot, "meta"), ret, e);
    ret->has_traces = traces > 0;
    json_decref(snapshot);
    return r;
}
