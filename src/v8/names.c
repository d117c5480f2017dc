#include "v8/names.h"

#include "base/limits.h"
#include "base/text.h"
#include "v8/properties.h"
#include "v8/scripts.h"
#include "v8/strings.h"
#include <string.h>

enum { CHAIN_MAX = 1000 };

static char *text_or_empty(struct v8_objects *o, uint64_t string) {
    char *s = string ? v8_string_utf8(o, string, LIMIT_V8_NAME) : NULL;
    return s ? s : mem_strdup("");
}

/* Initialisers of a class's fields have its name until they are printed (from version 12 on;
 * before, the name they are printed with). */
static const char *initializer_name(const struct v8_objects *o, const struct v8_shared *s) {
    int32_t members = o->l->facts.initializer_kind, kind = (int32_t)(s->flags & 31);
    if (members < 0 || kind < members || kind > members + 1)
        return NULL;
    return kind == members ? "<instance_members_initializer>" : "<static_initializer>";
}

/* The own property `name` wins when a program has changed it; until then it is an accessor. */
char *v8_function_name(struct v8_objects *o, uint64_t function, const struct v8_shared *s) {
    struct v8_property p;
    const char *initializer = initializer_name(o, s);
    if (initializer)
        return mem_strdup(initializer);
    if (function && v8_property_own(o, function, "name", &p) && !p.is_accessor &&
        v8_kind(o, p.value) == KIND_STRING)
        return text_or_empty(o, p.value);
    return text_or_empty(o, v8_shared_debug_name(o, s));
}

/* Is the property this function, or an accessor whose getter or setter it is? */
static bool leads_to(struct v8_objects *o, const struct v8_property *p, uint64_t function) {
    if (!p->is_accessor)
        return p->value == function;
    return v8_kind(o, p->value) == KIND_OTHER && (v8_field_or_0(o, p->value, 8) == function ||
                                                  v8_field_or_0(o, p->value, 16) == function);
}

/* InferMethodName: the one enumerable property of the first object that has the function at all. */
static char *inferred_method(struct v8_objects *o, uint64_t object, uint64_t function) {
    for (int i = 0; object && i < CHAIN_MAX; i++, object = v8_prototype(o, object)) {
        struct v8_properties p;
        struct v8_property found;
        uint64_t key = 0;
        if (v8_kind(o, object) == KIND_PROXY)
            return NULL;
        v8_properties_open(o, object, &p);
        while (v8_properties_next(&p, &found)) {
            if (!found.is_enumerable || v8_kind(o, found.key) != KIND_STRING ||
                !leads_to(o, &found, function))
                continue;
            if (key)
                return NULL; /* not the only one */
            key = found.key;
        }
        if (key)
            return v8_string_utf8(o, key, LIMIT_V8_NAME);
    }
    return NULL;
}

/* CallSiteInfo::GetMethodName: the name by which the receiver has the function; NULL when there is
 * none or more than one. */
static char *method_name(struct v8_objects *o, const struct v8_call *c, const char *own) {
    struct v8_property p;
    if (!c->function)
        return NULL;
    if (strncmp(own, "get ", 4) == 0 || strncmp(own, "set ", 4) == 0)
        own += 4;
    if (*own && v8_property_find(o, c->receiver, own, &p) && leads_to(o, &p, c->function))
        return mem_strdup(own);
    return inferred_method(o, c->receiver, c->function);
}

static bool starts_with(const char *s, const char *prefix) {
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* StringEndsWithMethodName: as a whole word behind a dot, from version 12 on also behind a space.
 */
static bool ends_with_method(const struct v8_objects *o, const char *s, const char *method) {
    size_t n = strlen(s), k = strlen(method);
    if (n < k || strcmp(s + n - k, method) != 0)
        return false;
    return n == k || s[n - k - 1] == '.' || (s[n - k - 1] == ' ' && o->l->version[0] >= 12);
}

/* CallSiteInfo::GetTypeName. When a function is the receiver: from version 10.2 on the name of a
 * class, from 13 on that of any function. */
static char *type_name(struct v8_objects *o, uint64_t receiver) {
    struct v8_shared s;
    if (v8_kind(o, receiver) == KIND_PROXY)
        return mem_strdup("Proxy");
    if (v8_kind(o, receiver) == KIND_FUNCTION &&
        v8_shared_read(o, v8_shared_of(o, receiver), &s) == 0) {
        int version = 10 * o->l->version[0] + o->l->version[1];
        char *name = version >= (v8_shared_is_class(&s) ? 102 : 130)
                         ? v8_function_name(o, receiver, &s)
                         : NULL;
        if (name && *name)
            return name;
        free(name);
        return mem_strdup("Function");
    }
    return v8_constructor_name(o, receiver);
}

/* AppendMethodCall of src/objects/call-site-info.cc. */
static char *method_call(struct v8_objects *o, const struct v8_call *c, const char *name) {
    cleanup_free char *type = type_name(o, c->receiver);
    cleanup_free char *own = text_or_empty(o, v8_shared_own_name(o, &c->shared));
    cleanup_free char *method = method_name(o, c, own);
    const char *prefix = type ? type : "", *dot = type && *type ? "." : "";
    if (!*name)
        return mem_printf("%s%s%s", prefix, dot, method ? method : "<anonymous>");
    /* From version 10 on the type stands only before a plain name. */
    if (o->l->version[0] >= 10 ? !text_is_identifier(name) : *prefix && starts_with(name, prefix))
        prefix = dot = "";
    if (method && !ends_with_method(o, name, method))
        return mem_printf("%s%s%s [as %s]", prefix, dot, name, method);
    return mem_printf("%s%s%s", prefix, dot, name);
}

/* CallSiteInfo::IsToplevel; a receiver that is not known counts as none. */
static bool is_toplevel(struct v8_objects *o, const struct v8_call *c) {
    enum v8_kind k = c->has_receiver ? v8_kind(o, c->receiver) : KIND_NONE;
    if (c->has_receiver && v8_is_smi(c->receiver))
        return false;
    if (k != KIND_ODDBALL)
        return k == KIND_NONE || k == KIND_OTHER || k == KIND_GLOBAL_PROXY;
    uint64_t text = v8_field_or_0(o, c->receiver, 16); /* Oddball::to_string */
    return !v8_string_is(o, text, "true") && !v8_string_is(o, text, "false");
}

char *v8_call_name(struct v8_objects *o, const struct v8_call *c) {
    char *name = v8_function_name(o, c->function, &c->shared), *longer = NULL;
    if (!*name && v8_script_is_eval(o, c->shared.script)) {
        free(name);
        name = mem_strdup("eval");
    }
    if (c->is_constructor)
        longer = mem_printf("new %s", *name ? name : "<anonymous>");
    else if (!is_toplevel(o, c))
        longer = method_call(o, c, name);
    if (longer) {
        free(name);
        name = longer;
    }
    return name;
}
