/* Ways through a .heapsnapshot in the words of the program's author, by the names of its edges. */
#include "suspects/opened.h"

#include "base/bits.h"
#include "collect/edge_text.h"
#include "collect/path_line.h"
#include "heapfile/heap_graph.h"
#include <ctype.h>
#include <string.h>

struct naming {
    const struct opened *o;
    struct path *path;
    struct path_line line;
    uint32_t function; /* the last on the way; GRAPH_NONE */
    bool is_variable;  /* what the line begins with is one */
    uint32_t scope;    /* whose, if it is known; GRAPH_NONE */
    bool in_table;     /* the last step led to the table of a Map */
    struct heapfile_edges edges;
};

static const char *kind_name(uint8_t kind) {
    static const char *const names[] = {"context", "element",  "property", "internal",
                                        "hidden",  "shortcut", "weak",     "other"};
    return names[kind];
}

static bool is_index(const char *s) {
    return isdigit((unsigned char)*s) && strspn(s, "0123456789") == strlen(s);
}

/* Of the program's own making before V8's. */
static int rank(const struct heapfile_edge *e) {
    static const uint8_t ranks[] = {
        [HEAPFILE_CONTEXT] = 0,  [HEAPFILE_ELEMENT] = 0,    [HEAPFILE_PROPERTY] = 0,
        [HEAPFILE_SHORTCUT] = 1, [HEAPFILE_INTERNAL] = 2,   [HEAPFILE_EDGE_HIDDEN] = 3,
        [HEAPFILE_WEAK] = 5,     [HEAPFILE_EDGE_OTHER] = 4,
    };
    return ranks[e->kind];
}

/* Of n->edges, those of one node, the best that leads to `to`. */
static const struct heapfile_edge *best_edge(const struct naming *n, uint32_t to) {
    const struct heapfile_edge *best = NULL;
    for (size_t i = 0; i < n->edges.list.n; i++) {
        const struct heapfile_edge *e = &n->edges.list.at[i];
        if (e->to == to && (!best || rank(e) < rank(best)))
            best = e;
    }
    return best;
}

uint32_t opened_target(const struct opened *o, uint32_t node, const char *name) {
    struct heapfile_edges edges = {0};
    uint32_t to = GRAPH_NONE;
    heapfile_edges(o->f, node, node + 1, &edges);
    for (size_t i = 0; i < edges.list.n && to == GRAPH_NONE; i++)
        if (edges.list.at[i].kind == HEAPFILE_INTERNAL &&
            heapfile_string_is(o->f, edges.list.at[i].name, name))
            to = edges.list.at[i].to;
    vec_free(&edges.list);
    return to;
}

/* "/app/server.js", of a function; NULL: not known. */
static char *script_of(const struct opened *o, uint32_t function) {
    uint32_t shared = function == GRAPH_NONE ? GRAPH_NONE : opened_target(o, function, "shared");
    uint32_t script = shared == GRAPH_NONE ? GRAPH_NONE : opened_target(o, shared, "script");
    if (script == GRAPH_NONE && shared != GRAPH_NONE)
        script = opened_target(o, shared, "script_or_debug_info");
    if (script == GRAPH_NONE)
        return NULL;
    char *name = heapfile_string(o->f, o->f->name[script]);
    if (*name && strncmp(name, "system / ", 9) != 0)
        return name;
    free(name);
    return NULL;
}

/* In the table of a Map values stand behind their keys; what stands before a key is no object. */
static char *key_text(const struct naming *n, uint32_t index) {
    char wanted[16];
    snprintf(wanted, sizeof wanted, "%u", index - 1);
    for (size_t i = 0; index && i < n->edges.list.n; i++) {
        const struct heapfile_edge *e = &n->edges.list.at[i];
        if (e->kind == HEAPFILE_INTERNAL && heapfile_string_is(n->o->f, e->name, wanted))
            return opened_summary(n->o, e->to);
    }
    return NULL;
}

static char *internal_text(struct naming *n, const struct heapfile_edge *e, const char *name) {
    if (heapfile_ephemeron_of(&n->o->graph, e))
        return mem_strdup(" <value in a WeakMap, by this key>");
    if (!is_index(name))
        return mem_printf(" <%s>", name);
    cleanup_free char *key = n->in_table ? key_text(n, (uint32_t)strtoul(name, NULL, 10)) : NULL;
    if (!key)
        return mem_printf("[%s]", name);
    if (n->line.pieces.n) /* instead of " <table>" */
        free(n->line.pieces.at[--n->line.pieces.n]);
    return mem_printf(".get(%s)", key);
}

static char *edge_words(struct naming *n, const struct heapfile_edge *e, const char *name) {
    switch (e->kind) {
    case HEAPFILE_CONTEXT:
        return mem_printf(" variable %s", name);
    case HEAPFILE_ELEMENT:
        return mem_printf("[%u]", e->name);
    case HEAPFILE_PROPERTY:
        return edge_text_property(name);
    case HEAPFILE_SHORTCUT:
        return is_index(name) ? mem_printf("[%s]", name) : edge_text_property(name);
    case HEAPFILE_INTERNAL:
        return internal_text(n, e, name);
    case HEAPFILE_EDGE_HIDDEN:
        return mem_printf(" <%u>", e->name);
    default:
        return mem_printf(" <%s>", name);
    }
}

static void begin_line(struct naming *n, const char *text) {
    path_line_clear(&n->line);
    path_line_add(&n->line, text);
    n->is_variable = false;
}

/* Takes `text`, what the edge is in words. */
static void add_step(struct naming *n, uint32_t node, char *text, const char *kind) {
    const struct heapfile *f = n->o->f;
    size_t skip = *text == ' ';
    memmove(text, text + skip, strlen(text) - skip + 1);
    vec_push(&n->path->steps,
             (struct path_step){f->id[node], text, kind, opened_summary(n->o, node)});
    if (f->kind[node] == HEAPFILE_CLOSURE)
        n->function = node;
}

/* From one of V8's groups of roots: what the edge is called says nothing. */
static void add_root(struct naming *n, uint32_t node, const char *kind) {
    const struct heapfile *f = n->o->f;
    cleanup_free char *summary = opened_summary(n->o, node);
    if (bits_get(n->o->globals, node)) {
        begin_line(n, "global");
    } else if (f->kind[node] == HEAPFILE_SYNTHETIC || !n->line.pieces.n) {
        begin_line(n, summary);
    } else {
        path_line_add(&n->line, " ");
        path_line_add(&n->line, summary);
    }
    add_step(n, node, mem_strdup(""), kind);
}

static void take_step(struct naming *n, uint32_t from, uint32_t to) {
    const struct heapfile *f = n->o->f;
    heapfile_edges(f, from, from + 1, &n->edges);
    const struct heapfile_edge *e = best_edge(n, to);
    if (from == f->root || f->kind[from] == HEAPFILE_SYNTHETIC || !e) {
        add_root(n, to, from == f->root ? "root" : e ? kind_name(e->kind) : "unknown");
        return;
    }
    cleanup_free char *name =
        heapfile_edge_is_named(e) ? heapfile_string(f, e->name) : mem_printf("%u", e->name);
    char *text = edge_words(n, e, name);
    n->in_table = e->kind == HEAPFILE_INTERNAL && strcmp(name, "table") == 0;
    if (bits_get(n->o->globals, to)) {
        begin_line(n, "global");
    } else if (e->kind == HEAPFILE_CONTEXT) {
        begin_line(n, name);
        n->is_variable = true;
        n->scope = n->function;
    } else {
        path_line_add(&n->line, text);
    }
    add_step(n, to, text, kind_name(e->kind));
}

/* "variable list of /app/server.js: list[988]". */
static char *line_of(const struct naming *n) {
    cleanup_free char *line = path_line_text(&n->line);
    if (!n->is_variable)
        return mem_strdup(line);
    cleanup_free char *script = script_of(n->o, n->scope);
    bool more = n->line.pieces.n > 1;
    return mem_printf("variable %s%s%s%s%s", n->line.pieces.at[0], script ? " of " : "",
                      script ? script : "", more ? ": " : "", more ? line : "");
}

/* nodes[n - 1] is the first behind the root, nodes[0] the last. */
static struct path name_path(const struct opened *o, const uint32_t *nodes, size_t count) {
    struct path path = {0};
    struct naming n = {.o = o, .path = &path, .function = GRAPH_NONE, .scope = GRAPH_NONE};
    uint32_t from = o->f->root;
    for (size_t i = count; i; from = nodes[--i])
        take_step(&n, from, nodes[i - 1]);
    path.line = line_of(&n);
    path_line_done(&n.line);
    vec_free(&n.edges.list);
    return path;
}

struct path_nodes {
    VEC(uint32_t) list;
};

/* Adds the way to `node`, from behind; false: it comes by `not_by`. */
static bool add_way(const struct opened *o, uint32_t node, uint32_t not_by,
                    struct path_nodes *ret) {
    for (; node != o->f->root; node = o->ways.from[node]) {
        if (node == not_by)
            return false;
        vec_push(&ret->list, node);
    }
    return true;
}

struct path opened_path_to(const struct opened *o, uint32_t node) {
    struct path_nodes way = {0};
    add_way(o, node, GRAPH_NONE, &way);
    struct path path = name_path(o, way.list.at, way.list.n);
    vec_free(&way.list);
    return path;
}

/* --- several ways --- */

struct referrer {
    uint32_t node, distance;
};
struct referrers {
    VEC(struct referrer) list;
};

static int nearest_first(const void *a, const void *b) {
    const struct referrer *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

/* Who refers to it and is reached; the one of the shortest way first. */
static struct referrers referrers_of(const struct opened *o, uint32_t node) {
    struct referrers r = {0};
    struct graph_nodes found = {0};
    graph_predecessors(o->graph.graph, node, &found);
    for (size_t i = 0; i < found.n; i++) {
        uint32_t from = found.at[i] == graph_root_id(o->graph.graph) ? o->f->root : found.at[i];
        if (from != node && from != o->ways.from[node] && o->ways.from[from] != GRAPH_NONE)
            vec_push(&r.list, (struct referrer){from, heapfile_distance(&o->ways, from)});
    }
    vec_push(&r.list, (struct referrer){o->ways.from[node], 0});
    vec_free(&found);
    vec_sort(&r.list, nearest_first);
    return r;
}

int opened_paths(struct opened *o, struct paths *p, struct err *e) {
    uint32_t node;
    int r = opened_find(o, p->addr, &node, e);
    if (r == 0)
        r = opened_find_ways(o, e);
    if (r < 0)
        return r;
    p->summary = opened_summary(o, node);
    p->live = o->ways.from[node] != GRAPH_NONE && node != o->f->root;
    if (!p->live)
        return 0;
    struct referrers from = referrers_of(o, node);
    for (size_t i = 0; i < from.list.n && p->list.n < p->most; i++) {
        struct path_nodes way = {0};
        vec_push(&way.list, node);
        if (add_way(o, from.list.at[i].node, node, &way))
            vec_push(&p->list, name_path(o, way.list.at, way.list.n));
        vec_free(&way.list);
    }
    vec_free(&from.list);
    return 0;
}
