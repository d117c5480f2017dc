#include "v8/elements.h"

#include "base/limits.h"
#include "v8/lengths.h"
#include "v8/numbers.h"
#include "v8/strings.h"
#include <string.h>

/* JSObject, JSArray, Map: src/objects, 7.8 to 14.6. The kind is in bits 2 to 7 of bit_field2 (in
 * 7.8, 3 to 7). */
enum {
    OBJECT_ELEMENTS = 16,
    WRAPPED_VALUE = 24,
    MAP_BITS = 12,
    DICTIONARY_FIRST = 4, /* HashTable's three words, the largest key */
    MAPPED = 32,
    CONTEXT_SLOTS = 16,
};

#define HOLE_NAN 0xfff7fffffff7ffffull /* kHoleNanInt64, src/common/globals.h */

/* The sloppy kinds and those of String objects follow the dictionary's. */
enum { SLOPPY = 1, SLOW_SLOPPY = 2, STRING_WRAPPER = 3, SLOW_STRING_WRAPPER = 4 };

int v8_elements_kind(struct v8_objects *o, uint64_t object) {
    uint32_t bits;
    uint64_t map = v8_is_receiver(v8_kind(o, object)) ? v8_field_or_0(o, object, 0) : 0;
    if (!map || !v8_field_u32(o, map, MAP_BITS, &bits))
        return -1;
    return (int)((bits >> 24 & o->elements_mask) >> o->elements_shift);
}

static int by_index(const void *a, const void *b) {
    const struct v8_element *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* NumberDictionary: entries of key, value, details (src/objects/dictionary.h). */
static void open_dictionary(struct v8_elements *e, uint64_t table) {
    int64_t n = v8_array_length(e->o, table);
    for (int64_t at = DICTIONARY_FIRST; at + 2 < n; at += 3) {
        double key;
        uint64_t details = v8_array_get(e->o, table, at + 2);
        if (!v8_number(e->o, v8_array_get(e->o, table, at), &key) || !(key >= 0) ||
            key > UINT32_MAX || !v8_is_smi(details))
            continue;
        struct v8_element found = {.index = (uint64_t)key,
                                   .value = v8_array_get(e->o, table, at + 1),
                                   .is_accessor = v8_smi(details) & 1};
        vec_push(&e->sorted, found);
    }
    e->store = 0;
}

static void open_store(struct v8_elements *e, uint64_t store, bool is_dictionary) {
    int64_t n = v8_array_length(e->o, store), length = -1;
    if (v8_type(e->o, e->object) == TYPE_JS_ARRAY)
        length = v8_length(e->o, e->object);
    e->store = store;
    if (is_dictionary)
        open_dictionary(e, store);
    else if (n > 0)
        e->n =
            (uint64_t)(length >= 0 && length < n ? length : n); /* the rest is for those to come */
}

/* Where a parameter is, that is still tied to its variable: in a context's slot. */
static bool mapped_value(struct v8_elements *e, uint64_t index, uint64_t *ret) {
    uint64_t slot;
    return index < e->mapped && v8_field(e->o, e->mapping, (int32_t)(MAPPED + 8 * index), &slot) &&
           v8_is_smi(slot) && v8_smi(slot) >= 0 && v8_smi(slot) < 1 << 20 &&
           v8_field(e->o, e->context, CONTEXT_SLOTS + 8 * v8_smi(slot), ret);
}

/* SloppyArgumentsElements: context, the elements proper, and for each parameter its slot
 * (src/objects/arguments.tq). */
static void open_sloppy(struct v8_elements *e, uint64_t store, bool is_dictionary) {
    uint64_t n = v8_field_or_0(e->o, store, 8), value;
    e->context = v8_field_or_0(e->o, store, 16);
    e->mapped = v8_is_smi(n) && v8_smi(n) > 0 && v8_smi(n) <= UINT16_MAX ? (uint64_t)v8_smi(n) : 0;
    e->mapping = store;
    open_store(e, v8_field_or_0(e->o, store, 24), is_dictionary);
    for (uint64_t i = 0; is_dictionary && i < e->mapped; i++)
        if (mapped_value(e, i, &value))
            vec_push(&e->sorted, (struct v8_element){.index = i, .value = value});
}

static void open_characters(struct v8_elements *e) {
    uint64_t string = v8_field_or_0(e->o, e->object, WRAPPED_VALUE);
    int64_t n = v8_string_length(e->o, string);
    if (n > 0 && v8_string_read(e->o, string, LIMIT_V8_SOURCE, &e->characters) < 0)
        e->characters.n = 0;
}

void v8_elements_open(struct v8_objects *o, uint64_t object, struct v8_elements *ret) {
    int kind = v8_elements_kind(o, object);
    *ret = (struct v8_elements){.o = o, .object = object};
    if (kind < 0 || v8_kind(o, object) == KIND_PROXY)
        return;
    if (v8_typed_array_read(o, object, &ret->typed) == 0) {
        ret->n = ret->typed.kind != NUMBER_NONE ? ret->typed.length : 0;
        return;
    }
    uint64_t store = v8_field_or_0(o, object, OBJECT_ELEMENTS);
    switch (kind - o->dictionary_elements) {
    case SLOPPY:
    case SLOW_SLOPPY:
        open_sloppy(ret, store, kind - o->dictionary_elements == SLOW_SLOPPY);
        break;
    case STRING_WRAPPER:
    case SLOW_STRING_WRAPPER:
        open_characters(ret);
        open_store(ret, store, kind - o->dictionary_elements == SLOW_STRING_WRAPPER);
        break;
    default:
        open_store(ret, store, kind == o->dictionary_elements);
    }
    vec_sort(&ret->sorted, by_index);
}

enum there { FOUND, HOLE, UNREADABLE };

static enum there element_at(struct v8_elements *e, uint64_t index, struct v8_element *ret) {
    uint64_t word;
    double d;
    *ret = (struct v8_element){.index = index};
    if (e->typed.kind != NUMBER_NONE) {
        ret->text = v8_typed_array_element(e->o, &e->typed, index);
        return ret->text ? FOUND : UNREADABLE;
    }
    if (mapped_value(e, index, &ret->value))
        return FOUND;
    if (v8_objects_read(e->o, (e->store & ~3ull) + 16 + 8 * index, &word, 8) < 0)
        return UNREADABLE;
    if (v8_kind(e->o, e->store) == KIND_DOUBLES) {
        memcpy(&d, &word, sizeof d);
        ret->text = word == HOLE_NAN ? NULL : v8_number_text(d);
        return ret->text ? FOUND : HOLE;
    }
    ret->value = word;
    return v8_is_hole(e->o, word) ? HOLE : FOUND;
}

static char *character(uint16_t unit) {
    bool ascii = unit >= ' ' && unit < 0x7f;
    return ascii ? mem_printf("\"%c\"", unit) : mem_printf("\"\\u%04x\"", unit);
}

bool v8_elements_next(struct v8_elements *e, struct v8_element *ret) {
    if (e->at < e->characters.n) {
        *ret = (struct v8_element){.index = e->at, .text = character(e->characters.units[e->at])};
        e->at++;
        return true;
    }
    uint64_t before = e->characters.n; /* they come before what the store holds */
    for (enum there is = HOLE; is == HOLE && e->at - before < e->n; e->at++)
        if ((is = element_at(e, e->at - before, ret)) == FOUND) {
            e->at++;
            return true;
        }
    if (e->next_sorted < e->sorted.n) {
        *ret = e->sorted.at[e->next_sorted++];
        return true;
    }
    return false;
}

uint64_t v8_elements_left(const struct v8_elements *e) {
    uint64_t all = e->characters.n + e->n;
    return (all > e->at ? all - e->at : 0) + (e->sorted.n - e->next_sorted);
}

void v8_elements_done(struct v8_elements *e) {
    vec_free(&e->sorted);
    v8_text_done(&e->characters);
}
