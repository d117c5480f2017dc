#include "heapfile/detached.h"

#include "base/bits.h"

enum { ATTACHED = 1, DETACHED = 2 };

struct search {
    const struct heapfile *f;
    uint64_t *seen, *detached;
    VEC(uint32_t) attached_list;
    VEC(uint32_t) detached_list;
    struct heapfile_edges edges;
};

/* The first that is said of a node stays; of objects of JavaScript nothing is said. */
static void say(struct search *s, uint32_t node, uint8_t state) {
    if (bits_get(s->seen, node))
        return;
    bits_set(s->seen, node);
    if (s->f->kind[node] != HEAPFILE_NATIVE)
        return;
    if (state == ATTACHED) {
        vec_push(&s->attached_list, node);
    } else {
        bits_set(s->detached, node);
        vec_push(&s->detached_list, node);
    }
}

static void say_of_children(struct search *s, uint32_t node, uint8_t state) {
    heapfile_edges(s->f, node, node + 1, &s->edges);
    for (size_t i = 0; i < s->edges.list.n; i++) {
        const struct heapfile_edge *e = &s->edges.list.at[i];
        if (e->kind != HEAPFILE_WEAK && e->kind != HEAPFILE_EDGE_HIDDEN)
            say(s, e->to, state);
    }
}

uint64_t *heapfile_detached_find(const struct heapfile *f) {
    if (!f->detachedness)
        return NULL;
    struct search s = {.f = f, .seen = bits_new(f->nodes), .detached = bits_new(f->nodes)};
    for (uint32_t node = 0; node < f->nodes; node++)
        if (f->detachedness[node])
            say(&s, node, f->detachedness[node]);
    while (s.attached_list.n)
        say_of_children(&s, s.attached_list.at[--s.attached_list.n], ATTACHED);
    while (s.detached_list.n)
        say_of_children(&s, s.detached_list.at[--s.detached_list.n], DETACHED);
    free(s.seen);
    vec_free(&s.attached_list);
    vec_free(&s.detached_list);
    vec_free(&s.edges.list);
    return s.detached;
}
