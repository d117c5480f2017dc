#include "heapfile/owners.h"

#include "base/bits.h"
#include <errno.h>

struct search {
    const struct heapfile_graph *g;
    struct owners *ret;
    struct graph_nodes seeds; /* the globals */
    struct graph_nodes late;  /* the program's by edges that the graph has not: shortcuts, and from
                                 the table of a WeakMap. None of the graph's leads to these */
    struct heapfile_edges edges;
    bool failed;
};

static void read_edges(struct search *s, uint32_t node) {
    s->failed |= heapfile_edges(s->g->f, node, node + 1, &s->edges) < 0;
}

/* What shortcuts of the root lead to, and in Chrome its documents. */
static void find_seeds(struct search *s) {
    const struct heapfile *f = s->g->f;
    read_edges(s, f->root);
    for (size_t i = 0; i < s->edges.list.n; i++) {
        const struct heapfile_edge *e = &s->edges.list.at[i];
        bool documents = e->kind == HEAPFILE_ELEMENT && f->kind[e->to] == HEAPFILE_SYNTHETIC &&
                         heapfile_string_is(f, f->name[e->to], "(Document DOM trees)");
        if (e->kind == HEAPFILE_SHORTCUT || documents)
            vec_push(&s->seeds, e->to);
    }
}

static void claim(struct search *s, uint32_t node) {
    if (bits_get(s->ret->owned, node))
        return;
    bits_set(s->ret->owned, node);
    vec_push(&s->late, node);
}

static void claim_by_odd(struct search *s, uint32_t node) {
    read_edges(s, node);
    for (size_t i = 0; i < s->edges.list.n; i++)
        if (s->edges.list.at[i].kind != HEAPFILE_WEAK)
            claim(s, s->edges.list.at[i].to);
}

static void claim_late(struct search *s) {
    const struct heapfile_graph *g = s->g;
    for (uint32_t node = 0; node < g->f->nodes; node++) {
        if (node % 64 == 0 && !g->odd[node / 64])
            node += 63;
        else if (bits_get(g->odd, node) && bits_get(s->ret->owned, node))
            claim_by_odd(s, node);
    }
    for (size_t i = 0; i < s->late.n; i++) { /* grows meanwhile */
        uint32_t node = s->late.at[i];
        struct graph_list l = graph_successors(g->graph, node);
        for (uint32_t k = 0; k < l.n; k++)
            claim(s, l.at[k]);
        if (bits_get(g->odd, node))
            claim_by_odd(s, node);
    }
}

static void refer(const struct search *s, uint32_t node, uint64_t *referred) {
    struct graph_list l = graph_successors(s->g->graph, node);
    for (uint32_t i = 0; i < l.n; i++)
        bits_set(referred, l.at[i]);
}

/* Of what no edge that counts leads to from what is reached, what none of it refers to either: that
 * hangs on the root. */
static void find_orphans(struct search *s) {
    const struct heapfile_graph *g = s->g;
    uint32_t nodes = g->f->nodes;
    bool some_dead = graph_live_count(g->graph) + 1ull < nodes; /* the root is no node of it */
    if (!some_dead && !s->late.n)
        return;
    cleanup_free uint64_t *referred = bits_new(nodes);
    for (size_t i = 0; i < s->late.n; i++)
        refer(s, s->late.at[i], referred);
    for (uint32_t node = 0; some_dead && node < nodes; node++)
        if (!graph_is_live(g->graph, node))
            refer(s, node, referred);
    for (size_t i = 0; i < s->late.n; i++)
        if (!bits_get(referred, s->late.at[i]))
            vec_push(&s->ret->tops, s->late.at[i]);
    /* Where nothing is the program's they are roots as all others are. */
    for (uint32_t node = 0; some_dead && node < nodes; node++)
        if (node != g->f->root && !graph_is_live(g->graph, node) && !bits_get(referred, node)) {
            if (s->ret->owned)
                vec_push(&s->ret->tops, node);
            vec_push(&s->ret->orphans, node);
        }
}

/* What else of the root leads to the program's holds it as well. */
static void find_tops(struct search *s) {
    for (size_t i = 0; i < s->seeds.n; i++)
        vec_push(&s->ret->tops, s->seeds.at[i]);
    struct graph_list roots = graph_successors(s->g->graph, graph_root_id(s->g->graph));
    for (uint32_t i = 0; s->ret->owned && i < roots.n; i++)
        if (bits_get(s->ret->owned, roots.at[i]))
            vec_push(&s->ret->tops, roots.at[i]);
}

int owners_find(const struct heapfile_graph *g, struct owners *ret) {
    struct owners o = {0};
    struct search s = {.g = g, .ret = &o};
    find_seeds(&s);
    if (s.seeds.n) {
        struct graph_list seeds = {s.seeds.at, (uint32_t)s.seeds.n};
        o.owned = graph_reach(g->graph, seeds, (struct graph_list){0});
        claim_late(&s);
    }
    find_tops(&s);
    find_orphans(&s);
    vec_free(&s.seeds);
    vec_free(&s.late);
    vec_free(&s.edges.list);
    *ret = o;
    return s.failed ? -EIO : 0;
}

void owners_done(struct owners *o) {
    free(o->owned);
    vec_free(&o->tops);
    vec_free(&o->orphans);
    *o = (struct owners){0};
}
