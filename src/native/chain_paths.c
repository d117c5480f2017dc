/* Ways through native memory in words; where an object of V8 holds the first chunk, its way, too.
 */
#include "native/chains.h"

#include "collect/path_line.h"
#include "collect/paths.h"
#include <inttypes.h>
#include <string.h>

/* One that refers to what was asked for, and how it is reached. */
struct candidate {
    const struct keeper *by;
    uint32_t doubt, length;
};

struct teller {
    struct places *places;
    struct chains *chains; /* NULL: chunks are not known */
    const struct place *of;
    struct ways ways; /* of V8's objects; made when the first is asked for */
    bool has_ways;
    struct path path; /* in the making, with its line */
    struct path_line line;
};

/* ---- which ---- */

static bool goes_through(const struct chains *c, uint32_t piece, uint32_t what) {
    while (piece != what && c->from[piece] != piece)
        piece = c->from[piece];
    return piece == what;
}

static int by_doubt(const void *x, const void *y) {
    const struct candidate *a = x, *b = y;
    bool x_is_object = a->by->kind == PLACE_OBJECT, y_is_object = b->by->kind == PLACE_OBJECT;
    if (a->doubt != b->doubt)
        return a->doubt < b->doubt ? -1 : 1;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    if (x_is_object != y_is_object)
        return x_is_object ? -1 : 1;
    return a->by->word.at - 1 < b->by->word.at - 1 ? -1 : a->by->word.at != b->by->word.at;
}

/* ---- steps ---- */

static void add_step(struct teller *t, uint64_t addr, char *name, const char *kind, char *summary) {
    struct path_step s = {.addr = addr, .name = name, .kind = kind, .summary = summary};
    vec_push(&t->path.steps, s);
}

static void add_object(struct teller *t, uint32_t node) {
    struct heap_look *heap = places_heap(t->places);
    struct path_namer namer = {heap, v8_edge_reader_new(&heap->objects, heap->view->nodes)};
    struct way_nodes found = {0};
    if (!t->has_ways)
        t->ways = ways_open(heap);
    t->has_ways = true;
    ways_to(&t->ways, node, 1, &found);
    if (found.ends.n) {
        t->path = path_name(&namer, &t->ways, found.nodes.at, found.ends.at[0]);
        path_line_add(&t->line, t->path.line);
        free(t->path.line);
        t->path.line = NULL;
    }
    way_nodes_done(&found);
    v8_edge_reader_free(namer.reader);
}

/* What a way begins with: a word outside malloc. */
static void add_root(struct teller *t, const struct keeper *h) {
    if (h->kind == PLACE_OBJECT && !h->dead)
        add_object(t, h->node);
    if (t->path.steps.n)
        return;
    path_line_add(&t->line, h->summary);
    add_step(t, h->from, mem_strdup("(root)"), "root", mem_strdup(h->summary));
}

/* The keeper of a chunk that a root leads to, as a way begins with it. */
static void add_root_of(struct teller *t, uint32_t piece, struct keeper *ret) {
    uint64_t at = chains_root(t->chains, piece);
    struct place place = places_find(t->places, at);
    struct place start = place;
    bool has_start = place.kind == PLACE_DATA || place.kind == PLACE_OBJECT;
    if (has_start)
        start.addr = start.start;
    *ret = (struct keeper){.kind = at ? place.kind : PLACE_REGISTER,
                           .node = place.node,
                           .dead = place.dead,
                           .from = place.kind == PLACE_OBJECT ? place.start | 1
                                   : has_start                ? place.start
                                                              : at};
    ret->summary = at ? place_text(t->places, &start) : mem_strdup("a register");
    ret->name = at && has_start ? place_field(t->places, &place) : mem_strdup("");
    add_root(t, ret);
}

/* Where in one chunk the word is that leads to another: "+0x18". */
static char *offset_in(struct teller *t, uint32_t from, uint32_t to) {
    uint64_t at = chains_word(t->chains, from, to);
    uint64_t start = chunk_memory(&places_chunks(t->places)->pieces[from]);
    return at ? mem_printf("+0x%" PRIx64, at - start) : mem_strdup("");
}

/* `name` is how what is before refers to it. */
static void add_chunk(struct teller *t, uint32_t piece, char *name) {
    struct place at =
        places_find(t->places, chunk_memory(&places_chunks(t->places)->pieces[piece]));
    cleanup_free char *text =
        mem_printf("%s%s -> %s", *name ? " " : "", name, at.name ? at.name : "chunk");
    path_line_add(&t->line, text);
    add_step(t, at.start, name, place_kind_name(PLACE_CHUNK), place_text(t->places, &at));
}

/* The way to a chunk. */
static void add_way(struct teller *t, uint32_t piece) {
    VEC(uint32_t) way = {0};
    const struct chains *c = t->chains;
    struct keeper root;
    for (uint32_t i = piece;; i = c->from[i]) {
        vec_push(&way, i);
        if (c->from[i] == i)
            break;
    }
    size_t n = way.n;
    add_root_of(t, way.at[n - 1], &root);
    add_chunk(t, way.at[n - 1], root.name);
    free(root.summary);
    for (size_t i = n - 1; i > 0; i--)
        add_chunk(t, way.at[i - 1], offset_in(t, way.at[i], way.at[i - 1]));
    vec_free(&way);
}

static void add_target(struct teller *t, const struct keeper *h) {
    const char *doubt = keeper_doubt(h);
    const char *what = t->of->name ? t->of->name : place_kind_name(t->of->kind);
    cleanup_free char *text = mem_printf("%s%s -> %s%s%s%s", *h->name ? " " : "", h->name, what,
                                         *doubt ? " (" : "", doubt, *doubt ? ")" : "");
    path_line_add(&t->line, text);
    add_step(t, t->of->start, mem_strdup(h->name), place_kind_name(t->of->kind),
             place_text(t->places, t->of));
}

static struct path tell(struct teller *t, const struct candidate *c) {
    t->path = (struct path){0};
    if (c->by->kind == PLACE_CHUNK)
        add_way(t, c->by->piece);
    else
        add_root(t, c->by);
    add_target(t, c->by);
    t->path.line = path_line_text(&t->line);
    path_line_clear(&t->line);
    return t->path;
}

/* ---- all ---- */

static void choose(struct teller *t, const struct keepers *h, struct paths *ret) {
    VEC(struct candidate) list = {0};
    for (size_t i = 0; i < h->list.n; i++) {
        const struct keeper *by = &h->list.at[i];
        struct candidate c = {by, chains_doubt(by), 0};
        if (by->kind == PLACE_CHUNK) {
            if (!t->chains || t->chains->from[by->piece] == CHUNK_NONE)
                continue;
            c.doubt = t->chains->doubt[by->piece];
            c.length = t->chains->length[by->piece];
        }
        vec_push(&list, c);
    }
    vec_sort(&list, by_doubt);
    uint64_t last = 0;
    for (size_t i = 0; i < list.n && ret->list.n < ret->most; i++) {
        const struct keeper *by = list.at[i].by;
        bool is_again = by->from && by->from == last;
        bool is_ring = by->kind == PLACE_CHUNK && t->of->piece != CHUNK_NONE &&
                       goes_through(t->chains, by->piece, t->of->piece);
        last = by->from;
        if (!is_again && !is_ring)
            vec_push(&ret->list, tell(t, &list.at[i]));
    }
    vec_free(&list);
}

int chains_paths(struct places *p, uint64_t addr, struct paths *ret, struct err *e) {
    struct place of = keepers_stretch(p, addr);
    struct place begin = of;
    struct chains chains = {0};
    struct keepers keepers = {0};
    struct teller t = {.places = p, .of = &begin};
    int r = places_chunks(p) ? chains_new(p, &chains, e) : 0;
    if (r < 0)
        return r;
    t.chains = chains.from ? &chains : NULL;
    begin.addr = of.start;
    keepers_find(p, &of, &keepers);
    ret->summary = place_text(p, &begin);
    choose(&t, &keepers, ret);
    ret->live = ret->list.n > 0;
    if (t.has_ways)
        ways_done(&t.ways);
    path_line_done(&t.line);
    keepers_done(&keepers);
    chains_done(&chains);
    return 0;
}
