#include "v8/calibrate.h"

#include "v8/maps.h"
#include <errno.h>
#include <string.h>

enum { ENOUGH_VOTES = 6, PAGES_MAX = 64, OBJECTS_MAX = 4000 };

struct page_copy {
    const struct image *img;
    const struct v8_layout *l;
    const struct v8_pages *pages;
    struct v8_maps *maps;
    const struct v8_page *page;
    const uint8_t *bytes;
    uint64_t got;
};

static uint64_t word_at(const struct page_copy *c, uint64_t addr) {
    uint64_t v;
    memcpy(&v, c->bytes + (addr - c->page->addr), 8);
    return v;
}

static const struct v8_map_info *map_at(const struct page_copy *c, uint64_t at) {
    if (at + 16 > c->page->addr + c->got || at >= c->page->area_end)
        return NULL;
    return v8_maps_get(c->maps, c->img, c->l, c->pages, word_at(c, at));
}

/* Could a free block of this size be followed by what is there? */
static bool fits(const struct page_copy *c, uint64_t at, uint64_t size) {
    if (size < 16 || size % 8 || size > c->page->area_end - at)
        return false;
    return at + size == c->page->area_end || map_at(c, at + size);
}

/* Walk to the first free block that only one reading explains; +1 words, -1 bytes, 0 none. */
static int vote_of_page(const struct page_copy *c) {
    uint64_t at = c->page->area_start;
    for (int i = 0; i < OBJECTS_MAX; i++) {
        const struct v8_map_info *m = map_at(c, at);
        if (!m)
            return 0;
        if (m->map == c->l->free_space_map) {
            uint64_t n = word_at(c, at + 8) >> 32;
            bool bytes = fits(c, at, n), words = fits(c, at, 8 * n);
            if (bytes != words)
                return words ? 1 : -1;
            return 0;
        }
        uint64_t size = v8_object_size(c->l, c->img, m, c->bytes + (at - c->page->addr),
                                       c->page->addr + c->got - at);
        if (size < 8 || size % 8)
            return 0;
        at += size;
    }
    return 0;
}

int v8_calibrate_free_space(const struct image *img, const struct v8_layout *l,
                            const struct v8_pages *pages, int32_t *ret) {
    cleanup_free uint8_t *buf = mem_alloc(V8_PAGE_ALIGN);
    struct v8_maps maps = {0};
    int words = 0, bytes = 0, looked = 0;
    for (size_t i = 0; i < pages->list.n && looked < PAGES_MAX; i++) {
        const struct v8_page *g = &pages->list.at[i];
        if (g->size > V8_PAGE_ALIGN || !g->heap || (g->flags & V8_PAGE_FROM))
            continue;
        struct page_copy c = {.img = img,
                              .l = l,
                              .pages = pages,
                              .maps = &maps,
                              .page = g,
                              .bytes = buf,
                              .got = image_read_prefix(img, g->addr, buf, g->size)};
        int vote = vote_of_page(&c);
        words += vote > 0;
        bytes += vote < 0;
        looked++;
        if (words + bytes >= ENOUGH_VOTES)
            break;
    }
    v8_maps_done(&maps);
    if (words == bytes)
        return -ENODATA;
    *ret = words > bytes;
    return 0;
}

int v8_calibrate_next_word(const struct image *img, const struct v8_pages *pages, int32_t *ret) {
    enum { FIRST = 8, WORDS = 64 };
    size_t n = pages->list.n, votes[WORDS] = {0};
    uint64_t(*headers)[WORDS] = mem_zalloc((n + 1) * sizeof *headers);
    for (size_t i = 0; i < n; i++)
        if (image_read(img, pages->list.at[i].base, headers[i], sizeof headers[i]) < 0)
            memset(headers[i], 0, sizeof headers[i]);
    for (size_t i = 0; i < n; i++)
        for (int k = FIRST; k + 1 < WORDS; k++) {
            uint64_t other;
            if (headers[i][k] && map64_get(&pages->by_base, headers[i][k], &other) &&
                pages->list.at[other - 1].owner == pages->list.at[i].owner &&
                headers[other - 1][k + 1] == pages->list.at[i].base)
                votes[k]++;
        }
    free(headers);
    int best = FIRST;
    for (int k = FIRST + 1; k + 1 < WORDS; k++)
        if (votes[k] > votes[best])
            best = k;
    for (int k = FIRST; k + 1 < WORDS; k++)
        if (k != best && votes[k] * 2 > votes[best])
            return -ENODATA;
    if (votes[best] < 2)
        return -ENODATA;
    *ret = best;
    return 0;
}
