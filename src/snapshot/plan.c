#include "snapshot/plan.h"

#include "base/bits.h"
#include "base/search.h"
#include "v8/heap.h"
#include "v8/nodes.h"
#include "v8/roots.h"
#include <errno.h>
#include <string.h>

/* --- which objects --- */

int snapshot_isolate(const struct v8_view *view, const char *name, int *ret, struct err *e) {
    char *end;
    unsigned long number = name ? strtoul(name, &end, 10) : 0;
    *ret = 0;
    if (!name)
        return 0;
    for (size_t i = 0; i < view->census->isolates.n; i++)
        if (strcmp(view->census->isolates.at[i].name, name) == 0 ||
            (*name && !*end && number == i)) {
            *ret = (int)i;
            return 0;
        }
    return err_set(e, -EINVAL, "`memwhy heap` lists them.", "there is no isolate %s", name);
}

/* A range of the bits at once would be quicker; pages are few. */
static void add_range(uint64_t *set, uint32_t from, uint32_t to) {
    for (uint32_t node = from; node < to; node++)
        bits_set(set, node);
}

/* Objects of the isolate, and those of none: read-only and shared ones. */
static void choose(struct snapshot_plan *p, int isolate, bool with_garbage) {
    const struct v8_view *view = p->view;
    uint32_t n = v8_nodes_count(view->nodes), from, to;
    p->in = bits_new(n);
    p->read_only = bits_new(n);
    for (size_t i = 0; i < view->heap->pages.list.n; i++) {
        const struct v8_page *page = &view->heap->pages.list.at[i];
        v8_nodes_of_page(view->nodes, i, &from, &to);
        if (page->isolate == isolate || page->isolate < 0 || page->space == V8_READ_ONLY)
            add_range(p->in, from, to);
        if (page->space == V8_READ_ONLY)
            add_range(p->read_only, from, to);
    }
    p->ranks = mem_alloc((n / 64 + 2) * sizeof *p->ranks);
    for (uint32_t i = 0; i <= n / 64; i++) {
        if (!with_garbage)
            p->in[i] &= view->live[i];
        p->ranks[i] = p->n_heap;
        p->n_heap += (uint32_t)__builtin_popcountll(p->in[i]);
    }
}

/* --- roots --- */

static uint32_t subroot_named(const struct snapshot_plan *p, const char *name) {
    uint32_t found = 0;
    for (uint32_t i = 0; p->form->subroots[i]; i++)
        if (strcmp(p->form->subroots[i], name) == 0) {
            found = i;
            break;
        }
    return found;
}

static const char *subroot_of(const struct snapshot_plan *p, struct heap_look *look,
                              const struct v8_root *root) {
    switch (root->kind) {
    case ROOT_GLOBAL:
    case ROOT_WEAK:
        return "(Global handles)";
    case ROOT_ETERNAL:
        return "(Eternal handles)";
    case ROOT_CACHE:
        return "(Startup object cache)";
    case ROOT_COMPILED:
        return "(Compilation cache)";
    case ROOT_HANDLE:
        return "(Handle scope)";
    case ROOT_STACK:
        return "(Stack roots)";
    default:
        break;
    }
    if (root->entry != V8_NO_ENTRY)
        return bits_get(p->read_only, root->node) ? "(Read-only roots)" : p->form->strong;
    return v8_kind(&look->objects, heap_look_addr(look, root->node)) == KIND_CODE ? "(Builtins)"
                                                                                  : p->form->others;
}

static int by_subroot(const void *a, const void *b) {
    const struct snapshot_root *x = a, *y = b;
    if (x->subroot != y->subroot)
        return x->subroot < y->subroot ? -1 : 1;
    if (x->entry != y->entry)
        return x->entry < y->entry ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static void add_root(struct snapshot_plan *p, const char *subroot, uint32_t node, uint32_t entry,
                     bool weak) {
    if (bits_get(p->in, node))
        vec_push(&p->roots, (struct snapshot_root){subroot_named(p, subroot), node, entry, weak});
}

/* V8 has the table of strings among the roots; it keeps none of them. Low bits of an instance type:
 * src/objects/instance-type.h, 9.4 to 14.6. */
static void find_internalized(struct snapshot_plan *p, struct heap_look *look) {
    enum { NOT_INTERNALIZED = 0x20 };
    uint32_t n = v8_nodes_count(p->view->nodes);
    for (uint32_t node = 0; node < n; node++) {
        int type = bits_get(p->in, node) ? heap_look_instance_type(look, node) : -1;
        if (type >= 0 && type < p->view->l->first_nonstring_type && !(type & NOT_INTERNALIZED))
            add_root(p, "(Internalized strings)", node, V8_NO_ENTRY, true);
    }
}

static void find_roots(struct snapshot_plan *p, struct heap_look *look) {
    const struct v8_root_list *roots = p->view->roots;
    size_t n;
    for (size_t i = 0; i < roots->list.n; i++) {
        const struct v8_root *r = &roots->list.at[i];
        add_root(p, subroot_of(p, look, r), r->node, r->entry, r->kind == ROOT_WEAK);
    }
    const uint32_t *maps = v8_nodes_retained_maps(p->view->nodes, &n);
    for (size_t i = 0; i < n; i++)
        if (bits_get(p->view->live, maps[i]))
            add_root(p, "(Retain maps)", maps[i], V8_NO_ENTRY, false);
    find_internalized(p, look);
    vec_sort(&p->roots, by_subroot);
}

/* --- what is outside the heap --- */

static void find_stores(struct snapshot_plan *p) {
    const struct v8_census *census = p->view->census;
    for (size_t i = 0; i < census->stores.n; i++) {
        const struct v8_store *s = &census->stores.at[i];
        uint32_t node = v8_node_at(p->view->nodes, s->holder | 1);
        if (s->kind == V8_STORE_STRING || s->resizable || node == V8_NO_NODE ||
            !bits_get(p->in, node))
            continue;
        vec_push(&p->stores,
                 (struct snapshot_store){s->addr, s->bytes, snapshot_id_outside(&p->ids, s->addr)});
        map64_put(&p->store_at, s->addr, p->stores.n);
    }
}

/* --- ephemerons --- */

static int by_key(const void *a, const void *b) {
    const struct snapshot_key *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void find_ephemerons(struct snapshot_plan *p) {
    size_t n;
    const struct v8_ephemeron *e = v8_nodes_ephemerons(p->view->nodes, &n);
    for (size_t i = 0; i < n; i++)
        if (bits_get(p->in, e[i].table) && bits_get(p->in, e[i].key) &&
            bits_get(p->in, e[i].value)) {
            vec_push(&p->by_key, (struct snapshot_key){e[i].key, (uint32_t)p->ephemerons.n});
            vec_push(&p->ephemerons, e[i]);
        }
    vec_sort(&p->by_key, by_key);
}

size_t snapshot_first_by_key(const struct snapshot_plan *p, uint32_t key) {
    return first_where(p->by_key.n, i, p->by_key.at[i].key >= key);
}

/* --- garbage --- */

/* All garbage that is reached from `node` and was not yet. */
struct reaching {
    uint64_t *seen;
    VEC(uint32_t) rest;
};

static void reach(const struct snapshot_plan *p, struct reaching *r, uint32_t node) {
    size_t n;
    bits_set(r->seen, node);
    vec_push(&r->rest, node);
    while (r->rest.n) {
        const uint32_t *refs = v8_node_refs(p->view->nodes, r->rest.at[--r->rest.n], &n);
        for (size_t i = 0; i < n; i++) {
            uint32_t to = V8_REF_NODE(refs[i]);
            if (refs[i] & V8_REF_WEAK || bits_get(p->view->live, to) || bits_get(r->seen, to))
                continue;
            bits_set(r->seen, to);
            vec_push(&r->rest, to);
        }
    }
}

/* What no other garbage refers to, then one of each ring that is left. */
static void find_heads(struct snapshot_plan *p) {
    uint32_t n = v8_nodes_count(p->view->nodes);
    cleanup_free uint64_t *referred = bits_new(n);
    struct reaching r = {.seen = bits_new(n)};
    for (uint32_t node = 0; node < n; node++) {
        size_t k;
        if (!bits_get(p->in, node) || bits_get(p->view->live, node))
            continue;
        const uint32_t *refs = v8_node_refs(p->view->nodes, node, &k);
        for (size_t i = 0; i < k; i++)
            if (!(refs[i] & V8_REF_WEAK) && refs[i] != node)
                bits_set(referred, refs[i]);
    }
    for (int rings = 0; rings < 2; rings++)
        for (uint32_t node = 0; node < n; node++)
            if (bits_get(p->in, node) && !bits_get(p->view->live, node) &&
                !bits_get(r.seen, node) && (rings || !bits_get(referred, node))) {
                vec_push(&p->heads, node);
                reach(p, &r, node);
            }
    vec_free(&r.rest);
    free(r.seen);
}

/* --- all of it --- */

static int number_all(struct snapshot_plan *p, bool with_garbage, struct err *e) {
    if (snapshot_ids_new(&p->view->heap->pages, &p->ids) < 0)
        return err_set(e, -E2BIG, "`memwhy objects` has no such limit.",
                       "the heap is larger than ids of a snapshot reach (16 GiB)");
    while (p->form->subroots[p->n_subroots])
        p->n_subroots++;
    p->first_heap = SNAPSHOT_FIRST_SUBROOT + p->n_subroots + (with_garbage ? 1 : 0);
    p->garbage = with_garbage ? p->first_heap - 1 : SNAPSHOT_NOT;
    p->first_store = p->first_heap + p->n_heap;
    find_stores(p);
    p->n = p->first_store + (uint32_t)p->stores.n;
    return 0;
}

static bool is_global(const struct snapshot_plan *p, uint32_t node) {
    for (size_t i = 0; i < p->globals.n; i++)
        if (p->globals.at[i] == node)
            return true;
    return false;
}

int snapshot_plan_make(struct heap_look *look, int isolate, bool with_garbage,
                       struct snapshot_plan *ret, struct err *e) {
    struct snapshot_plan p = {.view = look->view, .form = v8_snapshot_form(look->view->l)};
    struct graph_nodes globals = {0};
    choose(&p, isolate, with_garbage);
    int r = number_all(&p, with_garbage, e);
    if (r < 0) {
        snapshot_plan_done(&p);
        return r;
    }
    find_roots(&p, look);
    heap_look_globals(look, &globals);
    for (size_t i = 0; i < globals.n; i++)
        if (bits_get(p.in, globals.at[i]) && !is_global(&p, globals.at[i]))
            vec_push(&p.globals, globals.at[i]);
    vec_free(&globals);
    find_ephemerons(&p);
    if (with_garbage)
        find_heads(&p);
    *ret = p;
    return 0;
}

uint64_t snapshot_bytes(const struct snapshot_plan *p, struct heap_look *look, uint32_t node,
                        enum v8_node_kind kind) {
    uint64_t bytes = bits_get(p->read_only, node) ? 0 : v8_node_bytes(p->view->nodes, node);
    return kind == V8_NODE_STRING ? bytes + heap_outside_of(heap_look_outside(look), node) : bytes;
}

void snapshot_plan_done(struct snapshot_plan *p) {
    free(p->in);
    free(p->read_only);
    free(p->ranks);
    vec_free(&p->stores);
    map64_done(&p->store_at);
    vec_free(&p->roots);
    vec_free(&p->globals);
    vec_free(&p->heads);
    vec_free(&p->by_key);
    vec_free(&p->ephemerons);
    snapshot_ids_done(&p->ids);
    free(p->given);
}
