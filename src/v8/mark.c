#include "v8/mark.h"

#include "base/bits.h"
#include "base/drain.h"
#include "base/parallel.h"
#include "base/search.h"

/* By several threads at once. What is marked in the end does not depend on their order: a node is
 * marked once, by whoever claims its bit, and what it refers to after that. */
struct v8_marks {
    const struct v8_nodes *nodes;
    uint64_t *marked;
    uint64_t *is_key; /* the node is a key in some ephemeron table, or such a table */
    struct drain_list todo;
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

static void mark(struct v8_marks *m, uint32_t node, struct drain_list *todo) {
    if (bits_claim(m->marked, node))
        vec_push(todo, node);
}

static size_t first_of(const struct v8_ephemeron *e, size_t n, uint32_t node, bool key) {
    return first_where(n, i, (key ? e[i].key : e[i].table) >= node);
}

/* `node` has come to life: a key or a table, or both. When another thread looks at the other half
 * of an entry at this moment, at least one of the two sees both marked: each bit was set before its
 * node was looked at, and bits_claim() and bits_get() have one order for all threads. */
static void mark_values(struct v8_marks *m, uint32_t node, struct drain_list *todo) {
    for (size_t i = first_of(m->by_key.at, m->by_key.n, node, true);
         i < m->by_key.n && m->by_key.at[i].key == node; i++)
        if (bits_get(m->marked, m->by_key.at[i].table))
            mark(m, m->by_key.at[i].value, todo);
    for (size_t i = first_of(m->by_table.at, m->by_table.n, node, false);
         i < m->by_table.n && m->by_table.at[i].table == node; i++)
        if (bits_get(m->marked, m->by_table.at[i].key))
            mark(m, m->by_table.at[i].value, todo);
}

static void soon(void *marks, uint32_t node) {
    v8_node_prefetch(((const struct v8_marks *)marks)->nodes, node);
}

static void look_at(void *marks, size_t worker, uint32_t node, struct drain_list *todo) {
    struct v8_marks *m = marks;
    size_t n;
    const uint32_t *refs = v8_node_refs(m->nodes, node, &n);
    (void)worker;
    for (size_t i = 0; i < n; i++)
        if (m->weak || !(refs[i] & V8_REF_WEAK))
            mark(m, V8_REF_NODE(refs[i]), todo);
    if (bits_get(m->is_key, node))
        mark_values(m, node, todo);
}

static void follow(struct v8_marks *m) {
    drain(&m->todo, &(struct drain_work){.arg = m, .soon = soon, .one = look_at});
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
        if (!v8_node_is_map(m->nodes, map))
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
            mark(m, maps[i], &m->todo);
    follow(m);
}

void v8_mark(struct v8_marks *m, const struct v8_root_list *roots, unsigned kinds) {
    for (size_t i = 0; i < roots->list.n; i++)
        if (kinds >> roots->list.at[i].kind & 1)
            mark(m, roots->list.at[i].node, &m->todo);
    follow(m);
    mark_retained(m);
}

/* What the marked nodes of one page refer to weakly, not marked yet. */
struct weakly {
    struct v8_marks *m;
    struct drain_list *found; /* by page */
};

static void look_for_weak(void *weakly, size_t page) {
    struct weakly *w = weakly;
    uint32_t node, end;
    v8_nodes_of_page(w->m->nodes, page, &node, &end);
    for (; node < end; node++) {
        size_t n;
        if (!bits_get(w->m->marked, node))
            continue;
        const uint32_t *refs = v8_node_refs(w->m->nodes, node, &n);
        for (size_t i = 0; i < n; i++)
            if (refs[i] & V8_REF_WEAK)
                mark(w->m, V8_REF_NODE(refs[i]), &w->found[page]);
    }
}

void v8_mark_weak(struct v8_marks *m) {
    size_t pages = v8_nodes_pages(m->nodes);
    struct weakly w = {m, mem_zalloc((pages + 1) * sizeof *w.found)};
    parallel_for(pages, look_for_weak, &w);
    for (size_t i = 0; i < pages; i++) {
        for (size_t k = 0; k < w.found[i].n; k++)
            vec_push(&m->todo, w.found[i].at[k]);
        vec_free(&w.found[i]);
    }
    free(w.found);
    m->weak = true;
    follow(m);
    m->weak = false;
}

const uint64_t *v8_marks(const struct v8_marks *m) {
    return m->marked;
}
