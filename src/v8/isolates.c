#include "v8/isolates.h"

#include "base/limits.h"
#include <errno.h>
#include <string.h>

static bool is_map_of(const struct image *img, uint64_t map, uint64_t meta) {
    uint64_t first;
    return (map & 3) == 1 && image_read_u64(img, map - 1, &first) == 0 && first == meta;
}

static bool roots_explain(const struct image *img, const struct v8_layout *l, uint64_t roots,
                          const uint64_t *values) {
    int fixed = v8_layout_root(l, "fixed_array_map"), bytes = v8_layout_root(l, "byte_array_map");
    uint64_t local[3];
    if (fixed < 0 || bytes < 0)
        return false;
    if (values) {
        local[0] = values[l->meta_map_index];
        local[1] = values[fixed];
        local[2] = values[bytes];
    } else if (image_read_u64(img, roots + 8 * (uint64_t)l->meta_map_index, &local[0]) < 0 ||
               image_read_u64(img, roots + 8 * (uint64_t)fixed, &local[1]) < 0 ||
               image_read_u64(img, roots + 8 * (uint64_t)bytes, &local[2]) < 0) {
        return false;
    }
    return is_map_of(img, local[0], local[0]) && local[1] != local[0] &&
           is_map_of(img, local[1], local[0]) && is_map_of(img, local[2], local[0]);
}

int v8_roots_find(const struct image *img, const struct v8_layout *l, uint64_t heap,
                  uint64_t *ret) {
    enum { NEAR = 0x40000 };
    uint64_t expected = heap - (uint64_t)l->facts.heap_from_roots;
    if (roots_explain(img, l, expected, NULL)) {
        *ret = expected;
        return 0;
    }
    /* Another build of a known line: the table stands somewhere before the heap. */
    const struct region *r = region_find(image_regions(img), heap);
    if (!r)
        return -ENODATA;
    uint64_t from = heap - r->start > NEAR ? heap - NEAR : r->start;
    from = (from + 7) & ~7ull;
    cleanup_free uint64_t *words = mem_alloc(heap - from + 8);
    if (image_read(img, from, words, heap - from) < 0)
        return -ENODATA;
    size_t n = (heap - from) / 8;
    for (size_t i = 0; i + l->n_roots <= n; i++)
        if ((words[i + (size_t)l->meta_map_index] & 3) == 1 &&
            roots_explain(img, l, from + 8 * i, words + i)) {
            *ret = from + 8 * i;
            return 0;
        }
    return -ENODATA;
}

static uint32_t read_gc_state(const struct image *img, const struct v8_layout *l, uint64_t heap) {
    uint32_t state;
    if (l->facts.gc_state_offset < 0 ||
        image_read(img, heap + (uint64_t)l->facts.gc_state_offset, &state, sizeof state) < 0)
        return UINT32_MAX;
    return state;
}

int v8_isolates_find(const struct image *img, const struct v8_layout *l, struct v8_pages *pages,
                     struct v8_isolate_list *ret) {
    struct map64 index = {0};
    for (size_t i = 0; i < pages->list.n; i++) {
        struct v8_page *g = &pages->list.at[i];
        uint64_t at;
        if (!g->in_use || !g->heap)
            continue;
        if (!map64_get(&index, g->heap, &at)) {
            struct v8_isolate iso = {.heap = g->heap};
            at = 0;
            if (v8_roots_find(img, l, g->heap, &iso.roots) == 0) {
                iso.isolate = l->facts.heap_from_isolate >= 0
                                  ? g->heap - (uint64_t)l->facts.heap_from_isolate
                                  : 0;
                iso.gc_state = read_gc_state(img, l, g->heap);
                vec_push(&ret->list, iso);
                at = ret->list.n;
            }
            map64_put(&index, g->heap, at);
        }
        if (at)
            g->isolate = (int)at - 1;
        else
            g->in_use = false;
    }
    map64_done(&index);
    return ret->list.n ? 0 : -ENODATA;
}
