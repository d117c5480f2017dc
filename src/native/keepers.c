#include "native/keepers.h"

#include <string.h>

struct place keepers_stretch(struct places *p, uint64_t addr) {
    struct place at = places_find(p, addr);
    const struct evidence *ev = places_whole(p)->ev;
    size_t span; /* of an allocator whose chunks are not known */
    bool is_mapping = at.kind == PLACE_MAPPING && !at.name &&
                      !(ev->has_malloc && malloc_census_owner(&ev->malloc, addr, &span));
    bool is_one_thing =
        at.kind == PLACE_CHUNK || at.kind == PLACE_DATA || at.kind == PLACE_CODE || is_mapping;
    if (!is_one_thing) {
        at.start = addr;
        at.end = addr + 1;
    }
    return at;
}

const char *keeper_doubt(const struct keeper *h) {
    static const char *const said[] = {
        [POINTER_BEGIN] = "",
        [POINTER_INSIDE] = "to its inside",
        [POINTER_MANGLED] = "mangled by glibc",
        [POINTER_NUMBER] = "a number that equals the address",
        [POINTER_CODE] = "in machine code",
    };
    return said[h->word.how];
}

/* ---- one ---- */

static void set_register(struct places *p, struct keeper *h) {
    char name[REGISTER_NAME_MAX];
    cleanup_free char *thread = places_thread(p, h->word.thread);
    h->kind = PLACE_REGISTER;
    h->summary = mem_printf("thread %s", thread);
    h->name = mem_strdup(pointer_register(h->word.reg, name));
}

static void set_place(struct places *p, struct keeper *h, const struct place *at) {
    bool has_start = at->kind == PLACE_CHUNK || at->kind == PLACE_DATA || at->kind == PLACE_OBJECT;
    struct place whole = *at;
    if (has_start)
        whole.addr = whole.start; /* where in it is told by name */
    h->kind = at->kind;
    h->piece = at->piece;
    h->node = at->node;
    h->from = at->kind == PLACE_OBJECT ? at->start | 1 : has_start ? at->start : at->addr;
    h->summary = place_text(p, &whole);
    h->class = at->kind == PLACE_CHUNK || at->kind == PLACE_OBJECT
                   ? (at->name ? mem_strdup(at->name) : NULL)
                   : NULL;
    h->name = has_start ? place_field(p, at) : mem_strdup("");
    h->is_owner = at->kind == PLACE_OBJECT && (*h->name == '<' || *h->name == '[');
}

/* ---- order ---- */

/* The lower, the more it says about who holds it. */
static int rank(const struct keeper *h) {
    static const uint8_t order[] = {
        [PLACE_OBJECT] = 1, [PLACE_DATA] = 1,     [PLACE_CHUNK] = 2,   [PLACE_TLS] = 2,
        [PLACE_STACK] = 4,  [PLACE_REGISTER] = 4, [PLACE_MAPPING] = 3, [PLACE_HEAP] = 5,
        [PLACE_CODE] = 3,   [PLACE_NOWHERE] = 6,
    };
    static const uint8_t doubt[] = {
        [POINTER_BEGIN] = 0,  [POINTER_MANGLED] = 0, [POINTER_CODE] = 1,
        [POINTER_INSIDE] = 1, [POINTER_NUMBER] = 2,
    };
    if (h->is_owner && !h->dead)
        return 0;
    return (h->dead ? 100 : 0) + doubt[h->word.how] * 10 + order[h->kind];
}

static int by_rank(const void *x, const void *y) {
    const struct keeper *a = x, *b = y;
    int m = rank(a), n = rank(b);
    if (m != n)
        return m < n ? -1 : 1;
    if (a->word.at != b->word.at)
        return a->word.at - 1 < b->word.at - 1 ? -1 : 1;
    return a->word.reg < b->word.reg ? -1 : a->word.reg > b->word.reg;
}

/* ---- all ---- */

static void free_keeper(struct keeper *h) {
    free(h->summary);
    free(h->class);
    free(h->name);
}

static bool is_itself(const struct place *of, const struct place *at) {
    return of->piece != CHUNK_NONE ? at->piece == of->piece
                                   : at->addr >= of->start && at->addr < of->end;
}

static void add(struct places *p, const struct place *of, const struct pointer *word,
                struct keepers *ret) {
    struct keeper h = {.word = *word, .piece = CHUNK_NONE, .node = V8_NO_NODE};
    if (!word->at) {
        set_register(p, &h);
    } else {
        struct place at = places_find(p, word->at);
        if (is_itself(of, &at))
            return;
        bool is_header = at.kind == PLACE_CHUNK && at.addr < at.start;
        h.dead = at.dead || at.kind == PLACE_HEAP || is_header;
        if (h.dead && !ret->with_dead) {
            ret->dead++;
            return;
        }
        set_place(p, &h, &at);
    }
    ret->found++;
    vec_push(&ret->list, h);
}

void keepers_find(struct places *p, const struct place *of, struct keepers *ret) {
    enum { LOOKED_AT = 1 << 17 }; /* each takes microseconds and some 100 bytes */
    const struct whole *w = places_whole(p);
    struct pointers words;
    pointers_find(w->img, w->ev->has_malloc ? &w->ev->malloc : NULL, of->start, of->end, &words);
    for (size_t i = 0; i < words.list.n && i < LOOKED_AT; i++)
        add(p, of, &words.list.at[i], ret);
    ret->cut = words.more || words.list.n > LOOKED_AT;
    ret->unread_bytes = words.unread_bytes;
    vec_sort(&ret->list, by_rank);
    while (ret->max && ret->list.n > ret->max) {
        free_keeper(&ret->list.at[--ret->list.n]);
        ret->left_out++;
    }
    pointers_done(&words);
}

void keepers_done(struct keepers *h) {
    for (size_t i = 0; i < h->list.n; i++)
        free_keeper(&h->list.at[i]);
    vec_free(&h->list);
    *h = (struct keepers){0};
}
