#include "v8/values.h"

#include "base/limits.h"
#include "v8/collections.h"
#include "v8/elements.h"
#include "v8/generators.h"
#include "v8/lengths.h"
#include "v8/names.h"
#include "v8/numbers.h"
#include "v8/promises.h"
#include "v8/properties.h"
#include "v8/strings.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* src/objects: Oddball, Symbol, JSPrimitiveWrapper, JSDate, JSRegExp, JSBoundFunction, JSProxy,
 * JSExternalObject; the same from 7.8 to 14.6. */
enum {
    ODDBALL_TEXT = 16,
    SYMBOL_FLAGS = 12,
    SYMBOL_DESCRIPTION = 16,
    WRAPPED_VALUE = 24,
    DATE_VALUE = 24,
    REGEXP_SOURCE = 32,
    REGEXP_FLAGS = 40,
    BOUND_TARGET = 24,
    PROXY_TARGET = 16,
    EXTERNAL_VALUE = 24,
};

/* One level inside another: a promise's result, a proxy's target. Deeper ones are cut. */
enum { STRING_MAX = 40, MESSAGE_MAX = 80, NESTED_MAX = 2, FEW = 5, BIGINT_WORDS = 2 };

static char *summary(struct v8_objects *o, uint64_t value, int depth);

static char *string(struct v8_objects *o, uint64_t value) {
    cleanup_free char *s = v8_string_utf8(o, value, STRING_MAX);
    return s ? mem_printf("\"%s%s\"", s, v8_string_length(o, value) > STRING_MAX ? "..." : "")
             : NULL;
}

static char *symbol(struct v8_objects *o, uint64_t value) {
    cleanup_free char *s =
        v8_string_utf8(o, v8_field_or_0(o, value, SYMBOL_DESCRIPTION), STRING_MAX);
    return mem_printf("Symbol(%s)", s ? s : "");
}

/* Symbol::flags (src/objects/name.tq): is_private, ..., is_private_name the fifth, is_private_brand
 * the sixth; from 14 on the lowest two bits are the kind: private, private name, private brand. */
enum symbol_kind { SYMBOL_PUBLIC, SYMBOL_INTERNAL, SYMBOL_PRIVATE_NAME, SYMBOL_PRIVATE_BRAND };

static enum symbol_kind symbol_kind(struct v8_objects *o, uint64_t key) {
    uint32_t flags = 0;
    if (v8_kind(o, key) != KIND_SYMBOL || !v8_field_u32(o, key, SYMBOL_FLAGS, &flags))
        return SYMBOL_PUBLIC;
    if (o->l->facts.symbol_kinds == 1)
        return (enum symbol_kind)(flags & 3);
    if (!(flags & 1))
        return SYMBOL_PUBLIC;
    return flags >> 5 & 1   ? SYMBOL_PRIVATE_BRAND
           : flags >> 4 & 1 ? SYMBOL_PRIVATE_NAME
                            : SYMBOL_INTERNAL;
}

bool v8_key_is_internal(struct v8_objects *o, uint64_t key) {
    return symbol_kind(o, key) == SYMBOL_INTERNAL;
}

char *v8_key_text(struct v8_objects *o, uint64_t key) {
    if (v8_kind(o, key) == KIND_STRING)
        return v8_string_utf8(o, key, LIMIT_V8_NAME);
    if (v8_kind(o, key) != KIND_SYMBOL)
        return NULL;
    enum symbol_kind kind = symbol_kind(o, key);
    if (kind == SYMBOL_PUBLIC)
        return symbol(o, key);
    cleanup_free char *s =
        v8_string_utf8(o, v8_field_or_0(o, key, SYMBOL_DESCRIPTION), LIMIT_V8_NAME);
    if (kind == SYMBOL_PRIVATE_BRAND) /* the class's name; the value is the scope of its methods */
        return mem_printf("#methods of %s", s ? s : "");
    return mem_strdup(s ? s : "#"); /* "#secret" is its description */
}

static char *function(struct v8_objects *o, uint64_t value) {
    struct v8_shared s;
    if (v8_shared_read(o, v8_shared_of(o, value), &s) < 0)
        return NULL;
    cleanup_free char *name = v8_function_name(o, value, &s);
    return mem_printf("%s%s%s", v8_shared_is_class(&s) ? "class" : "function", *name ? " " : "",
                      name);
}

/* "function bound foo", as its name is: until a program changes it V8 makes it when asked. */
static char *bound_function(struct v8_objects *o, uint64_t value) {
    VEC(char) name = {0};
    const char *bound = "bound ";
    for (int i = 0; i < FEW && v8_type(o, value) == TYPE_JS_BOUND_FUNCTION; i++) {
        for (const char *c = bound; *c; c++)
            vec_push(&name, *c);
        value = v8_field_or_0(o, value, BOUND_TARGET);
    }
    vec_push(&name, '\0');
    struct v8_shared s;
    cleanup_free char *target = v8_shared_read(o, v8_shared_of(o, value), &s) == 0
                                    ? v8_function_name(o, value, &s)
                                    : mem_strdup("");
    char *ret = mem_printf("function %s%s", name.at, target);
    vec_free(&name);
    return ret;
}

/* The flags in the order the `flags` getter gives them, by their bit in JSRegExp::flags
 * (src/regexp/regexp-flags.h; up to version 9 hasIndices is bit 7, as it still is). */
char *v8_regexp_flags(struct v8_objects *o, uint64_t regexp) {
    static const struct {
        char letter;
        uint8_t bit;
    } letters[] = {{'d', 7}, {'g', 0}, {'i', 1}, {'m', 2}, {'s', 5}, {'u', 4}, {'v', 8}, {'y', 3}};
    uint64_t flags = v8_field_or_0(o, regexp, REGEXP_FLAGS);
    char text[16];
    size_t n = 0;
    for (size_t i = 0; v8_is_smi(flags) && i < sizeof letters / sizeof *letters; i++)
        if (v8_smi(flags) >> letters[i].bit & 1)
            text[n++] = letters[i].letter;
    text[n] = '\0';
    return mem_strdup(text);
}

static char *regexp(struct v8_objects *o, uint64_t value) {
    cleanup_free char *source =
        v8_string_utf8(o, v8_field_or_0(o, value, REGEXP_SOURCE), MESSAGE_MAX);
    cleanup_free char *flags = v8_regexp_flags(o, value);
    return source ? mem_printf("/%s/%s", source, flags) : NULL;
}

/* A tagged number up to version 13, then the bits of a double. */
double v8_date_value(struct v8_objects *o, uint64_t date) {
    uint64_t word = v8_field_or_0(o, date, DATE_VALUE);
    double d = 0;
    if (o->l->facts.date_is_raw == 1)
        memcpy(&d, &word, sizeof d);
    else if (!v8_number(o, word, &d))
        d = (double)NAN;
    return d;
}

static char *date(struct v8_objects *o, uint64_t value) {
    cleanup_free char *text = v8_date_text(v8_date_value(o, value));
    return mem_printf("Date %s", text);
}

static char *error(struct v8_objects *o, uint64_t value) {
    struct v8_property p;
    cleanup_free char *class = v8_constructor_name(o, value);
    cleanup_free char *message = NULL;
    if (v8_property_find(o, value, "message", &p) && !p.is_accessor &&
        v8_kind(o, p.value) == KIND_STRING && v8_string_length(o, p.value) > 0)
        message = v8_string_utf8(o, p.value, MESSAGE_MAX);
    return mem_printf("%s%s%s", class ? class : "Error", message ? ": " : "",
                      message ? message : "");
}

static char *promise(struct v8_objects *o, uint64_t value, int depth) {
    struct v8_promise p;
    cleanup_free char *class = v8_constructor_name(o, value);
    if (!class || v8_promise_read(o, value, &p) < 0)
        return NULL;
    const char *state = v8_promise_state(&p);
    if (p.state == PROMISE_PENDING)
        return mem_printf("%s {<%s>}", class, state);
    cleanup_free char *result = summary(o, p.result, depth + 1);
    return mem_printf("%s {<%s>: %s}", class, state, result);
}

static char *wrapper(struct v8_objects *o, uint64_t value, int depth) {
    cleanup_free char *class = v8_constructor_name(o, value);
    cleanup_free char *of = summary(o, v8_field_or_0(o, value, WRAPPED_VALUE), depth + 1);
    return mem_printf("%s {%s}", class ? class : "Object", of);
}

static char *generator(struct v8_objects *o, uint64_t value) {
    struct v8_generator g;
    cleanup_free char *class = v8_type(o, value) == TYPE_JS_ASYNC_FUNCTION_OBJECT
                                   ? mem_strdup("AsyncFunction")
                                   : v8_constructor_name(o, value);
    if (!class || v8_generator_read(o, value, &g) < 0)
        return class ? mem_strdup(class) : NULL;
    return mem_printf("%s {<%s>}", class, v8_generator_state(&g));
}

static char *external(struct v8_objects *o, uint64_t value) {
    return mem_printf("External 0x%" PRIx64, v8_field_or_0(o, value, EXTERNAL_VALUE));
}

/* How many it holds, for those that say so in brackets; -1: for none. */
static int64_t size_of(struct v8_objects *o, uint64_t value) {
    struct v8_array_buffer buffer;
    struct v8_typed_array view;
    struct v8_property p;
    switch (v8_type(o, value)) {
    case TYPE_JS_ARGUMENTS_OBJECT:
        return v8_property_own(o, value, "length", &p) && v8_is_smi(p.value) ? v8_smi(p.value) : -1;
    case TYPE_JS_ARRAY_BUFFER:
        return v8_array_buffer_read(o, value, &buffer) == 0 ? (int64_t)buffer.byte_length : -1;
    case TYPE_JS_TYPED_ARRAY:
        return v8_typed_array_read(o, value, &view) == 0 ? (int64_t)view.length : -1;
    case TYPE_JS_DATA_VIEW:
    case TYPE_JS_RAB_GSAB_DATA_VIEW:
        return v8_typed_array_read(o, value, &view) == 0 ? (int64_t)view.byte_length : -1;
    default:
        return v8_length(o, value);
    }
}

static char *plain(struct v8_objects *o, uint64_t value) {
    cleanup_free char *class = v8_type(o, value) == TYPE_JS_ARGUMENTS_OBJECT
                                   ? mem_strdup("Arguments")
                                   : v8_constructor_name(o, value);
    int64_t n = size_of(o, value);
    if (!class)
        return NULL;
    return n < 0 ? mem_strdup(class) : mem_printf("%s(%" PRId64 ")", class, n);
}

static char *receiver(struct v8_objects *o, uint64_t value, int depth) {
    switch (v8_type(o, value)) {
    case TYPE_JS_BOUND_FUNCTION:
        return bound_function(o, value);
    case TYPE_JS_REG_EXP:
        return regexp(o, value);
    case TYPE_JS_DATE:
        return date(o, value);
    case TYPE_JS_ERROR:
        return error(o, value);
    case TYPE_JS_PROMISE:
        return promise(o, value, depth);
    case TYPE_JS_PRIMITIVE_WRAPPER:
        return wrapper(o, value, depth);
    case TYPE_JS_GENERATOR_OBJECT:
    case TYPE_JS_ASYNC_GENERATOR_OBJECT:
    case TYPE_JS_ASYNC_FUNCTION_OBJECT:
        return generator(o, value);
    case TYPE_JS_EXTERNAL_OBJECT:
        return external(o, value);
    default:
        return plain(o, value);
    }
}

static char *proxy(struct v8_objects *o, uint64_t value, int depth) {
    uint64_t target = v8_field_or_0(o, value, PROXY_TARGET);
    if (!v8_is_receiver(v8_kind(o, target)))
        return mem_strdup("Proxy"); /* it was revoked */
    cleanup_free char *of = summary(o, target, depth + 1);
    return mem_printf("Proxy(%s)", of);
}

static char *of_kind(struct v8_objects *o, uint64_t value, int depth) {
    double d;
    switch (v8_kind(o, value)) {
    case KIND_STRING:
        return string(o, value);
    case KIND_ODDBALL:
        return v8_string_utf8(o, v8_field_or_0(o, value, ODDBALL_TEXT), STRING_MAX);
    case KIND_SYMBOL:
        return symbol(o, value);
    case KIND_HEAP_NUMBER:
        return v8_number(o, value, &d) ? v8_number_text(d) : NULL;
    case KIND_BIGINT:
        return v8_bigint_text(o, value, BIGINT_WORDS);
    case KIND_FUNCTION:
        return function(o, value);
    case KIND_PROXY:
        return proxy(o, value, depth);
    case KIND_GLOBAL_PROXY:
        return mem_strdup("globalThis");
    case KIND_RECEIVER:
        return receiver(o, value, depth);
    default:
        return NULL;
    }
}

static char *summary(struct v8_objects *o, uint64_t value, int depth) {
    char *s = v8_is_smi(value)      ? mem_printf("%d", v8_smi(value))
              : depth <= NESTED_MAX ? of_kind(o, value, depth)
                                    : mem_strdup("...");
    return s ? s : mem_strdup("?");
}

char *v8_value_summary(struct v8_objects *o, uint64_t value) {
    return summary(o, value, 0);
}

char *v8_property_summary(struct v8_objects *o, const struct v8_property *p) {
    double d;
    if (!p->is_double)
        return v8_value_summary(o, p->value);
    memcpy(&d, &p->value, sizeof d);
    return v8_number_text(d);
}

/* --- with the first of what it holds --- */

/* A list in the making: after FEW members only that there are more. */
struct few {
    VEC(char) text;
    int n;
};

static bool few_add(struct few *f, char *member) {
    const char *parts[] = {f->n ? ", " : "", f->n < FEW ? member : "..."};
    for (int i = 0; i < 2; i++)
        for (const char *c = parts[i]; *c; c++)
            vec_push(&f->text, *c);
    free(member);
    return ++f->n <= FEW;
}

static void few_elements(struct v8_objects *o, uint64_t value, bool is_list, struct few *f) {
    struct v8_elements e;
    struct v8_element found;
    uint64_t next = 0;
    v8_elements_open(o, value, &e);
    for (bool more = true; more && v8_elements_next(&e, &found); next = found.index + 1) {
        char *of = found.text          ? found.text
                   : found.is_accessor ? mem_strdup("(...)")
                                       : v8_value_summary(o, found.value);
        if (is_list && found.index > next)
            more = few_add(f, mem_printf("<%" PRIu64 " empty>", found.index - next));
        if (more)
            more = few_add(f, is_list ? mem_strdup(of)
                                      : mem_printf("%" PRIu64 ": %s", found.index, of));
        free(of);
    }
    v8_elements_done(&e);
}

static void few_entries(struct v8_objects *o, uint64_t value, struct few *f) {
    struct v8_entries e;
    struct v8_entry found;
    if (v8_entries_open(o, value, &e) < 0)
        return;
    for (bool more = true; more && v8_entries_next(&e, &found);) {
        char *key = v8_value_summary(o, found.key);
        if (e.has_values) {
            cleanup_free char *of = v8_value_summary(o, found.value), *old = key;
            key = mem_printf("%s => %s", old, of);
        }
        more = few_add(f, key);
    }
}

static void few_properties(struct v8_objects *o, uint64_t value, struct few *f) {
    struct v8_property_list all;
    v8_properties_all(o, value, &all);
    for (size_t i = 0; i < all.list.n && f->n <= FEW; i++) {
        const struct v8_property *p = &all.list.at[i];
        cleanup_free char *key = v8_key_text(o, p->key);
        if (!key || !p->is_enumerable || v8_key_is_internal(o, p->key))
            continue;
        cleanup_free char *of = p->is_accessor ? mem_strdup("(...)") : v8_property_summary(o, p);
        few_add(f, mem_printf("%s: %s", key, of));
    }
    vec_free(&all.list);
}

char *v8_value_details(struct v8_objects *o, uint64_t value) {
    enum v8_kind kind = v8_kind(o, value);
    enum v8_type type = v8_type(o, value);
    char *s = v8_value_summary(o, value);
    if (kind != KIND_RECEIVER)
        return s;
    struct few f = {0};
    bool is_list =
        type == TYPE_JS_ARRAY || type == TYPE_JS_TYPED_ARRAY || type == TYPE_JS_ARGUMENTS_OBJECT;
    few_entries(o, value, &f);
    if (f.n <= FEW && type != TYPE_JS_PRIMITIVE_WRAPPER)
        few_elements(o, value, is_list, &f);
    few_properties(o, value, &f);
    vec_push(&f.text, '\0');
    bool bare = f.n == 0 && type != TYPE_JS_OBJECT && !is_list;
    char *ret =
        bare ? mem_strdup(s)
             : mem_printf("%s %c%s%c", s, is_list ? '[' : '{', f.text.at, is_list ? ']' : '}');
    vec_free(&f.text);
    free(s);
    return ret;
}
