#include "collect/query.h"

#include "base/bits.h"
#include "base/opt.h"
#include "base/text.h"
#include "v8/lengths.h"
#include "v8/nodes.h"
#include <errno.h>
#include <string.h>

static const char *const measures[QUERY_MEASURES] = {
    [QUERY_SIZE] = "size",
    [QUERY_RETAINED] = "retained",
    [QUERY_OFF_HEAP] = "off-heap",
    [QUERY_LENGTH] = "length",
};

static int no_condition(const char *text, struct err *e) {
    cleanup_free char *shown = text_printable(text);
    return err_set(e, -EINVAL,
                   "Compare size, retained, off-heap or length with a number: --where "
                   "'size>1M,length>=1000'.",
                   "--where cannot be \"%s\".", shown);
}

static bool range_of(const char *sign, uint64_t value, struct query_range *ret) {
    uint64_t least = 0, most = UINT64_MAX;
    if (strcmp(sign, ">=") == 0)
        least = value;
    else if (strcmp(sign, ">") == 0)
        least = value + 1;
    else if (strcmp(sign, "<=") == 0)
        most = value;
    else if (strcmp(sign, "<") == 0 && value)
        most = value - 1;
    else if (strcmp(sign, "=") == 0)
        least = most = value;
    else
        return false;
    ret->least = least;
    ret->most = most;
    return true;
}

static bool parse_range(const char *text, struct query_range *ret) {
    size_t name = strcspn(text, "<>="), sign_length = strspn(text + name, "<>=");
    cleanup_free char *sign = mem_strndup(text + name, sign_length);
    uint64_t value;
    if (!opt_parse_bytes(text + name + sign_length, &value) || value > INT64_MAX)
        return false;
    for (int m = 0; m < QUERY_MEASURES; m++)
        if (strlen(measures[m]) == name && strncmp(text, measures[m], name) == 0) {
            ret->of = (enum query_measure)m;
            return range_of(sign, value, ret);
        }
    return false;
}

int query_where(struct query *q, const char *text, struct err *e) {
    for (;;) {
        size_t n = strcspn(text, ",");
        cleanup_free char *one = mem_strndup(text, n);
        struct query_range range;
        if (q->n_where == QUERY_RANGES_MAX || !parse_range(one, &range))
            return no_condition(one, e);
        q->where[q->n_where++] = range;
        if (!text[n])
            return 0;
        text += n + 1;
    }
}

bool query_is_any(const struct query *q) {
    return q->which == QUERY_ALL && !q->class && !q->script && !q->shape && !q->retained_by &&
           !q->n_where;
}

/* Each star takes as little as the text behind it allows, so only the last is ever gone back to. */
bool query_fits(const char *pattern, const char *name) {
    const char *star = NULL, *taken = name;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            taken = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++taken;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* ---- one heap ---- */

static uint64_t *classes_that_fit(struct v8_classes *classes, const char *pattern) {
    uint32_t n = v8_classes_count(classes);
    uint64_t *fit = bits_new(n);
    for (uint32_t i = 0; i < n; i++)
        if (query_fits(pattern, v8_class_name(classes, i)))
            bits_set(fit, i);
    return fit;
}

static bool asks_for(const struct query *q, enum query_measure m) {
    for (size_t i = 0; i < q->n_where; i++)
        if (q->where[i].of == m)
            return true;
    return false;
}

int query_open(const struct query *q, struct heap_look *look, struct origins *origins,
               struct query_run *ret, struct err *e) {
    struct query_run r = {
        .q = q, .look = look, .origins = origins, .shape = V8_NO_NODE, .retained_by = V8_NO_NODE};
    int rc = q->shape ? heap_look_find(look, q->shape, &r.shape, e) : 0;
    if (rc == 0 && q->retained_by)
        rc = heap_look_find(look, q->retained_by, &r.retained_by, e);
    if (rc == 0 && (q->retained_by || asks_for(q, QUERY_RETAINED)))
        rc = heap_look_graph(look, &r.graph, e);
    if (rc < 0)
        return rc;
    if (q->class)
        r.classes = classes_that_fit(heap_look_classes(look), q->class);
    *ret = r;
    return 0;
}

void query_done(struct query_run *r) {
    free(r->classes);
    *r = (struct query_run){0};
}

static bool measures_up(struct query_run *r, uint32_t node, const struct query_range *range) {
    uint64_t value = 0;
    int64_t length;
    switch (range->of) {
    case QUERY_SIZE:
        value = v8_node_bytes(r->look->view->nodes, node);
        break;
    case QUERY_RETAINED:
        value = graph_tree_retained(r->graph->tree, node);
        break;
    case QUERY_OFF_HEAP:
        value = heap_outside_of(heap_look_outside(r->look), node);
        break;
    case QUERY_LENGTH:
        length = v8_length(&r->look->objects, heap_look_addr(r->look, node));
        if (length < 0)
            return false;
        value = (uint64_t)length;
        break;
    case QUERY_MEASURES:
        break;
    }
    return value >= range->least && value <= range->most;
}

static bool comes_from(struct query_run *r, uint32_t node, const char *script) {
    uint32_t origin = origins_of(r->origins, node);
    return origin != ORIGIN_NONE && strstr(r->origins->list.at[origin].script, script);
}

/* What costs least first. */
bool query_matches(struct query_run *r, uint32_t node) {
    const struct query *q = r->q;
    if (q->which != QUERY_ALL && heap_look_is_live(r->look, node) != (q->which == QUERY_LIVE))
        return false;
    if (r->shape != V8_NO_NODE && v8_node_map(r->look->view->nodes, node) != r->shape)
        return false;
    if (r->classes && !bits_get(r->classes, v8_class_of(r->look->classes, node)))
        return false;
    if (r->retained_by != V8_NO_NODE &&
        (node == r->retained_by || !graph_tree_dominates(r->graph->tree, r->retained_by, node)))
        return false;
    for (size_t i = 0; i < q->n_where; i++)
        if (!measures_up(r, node, &q->where[i]))
            return false;
    return !q->script || comes_from(r, node, q->script);
}
