#include "collect/heap_outside.h"

#include "base/search.h"
#include "v8/nodes.h"

static int by_node(const void *a, const void *b) {
    const struct heap_held *x = a, *y = b;
    return x->node < y->node ? -1 : x->node > y->node;
}

void heap_outside_find(const struct v8_view *view, struct heap_outside *ret) {
    struct heap_outside o = {0};
    for (size_t i = 0; i < view->census->stores.n; i++) {
        const struct v8_store *s = &view->census->stores.at[i];
        uint32_t node = v8_node_at(view->nodes, s->holder | 1);
        if (node != V8_NO_NODE && !s->resizable)
            vec_push(&o.list, (struct heap_held){node, s->bytes});
    }
    vec_sort(&o.list, by_node);
    size_t n = 0;
    for (size_t i = 0; i < o.list.n; i++)
        if (n && o.list.at[n - 1].node == o.list.at[i].node)
            o.list.at[n - 1].bytes += o.list.at[i].bytes;
        else
            o.list.at[n++] = o.list.at[i];
    o.list.n = n;
    *ret = o;
}

void heap_outside_done(struct heap_outside *o) {
    vec_free(&o->list);
}

size_t heap_outside_from(const struct heap_outside *o, uint32_t node) {
    return first_where(o->list.n, i, o->list.at[i].node >= node);
}

uint64_t heap_outside_of(const struct heap_outside *o, uint32_t node) {
    size_t i = heap_outside_from(o, node);
    return i < o->list.n && o->list.at[i].node == node ? o->list.at[i].bytes : 0;
}
