#include "collect/paths.h"

#include "base/bits.h"
#include "base/limits.h"
#include "collect/edge_text.h"
#include "collect/path_line.h"
#include "v8/contexts.h"
#include "v8/functions.h"
#include "v8/generators.h"
#include "v8/heap.h"
#include "v8/names.h"
#include "v8/properties.h"
#include "v8/referrers.h"
#include "v8/scripts.h"
#include "v8/strings.h"
#include <string.h>

/* How far behind it an object's own edge may lead: the global object's to a value goes by table and
 * cell, a getter's by map, descriptors and pair. */
enum { STORED_MAX = 5 };

struct naming {
    struct path_namer *p;
    struct v8_objects *o;
    struct path *path;
    uint64_t function; /* the last on the way: says whose script a variable is of */
    /* What the line begins with, if it is a variable: whoever reads it knows where that is. */
    uint64_t scope; /* its context, or the module that exports it; 0: it is none */
    bool is_export;
    uint64_t scope_function;
    struct path_line line;
};

static void line_clear(struct naming *n) {
    path_line_clear(&n->line);
    n->scope = 0;
}

static void append(struct naming *n, const char *text) {
    path_line_add(&n->line, text);
}

/* --- roots --- */

/* A wrapper of Node's: the object it belongs to, as Server to its TCP. */
static char *owner_of(struct naming *n, uint64_t wrapper) {
    static const char *const names[] = {"owner_symbol", "owner"};
    struct v8_property p;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (v8_is_receiver(v8_kind(n->o, wrapper)) &&
            v8_property_own(n->o, wrapper, names[i], &p) && v8_is_receiver(v8_kind(n->o, p.value)))
            return v8_constructor_name(n->o, p.value);
    return NULL;
}

static char *root_text(struct naming *n, const struct v8_root *root, uint64_t object) {
    if (!root)
        return mem_strdup("(retained maps)");
    if (root->kind == ROOT_GLOBAL && v8_is_receiver(v8_kind(n->o, object))) {
        cleanup_free char *owner = owner_of(n, object);
        if (owner)
            return mem_printf("(handle of %s)", owner);
    }
    cleanup_free char *name = v8_root_name(n->p->look->view->l, root);
    return mem_printf("(%s)", name);
}

/* --- variables --- */

/* The function itself, or that of a generator. */
static uint64_t function_of(struct naming *n, uint64_t object) {
    struct v8_generator g;
    if (v8_kind(n->o, object) == KIND_FUNCTION)
        return object;
    return v8_generator_read(n->o, object, &g) == 0 ? g.function : 0;
}

static char *script_name(struct naming *n, uint64_t shared) {
    struct v8_shared s;
    struct v8_scripts scripts = {0};
    if (v8_shared_read(n->o, shared, &s) < 0 || !s.script)
        return NULL;
    const struct v8_script *script = v8_scripts_get(&scripts, n->o, s.script);
    char *name = script && script->name ? mem_strdup(script->name) : NULL;
    v8_scripts_done(&scripts);
    return name;
}

/* The script of the function whose scope this is. */
static char *script_of_scope(struct naming *n, uint64_t scope_info) {
    const struct v8_view *view = n->p->look->view;
    uint32_t node = v8_node_at(view->nodes, scope_info);
    struct v8_referrer_list found = {0};
    char *name = NULL;
    if (node == V8_NO_NODE)
        return NULL;
    uint64_t *wanted = bits_new(v8_nodes_count(view->nodes));
    bits_set(wanted, node);
    v8_referrers_find(view->nodes, &view->heap->pages, wanted, &found);
    for (size_t i = 0; i < found.list.n && !name; i++)
        name = script_name(n, heap_look_addr(n->p->look, found.list.at[i].from));
    v8_referrers_done(&found);
    free(wanted);
    return name;
}

/* By the function that the way came through, else by those that are of the scope or outer ones. */
static char *script_of_context(struct naming *n, uint64_t context) {
    enum { DEPTH_MAX = 20 };
    struct v8_scope scope;
    char *name = n->scope_function ? script_name(n, v8_shared_of(n->o, n->scope_function)) : NULL;
    for (int i = 0; !name && context && i < DEPTH_MAX; i++) {
        if (v8_context_scope(n->o, context, &scope))
            name = script_of_scope(n, scope.addr);
        context = v8_context_outer(n->o, context);
    }
    return name;
}

/* "/app/server.js", "readAll() in /app/io.js". */
static char *owner_of_scope(struct naming *n, uint64_t context) {
    struct v8_scope scope;
    cleanup_free char *function = NULL, *script = script_of_context(n, context);
    if (v8_context_scope(n->o, context, &scope) && scope.type == SCOPE_FUNCTION) {
        int32_t at[] = {scope.name_at, scope.inferred_at};
        for (int i = 0; i < 2 && !function; i++) {
            uint64_t name = at[i] < 0 ? 0 : v8_field_or_0(n->o, scope.addr, at[i]);
            if (v8_string_length(n->o, name) > 0)
                function = v8_string_utf8(n->o, name, LIMIT_V8_NAME);
        }
    }
    if (function)
        return mem_printf("%s()%s%s", function, script ? " in " : "", script ? script : "");
    return script ? mem_strdup(script) : NULL;
}

/* A module's text is that of its function. */
static char *owner_of_export(struct naming *n, uint64_t module) {
    enum { FIELDS_MAX = 20 };
    char *name = NULL;
    for (int32_t at = 8; at < 8 * FIELDS_MAX && !name; at += 8) {
        uint64_t field = v8_field_or_0(n->o, module, at);
        uint64_t function = function_of(n, field);
        name = script_name(n, function ? v8_shared_of(n->o, function) : field);
    }
    return name;
}

static void begin_with_variable(struct naming *n, uint64_t from, const struct v8_edge *e) {
    cleanup_free char *label = v8_edge_name(n->o, e);
    line_clear(n);
    n->is_export = e->form == EDGE_EXPORT;
    n->scope = from;
    n->scope_function = n->function;
    append(n, n->is_export ? label + strlen("export ") : label);
}

/* "variable list of /app/server.js: list[988]". */
static char *with_variable(struct naming *n, char *line) {
    if (!n->scope)
        return line;
    const char *name = n->line.pieces.at[0];
    cleanup_free char *owner =
        n->is_export ? owner_of_export(n, n->scope) : owner_of_scope(n, n->scope);
    bool more = n->line.pieces.n > 1;
    char *text =
        mem_printf("%s %s%s%s%s%s", n->is_export ? "export" : "variable", name, owner ? " of " : "",
                   owner ? owner : "", more ? ": " : "", more ? line : "");
    free(line);
    return text;
}

/* --- steps --- */

static void add_step(struct naming *n, uint32_t node, char *name, const char *kind) {
    struct path_step s = {.addr = heap_look_addr(n->p->look, node),
                          .name = name,
                          .kind = kind,
                          .summary = heap_look_summary(n->p->look, node)};
    vec_push(&n->path->steps, s);
    uint64_t function = function_of(n, s.addr);
    if (function)
        n->function = function;
    if (v8_type(n->o, s.addr) == TYPE_JS_GLOBAL_OBJECT) {
        line_clear(n);
        append(n, "global");
    }
}

static void add_edge(struct naming *n, uint32_t from, uint32_t to, const struct v8_edge *e) {
    char *text = edge_text(n->o, e);
    if (e->kind == EDGE_CONTEXT || e->form == EDGE_EXPORT)
        begin_with_variable(n, heap_look_addr(n->p->look, from), e);
    else
        append(n, text);
    size_t skip = *text == ' ';
    memmove(text, text + skip, strlen(text) - skip + 1);
    add_step(n, to, text, v8_edge_kind_name((enum v8_edge_kind)e->kind));
}

/* The edge from node `i` of the way to the furthest it has one of its own to; else to the next. */
static size_t next_step(struct naming *n, const uint32_t *nodes, size_t i, size_t end) {
    size_t count;
    for (size_t k = STORED_MAX; k >= 1; k--) {
        if (i + k >= end)
            continue;
        const struct v8_edge *e =
            v8_edges_of(n->p->reader, nodes[i], heap_look_addr(n->p->look, nodes[i + k]), &count);
        e = edge_best(e, count);
        if (!e || (k > 1 && !edge_is_own(e)))
            continue;
        add_edge(n, nodes[i], nodes[i + k], e);
        return i + k;
    }
    struct v8_edge value = {
        .kind = EDGE_INTERNAL, .form = EDGE_BY_TEXT, .text = "value in a WeakMap, by this key"};
    add_edge(n, nodes[i], nodes[i + 1], &value);
    return i + 1;
}

struct path path_name(struct path_namer *p, const struct ways *w, const uint32_t *nodes, size_t n) {
    struct path path = {0};
    struct naming naming = {.p = p, .o = &p->look->objects, .path = &path};
    char *root = root_text(&naming, ways_root(w, nodes[0]), heap_look_addr(p->look, nodes[0]));
    append(&naming, root);
    append(&naming, " ");
    add_step(&naming, nodes[0], root, "root");
    if (naming.line.pieces.n == 2)
        append(&naming, path.steps.at[0].summary);
    for (size_t i = 0; i + 1 < n;)
        i = next_step(&naming, nodes, i, n);
    path.line = with_variable(&naming, path_line_text(&naming.line));
    path_line_done(&naming.line);
    return path;
}

void path_done(struct path *p) {
    for (size_t i = 0; i < p->steps.n; i++) {
        free(p->steps.at[i].name);
        free(p->steps.at[i].summary);
    }
    vec_free(&p->steps);
    free(p->line);
}

const char *path_worker(const struct heap_look *look, uint64_t addr) {
    const struct v8_page *g = v8_pages_at(&look->view->heap->pages, addr);
    const struct v8_census *c = look->view->census;
    return g && g->isolate > 0 && (size_t)g->isolate < c->isolates.n
               ? c->isolates.at[g->isolate].name
               : NULL;
}

/* --- for a command --- */

static void find(struct paths *p, struct heap_look *look, uint32_t node) {
    struct ways w = ways_open(look);
    struct path_namer namer = {look, v8_edge_reader_new(&look->objects, look->view->nodes)};
    struct way_nodes found = {0};
    ways_to(&w, node, p->most, &found);
    for (size_t i = 0; i < found.ends.n; i++) {
        size_t begin = i ? found.ends.at[i - 1] : 0;
        vec_push(&p->list, path_name(&namer, &w, found.nodes.at + begin, found.ends.at[i] - begin));
    }
    way_nodes_done(&found);
    v8_edge_reader_free(namer.reader);
    ways_done(&w);
}

int paths_see(void *paths, const struct v8_view *view, struct err *e) {
    struct paths *p = paths;
    struct heap_look look;
    uint32_t node;
    paths_done(p);
    int r = heap_look_open(view, &look, e);
    if (r < 0)
        return r;
    r = heap_look_find(&look, p->addr, &node, e);
    if (r == 0) {
        p->summary = heap_look_summary(&look, node);
        p->live = heap_look_is_live(&look, node);
        if (p->live)
            find(p, &look, node);
    }
    heap_look_done(&look);
    return r;
}

void paths_done(struct paths *p) {
    for (size_t i = 0; i < p->list.n; i++)
        path_done(&p->list.at[i]);
    vec_free(&p->list);
    free(p->summary);
    p->summary = NULL;
    p->live = false;
}
