#include "native/growing.h"

#include "base/bits.h"
#include "base/fmt.h"
#include "base/hash.h"
#include "native/chains.h"
#include "native/chunk_names.h"
#include "native/chunk_shape.h"
#include "native/places.h"
#include <string.h>

/* ---- kinds: size class and name ---- */

/* Names by their text, because each look has its own. */
struct kinds {
    VEC(char *) names;     /* [0] is NULL: none */
    struct map64 by_text;  /* hash of a name: its index; two of one hash count as one */
    struct map64 by_place; /* where a name stands, within one look: its index */
};

static uint64_t name_index(struct kinds *k, const char *name) {
    uint64_t at, hash;
    if (!k->names.n)
        vec_push(&k->names, NULL);
    if (!name)
        return 0;
    if (map64_get(&k->by_place, (uintptr_t)name, &at))
        return at;
    hash = hash_add(1, name, strlen(name)) | 1;
    if (!map64_get(&k->by_text, hash, &at)) {
        at = k->names.n;
        vec_push(&k->names, mem_strdup(name));
        map64_put(&k->by_text, hash, at);
    }
    map64_put(&k->by_place, (uintptr_t)name, at);
    return at;
}

static void forget_places(struct kinds *k) {
    map64_done(&k->by_place);
    k->by_place = (struct map64){0};
}

enum { CLASS_BITS = 12 };
static uint64_t kind_of(struct kinds *k, const char *name, uint64_t size) {
    return name_index(k, name) << CLASS_BITS | (malloc_size_class_of(size) + 1);
}

static void kinds_done(struct kinds *k) {
    for (size_t i = 0; i < k->names.n; i++)
        free(k->names.at[i]);
    vec_free(&k->names);
    map64_done(&k->by_text);
    map64_done(&k->by_place);
}

/* ---- the first look ---- */

/* What only garbage of V8's holds will go by itself. */
static bool is_garbage(const struct evidence *ev, uint64_t addr, uint64_t end) {
    const struct v8_census *v8 = &ev->v8;
    if (!ev->has_v8 || !v8->has_liveness)
        return false;
    size_t i = first_where(v8->stores.n, k, v8->stores.at[k].addr >= addr);
    return i < v8->stores.n && v8->stores.at[i].addr < end && v8->stores.at[i].garbage;
}

struct past_chunk {
    uint64_t addr, kind;
};

struct growing_past {
    struct kinds kinds;
    VEC(struct past_chunk) chunks; /* in use, by address */
    uint64_t bytes;
    struct map64 counts, sizes; /* by kind */
};

static void add_to(struct map64 *m, uint64_t key, uint64_t n) {
    uint64_t sum = 0;
    map64_get(m, key, &sum);
    map64_put(m, key, sum + n);
}

static uint64_t of_map(const struct map64 *m, uint64_t key) {
    uint64_t n = 0;
    map64_get(m, key, &n);
    return n;
}

int growing_see_past(void *past, struct image *img, const struct evidence *ev, struct err *e) {
    struct growing_past **ret = past, *p;
    struct chunk_map map;
    growing_past_free(*ret);
    *ret = NULL;
    if (!ev->has_malloc || ev->malloc.kind != MALLOC_GLIBC)
        return 0;
    int r = chunk_map_init(&map, &ev->malloc);
    if (r < 0)
        return err_set(e, r, "", "the heap has more chunks than can be numbered");
    *ret = p = mem_zalloc(sizeof *p);
    struct chunk_names *names = chunk_names_new(img, ev->has_v8 ? &ev->v8 : NULL);
    chunk_names_find_structures(names, &map);
    for (uint32_t i = 0; i < map.n; i++) {
        const struct malloc_piece *piece = &map.pieces[i];
        uint64_t memory = chunk_memory(piece), end = chunk_memory_end(&map, i);
        if (piece->state != MALLOC_IN_USE || is_garbage(ev, memory, end))
            continue;
        const char *name = chunk_name(names, memory, end);
        uint64_t kind = kind_of(&p->kinds, name, piece->size);
        vec_push(&p->chunks, (struct past_chunk){piece->addr, kind});
        add_to(&p->counts, kind, 1);
        add_to(&p->sizes, kind, piece->size);
        p->bytes += piece->size;
    }
    forget_places(&p->kinds);
    chunk_names_free(names);
    chunk_map_done(&map);
    return 0;
}

void growing_past_free(struct growing_past *p) {
    if (!p)
        return;
    kinds_done(&p->kinds);
    vec_free(&p->chunks);
    map64_done(&p->counts);
    map64_done(&p->sizes);
    free(p);
}

/* ---- the second ---- */

struct comparer {
    struct growing *g;
    struct kinds *kinds;
    const struct growing_past *past;
    struct places *places;
    const struct chunk_map *map;
    struct chains chains;
    uint64_t *kind;     /* of each piece */
    uint64_t *fresh;    /* set of pieces */
    struct map64 index; /* by kind: of groups */
};

static struct growing_group *group_of(struct comparer *c, uint64_t kind) {
    uint64_t at;
    if (!map64_get(&c->index, kind, &at)) {
        const char *name = c->kinds->names.at[kind >> CLASS_BITS];
        at = c->g->groups.n;
        struct growing_group g = {.label = name ? mem_strdup(name) : NULL,
                                  .count_before = of_map(&c->past->counts, kind),
                                  .bytes_before = of_map(&c->past->sizes, kind)};
        g.gone = g.count_before; /* but for those that are found again */
        vec_push(&c->g->groups, g);
        map64_put(&c->index, kind, at);
    }
    return &c->g->groups.at[at];
}

static bool was_there(const struct comparer *c, size_t *at, uint64_t addr, uint64_t kind) {
    while (*at < c->past->chunks.n && c->past->chunks.at[*at].addr < addr)
        ++*at;
    return *at < c->past->chunks.n && c->past->chunks.at[*at].addr == addr &&
           c->past->chunks.at[*at].kind == kind;
}

static void count_all(struct comparer *c) {
    size_t at = 0;
    for (uint32_t i = 0; i < c->map->n; i++) {
        const struct malloc_piece *piece = &c->map->pieces[i];
        if (piece->state != MALLOC_IN_USE)
            continue;
        struct place place = places_find(c->places, chunk_memory(piece));
        if (is_garbage(places_whole(c->places)->ev, place.start, place.end))
            continue;
        c->kind[i] = kind_of(c->kinds, place.name, piece->size);
        struct growing_group *g = group_of(c, c->kind[i]);
        c->g->in_use += piece->size;
        g->count++;
        g->bytes += piece->size;
        if (was_there(c, &at, piece->addr, c->kind[i])) {
            g->gone--;
            continue;
        }
        bits_set(c->fresh, i);
        g->fresh++;
        g->fresh_bytes += piece->size;
        if (piece->size > g->size) {
            g->size = piece->size;
            g->sample = chunk_memory(piece);
        }
    }
}

static bool grows(const struct comparer *c, const struct growing_group *g) {
    enum { FEW = 3, SIGMAS = 4, LOAD = 2 }; /* as for objects: growth/growth.c */
    if (g->count <= g->count_before + FEW || g->bytes <= g->bytes_before ||
        g->bytes - g->bytes_before < c->g->least)
        return false;
    double more = (double)(g->count - g->count_before - FEW);
    return more * more > SIGMAS * SIGMAS * 2.0 * (double)g->gone && more > LOAD * (double)g->gone;
}

/* ---- who points to them ---- */

/* The furthest back on the way to a piece: of all of it, or only of its kind. What was found once
 * is kept in `memo`. */
static uint32_t furthest(struct comparer *c, uint32_t *memo, uint32_t piece, bool of_kind) {
    const uint32_t *from = c->chains.from;
    uint32_t at = piece;
    while (memo[at] == CHUNK_NONE && from[at] != at &&
           (!of_kind || c->kind[from[at]] == c->kind[piece]))
        at = from[at];
    uint32_t found = memo[at] == CHUNK_NONE ? at : memo[at];
    for (at = piece; memo[at] == CHUNK_NONE; at = from[at]) {
        memo[at] = found;
        if (at == found)
            break;
    }
    return found;
}

static char *words_of_root(struct comparer *c, uint32_t piece) {
    uint64_t at = chains_root(&c->chains, piece);
    if (!at)
        return mem_strdup("a register");
    struct place place = places_find(c->places, at);
    const char *class = place_class(c->places, &place);
    if (place.kind == PLACE_DATA || !class) {
        place.addr = place.start;
        return place_text(c->places, &place);
    }
    return place.kind == PLACE_OBJECT ? mem_printf("JavaScript's %s", class) : mem_strdup(class);
}

/* What the way to a new chunk comes from: the first chunk that is not of its kind, so that those of
 * a list have what the list hangs on; and the root. */
static char *words_of_origin(struct comparer *c, uint32_t head, uint32_t top) {
    cleanup_free char *root = words_of_root(c, top);
    uint32_t by = c->chains.from[head];
    char size[FMT_MAX];
    if (by == head)
        return mem_strdup(root);
    const char *name = c->kinds->names.at[c->kind[by] >> CLASS_BITS];
    if (name)
        return mem_printf("%s, from %s", name, root);
    return mem_printf("a chunk of %s, from %s", fmt_bytes(size, c->map->pieces[by].size), root);
}

static void add_keeper(struct growing_group *g, char *what) {
    for (size_t i = 0; i < g->keepers.n; i++)
        if (strcmp(g->keepers.at[i].what, what) == 0) {
            g->keepers.at[i].count++;
            free(what);
            return;
        }
    vec_push(&g->keepers, (struct growing_keeper){what, 1});
}

static int by_count(const void *x, const void *y) {
    const struct growing_keeper *a = x, *b = y;
    return a->count != b->count ? (a->count < b->count ? 1 : -1) : strcmp(a->what, b->what);
}

/* Many are asked, not all: shares do not need more. */
static void find_keepers(struct comparer *c) {
    enum { ASKED_MAX = 20000 };
    size_t n = c->map->n * sizeof(uint32_t) + 1;
    uint32_t *heads = mem_alloc(n), *tops = mem_alloc(n);
    memset(heads, 0xff, n); /* CHUNK_NONE */
    memset(tops, 0xff, n);
    for (uint32_t i = 0; i < c->map->n; i++) {
        uint64_t at;
        if (!bits_get(c->fresh, i) || !map64_get(&c->index, c->kind[i], &at))
            continue;
        struct growing_group *g = &c->g->groups.at[at];
        if (c->chains.from[i] == CHUNK_NONE)
            g->lost++;
        else if (i % (g->fresh / ASKED_MAX + 1) == 0)
            add_keeper(
                g, words_of_origin(c, furthest(c, heads, i, true), furthest(c, tops, i, false)));
    }
    for (size_t i = 0; i < c->g->groups.n; i++)
        vec_sort(&c->g->groups.at[i].keepers, by_count);
    free(heads);
    free(tops);
}

/* ---- all ---- */

static void group_done(struct growing_group *g) {
    for (size_t i = 0; i < g->keepers.n; i++)
        free(g->keepers.at[i].what);
    vec_free(&g->keepers);
    free(g->label);
    free(g->text);
    free(g->shape);
}

static void forget_groups(struct growing *g) {
    for (size_t i = 0; i < g->groups.n; i++)
        group_done(&g->groups.at[i]);
    vec_free(&g->groups);
}

static int by_growth(const void *x, const void *y) {
    const struct growing_group *a = x, *b = y;
    uint64_t m = a->bytes - a->bytes_before, n = b->bytes - b->bytes_before;
    return m != n ? (m < n ? 1 : -1) : a->sample < b->sample ? -1 : a->sample > b->sample;
}

/* Only those that grow stay, and the index leads to them alone. */
static void keep_growing(struct comparer *c) {
    size_t n = 0;
    struct map64 kept = {0};
    for (size_t i = 0; i < c->g->groups.n; i++) {
        struct growing_group *g = &c->g->groups.at[i];
        if (!grows(c, g)) {
            group_done(g);
            continue;
        }
        map64_put(&kept, c->kind[places_piece(c->places, g->sample)], n);
        c->g->groups.at[n++] = *g;
    }
    c->g->groups.n = n;
    map64_done(&c->index);
    c->index = kept;
}

static void describe(struct comparer *c, struct growing_group *g) {
    uint32_t i = places_piece(c->places, g->sample);
    char shape[CHUNK_SHAPE_BYTES];
    g->text = chunk_text(places_whole(c->places)->img, g->sample, chunk_memory_end(c->map, i));
    if (g->label)
        return;
    chunk_shape(places_whole(c->places)->img, c->map, i, shape);
    g->shape = mem_strdup(shape);
}

static int compare(struct comparer *c, struct err *e) {
    const uint64_t least = 64 << 10;
    c->map = places_chunks(c->places);
    if (!c->map || !c->past)
        return 0;
    c->kind = mem_zalloc((c->map->n + 1) * sizeof *c->kind);
    c->fresh = bits_new(c->map->n);
    count_all(c);
    if (c->g->by_default)
        c->g->least = c->g->in_use / 100 > least ? c->g->in_use / 100 : least;
    keep_growing(c);
    int r = c->g->groups.n ? chains_new(c->places, &c->chains, e) : 0;
    if (r == 0 && c->g->groups.n)
        find_keepers(c);
    for (size_t i = 0; i < c->g->groups.n; i++)
        describe(c, &c->g->groups.at[i]);
    vec_sort(&c->g->groups, by_growth);
    chains_done(&c->chains);
    free(c->kind);
    free(c->fresh);
    map64_done(&c->index);
    return r;
}

int growing_see(void *question, const struct whole *whole, struct err *e) {
    const struct growing_question *q = question;
    forget_groups(q->ret);
    q->ret->in_use = 0;
    q->ret->in_use_before = q->past ? q->past->bytes : 0;
    struct comparer c = {.g = q->ret, .past = q->past};
    c.kinds = q->past ? &q->past->kinds : NULL;
    c.places = places_new(whole);
    int r = compare(&c, e);
    if (c.kinds)
        forget_places(c.kinds);
    places_free(c.places);
    return r;
}

void growing_done(struct growing *g) {
    forget_groups(g);
    *g = (struct growing){0};
}
