#include "collect/edge_text.h"

#include "base/text.h"
#include "v8/values.h"
#include <string.h>

char *edge_text_property(const char *name) {
    return text_is_identifier(name) ? mem_printf(".%s", name) : mem_printf("[\"%s\"]", name);
}

static char *of_property(struct v8_objects *o, const struct v8_edge *e) {
    cleanup_free char *name = v8_edge_name(o, e);
    if (e->form == EDGE_GETTER || e->form == EDGE_SETTER)
        return mem_printf(" <%s>", name);
    if (e->form == EDGE_BY_KEY && v8_kind(o, e->key) == KIND_SYMBOL) {
        cleanup_free char *symbol = v8_value_summary(o, e->key);
        return *name == '#' ? mem_printf(".%s", name) : mem_printf("[%s]", symbol);
    }
    return edge_text_property(name);
}

char *edge_text(struct v8_objects *o, const struct v8_edge *e) {
    cleanup_free char *name = v8_edge_name(o, e), *key = NULL;
    switch ((enum v8_edge_kind)e->kind) {
    case EDGE_CONTEXT:
        return mem_printf(" variable %s", name);
    case EDGE_ELEMENT:
        return mem_printf("[%u]", e->index);
    case EDGE_PROPERTY:
        return of_property(o, e);
    case EDGE_SHORTCUT:
        if (e->form == EDGE_BY_INDEX)
            return mem_printf("[%u]", e->index);
        if (e->form == EDGE_ENTRY) {
            key = v8_value_summary(o, e->key);
            return mem_printf(".get(%s)", key);
        }
        return mem_printf(e->form == EDGE_EXPORT ? " %s" : " <%s>", name);
    case EDGE_WEAK:
        return mem_printf(" <weak %s>", name);
    default:
        return mem_printf(" <%s>", name);
    }
}

bool edge_is_own(const struct v8_edge *e) {
    return e->kind == EDGE_CONTEXT || e->kind == EDGE_ELEMENT || e->kind == EDGE_PROPERTY ||
           e->kind == EDGE_SHORTCUT;
}

static int rank(const struct v8_edge *e) {
    bool accessor = e->form == EDGE_GETTER || e->form == EDGE_SETTER;
    return edge_is_own(e)             ? accessor
           : e->kind == EDGE_INTERNAL ? 2
           : e->kind == EDGE_HIDDEN   ? 3
                                      : 4;
}

const struct v8_edge *edge_best(const struct v8_edge *e, size_t n) {
    const struct v8_edge *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (!best || rank(&e[i]) < rank(best))
            best = &e[i];
    return best;
}
