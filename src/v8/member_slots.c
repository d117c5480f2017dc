/* Internal slots that are one tagged field, and those of weak references. */
#include "v8/member_list.h"

#include "v8/collections.h"
#include "v8/functions.h"
#include "v8/numbers.h"
#include "v8/strings.h"
#include "v8/values.h"

/* Of the .tq files in src/objects, the same from 9.4 to 14.6; names as ECMA-262 and DevTools have
 * them. */
static const struct {
    enum v8_type type;
    int32_t offset;
    const char *name;
} slots[] = {
    {TYPE_JS_PRIMITIVE_WRAPPER, 24, "PrimitiveValue"},
    {TYPE_JS_BOUND_FUNCTION, 24, "TargetFunction"},
    {TYPE_JS_BOUND_FUNCTION, 32, "BoundThis"},
    {TYPE_JS_BOUND_FUNCTION, 40, "BoundArgs"},
    {TYPE_JS_WRAPPED_FUNCTION, 24, "TargetFunction"},
    {TYPE_JS_PROXY, 16, "Target"},
    {TYPE_JS_PROXY, 24, "Handler"},
    {TYPE_JS_FINALIZATION_REGISTRY, 32, "CleanupCallback"},
    {TYPE_JS_ARRAY_ITERATOR, 24, "IteratedObject"},
    {TYPE_JS_ARRAY_ITERATOR, 32, "NextIndex"},
    {TYPE_JS_STRING_ITERATOR, 24, "IteratedString"},
    {TYPE_JS_STRING_ITERATOR, 32, "NextIndex"},
    {TYPE_JS_REG_EXP_STRING_ITERATOR, 24, "IteratingRegExp"},
    {TYPE_JS_REG_EXP_STRING_ITERATOR, 32, "IteratedString"},
    {TYPE_JS_ASYNC_FROM_SYNC_ITERATOR, 24, "SyncIterator"},
    {TYPE_JS_VALID_ITERATOR_WRAPPER, 24, "UnderlyingIterator"},
};

/* JSIteratorHelper: what it goes through, that one's `next`, and what is its own. */
static const struct {
    enum v8_type type;
    const char *own;
} helpers[] = {
    {TYPE_JS_ITERATOR_MAP_HELPER, "Mapper"},      {TYPE_JS_ITERATOR_FILTER_HELPER, "Predicate"},
    {TYPE_JS_ITERATOR_TAKE_HELPER, "Remaining"},  {TYPE_JS_ITERATOR_DROP_HELPER, "Remaining"},
    {TYPE_JS_ITERATOR_FLAT_MAP_HELPER, "Mapper"},
};

static void add_helper(struct v8_decoder *d, uint64_t object, enum v8_type type,
                       struct v8_members *m) {
    int32_t at = d->o->l->facts.iterator_helper_underlying;
    for (size_t i = 0; at > 0 && i < sizeof helpers / sizeof *helpers; i++)
        if (helpers[i].type == type) {
            v8_members_slot(d, m, "UnderlyingIterator", v8_field_or_0(d->o, object, at));
            v8_members_slot(d, m, helpers[i].own, v8_field_or_0(d->o, object, at + 16));
        }
}

static void weak_slot(struct v8_decoder *d, struct v8_members *m, const char *name,
                      uint64_t target) {
    struct v8_member member = {.kind = MEMBER_SLOT, .value = target, .is_weak = true};
    member.name = mem_printf("[[%s]]", name);
    v8_members_add(d, m, member);
}

/* JSFinalizationRegistry: active_cells, cleared_cells, lists of WeakCells (src/objects/
 * js-weak-refs.tq). */
static void add_cells(struct v8_decoder *d, uint64_t registry, struct v8_members *m) {
    enum { ACTIVE = 40, NEXT = 48, MOST = 1 << 20 };
    const struct v8_facts *f = &d->o->l->facts;
    uint64_t cell = v8_field_or_0(d->o, registry, ACTIVE);
    for (int i = 0; i < MOST && v8_type(d->o, cell) == TYPE_WEAK_CELL; i++) {
        struct v8_member member = {.kind = MEMBER_ENTRY, .is_weak = true};
        member.key = v8_field_or_0(d->o, cell, f->weak_cell_target);
        member.value = v8_field_or_0(d->o, cell, f->weak_cell_holdings);
        v8_members_add(d, m, member);
        cell = v8_field_or_0(d->o, cell, NEXT);
    }
}

/* A module's exports: an ObjectHashTable of names and cells (src/objects/module.tq). A name that
 * has its module's number there is not linked yet. */
static void add_exports(struct v8_decoder *d, uint64_t namespace, struct v8_members *m) {
    enum { EXPORTS = 8, FIRST = 3, CELL_VALUE = 8 };
    uint64_t table = v8_field_or_0(
        d->o, v8_field_or_0(d->o, namespace, d->o->l->facts.api_object_header), EXPORTS);
    int64_t n = v8_array_length(d->o, table);
    for (int64_t at = FIRST; at + 1 < n; at += 2) {
        struct v8_member member = {.kind = MEMBER_EXPORT};
        uint64_t key = v8_array_get(d->o, table, at), cell = v8_array_get(d->o, table, at + 1);
        if (v8_kind(d->o, key) != KIND_STRING || v8_type(d->o, cell) != TYPE_CELL)
            continue;
        member.name = v8_key_text(d->o, key);
        member.value = v8_field_or_0(d->o, cell, CELL_VALUE);
        if (v8_is_hole(d->o, member.value)) {
            member.value = 0;
            member.text = mem_strdup("<uninitialized>");
        }
        v8_members_add(d, m, member);
    }
}

static void add_date(struct v8_decoder *d, uint64_t date, struct v8_members *m) {
    v8_members_text(d, m, "DateValue", v8_number_text(v8_date_value(d->o, date)));
}

static void add_regexp(struct v8_decoder *d, uint64_t regexp, struct v8_members *m) {
    enum { SOURCE = 32 };
    v8_members_slot(d, m, "OriginalSource", v8_field_or_0(d->o, regexp, SOURCE));
    char *flags = v8_regexp_flags(d->o, regexp);
    v8_members_text(d, m, "OriginalFlags", mem_printf("\"%s\"", flags));
    free(flags);
}

/* IterationKind: src/objects/js-array.h, keys, values, entries. */
static void add_iteration_kind(struct v8_decoder *d, uint64_t iterator, struct v8_members *m) {
    static const char *const kinds[] = {"keys", "values", "entries"};
    enum { KIND = 40 };
    uint64_t kind = v8_field_or_0(d->o, iterator, KIND);
    if (v8_is_smi(kind) && v8_smi(kind) >= 0 && v8_smi(kind) < 3)
        v8_members_text(d, m, "IterationKind", mem_strdup(kinds[v8_smi(kind)]));
}

void v8_members_slots(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    enum { WEAK_REF_TARGET = 24 };
    enum v8_type type = v8_type(d->o, object);
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        if (slots[i].type == type && type != TYPE_OTHER)
            v8_members_slot(d, m, slots[i].name, v8_field_or_0(d->o, object, slots[i].offset));
    add_helper(d, object, type, m);
    switch (type) {
    case TYPE_JS_WEAK_REF:
        weak_slot(d, m, "WeakRefTarget", v8_field_or_0(d->o, object, WEAK_REF_TARGET));
        break;
    case TYPE_JS_FINALIZATION_REGISTRY:
        add_cells(d, object, m);
        break;
    case TYPE_JS_MODULE_NAMESPACE:
        add_exports(d, object, m);
        break;
    case TYPE_JS_DATE:
        add_date(d, object, m);
        break;
    case TYPE_JS_REG_EXP:
        add_regexp(d, object, m);
        break;
    case TYPE_JS_ARRAY_ITERATOR:
        add_iteration_kind(d, object, m);
        break;
    default:
        break;
    }
}
