#include "native/names.h"

#include "base/bits.h"
#include "base/limits.h"
#include "base/map64.h"
#include "malloc/reader.h"
#include "native/chunk_names.h"
#include "native/chunk_shape.h"
#include "native/graph.h"
#include "native/root_names.h"
#include <string.h>

/* Names are interned; NULL: none. */
struct label {
    const char *name;   /* of the chunk itself */
    const char *holder; /* of what it and what it leads to belong to */
    bool is_class;      /* its own name is good enough for what it leads to */
    uint8_t held_how;   /* enum native_how, of `holder` */
};

struct naming {
    struct native_names *ret;
    struct image *img;
    const struct evidence *ev;
    struct native_graph graph;
    struct chunk_names *names;
    struct root_names *roots;
    struct label *labels; /* of each piece */
    uint64_t *seen;       /* set of pieces */
    VEC(uint32_t) queue;  /* pieces as they are reached */
    struct map64 row_of;  /* by name and how: 1 + index */
};

static const struct malloc_piece *piece(const struct naming *n, uint32_t i) {
    return &n->graph.map.pieces[i];
}

/* ---- by itself ---- */

static void name_itself(struct naming *n, struct mem_window *w, uint32_t i) {
    uint64_t at = chunk_memory(piece(n, i)), end = chunk_memory_end(&n->graph.map, i);
    size_t want = end - at < CHUNK_LOOK_BYTES ? (size_t)(end - at) : CHUNK_LOOK_BYTES;
    struct label *l = &n->labels[i];
    bool inside = at >= w->addr && at - w->addr + 8 <= w->len;
    if (!inside && mem_window_fill(w, at) == 0)
        inside = true;
    if (inside && w->len - (size_t)(at - w->addr) >= want)
        l->name = chunk_name_of_bytes(n->names, at, end, w->buf + (at - w->addr), want);
    else /* the window ends in it */
        l->name = chunk_name(n->names, at, end);
    l->is_class = chunk_name_is_class(n->names, l->name);
}

static void name_all_themselves(struct naming *n) {
    struct mem_window w;
    mem_window_init(&w, n->img);
    for (uint32_t i = 0; i < n->graph.map.n; i++)
        if (piece(n, i)->state == MALLOC_IN_USE)
            name_itself(n, &w, i);
    mem_window_done(&w);
}

/* ---- by who holds it ---- */

static void follow(struct naming *n, size_t from) {
    for (; from < n->queue.n; from++) {
        struct label by = n->labels[n->queue.at[from]];
        struct graph_list to = graph_successors(n->graph.graph, n->queue.at[from]);
        for (uint32_t i = 0; i < to.n; i++) {
            uint32_t k = to.at[i];
            if (bits_get(n->seen, k))
                continue;
            bits_set(n->seen, k);
            vec_push(&n->queue, k);
            n->labels[k].holder = by.is_class ? by.name : by.holder;
            n->labels[k].held_how = by.is_class ? NATIVE_BY_HOLDER : by.held_how;
        }
    }
}

static void name_by_root(struct naming *n, uint32_t i, uint64_t place) {
    bool variable = false;
    n->labels[i].holder = root_name(n->roots, place, &variable);
    n->labels[i].held_how = variable ? NATIVE_BY_ROOT : NATIVE_BY_HEAP;
}

/* All that is reached from roots of one order of places, the nearest first. */
static void name_from(struct naming *n, uint64_t order) {
    size_t from = n->queue.n;
    for (uint32_t i = 0; i < n->graph.map.n; i++) {
        uint64_t place = n->graph.places[i];
        if (place == NATIVE_NOWHERE || place >> NATIVE_PLACE_BITS != order || bits_get(n->seen, i))
            continue;
        bits_set(n->seen, i);
        vec_push(&n->queue, i);
        name_by_root(n, i, place);
    }
    follow(n, from);
}

/* ---- rows ---- */

static struct native_row *row_of(struct naming *n, uint64_t key, const struct native_row *as) {
    uint64_t at;
    if (!map64_get(&n->row_of, key, &at)) {
        at = n->ret->rows.n;
        vec_push(&n->ret->rows, *as);
        n->ret->rows.at[at].name = as->name ? mem_strdup(as->name) : NULL;
        map64_put(&n->row_of, key, at);
    }
    return &n->ret->rows.at[at];
}

static struct native_row *row_of_piece(struct naming *n, uint32_t i) {
    const struct label *l = &n->labels[i];
    struct native_row as = {.how = l->name     ? NATIVE_BY_ITSELF
                                   : l->holder ? (enum native_how)l->held_how
                                               : NATIVE_UNNAMED};
    const char *name = l->name ? l->name : l->holder;
    as.name = (char *)name;
    if (name)
        return row_of(n, (uint64_t)(uintptr_t)name << 3 | as.how, &as);
    char shape[CHUNK_SHAPE_BYTES];
    uint64_t key = chunk_shape(n->img, &n->graph.map, i, shape);
    as.name = shape;
    return row_of(n, key << 16 | malloc_size_class_of(piece(n, i)->size) << 3 | as.how, &as);
}

static void add_piece(struct naming *n, uint32_t i) {
    const struct malloc_piece *p = piece(n, i);
    struct native_row *r = row_of_piece(n, i);
    r->count++;
    r->bytes += p->size;
    if (p->size > r->sample_bytes) {
        r->sample_bytes = p->size;
        r->sample = chunk_memory(p);
    }
    if (r->how == NATIVE_UNNAMED)
        r->size = r->sample_bytes;
    n->ret->count++;
    n->ret->bytes += p->size;
    n->ret->named[r->how] += p->size;
}

static int by_bytes(const void *x, const void *y) {
    const struct native_row *a = x, *b = y;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->sample < b->sample ? -1 : a->sample > b->sample;
}

static void name_all(struct naming *n) {
    name_all_themselves(n);
    for (uint64_t order = 0; order < NATIVE_PLACE_ORDERS; order++)
        name_from(n, order);
    for (uint32_t i = 0; i < n->graph.map.n; i++)
        if (piece(n, i)->state == MALLOC_IN_USE)
            add_piece(n, i);
    vec_sort(&n->ret->rows, by_bytes);
}

int native_names_see(void *arg, struct image *img, const struct evidence *ev, struct err *e) {
    struct naming n = {.ret = arg, .img = img, .ev = ev};
    native_names_done(n.ret);
    if (!ev->has_malloc || ev->malloc.kind != MALLOC_GLIBC)
        return 0;
    int r = native_graph_build(img, &ev->malloc, true, &n.graph, e);
    if (r < 0)
        return r;
    const struct v8_census *v8 = ev->has_v8 ? &ev->v8 : NULL;
    n.names = chunk_names_new(img, v8);
    chunk_names_find_structures(n.names, &n.graph.map);
    n.roots = root_names_new(img, v8);
    n.labels = mem_zalloc(n.graph.map.n * sizeof *n.labels + 1);
    n.seen = bits_new(n.graph.map.n);
    name_all(&n);
    vec_free(&n.queue);
    map64_done(&n.row_of);
    free(n.labels);
    free(n.seen);
    root_names_free(n.roots);
    chunk_names_free(n.names);
    native_graph_done(&n.graph);
    return 0;
}

void native_names_done(struct native_names *n) {
    for (size_t i = 0; i < n->rows.n; i++)
        free(n->rows.at[i].name);
    vec_free(&n->rows);
    *n = (struct native_names){0};
}
