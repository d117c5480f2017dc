/* A recorded heap, spoilt: everything that reads a heap runs over a capture in which words were
 * changed, again and again. The capture is a sparse copy in memory, read through the core reader as
 * any file is; between rounds what was changed is put back, so that each round begins with the heap
 * as it was.
 *
 *     hostile CAPTURE SECONDS [SEED [ROUNDS]]
 *
 * prints one line of JSON. A crash, a sanitizer's report or a round that takes over 30 s of
 * processor time ends it; its seed is on standard error by then: `hostile CAPTURE 60 SEED 1`. */
#include "collect/heap_look.h"
#include "collect/histogram.h"
#include "collect/inspect.h"
#include "collect/instances.h"
#include "collect/paths.h"
#include "collect/referrers.h"
#include "growth/heap_summary.h"
#include "image/core.h"
#include "suspects/suspects.h"
#include "v8/edges.h"
#include "v8/flags.h"
#include "v8/heap.h"
#include "v8/node_options.h"
#include "v8/nodes.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { ROUND_LIMIT_S = 30, WRITES_MAX = 1 << 14, KINDS = KIND_RECEIVER + 1, FIELDS = 12 };

struct segment {
    uint64_t addr, size, offset;
};

/* An object of the heap as it was. */
struct target {
    uint64_t addr; /* not tagged */
    uint32_t words;
    uint8_t kind; /* enum v8_kind */
};

struct written {
    uint64_t offset, old;
};

struct spoiler {
    uint8_t *bytes; /* the file, writable: the image sees what is written */
    size_t len;
    VEC(struct segment) segments;
    VEC(struct target) objects;
    uint64_t native, native_end; /* isolate and heap, in V8's own memory */
    struct segment tables[3];    /* V8's flags, Node's options; of .data and .bss */
    size_t n_tables;
    VEC(struct written) written;
    uint64_t seed;
    bool first; /* the heap is not spoilt yet */
};

static uint64_t draw(struct spoiler *s) {
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 7;
    s->seed ^= s->seed << 17;
    return s->seed;
}

static void write_word(struct spoiler *s, uint64_t addr, uint64_t value) {
    for (size_t i = 0; i < s->segments.n; i++) {
        const struct segment *g = &s->segments.at[i];
        if (addr < g->addr || addr - g->addr + 8 > g->size || s->written.n >= WRITES_MAX)
            continue;
        struct written w = {.offset = g->offset + (addr - g->addr)};
        memcpy(&w.old, s->bytes + w.offset, 8);
        vec_push(&s->written, w);
        memcpy(s->bytes + w.offset, &value, 8);
        return;
    }
}

static void put_back(struct spoiler *s) {
    while (s->written.n) {
        const struct written *w = &s->written.at[--s->written.n];
        memcpy(s->bytes + w->offset, &w->old, 8);
    }
}

static const struct target *any_object(struct spoiler *s) {
    return &s->objects.at[draw(s) % s->objects.n];
}

/* What stands in a word of a heap that somebody wants to lead astray. */
static uint64_t odd_value(struct spoiler *s, const struct target *self) {
    switch (draw(s) % 10) {
    case 0:
        return self->addr | 1;
    case 1:
    case 2:
        return any_object(s)->addr | 1;
    case 3:
        return any_object(s)->addr | 3; /* weak */
    case 4:
        return 0x7fffffffull << 32; /* the largest Smi: a length */
    case 5:
        return draw(s) << 32; /* any Smi */
    case 6:
        return (self->addr & ~0x3ffffull) + (draw(s) & 0x3ffff); /* inside its page */
    case 7:
        return 1ull << (draw(s) % 64);
    case 8:
        return 0;
    default:
        return draw(s);
    }
}

/* A word of the tables of flags and options. */
static void spoil_a_table(struct spoiler *s, const struct target *t) {
    const struct segment *g = s->n_tables ? &s->tables[draw(s) % s->n_tables] : NULL;
    if (g && g->size >= 8)
        write_word(s, g->addr + 8 * (draw(s) % (g->size / 8)), odd_value(s, t));
}

/* Words anywhere: of objects, page headers, the isolate, the tables of flags and options. */
static void spoil_at_random(struct spoiler *s) {
    for (uint64_t n = 1 + draw(s) % 200; n; n--) {
        const struct target *t = any_object(s);
        uint64_t at = t->addr + 8 * (draw(s) % t->words), what = draw(s) % 64;
        if (what == 0)
            at = (t->addr & ~0x3ffffull) + 8 * (draw(s) % 64);
        else if (what < 4 && s->native_end > s->native)
            at = s->native + 8 * (draw(s) % ((s->native_end - s->native) / 8));
        write_word(s, at, odd_value(s, t));
        if (what == 4)
            spoil_a_table(s, t);
    }
}

/* One field of every so-manieth object of one kind: strings that hold themselves, dictionaries of
 * absurd size, maps that are their own prototype or constructor. */
static void spoil_a_kind(struct spoiler *s, size_t round) {
    unsigned kind = round % KINDS, field = round / KINDS % FIELDS,
             step = 1 + (unsigned)(draw(s) % 40);
    uint64_t how = draw(s);
    for (size_t i = draw(s) % step; i < s->objects.n; i += step) {
        const struct target *t = &s->objects.at[i];
        if (t->kind != kind || field >= t->words)
            continue;
        uint64_t value = how % 4 == 0   ? t->addr | 1
                         : how % 4 == 1 ? 0x3fffffffull << 32
                         : how % 4 == 2 ? any_object(s)->addr | 1
                                        : odd_value(s, t);
        write_word(s, t->addr + 8 * field, value);
    }
}

/* ---- readers ---- */

static void remember(struct spoiler *s, const struct v8_view *view) {
    struct heap_look k;
    struct err e = {0};
    if (heap_look_open(view, &k, &e) < 0)
        return;
    for (uint32_t n = 0; n < v8_nodes_count(view->nodes); n++) {
        struct target t = {.addr = v8_node_addr(view->nodes, n)};
        t.words = (uint32_t)(v8_node_bytes(view->nodes, n) / 8);
        t.kind = (uint8_t)v8_kind(&k.objects, t.addr | 1);
        vec_push(&s->objects, t);
    }
    heap_look_done(&k);
    const struct v8_isolate *iso = view->heap->isolates.list.at;
    s->native = iso->isolate ? iso->isolate : iso->roots;
    s->native_end = iso->heap + 0x3000;
}

static void read_each(struct spoiler *s, const struct v8_view *view) {
    enum { LOOKS = 20000 };
    struct heap_look k;
    struct err e = {0};
    const struct heap_graph *graph;
    if (heap_look_open(view, &k, &e) < 0)
        return;
    struct v8_edge_reader *reader = v8_edge_reader_new(&k.objects, view->nodes);
    heap_look_graph(&k, &graph, &e);
    uint32_t n = v8_nodes_count(view->nodes), step = n / LOOKS + 1;
    for (uint32_t node = (uint32_t)(draw(s) % step); node < n; node += step) {
        size_t edges;
        free(heap_look_summary(&k, node));
        const struct v8_edge *edge = v8_edges_of(reader, node, 0, &edges);
        if (edges)
            free(v8_edge_name(&k.objects, &edge[draw(s) % edges]));
    }
    v8_edge_reader_free(reader);
    heap_look_done(&k);
}

static uint64_t any_node(struct spoiler *s, const struct v8_view *view) {
    return v8_node_addr(view->nodes, (uint32_t)(draw(s) % v8_nodes_count(view->nodes))) | 1;
}

static void ask_of_one(struct spoiler *s, const struct v8_view *view) {
    struct err e = {0};
    uint64_t addr = any_node(s, view);
    struct referrers of = {.addrs = &addr, .n_addrs = 1, .garbage = true, .internal = true};
    referrers_see(&of, view, &e);
    referrers_done(&of);
    struct paths paths = {.addr = addr, .most = 3};
    paths_see(&paths, view, &e);
    paths_done(&paths);
    struct inspection inspection = {.depth = 3, .limit = 50, .text_max = 10000};
    for (int i = 0; i < 300; i++)
        vec_push(&inspection.addrs, any_node(s, view));
    inspection_see(&inspection, view, &e);
    inspection_done(&inspection);
}

static void ask_of_all(struct spoiler *s, const struct v8_view *view) {
    struct err e = {0};
    struct histogram h = {.with_retained = true};
    histogram_see(&h, view, &e);
    histogram_done(&h);
    struct suspects suspects = {.least = 1};
    suspects_see(&suspects, view, &e);
    suspects_done(&suspects);
    struct heap_summary summary = {0};
    heap_summary_see(&summary, view, &e);
    heap_summary_done(&summary);
    struct instances instances = {.query = {.which = QUERY_ALL, .script = "a"}, .limit = 100};
    query_where(&instances.query, "length>1", &e);
    instances_see(&instances, view, &e);
    instances_done(&instances);
    const char *names[] = {"name", "length", "constructor", "self"};
    struct referrers by_name = {
        .of = REFERRERS_BY_NAME, .text = names[draw(s) % 4], .garbage = true};
    referrers_see(&by_name, view, &e);
    referrers_done(&by_name);
}

static int see(void *spoiler, const struct v8_view *view, struct err *e) {
    struct spoiler *s = spoiler;
    (void)e;
    if (s->first) {
        remember(s, view);
        return 0;
    }
    if (!v8_nodes_count(view->nodes))
        return 0;
    read_each(s, view);
    if (draw(s) % 3 == 0)
        ask_of_all(s, view);
    if (draw(s) % 3 == 0)
        ask_of_one(s, view);
    return 0;
}

static int look_at_heap(struct spoiler *s, struct image *img, struct v8_layout *l) {
    struct v8_census c = {0};
    struct err e = {0};
    struct v8_visit visit = {s, see};
    int r = v8_census_take(img, l, V8_ACCEPT_COLLECTION | V8_ACCEPT_UNWALKED | V8_LIVENESS, &visit,
                           &c, &e);
    v8_census_done(&c);
    struct flag_list flags = {0};
    v8_flags_read(img, l, &flags);
    v8_node_options_read(img, l, &flags);
    flags_done(&flags);
    return r;
}

static void find_tables(struct spoiler *s, const struct v8_layout *l) {
    static const char *const names[] = {"_ZN2v88internal5flagsE",
                                        "_ZN2v88internal12_GLOBAL__N_15flagsE",
                                        "_ZN4node14options_parserL14_ppop_instanceE"};
    struct elf_symbol sym;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (elf_file_symbol(l->elf, names[i], &sym) == 0)
            s->tables[s->n_tables++] = (struct segment){sym.value + l->bias, sym.size, 0};
}

/* ---- the capture ---- */

/* The file in memory, mapped to be written while the image maps it to be read. */
static int load(struct spoiler *s, const char *path) {
    struct stat st;
    int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("capture", MFD_CLOEXEC);
    if (from < 0 || to < 0 || fstat(from, &st) < 0 || ftruncate(to, st.st_size) < 0)
        return -errno;
    s->len = (size_t)st.st_size;
    s->bytes = mmap(NULL, s->len, PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);
    if (s->bytes == MAP_FAILED)
        return -errno;
    for (size_t at = 0; at < s->len;) {
        ssize_t got = pread(from, s->bytes + at, s->len - at, (off_t)at);
        if (got <= 0)
            return -EIO;
        at += (size_t)got;
    }
    close(from);
    const Elf64_Ehdr *h = (const Elf64_Ehdr *)s->bytes;
    const Elf64_Phdr *p = (const Elf64_Phdr *)(s->bytes + h->e_phoff);
    for (unsigned i = 0; i < h->e_phnum; i++)
        if (p[i].p_type == PT_LOAD && p[i].p_filesz)
            vec_push(&s->segments, (struct segment){p[i].p_vaddr, p[i].p_filesz, p[i].p_offset});
    return to;
}

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    struct spoiler s = {.first = true};
    struct image *img;
    struct v8_layout *l = NULL;
    struct err e = {0};
    if (argc < 3)
        return 2;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1, rounds = 0, words = 0;
    uint64_t most = argc > 4 ? strtoull(argv[4], NULL, 0) : UINT64_MAX, refused = 0;
    int fd = load(&s, argv[1]);
    if (fd < 0 || image_open_core_fd(fd, argv[1], &img, &e) < 0 ||
        v8_layout_open(img, &l, &e) < 0 || look_at_heap(&s, img, l) < 0 || !s.objects.n) {
        fprintf(stderr, "hostile: %s\n", e.what[0] ? e.what : "the capture cannot be read");
        return 1;
    }
    s.first = false;
    find_tables(&s, l);
    double slowest = 0;
    double until = seconds(CLOCK_MONOTONIC) + atof(argv[2]);
    for (; seconds(CLOCK_MONOTONIC) < until && rounds < most; rounds++) {
        s.seed = (seed + rounds) * 0x9e3779b97f4a7c15;
        fprintf(stderr, "seed %llu\n", (unsigned long long)(seed + rounds));
        if (rounds % 3)
            spoil_a_kind(&s, (size_t)(seed + rounds));
        if (!s.written.n) /* or no object is of that kind */
            spoil_at_random(&s);
        words += s.written.n;
        double at = seconds(CLOCK_PROCESS_CPUTIME_ID);
        setitimer(ITIMER_PROF, &(struct itimerval){.it_value = {.tv_sec = ROUND_LIMIT_S}}, NULL);
        refused += look_at_heap(&s, img, l) < 0;
        setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
        double took = seconds(CLOCK_PROCESS_CPUTIME_ID) - at;
        slowest = took > slowest ? took : slowest;
        put_back(&s);
    }
    printf("{\"rounds\": %llu, \"words\": %llu, \"objects\": %zu, \"refused\": %llu, "
           "\"slowest_s\": %.2f}\n",
           (unsigned long long)rounds, (unsigned long long)words, s.objects.n,
           (unsigned long long)refused, slowest);
    fflush(stdout);
    v8_layout_free(l);
    image_free(img);
    munmap(s.bytes, s.len);
    vec_free(&s.segments);
    vec_free(&s.objects);
    vec_free(&s.written);
    return 0;
}
