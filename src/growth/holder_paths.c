/* How holders are reached, and whether a bound stands beside them. */
#include "growth/holder_heap.h"

#include "base/limits.h"
#include "collect/paths.h"
#include "v8/contexts.h"
#include "v8/nodes.h"
#include "v8/numbers.h"
#include "v8/properties.h"
#include "v8/strings.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    NAMED_MAX = 200,
    /* An edge is found among all of its object's: of a path through a Map of a million entries,
     * that is read. */
    EDGES_MAX = 20000000,
};

struct naming {
    struct heap_look *look;
    struct ways ways;
    struct path_namer namer;
    uint64_t edges; /* read so far */
};

/* From the root on; false when nothing leads there. */
static bool way_to(const struct ways *w, uint32_t node, struct way_nodes *ret) {
    for (uint32_t at = node;; at = w->from[at]) {
        if (w->from[at] == V8_NO_NODE)
            return false;
        vec_push(&ret->nodes, at);
        if (w->from[at] == at)
            break;
    }
    for (size_t a = 0, b = ret->nodes.n; a + 1 < b; a++) {
        uint32_t swap = ret->nodes.at[--b];
        ret->nodes.at[b] = ret->nodes.at[a];
        ret->nodes.at[a] = swap;
    }
    return true;
}

/* --- bounds --- */

static bool holds_one_of(const char *name, const char *const *words) {
    for (; *name; name++)
        for (size_t i = 0; words[i]; i++)
            if (strncasecmp(name, words[i], strlen(words[i])) == 0)
                return true;
    return false;
}

/* A property of an object speaks of that object. Of a script's variables, which are about anything,
 * only those that speak of a number of things. */
static bool sounds_like_bound(const char *name, bool is_variable) {
    static const char *const bounds[] = {"max", "limit", "capacity", "bound", NULL};
    static const char *const counts[] = {"size",  "entries", "items", "cache",
                                         "count", "keys",    NULL};
    return holds_one_of(name, bounds) &&
           (!is_variable || strcasecmp(name, "max") == 0 || strcasecmp(name, "limit") == 0 ||
            strcasecmp(name, "capacity") == 0 || holds_one_of(name, counts));
}

/* The nearest one that has not been passed. */
static void consider(struct naming *n, uint64_t key, double value, bool is_variable,
                     struct holder *h) {
    struct v8_objects *o = &n->look->objects;
    uint64_t string = v8_kind(o, key) == KIND_SYMBOL ? v8_field_or_0(o, key, 16) : key;
    if (!(value >= (double)h->members && value < 1e12))
        return;
    uint64_t bound = (uint64_t)value;
    char *name = v8_string_utf8(o, string, LIMIT_V8_NAME);
    if (!name || !sounds_like_bound(name, is_variable) || (h->bound_name && h->bound <= bound)) {
        free(name);
        return;
    }
    free(h->bound_name);
    h->bound_name = name;
    h->bound = bound;
}

static void look_beside(struct naming *n, uint64_t owner, struct holder *h) {
    struct v8_objects *o = &n->look->objects;
    struct v8_properties properties;
    struct v8_property p;
    struct v8_variables variables;
    struct v8_variable v;
    double number;
    v8_properties_open(o, owner, &properties);
    while (properties.is_fast && v8_properties_next(&properties, &p))
        if (!p.is_accessor && !p.is_double && v8_number(o, p.value, &number))
            consider(n, p.key, number, false, h);
    v8_variables_open(o, owner, &variables);
    while (v8_variables_next(&variables, &v))
        if (v.is_number || v8_number(o, v.value, &number))
            consider(n, v.name, v.is_number ? v.number : number, true, h);
}

static void find_bound(struct naming *n, const struct way_nodes *way, struct holder *h) {
    struct v8_objects *o = &n->look->objects;
    look_beside(n, h->addr, h);
    for (size_t i = way->nodes.n; i > 1; i--) {
        uint64_t addr = heap_look_addr(n->look, way->nodes.at[i - 2]);
        if (v8_is_receiver(v8_kind(o, addr)) || v8_is_context(o, addr)) {
            look_beside(n, addr, h);
            return;
        }
    }
}

/* --- paths --- */

static void take_steps(struct naming *n, const struct path *path, const char *worker,
                       struct holder *h) {
    if (worker)
        vec_push(&h->steps, mem_strdup(worker));
    size_t first = h->steps.n;
    for (size_t i = 0; i < path->steps.n; i++) {
        const struct path_step *step = &path->steps.at[i];
        bool is_global = v8_type(&n->look->objects, step->addr) == TYPE_JS_GLOBAL_OBJECT;
        while (is_global && h->steps.n > first)
            free(h->steps.at[--h->steps.n]);
        vec_push(&h->steps, holder_bare_step(is_global ? "global" : step->name));
    }
}

/* A way through no more edges than may be read. */
static bool affordable_way(struct naming *n, uint32_t node, struct way_nodes *ret) {
    uint64_t edges = 0;
    if (!way_to(&n->ways, node, ret))
        return false;
    for (size_t i = 0; i < ret->nodes.n; i++) {
        size_t count;
        v8_node_refs(n->look->view->nodes, ret->nodes.at[i], &count);
        edges += count;
    }
    if (n->edges + edges > EDGES_MAX)
        return false;
    n->edges += edges;
    return true;
}

/* What comes behind its holder on the way to the next link. */
static void name_link(struct naming *n, uint32_t next, struct holder *h) {
    struct way_nodes way = {0};
    if (affordable_way(n, next, &way)) {
        struct path path = path_name(&n->namer, &n->ways, way.nodes.at, way.nodes.n);
        size_t i = path.steps.n;
        while (i && path.steps.at[i - 1].addr != h->addr)
            i--;
        h->link = mem_strdup("");
        for (; i && i < path.steps.n; i++) {
            char *longer =
                mem_printf("%s%s%s", h->link, *h->link ? " → " : "", path.steps.at[i].name);
            free(h->link);
            h->link = longer;
            vec_push(&h->steps, holder_bare_step(path.steps.at[i].name));
        }
        path_done(&path);
    }
    way_nodes_done(&way);
}

static void name_one(struct naming *n, const struct holder_nodes *at, struct holder *h) {
    struct way_nodes way = {0};
    if (affordable_way(n, at->node, &way)) {
        struct path path = path_name(&n->namer, &n->ways, way.nodes.at, way.nodes.n);
        const char *worker = path_worker(n->look, h->addr);
        h->line = mem_printf("%s%s%s", path.line, worker ? " in " : "", worker ? worker : "");
        take_steps(n, &path, worker, h);
        path_done(&path);
        find_bound(n, &way, h);
        if (at->next != V8_NO_NODE)
            name_link(n, at->next, h);
    }
    way_nodes_done(&way);
}

void holder_paths_name(struct heap_look *look, const struct holder_nodes *nodes,
                       const struct holders *earlier, struct holders *ret) {
    struct naming n = {.look = look, .ways = ways_open(look)};
    n.namer = (struct path_namer){look, v8_edge_reader_new(&look->objects, look->view->nodes)};
    cleanup_free size_t *order = holder_naming_order(ret, earlier);
    for (size_t i = 0; i < ret->list.n && i < NAMED_MAX; i++)
        name_one(&n, &nodes[order[i]], &ret->list.at[order[i]]);
    v8_edge_reader_free(n.namer.reader);
    ways_done(&n.ways);
}
