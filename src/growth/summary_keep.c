#include "growth/summary_keep.h"

#include "base/fields.h"
#include <errno.h>

/* --- what is kept --- */

#define CLASS(m) FIELD(struct histogram_class, m)
#define CLASS_TEXT(m) FIELD_AS(struct histogram_class, m, FIELD_OWNED)
static const struct field class_fields[] = {
    CLASS_TEXT(name),
    CLASS_TEXT(properties),
    CLASS(shape),
    CLASS_TEXT(script),
    CLASS(line),
    CLASS(count),
    CLASS(shallow),
    CLASS(off_heap),
    CLASS(off_heap_live),
    CLASS(retained),
    CLASS(garbage_count),
    CLASS(garbage_bytes),
    {0},
};
static const struct field histogram_fields[] = {
    FIELD(struct histogram, by),
    FIELD_LIST(struct histogram, classes, class_fields),
    {0},
};

static const struct field sketch_fields[] = {
    FIELD_LIST(struct sketch, hashes, NULL),
    FIELD(struct sketch, is_part),
    {0},
};

#define HOLDER(m) FIELD(struct holder, m)
#define HOLDER_TEXT(m) FIELD_AS(struct holder, m, FIELD_OWNED)
static const struct field holder_fields[] = {
    HOLDER(kind),
    HOLDER(addr),
    HOLDER(is_moving),
    HOLDER_TEXT(class),
    HOLDER_TEXT(line),
    HOLDER_TEXT(link),
    FIELD_AS(struct holder, steps, FIELD_WORDS),
    HOLDER(members),
    HOLDER(shallow),
    HOLDER(retained),
    HOLDER(off_heap),
    HOLDER_TEXT(member_class),
    HOLDER_TEXT(script),
    HOLDER(script_line),
    FIELD_IN(struct holder, sketch, sketch_fields),
    HOLDER(lasting),
    FIELD_IN(struct holder, young, sketch_fields),
    HOLDER_TEXT(bound_name),
    HOLDER(bound),
    HOLDER(position),
    HOLDER(end),
    {0},
};
static const struct field holders_fields[] = {
    FIELD_LIST(struct holders, list, holder_fields),
    FIELD_IN(struct holders, young, sketch_fields),
    {0},
};

static const struct field summary_fields[] = {
    FIELD(struct heap_summary, live_bytes),
    FIELD_IN(struct heap_summary, classes, histogram_fields),
    FIELD_IN(struct heap_summary, shapes, histogram_fields),
    FIELD_IN(struct heap_summary, sources, histogram_fields),
    FIELD_IN(struct heap_summary, holders, holders_fields),
    {0},
};

json_t *heap_summary_to_json(const struct heap_summary *s) {
    return fields_to_json(summary_fields, s);
}

/* --- what is taken for granted of it --- */

static bool histogram_holds(const struct histogram *h, enum histogram_by by) {
    for (size_t i = 0; i < h->classes.n; i++)
        if (!h->classes.at[i].name)
            return false;
    return h->by == by;
}

static bool sketch_holds(const struct sketch *s) {
    for (size_t i = 1; i < s->hashes.n; i++)
        if (s->hashes.at[i - 1] >= s->hashes.at[i])
            return false;
    return s->hashes.n <= SKETCH_MAX && (!s->is_part || s->hashes.n == SKETCH_MAX);
}

static bool holders_hold(const struct holders *h) {
    for (size_t i = 0; i < h->list.n; i++) {
        const struct holder *k = &h->list.at[i];
        if ((unsigned)k->kind > HOLDER_WORKERS || !k->class ||
            (k->kind == HOLDER_OWNER && !k->member_class) || !sketch_holds(&k->sketch) ||
            !sketch_holds(&k->young))
            return false;
    }
    return sketch_holds(&h->young);
}

static bool holds(const struct heap_summary *s) {
    return histogram_holds(&s->classes, HISTOGRAM_BY_CLASS) &&
           histogram_holds(&s->shapes, HISTOGRAM_BY_SHAPE) &&
           histogram_holds(&s->sources, HISTOGRAM_BY_SCRIPT) && holders_hold(&s->holders);
}

int heap_summary_of_json(const json_t *j, struct heap_summary *ret, struct err *e) {
    struct heap_summary s = {.earlier = ret->earlier};
    struct field_texts none = {0};
    int r = fields_of_json(summary_fields, j, &s, &none);
    if (r < 0 || !holds(&s)) {
        heap_summary_done(&s);
        return err_set(e, -EBADMSG, "It may have been kept by another memwhy, or been damaged.",
                       "What was kept of this heap does not hold together");
    }
    *ret = s;
    return 0;
}
