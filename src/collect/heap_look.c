#include "collect/heap_look.h"

#include "base/bits.h"
#include "v8/nodes.h"
#include "v8/roots.h"
#include "v8/snapshot_form.h"
#include "v8/values.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

int heap_look_open(const struct v8_view *view, struct heap_look *ret, struct err *e) {
    struct heap_look k = {.view = view};
    if (v8_objects_open(view->img, view->l, &view->heap->pages, &k.objects) < 0)
        return err_set(e, -ENOTSUP, "`memwhy heap` shows its spaces.",
                       "the objects of V8 %s cannot be told apart", view->l->v8_version);
    *ret = k;
    return 0;
}

void heap_look_done(struct heap_look *k) {
    v8_objects_done(&k->objects);
    v8_classes_free(k->classes);
    heap_graph_done(&k->graph);
    heap_outside_done(&k->outside);
    map64_done(&k->types);
}

struct v8_classes *heap_look_classes(struct heap_look *k) {
    if (!k->classes)
        k->classes = v8_classes_new(k->view, &k->objects);
    return k->classes;
}

const struct heap_outside *heap_look_outside(struct heap_look *k) {
    if (!k->has_outside)
        heap_outside_find(k->view, &k->outside);
    k->has_outside = true;
    return &k->outside;
}

/* The global objects of contexts that are roots themselves, as
 * V8HeapExplorer::SetGcSubrootReference chooses them (src/profiler/heap-snapshot-generator.cc): not
 * those of vm contexts, which live by their object. From version 14 on the contexts themselves. */
void heap_look_globals(struct heap_look *k, struct graph_nodes *ret) {
    const struct v8_root_list *roots = k->view->roots;
    for (size_t i = 0; i < roots->list.n; i++) {
        uint32_t node = roots->list.at[i].node;
        if (!(V8_STRONG_ROOTS >> roots->list.at[i].kind & 1) ||
            v8_instance_type(&k->objects, heap_look_addr(k, node)) !=
                k->view->l->native_context_type)
            continue;
        if (v8_snapshot_form(k->view->l)->has_contexts_on_top) {
            vec_push(ret, node);
            continue;
        }
        size_t n;
        const uint32_t *refs = v8_node_refs(k->view->nodes, node, &n);
        for (size_t r = 0; r < n; r++)
            if (v8_type(&k->objects, heap_look_addr(k, V8_REF_NODE(refs[r]))) ==
                TYPE_JS_GLOBAL_OBJECT)
                vec_push(ret, V8_REF_NODE(refs[r]));
    }
}

int heap_look_graph(struct heap_look *k, const struct heap_graph **ret, struct err *e) {
    int r = 0;
    if (!k->graph.graph) {
        struct graph_nodes globals = {0};
        heap_look_globals(k, &globals);
        r = heap_graph_build(k->view, k->keeps, heap_look_outside(k),
                             (struct graph_list){globals.at, (uint32_t)globals.n}, &k->graph, e);
        vec_free(&globals);
    }
    if (r == 0)
        *ret = &k->graph;
    return r;
}

int heap_look_find(const struct heap_look *k, uint64_t addr, uint32_t *ret_node, struct err *e) {
    uint32_t node = v8_node_at(k->view->nodes, addr | 1);
    if (node == V8_NO_NODE)
        return err_set(e, -EINVAL,
                       "V8 moves objects: take addresses from the same core or capture (`memwhy "
                       "capture`), or ask for them again.",
                       "no object begins at 0x%" PRIx64, addr);
    *ret_node = node;
    return 0;
}

uint64_t heap_look_addr(const struct heap_look *k, uint32_t node) {
    return v8_node_addr(k->view->nodes, node) | 1;
}

bool heap_look_is_live(const struct heap_look *k, uint32_t node) {
    return bits_get(k->view->live, node);
}

int heap_look_instance_type(struct heap_look *k, uint32_t node) {
    uint64_t type;
    uint32_t map = v8_node_map(k->view->nodes, node);
    if (!map64_get(&k->types, map + 1ull, &type)) {
        type = (uint64_t)v8_instance_type(&k->objects, heap_look_addr(k, node)) + 1;
        map64_put(&k->types, map + 1ull, type);
    }
    return (int)type - 1;
}

enum v8_type heap_look_type(struct heap_look *k, uint32_t node) {
    int type = heap_look_instance_type(k, node);
    return type < 0 ? TYPE_OTHER : (enum v8_type)k->objects.types[type];
}

/* What is no value of the program's has its class. */
static char *value_or_class(struct heap_look *k, uint32_t node, char *value) {
    if (strcmp(value, "?") != 0)
        return value;
    free(value);
    struct v8_classes *c = heap_look_classes(k);
    return mem_strdup(v8_class_name(c, v8_class_of(c, node)));
}

char *heap_look_summary(struct heap_look *k, uint32_t node) {
    return value_or_class(k, node, v8_value_summary(&k->objects, heap_look_addr(k, node)));
}

char *heap_look_details(struct heap_look *k, uint32_t node) {
    return value_or_class(k, node, v8_value_details(&k->objects, heap_look_addr(k, node)));
}
