#include "growth/holder_file.h"

#include "base/bits.h"
#include "base/map64.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAMED_MAX = 200,
    BLOCK = 1 << 16, /* nodes whose edges are read at once */
    RECORD_MAX = 20, /* an object with no more properties is written so in the program */
};

/* Edges that say what a node is. */
enum role { ROLE_NONE, ROLE_MAP, ROLE_SCOPE, ROLE_TABLE, ROLE_INDEX };

struct file_scan {
    struct opened *o;
    uint32_t *key;     /* by node: what it shares with its like; GRAPH_NONE */
    uint32_t *entries; /* elements of an array, or elements and properties */
    struct map64
        roles; /* of names of internal edges: string + 1 -> role + 1, of an index with it */
    struct heapfile_edges edges;
};

/* --- what edges say --- */

static uint64_t find_role(const struct heapfile *f, uint32_t string) {
    static const char *const names[] = {
        [ROLE_MAP] = "map", [ROLE_SCOPE] = "scope_info", [ROLE_TABLE] = "table"};
    enum { INDEX_BYTES_MAX = 12 };
    for (uint64_t i = ROLE_MAP; i <= ROLE_TABLE; i++)
        if (heapfile_string_is(f, string, names[i]))
            return i;
    if (heapfile_string_bytes(f, string) > INDEX_BYTES_MAX)
        return ROLE_NONE;
    cleanup_free char *text = heapfile_string(f, string);
    char *end;
    uint64_t index = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end ? ROLE_INDEX | index << 8 : ROLE_NONE;
}

/* Of an index its value is above the lowest byte. */
static uint64_t role_of(struct file_scan *s, const struct heapfile_edge *e) {
    uint64_t role;
    if (e->kind != HEAPFILE_INTERNAL)
        return ROLE_NONE;
    if (!map64_get(&s->roles, e->name + 1ull, &role)) {
        role = find_role(s->o->f, e->name) + 1;
        map64_put(&s->roles, e->name + 1ull, role);
    }
    return role - 1;
}

static const char *name_of(const struct file_scan *s, uint32_t node) {
    return s->o->classes.names.at[heapfile_class_of(&s->o->classes, node)];
}

static void note_edge(struct file_scan *s, uint32_t node, const struct heapfile_edge *e) {
    bool is_array = strcmp(name_of(s, node), "Array") == 0;
    if (e->kind == HEAPFILE_ELEMENT || (e->kind == HEAPFILE_PROPERTY && !is_array))
        s->entries[node]++;
    uint64_t role = role_of(s, e);
    if (role == ROLE_SCOPE || (role == ROLE_MAP && s->key[node] == GRAPH_NONE))
        s->key[node] = e->to;
}

static int note_edges(struct file_scan *s) {
    const struct heapfile *f = s->o->f;
    for (uint32_t first = 0; first < f->nodes; first += BLOCK) {
        uint32_t end = f->nodes - first < BLOCK ? f->nodes : first + BLOCK;
        int r = heapfile_edges(f, first, end, &s->edges);
        if (r < 0)
            return r;
        for (uint32_t node = first; node < end; node++)
            for (uint32_t i = f->first_edge[node]; i < f->first_edge[node + 1]; i++)
                if (f->kind[node] == HEAPFILE_OBJECT || f->kind[node] == HEAPFILE_CONS)
                    note_edge(s, node, &s->edges.list.at[i - f->first_edge[first]]);
    }
    return 0;
}

/* --- as a heap to be searched --- */

static enum holder_shape shape_of(void *scan, uint32_t node) {
    struct file_scan *s = scan;
    const struct heapfile *f = s->o->f;
    const char *name;
    if (bits_get(s->o->globals, node))
        return SHAPE_NONE;
    switch (f->kind[node]) {
    case HEAPFILE_STRING:
    case HEAPFILE_NATIVE:
        return SHAPE_LARGE;
    case HEAPFILE_CONS:
        return SHAPE_LINK;
    case HEAPFILE_OBJECT:
        name = name_of(s, node);
        return strcmp(name, "Array") == 0                             ? SHAPE_ARRAY
               : strcmp(name, "Map") == 0 || strcmp(name, "Set") == 0 ? SHAPE_TABLE
               : strcmp(name, "system / Context") == 0                ? SHAPE_CONTEXT
               : strncmp(name, "system", 6) == 0 || *name == '('      ? SHAPE_NONE
                                                                      : SHAPE_OBJECT;
    default:
        return SHAPE_NONE;
    }
}

static uint32_t link_key(void *scan, uint32_t node) {
    struct file_scan *s = scan;
    enum holder_shape shape = shape_of(s, node);
    return shape == SHAPE_OBJECT || shape == SHAPE_CONTEXT || shape == SHAPE_LINK ? s->key[node]
                                                                                  : GRAPH_NONE;
}

static uint32_t table_of(struct file_scan *s, uint32_t node) {
    heapfile_edges(s->o->f, node, node + 1, &s->edges);
    for (size_t i = 0; i < s->edges.list.n; i++)
        if (role_of(s, &s->edges.list.at[i]) == ROLE_TABLE)
            return s->edges.list.at[i].to;
    return GRAPH_NONE;
}

/* What stands in a table where there is nothing is one of V8's own: of no size, or not of the
 * program's kinds. */
static bool is_member(const struct heapfile *f, uint32_t node) {
    uint8_t kind = f->kind[node];
    return kind != HEAPFILE_HIDDEN && kind != HEAPFILE_SHAPE && kind != HEAPFILE_CODE &&
           heapfile_size(f, node) > 0;
}

/* An OrderedHashTable is as long as its buckets, two entries each, make it
 * (src/objects/ordered-hash-table.h). */
static uint64_t count_table(struct file_scan *s, uint32_t node) {
    enum { WORD = 8, HEADER_WORDS = 2, FIRST = 3 };
    const struct heapfile *f = s->o->f;
    uint64_t stride = strcmp(name_of(s, node), "Map") == 0 ? 3 : 2, count = 0, last = UINT64_MAX;
    uint32_t table = table_of(s, node);
    if (table == GRAPH_NONE)
        return 0;
    uint64_t words = heapfile_size(f, table) / WORD;
    uint64_t buckets =
        words > HEADER_WORDS + FIRST ? (words - HEADER_WORDS - FIRST) / (1 + 2 * stride) : 0;
    heapfile_edges(f, table, table + 1, &s->edges);
    for (size_t i = 0; i < s->edges.list.n; i++) {
        uint64_t role = role_of(s, &s->edges.list.at[i]), index = role >> 8;
        if ((role & 0xff) != ROLE_INDEX || index < FIRST + buckets ||
            !is_member(f, s->edges.list.at[i].to))
            continue;
        uint64_t entry = (index - FIRST - buckets) / stride;
        count += entry != last;
        last = entry;
    }
    return count;
}

static uint64_t count_members(void *scan, uint32_t node, enum holder_shape shape) {
    struct file_scan *s = scan;
    if (shape == SHAPE_TABLE)
        return count_table(s, node);
    if (shape == SHAPE_ARRAY)
        return s->entries[node];
    return s->entries[node] > RECORD_MAX ? s->entries[node] - 1u : 0; /* one is its prototype */
}

static void members(void *scan, uint32_t node, struct graph_nodes *ret) {
    struct file_scan *s = scan;
    const struct heapfile *f = s->o->f;
    bool is_table = shape_of(s, node) == SHAPE_TABLE;
    uint32_t from = is_table ? table_of(s, node) : node;
    if (from == GRAPH_NONE)
        return;
    heapfile_edges(f, from, from + 1, &s->edges);
    for (size_t i = 0; i < s->edges.list.n; i++) {
        const struct heapfile_edge *e = &s->edges.list.at[i];
        bool is_entry = is_table ? (role_of(s, e) & 0xff) == ROLE_INDEX
                                 : e->kind == HEAPFILE_ELEMENT || e->kind == HEAPFILE_PROPERTY;
        if (is_entry && is_member(f, e->to))
            vec_push(ret, e->to);
    }
}

static uint32_t class_of(void *scan, uint32_t node) {
    struct file_scan *s = scan;
    return heapfile_class_of(&s->o->classes, node);
}

static const char *class_name(void *scan, uint32_t class) {
    struct file_scan *s = scan;
    return s->o->classes.names.at[class];
}

static uint64_t identity(void *scan, uint32_t node, bool *ret_may_move) {
    struct file_scan *s = scan;
    *ret_may_move = false;
    return s->o->f->id[node];
}

static void describe(void *scan, const struct holder_place *p, uint32_t member, struct holder *h) {
    struct file_scan *s = scan;
    (void)member;
    h->addr = s->o->f->id[p->node];
    h->shallow = heapfile_size(s->o->f, p->node);
}

/* --- their names --- */

/* What stands at the root has no name there, but for itself. */
static void take_steps(const struct path *path, struct holder *h) {
    for (size_t i = 0; i < path->steps.n; i++) {
        const struct path_step *step = &path->steps.at[i];
        vec_push(&h->steps, holder_bare_step(*step->name ? step->name : step->summary));
    }
}

static void name(void *scan, const struct holder_nodes *nodes, const struct holders *earlier,
                 struct holders *ret) {
    struct file_scan *s = scan;
    cleanup_free size_t *order = holder_naming_order(ret, earlier);
    for (size_t i = 0; i < ret->list.n && i < NAMED_MAX; i++) {
        struct holder *h = &ret->list.at[order[i]];
        uint32_t node = nodes[order[i]].node;
        if (s->o->ways.from[node] == GRAPH_NONE)
            continue;
        struct path path = opened_path_to(s->o, node);
        h->line = mem_strdup(path.line);
        take_steps(&path, h);
        path_done(&path);
    }
}

int holder_file_search(struct opened *o, const struct holders *earlier, struct holders *ret,
                       struct err *e) {
    struct file_scan s = {.o = o};
    int r = opened_find_ways(o, e);
    if (r < 0)
        return r;
    s.key = mem_alloc((o->f->nodes + 1ull) * sizeof *s.key);
    memset(s.key, 0xff, (o->f->nodes + 1ull) * sizeof *s.key); /* GRAPH_NONE */
    s.entries = mem_zalloc((o->f->nodes + 1ull) * sizeof *s.entries);
    r = note_edges(&s);
    struct holder_heap heap = {.ctx = &s,
                               .tree = o->graph.tree,
                               .shape_of = shape_of,
                               .link_key = link_key,
                               .count_members = count_members,
                               .members = members,
                               .class_of = class_of,
                               .class_name = class_name,
                               .identity = identity,
                               .describe = describe,
                               .name = name};
    if (r == 0)
        holder_search(&heap, earlier, ret);
    else
        err_set(e, r, "", "what was put aside of the file cannot be read again");
    free(s.key);
    free(s.entries);
    map64_done(&s.roles);
    vec_free(&s.edges.list);
    return r;
}
