#include "native/spot.h"

#include "base/bytes.h"
#include "native/chunk_names.h"
#include "native/chunk_shape.h"
#include <inttypes.h>

/* ---- words ---- */

/* A tagged word refers to an object only where one begins. */
static bool refers_to_object(struct places *p, uint64_t word, struct place *ret) {
    struct heap_look *heap = places_heap(p);
    if (!heap || !(word & 1) || v8_node_at(places_whole(p)->heap->nodes, word) == V8_NO_NODE)
        return false;
    *ret = places_find(p, word & ~3ull);
    return true;
}

static void tell(struct places *p, struct spot_word *w) {
    enum { LEAST = 1 << 16 }; /* what is below is a number: mmap_min_addr */
    struct place at;
    if (w->n < sizeof w->value || w->value < LEAST || w->value >= LIMIT_USER_ADDR)
        return;
    if (refers_to_object(p, w->value, &at)) {
        w->to = w->value;
    } else {
        at = places_find(p, w->value);
        if (at.kind == PLACE_NOWHERE || at.kind == PLACE_HEAP)
            return;
        w->to = at.kind == PLACE_CHUNK ? at.start : w->value;
    }
    w->kind = place_kind_name(at.kind);
    w->text = place_text(p, &at);
    if ((at.kind == PLACE_CHUNK || at.kind == PLACE_OBJECT) && at.addr > at.start) {
        char *whole = mem_printf("%s, at +0x%" PRIx64, w->text, at.addr - at.start);
        free(w->text);
        w->text = whole;
    }
}

static void add_words(struct places *p, uint64_t bytes, struct spot *ret) {
    uint64_t from = ret->place.start, end = ret->place.end;
    bool is_far = ret->place.kind != PLACE_CHUNK || ret->place.addr - from >= bytes;
    if (is_far && ret->place.addr > from)
        from = ret->place.addr & ~7ull;
    if (end <= from)
        end = from + bytes;
    uint64_t want = end - from < bytes ? end - from : bytes;
    uint8_t *buf = mem_alloc((size_t)want + 1);
    size_t n = image_read_prefix(places_whole(p)->img, from, buf, (size_t)want);
    for (size_t i = 0; i < n; i += 8) {
        struct spot_word w = {.at = from + i, .n = n - i < 8 ? (uint8_t)(n - i) : 8};
        memcpy(&w.value, buf + i, w.n);
        tell(p, &w);
        vec_push(&ret->words, w);
    }
    ret->more_bytes = end - from - n;
    free(buf);
}

/* ---- the rest ---- */

static void set_chunk(struct places *p, struct spot *ret) {
    const struct whole *w = places_whole(p);
    const struct chunk_map *m = places_chunks(p);
    const struct malloc_piece *piece = &m->pieces[ret->place.piece];
    size_t span;
    ret->size = piece->size;
    ret->state = (enum malloc_state)piece->state;
    ret->arena = malloc_census_owner(&w->ev->malloc, piece->addr, &span)
                     ? w->ev->malloc.spans.at[span].arena
                     : MALLOC_SPAN_WHOLE;
    if (ret->state != MALLOC_IN_USE)
        return;
    ret->begins = chunk_text(w->img, ret->place.start, ret->place.end);
    char shape[CHUNK_SHAPE_BYTES];
    if (!ret->name) {
        chunk_shape(w->img, m, ret->place.piece, shape);
        ret->shape = mem_strdup(shape);
    }
}

static void set_mapping(struct places *p, struct spot *ret) {
    const struct region *r = region_find(image_regions(places_whole(p)->img), ret->place.addr);
    const struct residency *res = image_residency(places_whole(p)->img);
    if (!r)
        return;
    ret->mapping = mem_printf("%c%c%c%c%s%s", r->prot & REGION_R ? 'r' : '-',
                              r->prot & REGION_W ? 'w' : '-', r->prot & REGION_X ? 'x' : '-',
                              r->shared ? 's' : 'p', r->name[0] ? " " : "", r->name);
    if (res && ret->place.end > ret->place.start)
        ret->resident = residency_bytes(res, ret->place.start, ret->place.end);
}

void spot_look(struct places *p, uint64_t addr, uint64_t bytes, struct spot *ret) {
    enum { KEEPERS = 5 };
    *ret = (struct spot){.place = places_find(p, addr), .keepers = {.max = KEEPERS}};
    ret->text = place_text(p, &ret->place);
    ret->name = ret->place.name ? mem_strdup(ret->place.name) : NULL;
    ret->module = ret->place.module ? mem_strdup(ret->place.module) : NULL;
    set_mapping(p, ret);
    if (ret->place.kind == PLACE_NOWHERE)
        return;
    if (ret->place.kind == PLACE_CHUNK)
        set_chunk(p, ret);
    add_words(p, bytes, ret);
    struct place stretch = keepers_stretch(p, addr);
    keepers_find(p, &stretch, &ret->keepers);
    ret->place.name = ret->place.module = NULL;
}

void spot_done(struct spot *s) {
    for (size_t i = 0; i < s->words.n; i++)
        free(s->words.at[i].text);
    vec_free(&s->words);
    free(s->text);
    free(s->name);
    free(s->module);
    free(s->shape);
    free(s->begins);
    free(s->mapping);
    keepers_done(&s->keepers);
    *s = (struct spot){0};
}
