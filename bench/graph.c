/* What the graph costs: a made-up heap of the shape of bench/heap.js's, told to src/graph as a real
 * one is. Each figure stands beside the most it may be; exit code 1 if one is over.
 *
 *     build/bench_graph [MILLION-NODES [WINDOW]]
 *
 * Nodes of neighbouring records are shuffled within WINDOW numbers (4096): 1 is a heap fresh from
 * its allocator, a million one whose neighbours have nothing to do with each other. */
#include "base/clock.h"
#include "graph/classes.h"
#include "graph/mark.h"
#include "graph/path.h"
#include "graph/tree.h"
#include <stdio.h>
#include <sys/resource.h>

/* Ids of the unshuffled heap: hubs, then records, then containers of records, then the table. */
enum {
    OWN_MAPS = 48,    /* of the program's classes: reached through its objects */
    SYSTEM_MAPS = 16, /* roots: maps of strings and numbers, the empty array, undefined */
    NAMES = 64,       /* strings that many records share */
    HUBS = OWN_MAPS + SYSTEM_MAPS + NAMES,
    RECORD = 10, /* nodes in one */
    LIST = 13,   /* every so manieth record is in one long list */
};

struct heap {
    uint32_t nodes, window, records, containers;
    uint32_t *begin; /* first record of a container; a power law of sizes */
};

static uint32_t hash(uint32_t x) {
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

/* One to one within each whole window, window being a power of two. */
static uint32_t shuffled(const struct heap *h, uint32_t id) {
    uint32_t base = id & ~(h->window - 1);
    return base + h->window <= h->nodes ? base + ((id - base) * 0x9E3779B1u & (h->window - 1)) : id;
}

static uint32_t unshuffled(const struct heap *h, uint32_t node) {
    uint32_t base = node & ~(h->window - 1), inverse = 0x9E3779B1u;
    for (int i = 0; i < 5; i++) /* Newton's, modulo 2^32 */
        inverse *= 2 - 0x9E3779B1u * inverse;
    return base + h->window <= h->nodes ? base + ((node - base) * inverse & (h->window - 1)) : node;
}

/* ---- the heap ---- */

struct teller {
    const struct heap *h;
    struct graph_sink *to;
    uint32_t from; /* node */
};

static void to_id(struct teller *t, uint32_t id) {
    graph_edge(t->to, t->from, shuffled(t->h, id));
}

static void to_record(struct teller *t, uint32_t record, uint32_t part) {
    to_id(t, HUBS + record * RECORD + part);
}

static void to_system(struct teller *t, uint32_t i) {
    to_id(t, OWN_MAPS + i % SYSTEM_MAPS);
}

/* An object of the program: map and properties. */
static void object(struct teller *t, uint32_t class) {
    to_id(t, class % OWN_MAPS);
    to_system(t, 14);
}

static void tell_record(struct teller *t, uint32_t r, uint32_t part) {
    uint32_t class = hash(r >> 10) % OWN_MAPS;
    switch (part) {
    case 0: /* the record, with its fields, an earlier one, and the next of the list */
        object(t, class);
        for (uint32_t field = 1; field <= 5; field++)
            to_record(t, r, field);
        if (hash(r) % 100 < 20)
            to_record(t, hash(r + 1) % (r + 1), 0);
        to_system(t, 15);
        if (r % LIST == 0 && r % 1024 && r + LIST < t->h->records)
            to_record(t, r + LIST, 0);
        return;
    case 2: /* a slice of the other string */
        to_system(t, 1);
        to_record(t, r, 1);
        return;
    case 3:
        object(t, class + 1);
        to_system(t, 15);
        to_record(t, r, 6);
        to_record(t, r, 7);
        return;
    case 4:
        object(t, 0);
        to_record(t, r, 8); /* elements */
        if (hash(r + 2) % 100 < 20)
            to_record(t, r, 0); /* back to its parent */
        return;
    case 7:
        object(t, class + 2);
        to_record(t, r, 9);
        return;
    case 8:
        to_system(t, 2);
        to_id(t, OWN_MAPS + SYSTEM_MAPS + hash(r + 3) % NAMES);
        to_id(t, OWN_MAPS + SYSTEM_MAPS + hash(r + 4) % NAMES);
        return;
    default: /* strings and numbers */
        to_system(t, part);
    }
}

static void tell_node(struct teller *t, uint32_t id) {
    const struct heap *h = t->h;
    uint32_t first_container = HUBS + h->records * RECORD, table = first_container + h->containers;
    if (id < HUBS) {
        to_system(t, 0);
    } else if (id < first_container) {
        tell_record(t, (id - HUBS) / RECORD, (id - HUBS) % RECORD);
    } else if (id < table) {
        to_system(t, 3);
        for (uint32_t c = id - first_container, r = h->begin[c]; r < h->begin[c + 1]; r++)
            to_record(t, r, 0);
    } else {
        for (uint32_t c = 0; c < h->containers; c++)
            if (hash(c) % 16) /* the others are garbage, but for what is shared */
                to_id(t, first_container + c);
    }
}

static void tell_edges(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to) {
    const struct heap *h = ctx;
    for (uint32_t node = first; node < end; node++)
        tell_node(&(struct teller){h, to, node}, unshuffled(h, node));
}

static void tell_roots(void *ctx, struct graph_sink *to) {
    const struct heap *h = ctx;
    for (uint32_t i = 0; i < SYSTEM_MAPS; i++)
        graph_root(to, shuffled(h, OWN_MAPS + i));
    graph_root(to, shuffled(h, h->nodes - 1));
}

static void tell_sizes(void *ctx, uint32_t first, uint32_t end, uint64_t *ret) {
    (void)ctx;
    for (uint32_t node = first; node < end; node++)
        ret[node - first] = 16 + node % 8 * 8;
}

static uint32_t class_of(void *ctx, uint32_t node) {
    uint32_t id = unshuffled(ctx, node);
    return id < HUBS ? 0 : 1 + hash((id - HUBS) / RECORD >> 10) % OWN_MAPS;
}

static struct heap make_heap(uint32_t nodes, uint32_t window) {
    struct heap h = {.window = window, .records = (nodes - HUBS) / RECORD};
    uint32_t most = h.records / 8 + 2;
    h.begin = mem_alloc((most + 1) * sizeof *h.begin);
    for (uint32_t r = 0; r < h.records && h.containers < most; h.containers++) {
        h.begin[h.containers] = r;
        uint32_t x = hash(h.containers), size = 8;
        while (x & 1 && size < 1u << 17) {
            size *= 2;
            x = x >> 1 ? x >> 1 : 1;
        }
        r += size + hash(h.containers + 7) % size;
    }
    h.begin[h.containers] = h.records;
    h.nodes = HUBS + h.records * RECORD + h.containers + 1;
    return h;
}

/* ---- figures ---- */

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double peak_bytes(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss * 1024;
}

struct watch {
    uint64_t wall;
    double cpu;
};

static struct watch watch_start(void) {
    return (struct watch){clock_ns(), cpu_seconds()};
}

static double watch_say(struct watch w, const char *what) {
    double wall = (double)(clock_ns() - w.wall) / 1e9;
    printf("  %-44s %8.3f s wall %8.3f s CPU\n", what, wall, cpu_seconds() - w.cpu);
    return wall;
}

static int figure(const char *what, double got, double limit, const char *unit) {
    printf("  %-44s %8.3f of at most %g %s%s\n", what, got, limit, unit,
           got <= limit ? "" : "   OVER");
    return got > limit;
}

static void ask(const struct graph *g, const struct graph_tree *t, const struct heap *h) {
    struct watch w = watch_start();
    struct graph_class classes[1 + OWN_MAPS] = {0};
    graph_classes(t, 1 + OWN_MAPS, class_of, (void *)(uintptr_t)h, classes);
    watch_say(w, "histogram with retained sizes");
    w = watch_start();
    struct graph_nodes largest = {0}, referrers = {0};
    graph_tree_largest(t, 50, &largest);
    watch_say(w, "50 largest of all");
    w = watch_start();
    graph_predecessors(g, shuffled(h, 5), &referrers);
    watch_say(w, "referrers of a map");
    w = watch_start();
    struct graph_paths paths = {0};
    graph_paths(g, largest.at[largest.n - 1], 5, &paths);
    watch_say(w, "5 paths");
    w = watch_start();
    free(graph_distances(g));
    watch_say(w, "distances of all");
    graph_paths_done(&paths);
    vec_free(&largest);
    vec_free(&referrers);
}

int main(int argc, char **argv) {
    double million = argc > 1 ? strtod(argv[1], NULL) : 12.9;
    uint32_t window = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 4096;
    if (million < 0.01 || million > 4000 || !window || window & (window - 1)) {
        fprintf(stderr, "bench_graph [MILLION-NODES [WINDOW, a power of two]]\n");
        return 2;
    }
    struct heap h = make_heap((uint32_t)(million * 1e6), window);
    struct graph_source source = {
        .ctx = &h, .nodes = h.nodes, .roots = tell_roots, .edges = tell_edges};
    double start = peak_bytes();
    struct watch w = watch_start();
    uint64_t *live = mem_zalloc(h.nodes / 8 + 8);
    graph_mark(&source, live, NULL);
    free(live);
    watch_say(w, "marking alone, edges on demand");
    struct watch all = watch_start();
    struct graph *g;
    struct graph_tree *t;
    w = watch_start();
    if (graph_build(&source, &g, NULL) < 0)
        return 1;
    watch_say(w, "edges kept, and marked");
    printf("  %u nodes, %llu edges, %u live\n", h.nodes, (unsigned long long)graph_edge_count(g),
           graph_live_count(g));
    w = watch_start();
    struct graph_weights weights = {.sizes = tell_sizes};
    if (graph_tree_build(g, &weights, &t, NULL) < 0)
        return 1;
    double took = watch_say(w, "dominators and retained sizes");
    watch_say(all, "together");
    double peak = peak_bytes() - start;
    double kept = (double)(graph_bytes(g) + graph_tree_bytes(t));
    ask(g, t, &h);
    int over = figure("dominators, per 12.9 million nodes", took * 12.9 / million, 4, "s");
    over += figure("memory kept, per node", kept / h.nodes, 40, "bytes");
    over += figure("memory at its peak, per node", peak / h.nodes, 40, "bytes");
    graph_tree_free(t);
    graph_free(g);
    free(h.begin);
    return over > 0;
}
