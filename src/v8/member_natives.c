/* Objects that wrap one of C++: Node's handles and requests, and those of addons. */
#include "v8/member_list.h"

#include "base/demangle.h"
#include <inttypes.h>
#include <string.h>

enum { MAP_WORDS = 8, FIELDS_MAX = 64, TAGGED = 1 };

/* Of objects made from templates: JS_API_OBJECT and those that follow it, JS_SPECIAL_API_OBJECT
 * (src/objects/instance-type.h). */
static bool is_api_object(const struct v8_objects *o, int type) {
    int api = v8_layout_constant(o->img, o->l, "APIObjectType", -1);
    int special = v8_layout_constant(o->img, o->l, "SpecialAPIObjectType", -1);
    int view = v8_layout_constant(o->img, o->l, "type_JSDataView__JS_DATA_VIEW_TYPE", -1);
    int object = v8_layout_constant(o->img, o->l, "type_JSObject__JS_OBJECT_TYPE", -1);
    if (type < 0)
        return false;
    return type == special || type == api || (api > object && type > api && type < view);
}

/* The class of a C++ object: its first word points behind the head of a table that the binary
 * names. NULL: it has none that is known. */
static char *cpp_class(const struct v8_objects *o, uint64_t object) {
    static const char prefix[] = "vtable for ";
    enum { VTABLE_HEAD = 16 };
    struct elf_symbol symbol;
    uint64_t table;
    if (!object || object & 7 || image_read_u64(o->img, object, &table) < 0 || table & 7 ||
        elf_file_symbol_at(o->l->elf, table - VTABLE_HEAD - o->l->bias, &symbol) < 0 ||
        strncmp(symbol.name, "_ZTV", 4) != 0)
        return NULL;
    cleanup_free char *name = demangle(symbol.name);
    return strncmp(name, prefix, sizeof prefix - 1) == 0 ? mem_strdup(name + sizeof prefix - 1)
                                                         : NULL;
}

char *v8_native_class(struct v8_objects *o, uint64_t object, uint64_t *ret_addr) {
    uint64_t words, word;
    int32_t first = o->l->facts.api_object_header;
    if (!is_api_object(o, v8_instance_type(o, object)) ||
        !v8_field(o, v8_field_or_0(o, object, 0), MAP_WORDS, &words))
        return NULL;
    int32_t end = 8 * (int32_t)(words >> 8 & 0xff); /* where in-object properties begin */
    for (int32_t at = first; at < end && v8_field(o, object, at, &word); at += 8) {
        char *class = word & TAGGED ? NULL : cpp_class(o, word);
        if (class) {
            *ret_addr = word;
            return class;
        }
    }
    return NULL;
}

void v8_members_native(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    struct v8_objects *o = d->o;
    uint64_t words, word, addr;
    int32_t first = o->l->facts.api_object_header;
    if (!is_api_object(o, v8_instance_type(o, object)) ||
        !v8_field(o, v8_field_or_0(o, object, 0), MAP_WORDS, &words))
        return;
    int32_t end = 8 * (int32_t)(words >> 8 & 0xff);
    char *class = v8_native_class(o, object, &addr);
    if (class) {
        v8_members_text(d, m, "NativeClass", class);
        v8_members_text(d, m, "NativeObject", mem_printf("0x%" PRIx64, addr));
    }
    for (int32_t i = 0; first + 8 * i < end && i < FIELDS_MAX; i++) {
        char name[32];
        if (!v8_field(o, object, first + 8 * i, &word))
            break;
        snprintf(name, sizeof name, "InternalField%d", i);
        if (v8_kind(o, word) != KIND_NONE)
            v8_members_slot(d, m, name, word);
        else
            v8_members_text(d, m, name, mem_printf("0x%" PRIx64, word));
    }
}
