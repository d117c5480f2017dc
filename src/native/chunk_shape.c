#include "native/chunk_shape.h"

#include <string.h>

enum kind { ZERO, SMALL, TO_CHUNK, TO_MODULE, OTHER };

static enum kind kind_of(const struct image *img, const struct chunk_map *m, uint64_t word) {
    enum { SMALL_END = 1 << 16 };
    if (!word)
        return ZERO;
    if (word < SMALL_END)
        return SMALL;
    if (chunk_map_find(m, word) != CHUNK_NONE)
        return TO_CHUNK;
    const struct region *r = word < LIMIT_USER_ADDR ? region_find(image_regions(img), word) : NULL;
    return r && r->kind == REGION_FILE ? TO_MODULE : OTHER;
}

uint64_t chunk_shape(const struct image *img, const struct chunk_map *m, uint32_t piece,
                     char ret[CHUNK_SHAPE_BYTES]) {
    static const char *const words[] = {
        [ZERO] = "0", [SMALL] = "n", [TO_CHUNK] = "chunk", [TO_MODULE] = "module", [OTHER] = "?"};
    uint64_t word[CHUNK_SHAPE_WORDS], key = 0;
    uint64_t at = chunk_memory(&m->pieces[piece]), end = chunk_memory_end(m, piece);
    size_t want = end - at < sizeof word ? (size_t)(end - at) : sizeof word, len = 0;
    size_t n = image_read_prefix(img, at, word, want) / sizeof *word;
    ret[0] = 0;
    for (size_t i = 0; i < n; i++) {
        enum kind k = kind_of(img, m, word[i]);
        key = key << 3 | (uint64_t)(k + 1);
        len +=
            (size_t)snprintf(ret + len, CHUNK_SHAPE_BYTES - len, "%s%s", len ? ", " : "", words[k]);
    }
    return key;
}
