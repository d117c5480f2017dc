/* What V8 keeps in malloc's memory without a class of its own. */
#include "base/bytes.h"
#include "native/structures.h"
#include <string.h>

/* From 12.5 on (Node 24) MemoryChunkMetadata, src/heap/memory-chunk-metadata.h: where a page is,
 * how large, ... The exact address and size of one that the census knows: 94 bits. */
static const char *page_metadata(const struct structure_look *l) {
    enum { LEAST = 64, WORDS = 4 };
    if (!l->v8 || l->size < LEAST)
        return NULL;
    for (size_t i = 0; i + 2 <= WORDS; i++) {
        uint64_t addr = u64_at(l->bytes, i * 8);
        const struct v8_range *page = addr ? v8_census_page(l->v8, addr) : NULL;
        if (page && page->start == addr && u64_at(l->bytes, i * 8 + 8) == page->end - page->start)
            return "V8: what it keeps of a page";
    }
    return NULL;
}

/* std::shared_ptr<BackingStore>'s counter (libstdc++, bits/shared_ptr_base.h: table, two counts,
 * pointer) is told by its table of virtual functions, 43 bits. It leads to the BackingStore, which
 * begins with where its memory is and how long (src/objects/backing-store.h, Node 14 to 26): sizes
 * that agree with malloc's. No object on the heap need know of it: it may have been collected, or
 * be on its way from one thread to another. */
static void backing_store(const struct structure_look *l) {
    enum { COUNTER_BYTES = 24, COUNTER_MOST = 40, POINTER = 16 };
    static const char before[] = "_ZTVSt19_Sp_counted_deleterIPN2v8";
    uint64_t words[2];
    if (l->have < COUNTER_BYTES || l->size > COUNTER_MOST)
        return;
    const char *symbol = structure_symbol(l, u64_at(l->bytes, 0) - 16);
    if (!symbol || strncmp(symbol, before, sizeof before - 1) != 0)
        return;
    const char *type = symbol + sizeof before - 1;
    uint64_t store = u64_at(l->bytes, POINTER);
    if ((strncmp(type, "12BackingStoreE", 15) != 0 &&
         strncmp(type, "8internal12BackingStoreE", 24) != 0) ||
        image_read_prefix(l->img, store, words, sizeof words) < sizeof words || !words[1] ||
        !structure_fits(l, words[0], words[1]))
        return;
    structure_part(l, store, "V8: BackingStore");
    structure_part(l, words[0], "V8: memory of a BackingStore");
}

const char *structure_v8(const struct structure_look *l) {
    backing_store(l);
    return page_metadata(l);
}
