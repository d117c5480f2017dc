/* Whole worlds kept: workers, vm contexts, and modules that were loaded again and again. */
#include "suspects/suspect.h"

#include "base/hash.h"
#include "base/search.h"
#include "v8/properties.h"
#include "v8/strings.h"
#include <string.h>

enum { WORKERS_MIN = 4, CONTEXTS_MIN = 4, COPIES_MIN = 4 };

struct realms {
    struct suspect_search *s;
    VEC(uint32_t) contexts;  /* native contexts that live */
    VEC(uint32_t) positions; /* of them in the tree, sorted */
};

static int ascending(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* How many of them are below this position. */
static size_t contexts_before(const struct realms *r, uint32_t position) {
    return first_where(r->positions.n, i, r->positions.at[i] >= position);
}

static size_t contexts_under(const struct realms *r, uint32_t node) {
    uint32_t position = graph_tree_position(r->s->tree, node);
    return contexts_before(r, graph_tree_end(r->s->tree, position)) - contexts_before(r, position);
}

/* The highest above a context that has no other below it: what would go with the context alone. */
static uint32_t top_of(const struct realms *r, uint32_t context) {
    uint32_t root = graph_root_id(r->s->graph->graph), at = context, above;
    while ((above = graph_tree_dominator(r->s->tree, at)) != GRAPH_NONE && above != root &&
           contexts_under(r, above) == 1)
        at = above;
    return at;
}

static int isolate_of(const struct suspect_search *s, uint32_t node) {
    const struct v8_page *g = v8_pages_at(&s->look.view->heap->pages, v8_node_addr(s->nodes, node));
    return g ? g->isolate : -1;
}

/* All of one isolate but the one that holds most, which is its own. */
static void tell_contexts(const struct realms *r, int isolate) {
    struct suspect_search *s = r->s;
    uint64_t sum = 0, most = 0, count = 0, own = 0, sample = 0;
    for (size_t i = 0; i < r->contexts.n; i++) {
        uint32_t context = r->contexts.at[i];
        if (isolate_of(s, context) != isolate)
            continue;
        uint64_t bytes = graph_tree_retained(s->tree, top_of(r, context));
        uint64_t addr = heap_look_addr(&s->look, context);
        sum += bytes;
        count++;
        sample = bytes > most ? own : addr;
        own = bytes > most ? addr : own;
        most = bytes > most ? bytes : most;
    }
    if (count < CONTEXTS_MIN || sum - most < s->least)
        return;
    char size[FMT_MAX], number[FMT_MAX];
    suspect_add(s, (struct suspect){.kind = "context-leak",
                                    .text = mem_printf("%s native contexts besides the program's "
                                                       "own (vm.createContext makes them) hold %s",
                                                       fmt_count(number, count - 1),
                                                       fmt_bytes(size, sum - most)),
                                    .sample = sample,
                                    .count = count - 1,
                                    .bytes = sum - most});
}

static void find_contexts(struct suspect_search *s) {
    struct realms r = {.s = s};
    uint32_t n = v8_nodes_count(s->nodes);
    for (uint32_t node = 0; node < n; node++)
        if (heap_look_instance_type(&s->look, node) == s->look.view->l->native_context_type &&
            heap_look_is_live(&s->look, node))
            vec_push(&r.contexts, node);
    for (size_t i = 0; i < r.contexts.n; i++)
        vec_push(&r.positions, graph_tree_position(s->tree, r.contexts.at[i]));
    vec_sort(&r.positions, ascending);
    for (size_t i = 0; i < s->look.view->heap->isolates.list.n; i++)
        tell_contexts(&r, (int)i);
    vec_free(&r.contexts);
    vec_free(&r.positions);
}

static void find_workers(struct suspect_search *s) {
    const struct v8_census *c = s->look.view->census;
    uint64_t bytes = 0;
    for (size_t i = 1; i < c->isolates.n; i++) {
        const struct v8_isolate_census *iso = &c->isolates.at[i];
        bytes += iso->array_buffer_bytes - iso->array_buffer_garbage;
        for (int space = 0; space < V8_SPACES; space++)
            bytes += iso->space[space].live;
    }
    if (c->isolates.n <= WORKERS_MIN || bytes < s->least)
        return;
    char size[FMT_MAX], count[FMT_MAX];
    suspect_add(s, (struct suspect){.kind = "worker-leak",
                                    .text = mem_printf("the heaps of %s worker threads hold %s",
                                                       fmt_count(count, c->isolates.n - 1),
                                                       fmt_bytes(size, bytes)),
                                    .count = c->isolates.n - 1,
                                    .bytes = bytes});
}

struct modules {
    struct suspect_search *s;
    uint32_t class;
    struct map64 names; /* hash of a file's name -> 1 */
};

static char *file_of(struct suspect_search *s, uint32_t module) {
    struct v8_property p;
    struct v8_objects *o = &s->look.objects;
    return v8_property_own(o, heap_look_addr(&s->look, module), "filename", &p) && !p.is_accessor
               ? v8_string_utf8(o, p.value, LIMIT_NAME)
               : NULL;
}

static uint64_t module_file(void *ctx, uint32_t node) {
    struct modules *m = ctx;
    if (v8_class_of(heap_look_classes(&m->s->look), node) != m->class)
        return 0;
    cleanup_free char *file = file_of(m->s, node);
    return file ? hash_add(0, file, strlen(file)) | 1 : 0;
}

static void tell_module(struct suspect_search *s, const struct suspect_group *g) {
    char size[FMT_MAX], count[FMT_MAX];
    cleanup_free char *file = file_of(s, g->first);
    suspect_add(s,
                (struct suspect){.kind = "module-reload-leak",
                                 .text = mem_printf("%s copies of the module %s hold %s",
                                                    fmt_count(count, g->count), file ? file : "?",
                                                    fmt_bytes(size, g->bytes)),
                                 .sample = heap_look_addr(&s->look, g->first),
                                 .count = g->count,
                                 .bytes = g->bytes});
}

static void find_modules(struct suspect_search *s) {
    struct v8_classes *c = heap_look_classes(&s->look);
    for (uint32_t i = 0; i < v8_classes_count(c); i++) {
        struct modules m = {.s = s, .class = i};
        struct suspect_groups g;
        if (strcmp(v8_class_name(c, i), "Module") != 0)
            continue;
        suspect_groups_find(s, module_file, &m, &g);
        for (size_t k = 0; k < g.list.n && g.list.at[k].bytes >= s->least; k++)
            if (g.list.at[k].count >= COPIES_MIN)
                tell_module(s, &g.list.at[k]);
        suspect_groups_done(&g);
    }
}

void suspect_realms(struct suspect_search *s) {
    find_workers(s);
    find_contexts(s);
    find_modules(s);
}
