#include "v8/member_list.h"

#include "base/limits.h"
#include "v8/code.h"
#include "v8/collections.h"
#include "v8/contexts.h"
#include "v8/elements.h"
#include "v8/properties.h"
#include "v8/strings.h"
#include "v8/values.h"
#include <inttypes.h>
#include <string.h>

void v8_decoder_open(struct v8_objects *o, size_t limit, size_t text_max, struct v8_decoder *ret) {
    *ret = (struct v8_decoder){.o = o, .limit = limit, .text_max = text_max};
    v8_code_bytecode_sizes(o->l, &ret->sizes);
    ret->places.o = o;
    ret->places.sizes = &ret->sizes;
}

void v8_decoder_done(struct v8_decoder *d) {
    v8_scripts_done(&d->places.scripts);
    free((void *)d->sizes.at);
}

static void member_done(struct v8_member *m) {
    free(m->name);
    free(m->text);
    free(m->scope);
}

void v8_members_done(struct v8_members *m) {
    for (size_t i = 0; i < m->list.n; i++)
        member_done(&m->list.at[i]);
    vec_free(&m->list);
}

const char *v8_member_kind_name(enum v8_member_kind k) {
    static const char *const names[MEMBER_KINDS] = {
        "property", "element", "entry", "variable", "export", "slot", "field",
    };
    return names[k];
}

bool v8_members_add(struct v8_decoder *d, struct v8_members *m, struct v8_member member) {
    if (member.kind != MEMBER_SLOT && m->count[member.kind] >= d->limit) {
        m->more[member.kind]++;
        member_done(&member);
        return false;
    }
    m->count[member.kind]++;
    vec_push(&m->list, member);
    return true;
}

void v8_members_slot(struct v8_decoder *d, struct v8_members *m, const char *name, uint64_t value) {
    struct v8_member member = {.kind = MEMBER_SLOT, .value = value};
    member.name = mem_printf("[[%s]]", name);
    v8_members_add(d, m, member);
}

void v8_members_text(struct v8_decoder *d, struct v8_members *m, const char *name, char *text) {
    struct v8_member member = {.kind = MEMBER_SLOT, .text = text};
    if (!text)
        return;
    member.name = mem_printf("[[%s]]", name);
    v8_members_add(d, m, member);
}

char *v8_member_place(struct v8_decoder *d, const struct v8_shared *s, int32_t offset) {
    struct stack_frame frame = {0};
    v8_place_set(&d->places, s, s->bytecode, offset, &frame);
    char *ret = NULL;
    if (frame.script && frame.line)
        ret = mem_printf("%s%s:%u:%u",
                         offset != PLACE_FUNCTION && frame.line_kind == LINE_FUNCTION ? "in " : "",
                         frame.script, frame.line, frame.column);
    else if (frame.script)
        ret = mem_strdup(frame.script);
    free(frame.script);
    return ret;
}

/* AccessorPair: src/objects/struct.tq. Other accessors are V8's own: AccessorInfo. */
static void set_accessor(struct v8_objects *o, uint64_t pair, struct v8_member *m) {
    enum { GETTER = 8, SETTER = 16 };
    m->is_accessor = true;
    m->value = 0;
    if (v8_type(o, pair) == TYPE_ACCESSOR_PAIR) {
        m->getter = v8_field_or_0(o, pair, GETTER);
        m->setter = v8_field_or_0(o, pair, SETTER);
    }
}

/* JSFunction::prototype_or_initial_map (9.4 to 14.6): made when it is first asked for; 0: not yet.
 */
static uint64_t prototype_of(struct v8_objects *o, uint64_t function) {
    enum { PROTOTYPE_OR_MAP = 56, MAP_PROTOTYPE = 24 };
    uint64_t v = v8_field_or_0(o, function, PROTOTYPE_OR_MAP);
    if (v8_kind(o, v) == KIND_MAP)
        v = v8_field_or_0(o, v, MAP_PROTOTYPE);
    return v8_is_hole(o, v) ? 0 : v;
}

/* What V8's own accessors give is a field of the object, or made from it. */
static bool native_accessor(struct v8_objects *o, uint64_t object, struct v8_member *m) {
    enum { ARRAY_LENGTH = 24, FUNCTION_LENGTH_FROM_TOKEN = 4, WRAPPED = 24 };
    struct v8_shared s;
    uint32_t length;
    m->is_accessor = false;
    if (strcmp(m->name, "length") == 0 && v8_type(o, object) == TYPE_JS_ARRAY) {
        m->value = v8_field_or_0(o, object, ARRAY_LENGTH);
        return true;
    }
    if (strcmp(m->name, "length") == 0 && v8_type(o, object) == TYPE_JS_PRIMITIVE_WRAPPER) {
        m->text = mem_printf("%" PRId64, v8_string_length(o, v8_field_or_0(o, object, WRAPPED)));
        return true;
    }
    if (strcmp(m->name, "name") == 0 && v8_type(o, object) == TYPE_JS_BOUND_FUNCTION) {
        cleanup_free char *summary = v8_value_summary(o, object);
        m->text = mem_printf("\"%s\"", summary + strcspn(summary, " ") + 1); /* "function " */
        return true;
    }
    if (v8_shared_read(o, v8_shared_of(o, object), &s) < 0)
        return false;
    if (strcmp(m->name, "length") == 0 &&
        v8_field_u32(o, s.addr, o->l->facts.shared_token - FUNCTION_LENGTH_FROM_TOKEN, &length)) {
        m->text = mem_printf("%u", length & 0xffff);
        return true;
    }
    if (strcmp(m->name, "prototype") == 0) {
        m->value = prototype_of(o, object);
        m->text = m->value ? NULL : mem_strdup("(not made yet)");
        return true;
    }
    if (strcmp(m->name, "name") == 0) {
        uint64_t name = v8_shared_own_name(o, &s);
        cleanup_free char *text = name ? v8_string_utf8(o, name, LIMIT_V8_NAME) : NULL;
        m->text = mem_printf("\"%s\"", text ? text : "");
        return true;
    }
    return false;
}

static void set_value(struct v8_objects *o, uint64_t object, uint64_t value, bool is_accessor,
                      struct v8_member *m) {
    m->value = value;
    if (!is_accessor && v8_type(o, value) != TYPE_ACCESSOR_PAIR)
        return;
    if (v8_type(o, value) != TYPE_ACCESSOR_PAIR) {
        m->value = 0;
        if (native_accessor(o, object, m))
            return;
    }
    set_accessor(o, value, m);
}

static void add_properties(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    struct v8_property_list all;
    v8_properties_all(d->o, object, &all);
    for (size_t i = 0; i < all.list.n; i++) {
        const struct v8_property *p = &all.list.at[i];
        struct v8_member member = {.kind = MEMBER_PROPERTY, .is_hidden = !p->is_enumerable};
        if (v8_key_is_internal(d->o, p->key))
            continue;
        member.name = v8_key_text(d->o, p->key);
        if (!member.name)
            continue;
        if (p->is_double)
            member.text = v8_property_summary(d->o, p);
        else
            set_value(d->o, object, p->value, p->is_accessor, &member);
        v8_members_add(d, m, member);
    }
    vec_free(&all.list);
}

static void add_elements(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    struct v8_elements e;
    struct v8_element found;
    v8_elements_open(d->o, object, &e);
    for (size_t i = 0; i < d->limit && v8_elements_next(&e, &found); i++) {
        struct v8_member member = {.kind = MEMBER_ELEMENT, .value = found.value};
        member.name = mem_printf("%" PRIu64, found.index);
        member.text = found.text;
        if (found.is_accessor)
            set_accessor(d->o, found.value, &member);
        v8_members_add(d, m, member);
    }
    m->more[MEMBER_ELEMENT] += v8_elements_left(&e);
    v8_elements_done(&e);
}

static void add_entries(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    struct v8_entries e;
    struct v8_entry found;
    if (v8_entries_open(d->o, object, &e) < 0 && v8_entries_open_iterator(d->o, object, &e) < 0)
        return;
    for (uint64_t i = 0; v8_entries_next(&e, &found); i++) {
        struct v8_member member = {
            .kind = MEMBER_ENTRY, .value = found.value, .is_weak = e.is_weak};
        if (e.has_values)
            member.key = found.key;
        else
            member.name = mem_printf("%" PRIu64, i);
        v8_members_add(d, m, member);
    }
}

static void add_prototype(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    uint64_t prototype = v8_prototype(d->o, object);
    if (v8_kind(d->o, object) == KIND_PROXY)
        return;
    if (prototype)
        v8_members_slot(d, m, "Prototype", prototype);
    else
        v8_members_text(d, m, "Prototype", mem_strdup("null"));
}

/* FixedArrays and their like. */
static void add_array(struct v8_decoder *d, uint64_t array, struct v8_members *m) {
    int64_t n = v8_array_length(d->o, array);
    for (int64_t i = 0; i < n; i++) {
        struct v8_member member = {.kind = MEMBER_ELEMENT};
        if (m->count[MEMBER_ELEMENT] >= d->limit) {
            m->more[MEMBER_ELEMENT] = (uint64_t)(n - i);
            break;
        }
        uint64_t word = v8_array_get(d->o, array, i);
        if (v8_is_hole(d->o, word))
            continue;
        member.value = v8_strong(word);
        member.is_weak = word != member.value;
        member.name = mem_printf("%" PRId64, i);
        v8_members_add(d, m, member);
    }
}

/* Objects of V8's own: the words that read as objects, or as numbers V8 keeps. */
static void add_fields(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    enum { MOST = 4096 };
    struct v8_map_info info;
    uint8_t head[64];
    uint64_t addr = object & ~3ull, size;
    size_t have = sizeof head;
    if (v8_map_read(d->o->img, d->o->l, v8_field_or_0(d->o, object, 0), &info) < 0)
        return;
    while (have > 16 && v8_objects_read(d->o, addr, head, have) < 0)
        have -= 8;
    size = v8_object_size(d->o->l, d->o->img, &info, head, have);
    for (uint64_t at = 8; at + 8 <= size && at < MOST; at += 8) {
        struct v8_member member = {.kind = MEMBER_FIELD};
        uint64_t word;
        if (!v8_field(d->o, object, (int32_t)at, &word))
            break;
        uint64_t strong = v8_strong(word);
        if (v8_kind(d->o, strong) != KIND_NONE) {
            member.value = strong;
            member.is_weak = strong != word;
        } else {
            member.text =
                v8_is_smi(word) ? mem_printf("%d", v8_smi(word)) : mem_printf("0x%" PRIx64, word);
        }
        member.name = mem_printf("+%" PRIu64, at);
        v8_members_add(d, m, member);
    }
}

void v8_members_of(struct v8_decoder *d, uint64_t object, struct v8_members *ret) {
    struct v8_members m = {0};
    enum v8_kind kind = v8_kind(d->o, object);
    if (d->raw && kind != KIND_NONE) {
        add_fields(d, object, &m);
    } else if (v8_is_receiver(kind)) {
        add_properties(d, object, &m);
        add_elements(d, object, &m);
        add_entries(d, object, &m);
        v8_members_slots(d, object, &m);
        v8_members_buffers(d, object, &m);
        v8_members_function(d, object, &m);
        v8_members_suspended(d, object, &m);
        v8_members_error(d, object, &m);
        v8_members_native(d, object, &m);
        v8_members_wasm(d, object, &m);
        add_prototype(d, object, &m);
    } else if (v8_is_context(d->o, object) && !v8_is_native_context(d->o, object)) {
        v8_members_scopes(d, object, &m);
    } else if (kind == KIND_ARRAY) {
        add_array(d, object, &m);
    } else if (kind == KIND_OTHER || kind > KIND_BYTES) {
        v8_members_wasm(d, object, &m);
        add_fields(d, object, &m);
    }
    *ret = m;
}
