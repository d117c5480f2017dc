#include "native/leaks.h"

#include "base/bits.h"
#include "base/fmt.h"
#include "base/parallel.h"
#include "native/chunk_names.h"
#include "native/graph.h"
#include <stdio.h>
#include <string.h>

/* One lost block. */
struct lost {
    uint32_t piece;
    uint16_t size_class;
    bool indirect;
    const char *name; /* interned; NULL */
};

struct hunt {
    struct leaks *l;
    struct image *img;
    struct native_graph graph;
    struct chunk_names *names;
    VEC(struct lost) lost; /* ascending by piece */
    uint64_t *is_lost;     /* set of pieces */
    uint64_t *held;        /* of them: by another lost block */
};

static const struct malloc_piece *piece(const struct hunt *h, uint32_t i) {
    return &h->graph.map.pieces[i];
}

/* OpenSSL, ssl/ssl_local.h: struct ssl_comp_st { int id; const char *name; COMP_METHOD *method; },
 * id SSL_COMP_ZLIB_IDX, and crypto/comp/c_zlib.c's name. */
static bool is_known(const struct hunt *h, uint32_t i) {
    enum { SSL_COMP_CHUNK = 32, SSL_COMP_ZLIB_IDX = 1 };
    static const char zlib[] = "zlib compression";
    uint64_t words[2];
    char name[sizeof zlib];
    return piece(h, i)->size == SSL_COMP_CHUNK &&
           image_read(h->img, chunk_memory(piece(h, i)), words, sizeof words) == 0 &&
           (uint32_t)words[0] == SSL_COMP_ZLIB_IDX &&
           image_read_string(h->img, words[1], name, sizeof name) == 0 && strcmp(name, zlib) == 0;
}

static void look_at(struct hunt *h, uint32_t i) {
    struct leaks *l = h->l;
    const struct malloc_piece *p = piece(h, i);
    if (p->state != MALLOC_IN_USE)
        return;
    if (is_known(h, i)) {
        l->known_count++;
        l->known_bytes += p->size;
        return;
    }
    l->lost_count++;
    l->lost_bytes += p->size;
    bits_set(h->is_lost, i);
    vec_push(&h->lost,
             (struct lost){.piece = i, .size_class = (uint16_t)malloc_size_class_of(p->size)});
}

static void find_lost(struct hunt *h) {
    const uint64_t *live = graph_live(h->graph.graph);
    uint64_t n = h->graph.map.n;
    h->l->in_use_count = h->graph.in_use_count;
    h->l->in_use_bytes = h->graph.in_use_bytes;
    for (uint64_t i = 0; (i = bits_next(live, i, n, false)) < n; i++)
        look_at(h, (uint32_t)i);
}

/* What is held, and would not be if only plain addresses counted. */
static void count_by_form(struct hunt *h) {
    struct leaks *l = h->l;
    struct native_by_form by;
    native_graph_by_form(&h->graph, &by);
    for (uint32_t i = 0; by.number && i < h->graph.map.n; i++) {
        bool number = bits_get(by.number, i), mangled = bits_get(by.mangled, i);
        l->number_count += number;
        l->number_bytes += number ? piece(h, i)->size : 0;
        l->mangled_count += mangled;
        l->mangled_bytes += mangled ? piece(h, i)->size : 0;
    }
    free(by.number);
    free(by.mangled);
}

/* ---- which are lost with another ---- */

/* All that `leader` leads to is held by it. A leader of before that is met had all of its own
 * followed already. */
static void follow(struct hunt *h, uint32_t leader, uint64_t *leaders) {
    VEC(uint32_t) work = {0};
    vec_push(&work, leader);
    while (work.n) {
        uint32_t from = work.at[--work.n];
        struct graph_list to = graph_successors(h->graph.graph, from);
        for (uint32_t i = 0; i < to.n; i++) {
            uint32_t k = to.at[i];
            if (k == leader || !bits_get(h->is_lost, k) || !bits_claim(h->held, k))
                continue;
            if (!bits_get(leaders, k))
                vec_push(&work, k);
        }
    }
    bits_set(leaders, leader);
    vec_free(&work);
}

/* Blocks that no lost one refers to lead; in what is left, rings, one of each does. */
static void find_held(struct hunt *h) {
    uint64_t *referred = bits_new(h->graph.map.n), *leaders = bits_new(h->graph.map.n);
    for (size_t i = 0; i < h->lost.n; i++) {
        struct graph_list to = graph_successors(h->graph.graph, h->lost.at[i].piece);
        for (uint32_t k = 0; k < to.n; k++)
            if (to.at[k] != h->lost.at[i].piece)
                bits_claim(referred, to.at[k]);
    }
    for (size_t i = 0; i < h->lost.n; i++)
        if (!bits_get(referred, h->lost.at[i].piece))
            follow(h, h->lost.at[i].piece, leaders);
    for (size_t i = 0; i < h->lost.n; i++)
        if (!bits_get(h->held, h->lost.at[i].piece) && !bits_get(leaders, h->lost.at[i].piece))
            follow(h, h->lost.at[i].piece, leaders);
    for (size_t i = 0; i < h->lost.n; i++) {
        struct lost *x = &h->lost.at[i];
        x->indirect = bits_get(h->held, x->piece);
        h->l->indirect_count += x->indirect;
        h->l->indirect_bytes += x->indirect ? piece(h, x->piece)->size : 0;
    }
    free(referred);
    free(leaders);
}

/* ---- names ---- */

/* Some lost blocks in a row: their beginnings are read by one thread while another names the
 * blocks before. */
enum { NAMED_AT_ONCE = 64 };
struct beginnings {
    size_t have[NAMED_AT_ONCE];
    uint8_t bytes[NAMED_AT_ONCE][CHUNK_LOOK_BYTES];
};

struct lost_naming {
    struct hunt *h;
    struct beginnings *of; /* for each slot */
};

static size_t named_end(const struct hunt *h, size_t first) {
    return first + NAMED_AT_ONCE < h->lost.n ? first + NAMED_AT_ONCE : h->lost.n;
}

static void read_beginnings(void *naming, size_t number, size_t slot) {
    const struct lost_naming *n = naming;
    const struct hunt *h = n->h;
    struct beginnings *b = &n->of[slot];
    size_t first = number * NAMED_AT_ONCE, end = named_end(h, first);
    for (size_t i = first; i < end; i++) {
        uint64_t at = chunk_memory(piece(h, h->lost.at[i].piece));
        uint64_t len = chunk_memory_end(&h->graph.map, h->lost.at[i].piece) - at;
        b->have[i - first] =
            image_read_prefix(h->img, at, b->bytes[i - first],
                              len < CHUNK_LOOK_BYTES ? (size_t)len : CHUNK_LOOK_BYTES);
    }
}

static bool name_blocks(void *naming, size_t number, size_t slot) {
    const struct lost_naming *n = naming;
    const struct hunt *h = n->h;
    const struct beginnings *b = &n->of[slot];
    size_t first = number * NAMED_AT_ONCE, end = named_end(h, first);
    for (size_t i = first; i < end; i++) {
        struct lost *x = &h->lost.at[i];
        x->name = chunk_name_of_bytes(h->names, chunk_memory(piece(h, x->piece)),
                                      chunk_memory_end(&h->graph.map, x->piece),
                                      b->bytes[i - first], b->have[i - first]);
    }
    return true;
}

static void name_lost(struct hunt *h) {
    struct lost_naming n = {h, mem_alloc(PARALLEL_SLOTS * sizeof *n.of)};
    parallel_in_order((h->lost.n + NAMED_AT_ONCE - 1) / NAMED_AT_ONCE, read_beginnings, name_blocks,
                      &n);
    free(n.of);
}

/* ---- groups ---- */

static const char *name_of(struct hunt *h, uint32_t i) {
    return chunk_name(h->names, chunk_memory(piece(h, i)), chunk_memory_end(&h->graph.map, i));
}

/* What a block refers to, in a few words: "Session (160 B), text (1520 B)". The caller frees it. */
static char *words_of_targets(struct hunt *h, uint32_t from) {
    enum { SHOWN = 3 };
    struct graph_list to = graph_successors(h->graph.graph, from);
    char *text = NULL, size[FMT_MAX];
    size_t len;
    FILE *f = to.n ? open_memstream(&text, &len) : NULL;
    if (!f)
        return NULL;
    for (uint32_t i = 0; i < to.n && i < SHOWN; i++) {
        const char *name = name_of(h, to.at[i]);
        fprintf(f, "%s%s (%s)", i ? ", " : "", name ? name : "?",
                fmt_bytes(size, piece(h, to.at[i])->size));
    }
    if (to.n > SHOWN)
        fprintf(f, " and %u more", to.n - SHOWN);
    fclose(f);
    return text;
}

static int by_group(const void *x, const void *y) {
    const struct lost *a = x, *b = y;
    if (a->size_class != b->size_class)
        return a->size_class < b->size_class ? -1 : 1;
    if (a->name != b->name)
        return (uintptr_t)a->name < (uintptr_t)b->name ? -1 : 1;
    return a->piece < b->piece ? -1 : a->piece > b->piece;
}

static int by_bytes(const void *x, const void *y) {
    const struct leak_group *a = x, *b = y;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->sample < b->sample ? -1 : a->sample > b->sample;
}

static void add_group(struct hunt *h, const struct lost *first, size_t n) {
    const struct malloc_piece *p = piece(h, first->piece);
    struct leak_group g = {.count = n, .sample = chunk_memory(p)};
    for (size_t i = 0; i < n; i++) {
        uint64_t size = piece(h, first[i].piece)->size;
        g.size = size > g.size ? size : g.size;
        g.bytes += size;
        g.indirect += first[i].indirect;
    }
    if (g.bytes < h->l->least)
        return;
    g.label = first->name ? mem_strdup(first->name) : NULL;
    g.points_to = words_of_targets(h, first->piece);
    g.text = chunk_text(h->img, g.sample, chunk_memory_end(&h->graph.map, first->piece));
    vec_push(&h->l->groups, g);
}

static bool belong_together(const struct hunt *h, const struct lost *a, const struct lost *b) {
    return !h->l->each && a->name == b->name && a->size_class == b->size_class;
}

static void find_groups(struct hunt *h) {
    name_lost(h);
    vec_sort(&h->lost, by_group);
    for (size_t i = 0, end; i < h->lost.n; i = end) {
        const struct lost *x = &h->lost.at[i];
        for (end = i + 1; end < h->lost.n && belong_together(h, x, &h->lost.at[end]); end++)
            ;
        add_group(h, x, end - i);
    }
    vec_sort(&h->l->groups, by_bytes);
}

int leaks_see(void *arg, struct image *img, const struct evidence *ev, struct err *e) {
    struct hunt h = {.l = arg, .img = img};
    struct leaks wanted = {.least = h.l->least, .each = h.l->each};
    leaks_done(h.l);
    *h.l = wanted;
    if (!ev->has_malloc || ev->malloc.kind != MALLOC_GLIBC)
        return 0;
    int r = native_graph_build(img, &ev->malloc, false, &h.graph, e);
    if (r < 0)
        return r;
    h.names = chunk_names_new(img, ev->has_v8 ? &ev->v8 : NULL);
    h.is_lost = bits_new(h.graph.map.n);
    h.held = bits_new(h.graph.map.n);
    find_lost(&h);
    count_by_form(&h);
    find_held(&h);
    find_groups(&h);
    handle_blocks_find(img, &ev->malloc, &h.l->handles);
    h.l->unread_bytes = h.graph.unread_bytes;
    h.l->threads_without_regs = h.graph.roots.threads_without_regs;
    vec_free(&h.lost);
    free(h.is_lost);
    free(h.held);
    chunk_names_free(h.names);
    native_graph_done(&h.graph);
    return 0;
}

void leaks_done(struct leaks *l) {
    for (size_t i = 0; i < l->groups.n; i++) {
        free(l->groups.at[i].label);
        free(l->groups.at[i].points_to);
        free(l->groups.at[i].text);
    }
    vec_free(&l->groups);
    *l = (struct leaks){0};
}
