#include "v8/shapes.h"

#include "base/bits.h"
#include "base/map64.h"
#include "base/parallel.h"
#include "v8/heap.h"
#include "v8/v8.h"

/* The shapes met on one page: some dozens. */
struct page_shapes {
    VEC(struct v8_shape) list;
    struct map64 by_key; /* whatever stands for the map, not 0 -> index */
    uint64_t last_key;   /* neighbours are of one kind */
    size_t last;
};

struct v8_shape_counter {
    size_t n;
    struct page_shapes *page;
};

static void page_done(struct page_shapes *p) {
    map64_done(&p->by_key);
    vec_free(&p->list);
    *p = (struct page_shapes){0};
}

/* One more object; true when it is the first of its shape. */
static bool count(struct page_shapes *p, uint64_t key, uint64_t bytes, bool garbage) {
    bool is_new = false;
    if (key != p->last_key) {
        uint64_t i = p->list.n;
        is_new = !map64_get(&p->by_key, key, &i);
        if (is_new) {
            map64_put(&p->by_key, key, i);
            vec_push(&p->list, (struct v8_shape){0});
        }
        p->last_key = key;
        p->last = i;
    }
    struct v8_shape *s = &p->list.at[p->last];
    s->count++;
    s->bytes += bytes;
    s->garbage_count += garbage;
    s->garbage_bytes += garbage ? bytes : 0;
    return is_new;
}

/* --- told by the walk --- */

struct v8_shape_counter *v8_shape_counter_new(const struct v8_pages *pages) {
    struct v8_shape_counter *c = mem_zalloc(sizeof *c);
    c->n = pages->list.n;
    c->page = mem_zalloc((c->n + 1) * sizeof *c->page);
    return c;
}

void v8_shape_counter_free(struct v8_shape_counter *c) {
    for (size_t i = 0; c && i < c->n; i++)
        page_done(&c->page[i]);
    if (c)
        free(c->page);
    free(c);
}

static void begin(void *counter, size_t page) {
    page_done(&((struct v8_shape_counter *)counter)->page[page]);
}

static void object(void *counter, size_t page, uint64_t at, uint64_t size,
                   const struct v8_map_info *m, const uint8_t *bytes, uint64_t have) {
    struct page_shapes *p = &((struct v8_shape_counter *)counter)->page[page];
    (void)bytes;
    (void)have;
    if (count(p, m->map, size, false)) {
        p->list.at[p->last].map = m->map;
        p->list.at[p->last].first = at | 1;
    }
}

struct v8_walk_sink v8_shape_counter_sink(struct v8_shape_counter *c) {
    return (struct v8_walk_sink){.arg = c, .begin = begin, .object = object, .heads_only = true};
}

static int by_shape(const void *a, const void *b) {
    const struct v8_shape_page *x = a, *y = b;
    if (x->shape != y->shape)
        return x->shape < y->shape ? -1 : 1;
    return x->page < y->page ? -1 : x->page > y->page;
}

struct v8_shapes v8_shape_counter_end(struct v8_shape_counter *c) {
    struct v8_shapes all = {0};
    struct map64 by_map = {0};
    for (size_t page = 0; page < c->n; page++) {
        const struct page_shapes *p = &c->page[page];
        for (size_t k = 0; k < p->list.n; k++) {
            const struct v8_shape *one = &p->list.at[k];
            uint64_t i = all.list.n;
            if (!map64_get(&by_map, one->map, &i)) {
                map64_put(&by_map, one->map, i);
                vec_push(&all.list, (struct v8_shape){.map = one->map, .first = one->first});
            }
            struct v8_shape *sum = &all.list.at[i];
            sum->count += one->count;
            sum->bytes += one->bytes;
            sum->garbage_count += one->garbage_count;
            sum->garbage_bytes += one->garbage_bytes;
            vec_push(&all.pages, (struct v8_shape_page){(uint32_t)i, (uint32_t)page});
        }
        page_done(&c->page[page]);
    }
    vec_sort(&all.pages, by_shape);
    map64_done(&by_map);
    return all;
}

void v8_shapes_done(struct v8_shapes *s) {
    vec_free(&s->list);
    vec_free(&s->pages);
}

/* --- from nodes --- */

struct counting {
    const struct v8_nodes *nodes;
    const uint64_t *live, *left_out;
    struct v8_shape_counter counter;
};

static void count_page(void *counting, size_t page) {
    struct counting *c = counting;
    struct page_shapes *p = &c->counter.page[page];
    uint32_t node, end;
    v8_nodes_of_page(c->nodes, page, &node, &end);
    for (; node < end; node++) {
        if (c->left_out && bits_get(c->left_out, node))
            continue;
        uint32_t map = v8_node_map(c->nodes, node);
        if (count(p, map + 1ull, v8_node_bytes(c->nodes, node), !bits_get(c->live, node))) {
            p->list.at[p->last].map = v8_node_addr(c->nodes, map) | 1;
            p->list.at[p->last].first = v8_node_addr(c->nodes, node) | 1;
        }
    }
    map64_done(&p->by_key);
}

struct v8_shapes v8_shapes_of_nodes(const struct v8_nodes *nodes, const uint64_t *live,
                                    const uint64_t *left_out) {
    struct counting c = {nodes, live, left_out, {.n = v8_nodes_pages(nodes)}};
    c.counter.page = mem_zalloc((c.counter.n + 1) * sizeof *c.counter.page);
    parallel_for(c.counter.n, count_page, &c);
    struct v8_shapes all = v8_shape_counter_end(&c.counter);
    free(c.counter.page);
    return all;
}

/* --- the objects of one --- */

struct looking {
    uint64_t map;
    struct v8_shape_objects found;
};

static void look_anew(void *looking, size_t page) {
    (void)page;
    ((struct looking *)looking)->found.list.n = 0;
}

static void look_at(void *looking, size_t page, uint64_t at, uint64_t size,
                    const struct v8_map_info *m, const uint8_t *bytes, uint64_t have) {
    struct looking *k = looking;
    (void)page;
    (void)size;
    (void)bytes;
    (void)have;
    if (m->map == k->map)
        vec_push(&k->found.list, at | 1);
}

static struct v8_shape_objects walked_on(const struct v8_view *view, uint64_t map, size_t page) {
    struct looking k = {.map = map};
    struct v8_walk_sink sink = {
        .arg = &k, .begin = look_anew, .object = look_at, .heads_only = true};
    struct v8_page_walker *w =
        v8_page_walker_new(view->img, view->l, &view->heap->pages, &view->heap->labs,
                           view->heap->isolates.list.n, &sink);
    v8_page_walker_walk(w, page);
    v8_page_walker_free(w);
    return k.found;
}

struct v8_shape_objects v8_shape_objects_on(const struct v8_view *view, uint64_t map, size_t page) {
    struct v8_shape_objects found = {0};
    uint32_t node, end, wanted;
    if (!view->nodes)
        return walked_on(view, map, page);
    wanted = v8_node_at(view->nodes, map);
    v8_nodes_of_page(view->nodes, page, &node, &end);
    for (; node < end; node++)
        if (v8_node_map(view->nodes, node) == wanted)
            vec_push(&found.list, v8_node_addr(view->nodes, node) | 1);
    return found;
}
