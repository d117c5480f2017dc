#include "suspects/opened.h"

#include "base/bits.h"
#include "base/text.h"
#include "graph/classes.h"
#include "suspects/hoard_words.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* From version 14 on V8 names the context in the global object's place. */
static void add_global(struct opened *o, uint32_t node) {
    uint32_t object = opened_target(o, node, "global_object");
    bits_set(o->globals, node);
    if (object != GRAPH_NONE)
        bits_set(o->globals, object);
}

int opened_open(const char *path, struct progress *p, struct opened *ret, struct err *e) {
    struct opened o = {.progress = p};
    int r = heapfile_open(path, p, &o.f, e);
    if (r < 0)
        return r;
    heapfile_classes_find(o.f, &o.classes);
    r = heapfile_graph_build(o.f, p, &o.graph, e);
    struct heapfile_edges edges = {0};
    if (r == 0 && heapfile_edges(o.f, o.f->root, o.f->root + 1, &edges) == 0) {
        o.globals = bits_new(o.f->nodes);
        for (size_t i = 0; i < edges.list.n; i++)
            if (edges.list.at[i].kind == HEAPFILE_SHORTCUT)
                add_global(&o, edges.list.at[i].to);
    } else if (r == 0) {
        r = err_set(e, -EIO, "", "what was put aside of the file cannot be read again");
    }
    vec_free(&edges.list);
    if (r < 0) {
        opened_done(&o);
        return r;
    }
    *ret = o;
    return 0;
}

void opened_done(struct opened *o) {
    heapfile_ways_done(&o->ways);
    heapfile_graph_done(&o->graph);
    heapfile_classes_done(&o->classes);
    heapfile_free(o->f);
    free(o->globals);
    *o = (struct opened){0};
}

int opened_find_ways(struct opened *o, struct err *e) {
    if (o->has_ways)
        return 0;
    int r = heapfile_ways_find(&o->graph, o->progress, &o->ways, e);
    o->has_ways = r == 0;
    return r;
}

/* --- nodes --- */

/* Its beginning, if it is long. */
static char *shortened(char *text) {
    enum { MOST = 80 };
    size_t n = text_prefix_bytes(text, MOST);
    if (!text[n])
        return text;
    char *cut = mem_printf("%.*s…", (int)n, text);
    free(text);
    return cut;
}

char *opened_summary(const struct opened *o, uint32_t node) {
    const struct heapfile *f = o->f;
    cleanup_free char *name = shortened(heapfile_string(f, f->name[node]));
    const char *class = o->classes.names.at[heapfile_class_of(&o->classes, node)];
    switch (f->kind[node]) {
    case HEAPFILE_NATIVE:
        return mem_printf(
            "%s%s", o->classes.detached && bits_get(o->classes.detached, node) ? "Detached " : "",
            name);
    case HEAPFILE_OBJECT:
    case HEAPFILE_SYNTHETIC:
        return mem_strdup(name);
    case HEAPFILE_STRING:
    case HEAPFILE_CONS:
    case HEAPFILE_SLICED:
        return mem_printf("\"%s\"", name);
    case HEAPFILE_CLOSURE:
        return mem_printf("function %s", *name ? name : "<anonymous>");
    case HEAPFILE_REGEXP:
        return mem_printf("/%s/", name);
    default:
        if (!*name)
            return mem_strdup(class);
        return *name == '(' || strncmp(name, "system / ", 9) == 0
                   ? mem_strdup(name)
                   : mem_printf("%s %s", class, name);
    }
}

int opened_find(const struct opened *o, uint64_t id, uint32_t *ret, struct err *e) {
    uint32_t node = id <= UINT32_MAX ? heapfile_node_of(o->f, (uint32_t)id) : GRAPH_NONE;
    if (node == GRAPH_NONE)
        return err_set(e, -EINVAL, "DevTools shows ids behind names, as @1234.",
                       "the file has no node of id %" PRIu64, id);
    *ret = node;
    return 0;
}

/* --- sums --- */

static uint32_t class_of(void *ctx, uint32_t node) {
    const struct opened *o = ctx;
    return heapfile_class_of(&o->classes, node);
}

static int by_retained(const void *a, const void *b) {
    const struct opened_class *x = a, *y = b;
    return x->retained != y->retained ? (x->retained > y->retained ? -1 : 1)
                                      : strcmp(x->name, y->name);
}

/* Of all nodes but the root; what is in no tree, for it is in a ring, counts with its own size. */
void opened_histogram(const struct opened *o, struct opened_classes *ret) {
    size_t n = o->classes.names.n;
    cleanup_free struct graph_class *sums = mem_zalloc((n + 1) * sizeof *sums);
    graph_classes(o->graph.tree, (uint32_t)n, class_of, (void *)(uintptr_t)o, sums);
    for (uint32_t node = 0; node < o->f->nodes; node++) {
        if (node == o->f->root || graph_tree_position(o->graph.tree, node) != GRAPH_NONE)
            continue;
        struct graph_class *c = &sums[heapfile_class_of(&o->classes, node)];
        uint64_t size = heapfile_size(o->f, node);
        c->count++;
        c->shallow += size;
        c->retained += size;
    }
    for (size_t i = 0; i < n; i++)
        if (sums[i].count)
            vec_push(&ret->list, (struct opened_class){o->classes.names.at[i], sums[i].count,
                                                       sums[i].shallow, sums[i].retained});
    vec_sort(&ret->list, by_retained);
}

static int by_bytes(const void *a, const void *b) {
    const struct opened_kind *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes > y->bytes ? -1 : 1) : strcmp(x->name, y->name);
}

void opened_sum_kinds(const struct opened *o, struct opened_kinds *ret) {
    struct opened_kind sums[HEAPFILE_KINDS_MAX] = {0};
    for (uint32_t node = 0; node < o->f->nodes; node++) {
        struct opened_kind *k = &sums[o->f->kind[node]];
        k->count++;
        k->bytes += heapfile_size(o->f, node);
    }
    for (size_t i = 0; i < HEAPFILE_KINDS_MAX; i++) {
        if (!sums[i].count)
            continue;
        sums[i].name = o->f->kind_names[i];
        ret->bytes += sums[i].bytes;
        vec_push(&ret->list, sums[i]);
    }
    vec_sort(&ret->list, by_bytes);
}

/* --- what holds what --- */

static const char *class_name(void *ctx, uint32_t class) {
    const struct opened *o = ctx;
    return o->classes.names.at[class];
}

static uint64_t id_of(void *ctx, uint32_t node) {
    const struct opened *o = ctx;
    return o->f->id[node];
}

static uint64_t bytes_of(void *ctx, uint32_t node) {
    const struct opened *o = ctx;
    return heapfile_size(o->f, node);
}

static char *summary_of(void *ctx, uint32_t node) {
    return opened_summary(ctx, node);
}

int opened_dominators(const struct opened *o, struct dominators *d, struct err *e) {
    struct dominators_heap heap = {.tree = o->graph.tree,
                                   .ctx = (void *)(uintptr_t)o,
                                   .classes = o->classes.names.n,
                                   .class_of = class_of,
                                   .class_name = class_name,
                                   .addr_of = id_of,
                                   .bytes_of = bytes_of,
                                   .summary_of = summary_of};
    uint32_t node = 0, top = 0;
    int r = d->addr ? opened_find(o, d->addr, &node, e) : 0;
    if (r < 0)
        return r;
    if (d->addr && node != o->f->root)
        top = graph_tree_position(o->graph.tree, node);
    if (top == GRAPH_NONE)
        return err_set(e, -EINVAL, "", "nothing leads to @%" PRIu64 ": it dominates nothing",
                       d->addr);
    d->live_bytes = heapfile_retained(&o->graph, o->f->root);
    dominators_choose(d, &heap, top);
    return 0;
}

/* --- suspects --- */

/* An array's elements and a Map's table are not what a program's author would call the holder. */
static uint32_t holder_of(const struct opened *o, uint32_t node) {
    uint32_t at = node;
    while (at != GRAPH_NONE && at != o->f->root && o->f->kind[at] != HEAPFILE_OBJECT &&
           o->f->kind[at] != HEAPFILE_CLOSURE && o->f->kind[at] != HEAPFILE_NATIVE)
        at = heapfile_dominator(&o->graph, at);
    return at == GRAPH_NONE || at == o->f->root ? node : at;
}

static bool is_told(const struct suspects *s, uint64_t id) {
    for (size_t i = 0; i < s->list.n; i++)
        if (s->list.at[i].addr == id)
            return true;
    return false;
}

static int most_first(const void *a, const void *b) {
    const struct suspect *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes > y->bytes ? -1 : 1)
                                : (x->addr > y->addr) - (x->addr < y->addr);
}

/* V8's own groups of roots are no collections of the program's. */
static bool is_worth_telling(const struct opened *o, const struct graph_hoard *h, uint32_t holder) {
    return o->f->kind[holder] != HEAPFILE_SYNTHETIC && !bits_get(o->globals, holder) &&
           h->node != graph_root_id(o->graph.graph);
}

int opened_suspects(struct opened *o, struct suspects *s, struct err *e) {
    struct hoard_namer namer = {o->graph.tree, o, class_name, summary_of};
    struct graph_hoards hoards = {0};
    int r = opened_find_ways(o, e);
    if (r < 0)
        return r;
    s->live_bytes = heapfile_retained(&o->graph, o->f->root);
    s->least = s->least ? s->least : s->live_bytes / 20;
    graph_hoards_find(o->graph.tree, s->least, class_of, o, &hoards);
    for (size_t i = 0; i < hoards.list.n; i++) {
        const struct graph_hoard *h = &hoards.list.at[i];
        uint32_t holder = h->kind == GRAPH_CHAIN ? h->node : holder_of(o, h->node);
        if (!is_worth_telling(o, h, holder) || is_told(s, o->f->id[holder]))
            continue;
        struct suspect found = hoard_suspect(&namer, h, holder);
        found.addr = o->f->id[holder];
        if (o->ways.from[holder] != GRAPH_NONE) {
            struct path path = opened_path_to(o, holder);
            found.path = mem_strdup(path.line);
            path_done(&path);
        }
        vec_push(&s->list, found);
    }
    vec_free(&hoards.list);
    vec_sort(&s->list, most_first);
    return 0;
}
