/* V8's pages ("memory chunks") of a process: found by their headers at 256 KiB alignment, and told
 * apart into pages a space uses and stale ones. */
#ifndef MEMWHY_V8_PAGES_H
#define MEMWHY_V8_PAGES_H

#include "base/map64.h"
#include "base/vec.h"
#include "v8/layout.h"

#define V8_PAGE_ALIGN 0x40000ull

/* Page flags, src/heap/memory-chunk-layout.h: equal in all versions from 7.8 to 14.6. */
enum { V8_PAGE_FROM = 0x8, V8_PAGE_TO = 0x10 };

struct v8_page {
    uint64_t addr, size;
    uint64_t base; /* what the space's list links to: addr, or the metadata outside the page */
    uint64_t flags, heap, owner;
    uint64_t area_start, area_end;
    uint64_t allocated; /* V8's own count */
    uint64_t next, prev;
    int space;     /* enum v8_space, -1 unknown */
    bool in_use;   /* in its owner's list (or read-only) */
    bool raw_tail; /* to-space beyond the allocation top: old contents, nothing allocated */
    int isolate;   /* index, -1 none */
};

struct v8_pages {
    VEC(struct v8_page) list; /* sorted by address */
    struct map64 by_slot;     /* addr / V8_PAGE_ALIGN -> index + 1, every slot of a large page */
    struct map64 by_base;     /* base -> index + 1 */
};

/* Find every page. `limit` 0: all; else stop after so many (a first look wants only one). On an
 * image with residency only pages whose header is in memory are looked at. */
int v8_pages_find(const struct image *img, const struct v8_layout *l, size_t limit,
                  struct v8_pages *ret);
void v8_pages_done(struct v8_pages *p);

/* Set `space` and `in_use` by walking each space's list. The image must not move. */
void v8_pages_assign(const struct image *img, const struct v8_layout *l, struct v8_pages *p);

/* The page that holds addr, or NULL. */
static inline struct v8_page *v8_pages_at(const struct v8_pages *p, uint64_t addr) {
    uint64_t i;
    if (!map64_get(&p->by_slot, addr / V8_PAGE_ALIGN, &i))
        return NULL;
    struct v8_page *page = &p->list.at[i - 1];
    return addr - page->addr < page->size ? page : NULL;
}

/* The page whose header (or metadata) is at `base`, as lists link them; NULL for 0 and strangers.
 */
static inline struct v8_page *v8_pages_by_base(const struct v8_pages *p, uint64_t base) {
    uint64_t i;
    return base && map64_get(&p->by_base, base, &i) ? &p->list.at[i - 1] : NULL;
}

/* Does addr point to writable memory that is none of V8's pages: an object of C++? */
bool v8_pages_is_native(const struct v8_pages *p, const struct image *img, uint64_t addr);

#endif
