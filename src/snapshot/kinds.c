#include "snapshot/kinds.h"

#include "v8/functions.h"
#include "v8/nodes.h"
#include "v8/strings.h"
#include <ctype.h>
#include <string.h>

/* Where the name of a node comes from. */
enum rule {
    NAME_FIXED,
    NAME_STRING, /* its content */
    NAME_FUNCTION,
    NAME_REGEXP,
    NAME_SHARED,
    NAME_SCRIPT,
};

struct what {
    enum rule rule;
    enum v8_node_kind kind;
    uint32_t name;
};

static uint64_t pack(struct what w) {
    return (uint64_t)w.name << 16 | (uint64_t)w.kind << 8 | w.rule;
}

static struct what unpack(uint64_t p) {
    return (struct what){(enum rule)(p & 0xff), (enum v8_node_kind)(p >> 8 & 0xff),
                         (uint32_t)(p >> 16)};
}

/* Classes of what is no object of the program's, as v8/classes.h has them. */
static const struct {
    const char *class;
    enum v8_node_kind kind;
} by_class[] = {
    {"(system)", V8_NODE_HIDDEN},        {"(compiled code)", V8_NODE_CODE},
    {"(object shape)", V8_NODE_SHAPE},   {"(array)", V8_NODE_ARRAY},
    {"(string)", V8_NODE_STRING},        {"(concatenated string)", V8_NODE_CONCATENATED},
    {"(sliced string)", V8_NODE_SLICED}, {"(symbol)", V8_NODE_SYMBOL},
    {"(number)", V8_NODE_NUMBER},        {"(bigint)", V8_NODE_BIGINT},
};

/* "feedback_vector_map" -> "system / FeedbackVector". */
static char *system_name(const char *root) {
    char *s = mem_printf("system / %s", root), *to = s + strlen("system / ");
    bool upper = true;
    for (const char *from = to; strcmp(from, "_map") != 0; from++) {
        if (*from == '_')
            upper = true;
        else {
            *to++ = (char)(upper ? toupper((unsigned char)*from) : *from);
            upper = false;
        }
    }
    *to = 0;
    return s;
}

static void name_types(struct snapshot_kinds *k) {
    const struct v8_objects *o = &k->look->objects;
    for (size_t i = 0; i < o->l->n_roots; i++) {
        struct v8_map_info m;
        const char *root = o->l->root_names[i];
        size_t n = strlen(root);
        if (n > 4 && strcmp(root + n - 4, "_map") == 0 &&
            v8_layout_root_map(o->img, o->l, root, &m) == 0 && !k->system[m.type])
            k->system[m.type] = system_name(root);
    }
}

void snapshot_kinds_open(struct heap_look *look, struct snapshot_names *names,
                         const struct v8_snapshot_form *form, bool redact,
                         struct snapshot_kinds *ret) {
    *ret = (struct snapshot_kinds){.look = look, .names = names, .form = form, .redact = redact};
    ret->system = mem_zalloc((1u << 16) * sizeof *ret->system);
    name_types(ret);
}

void snapshot_kinds_done(struct snapshot_kinds *k) {
    for (size_t i = 0; k->system && i < 1u << 16; i++)
        free(k->system[i]);
    free(k->system);
    map64_done(&k->by_map);
}

static struct what fixed(struct snapshot_kinds *k, enum v8_node_kind kind, const char *name) {
    return (struct what){NAME_FIXED, kind, snapshot_name_text(k->names, name)};
}

/* What is no object of the program's. */
static struct what of_system(struct snapshot_kinds *k, enum v8_node_kind kind, uint64_t object) {
    int type = v8_instance_type(&k->look->objects, object);
    const char *class = v8_type_class(v8_type(&k->look->objects, object));
    cleanup_free char *stated = class ? mem_printf("system / %s", class) : NULL;
    switch (v8_kind(&k->look->objects, object)) {
    case KIND_SHARED:
        return (struct what){NAME_SHARED, kind, 0};
    case KIND_SCRIPT:
        return (struct what){NAME_SCRIPT, kind, 0};
    case KIND_MAP:
        return fixed(k, kind, "system / Map");
    case KIND_ODDBALL:
        return fixed(k, kind, "system / Oddball");
    default:
        if (type == k->look->view->l->native_context_type)
            return fixed(k, kind, "system / NativeContext");
        if (stated)
            return fixed(k, kind, stated);
        return fixed(k, kind, type >= 0 && k->system[type] ? k->system[type] : "system");
    }
}

static struct what what_is(struct snapshot_kinds *k, uint32_t node) {
    struct v8_objects *o = &k->look->objects;
    struct v8_classes *classes = heap_look_classes(k->look);
    uint64_t object = heap_look_addr(k->look, node);
    const char *class = v8_class_name(classes, v8_class_of(classes, node));
    enum v8_kind kind = v8_kind(o, object);
    if (kind == KIND_FUNCTION && strcmp(class, "Function") == 0)
        return (struct what){NAME_FUNCTION, V8_NODE_CLOSURE, 0};
    if (v8_type(o, object) == TYPE_JS_REG_EXP && strcmp(class, "RegExp") == 0)
        return (struct what){NAME_REGEXP, V8_NODE_REGEXP, 0};
    for (size_t i = 0; i < sizeof by_class / sizeof *by_class && !v8_is_receiver(kind); i++) {
        enum v8_node_kind is = by_class[i].kind;
        if (strcmp(class, by_class[i].class) != 0)
            continue;
        if (is == V8_NODE_STRING)
            return (struct what){NAME_STRING, is, 0};
        if (is == V8_NODE_CONCATENATED || is == V8_NODE_SLICED)
            return fixed(k, is, class);
        if (is == V8_NODE_ARRAY)
            return fixed(k, is, "");
        if (is == V8_NODE_SYMBOL || is == V8_NODE_BIGINT)
            return fixed(k, is, is == V8_NODE_SYMBOL ? "symbol" : "bigint");
        if (is == V8_NODE_NUMBER)
            return fixed(k, is, "heap number");
        if (is == V8_NODE_SHAPE && !k->form->has_shapes)
            is = V8_NODE_HIDDEN;
        return of_system(k, is, object);
    }
    return fixed(k, V8_NODE_OBJECT, class);
}

static struct what what(struct snapshot_kinds *k, uint32_t node) {
    uint64_t map = v8_node_map(k->look->view->nodes, node), packed;
    if (!map64_get(&k->by_map, map + 1, &packed)) {
        packed = pack(what_is(k, node));
        map64_put(&k->by_map, map + 1, packed);
    }
    return unpack(packed);
}

enum v8_node_kind snapshot_kind(const struct snapshot_kinds *k, uint32_t node) {
    uint64_t packed = 0;
    map64_get(&k->by_map, v8_node_map(k->look->view->nodes, node) + 1ull, &packed);
    return unpack(packed).kind;
}

/* --- names --- */

/* Blanked, of the same length. */
static uint32_t content(struct snapshot_kinds *k, uint64_t string) {
    char blank[SNAPSHOT_STRING_MAX + 1];
    if (!k->redact)
        return snapshot_name_string(k->names, string, false);
    int64_t n = v8_string_length(&k->look->objects, string);
    size_t len = n < 0 ? 0 : n < SNAPSHOT_STRING_MAX ? (size_t)n : SNAPSHOT_STRING_MAX;
    memset(blank, 'x', len);
    blank[len] = 0;
    return snapshot_name_text(k->names, blank);
}

static uint32_t function_name(struct snapshot_kinds *k, uint64_t shared, const char *otherwise) {
    struct v8_objects *o = &k->look->objects;
    struct v8_shared s;
    uint64_t name = v8_shared_read(o, shared, &s) == 0 ? v8_shared_own_name(o, &s) : 0;
    return name ? snapshot_name_string(k->names, name, true)
                : snapshot_name_text(k->names, otherwise);
}

uint32_t snapshot_name(struct snapshot_kinds *k, uint32_t node, uint64_t hash) {
    enum { REGEXP_SOURCE = 32, SCRIPT_NAME = 16 };
    struct v8_objects *o = &k->look->objects;
    struct what w = what(k, node);
    uint64_t object = w.rule == NAME_FIXED ? 0 : heap_look_addr(k->look, node), name;
    switch (w.rule) {
    case NAME_STRING:
        return hash && !k->redact ? snapshot_name_hashed(k->names, object, hash)
                                  : content(k, object);
    case NAME_FUNCTION:
        name = v8_shared_of(o, object);
        return name ? function_name(k, name, "") : snapshot_name_text(k->names, "native_bind");
    case NAME_REGEXP:
        return content(k, v8_field_or_0(o, object, REGEXP_SOURCE));
    case NAME_SHARED:
        return function_name(k, object, "(shared function info)");
    case NAME_SCRIPT:
        name = v8_field_or_0(o, object, SCRIPT_NAME);
        return v8_kind(o, name) == KIND_STRING ? snapshot_name_string(k->names, name, true)
                                               : snapshot_name_text(k->names, "");
    case NAME_FIXED:
        break;
    }
    return w.name;
}
