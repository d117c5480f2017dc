/* What V8 keeps of its pages beside them, from 12.5 on (Node 24): MemoryChunkMetadata,
 * src/heap/memory-chunk-metadata.h: where the page is, how large, ... */
#include "base/bytes.h"
#include "native/structures.h"

/* The exact address and size of a page that the census knows: 94 bits. */
const char *structure_v8(const struct structure_look *l) {
    enum { LEAST = 64, FIRST = 0, WORDS = 4 };
    if (!l->v8 || l->size < LEAST)
        return NULL;
    for (size_t i = FIRST; i + 2 <= WORDS; i++) {
        uint64_t addr = u64_at(l->bytes, i * 8);
        const struct v8_range *page = addr ? v8_census_page(l->v8, addr) : NULL;
        if (page && page->start == addr && u64_at(l->bytes, i * 8 + 8) == page->end - page->start)
            return "V8: what it keeps of a page";
    }
    return NULL;
}
