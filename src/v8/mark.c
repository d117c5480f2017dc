#include "v8/mark.h"

#include "base/bits.h"
#include "base/search.h"

struct v8_marks {
    const struct v8_nodes *nodes;
    uint64_t *marked;
    uint64_t *is_key; /* the node is a key in some ephemeron table */
    VEC(uint32_t) todo;
    VEC(struct v8_ephemeron) by_key, by_table;
    bool weak; /* follow weak references too */
};

static int by_key(const void *a, const void *b) {
    const struct v8_ephemeron *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static int by_table(const void *a, const void *b) {
    const struct v8_ephemeron *x = a, *y = b;
    return x->table < y->table ? -1 : x->table > y->table;
}

struct v8_marks *v8_marks_new(const struct v8_nodes *nodes) {
    struct v8_marks *m = mem_zalloc(sizeof *m);
    size_t n;
    m->nodes = nodes;
    m->marked = bits_new(v8_nodes_count(nodes));
    m->is_key = bits_new(v8_nodes_count(nodes));
    const struct v8_ephemeron *e = v8_nodes_ephemerons(nodes, &n);
    for (size_t i = 0; i < n; i++) {
        vec_push(&m->by_key, e[i]);
        vec_push(&m->by_table, e[i]);
        bits_set(m->is_key, e[i].key);
        bits_set(m->is_key, e[i].table);
    }
    vec_sort(&m->by_key, by_key);
    vec_sort(&m->by_table, by_table);
    return m;
}

void v8_marks_free(struct v8_marks *m) {
    if (!m)
        return;
    free(m->marked);
    free(m->is_key);
    vec_free(&m->todo);
    vec_free(&m->by_key);
    vec_free(&m->by_table);
    free(m);
}

static void mark(struct v8_marks *m, uint32_t node) {
    if (bits_get(m->marked, node))
        return;
    bits_set(m->marked, node);
    vec_push(&m->todo, node);
}

static size_t first_of(const struct v8_ephemeron *e, size_t n, uint32_t node, bool key) {
    return first_where(n, i, (key ? e[i].key : e[i].table) >= node);
}

/* `node` has come to life: a key or a table, or both. */
static void mark_values(struct v8_marks *m, uint32_t node) {
    for (size_t i = first_of(m->by_key.at, m->by_key.n, node, true);
         i < m->by_key.n && m->by_key.at[i].key == node; i++)
        if (bits_get(m->marked, m->by_key.at[i].table))
            mark(m, m->by_key.at[i].value);
    for (size_t i = first_of(m->by_table.at, m->by_table.n, node, false);
         i < m->by_table.n && m->by_table.at[i].table == node; i++)
        if (bits_get(m->marked, m->by_table.at[i].key))
            mark(m, m->by_table.at[i].value);
}

/* Objects lie anywhere, so that each is a miss of the cache: some are asked for ahead. */
static void drain(struct v8_marks *m) {
    enum { AHEAD = 16 };
    uint32_t ahead[AHEAD];
    for (unsigned at = 0, known = 0; m->todo.n || known; at++, known--) {
        for (; known < AHEAD && m->todo.n; known++) {
            ahead[(at + known) % AHEAD] = m->todo.at[--m->todo.n];
            v8_node_prefetch(m->nodes, ahead[(at + known) % AHEAD]);
        }
        uint32_t node = ahead[at % AHEAD];
        size_t n;
        const uint32_t *refs = v8_node_refs(m->nodes, node, &n);
        for (size_t i = 0; i < n; i++)
            if (m->weak || !(refs[i] & V8_REF_WEAK))
                mark(m, V8_REF_NODE(refs[i]));
        if (bits_get(m->is_key, node))
            mark_values(m, node);
    }
}

static bool is_map(const struct v8_marks *m, uint32_t node) {
    uint32_t meta = v8_node_map(m->nodes, node);
    return v8_node_map(m->nodes, meta) == meta;
}

/* A map's references: its own map, its prototype, then its constructor, or on a transition the map
 * it comes from (Map, src/objects/map.h: these are the first tagged words, from 7.8 on). */
static bool constructor_lives(const struct v8_marks *m, uint32_t map) {
    enum { CONSTRUCTOR = 2, CHAIN_MAX = 1 << 16 };
    for (int i = 0; i < CHAIN_MAX; i++) {
        size_t n;
        const uint32_t *refs = v8_node_refs(m->nodes, map, &n);
        if (n <= CONSTRUCTOR)
            return false;
        map = V8_REF_NODE(refs[CONSTRUCTOR]);
        if (!is_map(m, map))
            return bits_get(m->marked, map);
    }
    return false;
}

/* MarkCompactCollector::RetainMaps, src/heap/mark-compact.cc. */
static void mark_retained(struct v8_marks *m) {
    size_t n;
    const uint32_t *maps = v8_nodes_retained_maps(m->nodes, &n);
    for (size_t i = 0; i < n; i++)
        if (!bits_get(m->marked, maps[i]) && constructor_lives(m, maps[i]))
            mark(m, maps[i]);
    drain(m);
}

void v8_mark(struct v8_marks *m, const struct v8_root_list *roots, unsigned kinds) {
    for (size_t i = 0; i < roots->list.n; i++)
        if (kinds >> roots->list.at[i].kind & 1)
            mark(m, roots->list.at[i].node);
    drain(m);
    mark_retained(m);
}

void v8_mark_weak(struct v8_marks *m) {
    uint32_t n = v8_nodes_count(m->nodes);
    m->weak = true;
    for (uint32_t i = 0; i < n; i++)
        if (bits_get(m->marked, i))
            vec_push(&m->todo, i);
    drain(m);
    m->weak = false;
}

const uint64_t *v8_marks(const struct v8_marks *m) {
    return m->marked;
}
