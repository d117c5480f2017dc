/* Pages of SQLite's cache: src/pcache1.c, struct PgHdr1, 3.8 to 3.51 (Node has SQLite from 22 on):
 * a page, and behind it where it begins and where what the pager adds begins, behind that. Several
 * pages lie in one chunk. */
#include "native/structures.h"

enum { HEADER_BYTES = 56, BEFORE_MAX = 8 };

/* Two pointers into the chunk itself that must be exactly so, 94 bits. */
const char *structure_sqlite(const struct structure_look *l) {
    enum { PAGE_LEAST = 512, PAGE_MOST = 64 << 10 };
    if (l->size < PAGE_LEAST + HEADER_BYTES)
        return NULL;
    for (uint64_t page = PAGE_LEAST; page <= PAGE_MOST; page *= 2)
        for (uint64_t before = 0; before <= BEFORE_MAX; before += 8) {
            uint64_t at = l->addr + before + page, words[2];
            if (before + page + HEADER_BYTES > l->size ||
                image_read_prefix(l->img, at, words, sizeof words) < sizeof words)
                continue;
            if (words[0] == l->addr + before && words[1] == at + HEADER_BYTES)
                return "SQLite: pages of a database";
        }
    return NULL;
}
