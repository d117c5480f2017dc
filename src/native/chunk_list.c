#include "native/chunk_list.h"

#include "base/map64.h"
#include "malloc/chunk_map.h"
#include "native/chunk_names.h"

struct lister {
    struct chunk_list *list;
    struct image *img;
    const struct malloc_census *c;
    struct chunk_map map;
    struct chunk_names *names;
    struct map64 seen; /* names by address */
    size_t span;
};

static void empty(struct chunk_list *l) {
    for (size_t i = 0; i < l->rows.n; i++)
        free(l->rows.at[i].text);
    for (size_t i = 0; i < l->names.n; i++)
        free(l->names.at[i]);
    vec_free(&l->rows);
    vec_free(&l->names);
    l->more = 0;
}

/* The same address is the same name as long as its owner lives; the list lives longer. */
static uint32_t keep_name(struct lister *k, const char *name) {
    uint64_t index;
    if (!name)
        return 0;
    if (!map64_get(&k->seen, (uintptr_t)name, &index)) {
        index = k->list->names.n;
        map64_put(&k->seen, (uintptr_t)name, index);
        vec_push(&k->list->names, mem_strdup(name));
    }
    return (uint32_t)index;
}

/* Pieces and spans both ascend. */
static int32_t arena_of(struct lister *k, uint64_t addr) {
    const struct malloc_census *c = k->c;
    while (k->span < c->spans.n && c->spans.at[k->span].end <= addr)
        k->span++;
    return k->span < c->spans.n ? c->spans.at[k->span].arena : MALLOC_SPAN_WHOLE;
}

static void add(struct lister *k, uint32_t i) {
    const struct malloc_piece *p = &k->map.pieces[i];
    const struct residency *res = image_residency(k->img);
    struct chunk_row row = {.addr = p->addr,
                            .size = p->size,
                            .state = (enum malloc_state)p->state,
                            .arena = arena_of(k, p->addr)};
    uint64_t memory = chunk_memory(p), end = chunk_memory_end(&k->map, i);
    if (res)
        row.resident = residency_bytes(res, p->addr, p->addr + p->size);
    if (p->state == MALLOC_IN_USE) {
        row.name = keep_name(k, chunk_name(k->names, memory, end));
        row.text = k->list->with_text ? chunk_text(k->img, memory, end) : NULL;
    }
    vec_push(&k->list->rows, row);
}

static int see(void *arg, struct image *img, const struct evidence *ev, struct err *e) {
    struct lister k = {.list = arg, .img = img, .c = &ev->malloc};
    (void)e;
    empty(k.list);
    vec_push(&k.list->names, mem_strdup(""));
    if (!ev->has_malloc || chunk_map_init(&k.map, &ev->malloc) < 0)
        return 0;
    k.names = chunk_names_new(img, ev->has_v8 ? &ev->v8 : NULL);
    chunk_names_find_structures(k.names, &k.map);
    for (uint32_t i = 0; i < k.map.n; i++) {
        uint64_t size = k.map.pieces[i].size;
        if (size < k.list->size_from || size > k.list->size_to)
            continue;
        if (k.list->rows.n < k.list->max)
            add(&k, i);
        else
            k.list->more++;
    }
    chunk_names_free(k.names);
    map64_done(&k.seen);
    chunk_map_done(&k.map);
    return 0;
}

struct still_visit chunk_list_visit(struct chunk_list *list) {
    return (struct still_visit){.arg = list, .see = see};
}

void chunk_list_done(struct chunk_list *l) {
    empty(l);
}
