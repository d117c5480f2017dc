/* Three ways of reading a heap without reading what is not in memory: touching a page that is not
 * resident would bring it in, and change the target. Where residency is unknown (a process that
 * was not stopped) everything readable is read. */
#ifndef MEMWHY_MALLOC_READER_H
#define MEMWHY_MALLOC_READER_H

#include "image/image.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when the page may be read; ret_end (may be NULL) is how far that holds. */
bool page_is_readable(const struct residency *res, uint64_t addr, uint64_t *ret_end);

/* Forward reading: the window grows while the reader goes on in sequence, and is a page after a
 * jump, so a heap of large chunks costs a page per header. Where it has gone on for long, another
 * thread reads what comes next, up to `ahead_to`, which who uses the window may set. */
struct mem_window {
    const struct image *img;
    const struct residency *res; /* NULL: unknown */
    const uint8_t *buf;
    uint64_t addr;
    size_t len, want;
    uint64_t reads, faults, absent;
    uint64_t ahead_to;       /* 0: nobody reads ahead */
    uint64_t onward_bytes;   /* read in sequence */
    struct mem_ahead *ahead; /* NULL: not now */
    uint8_t *own;            /* what `buf` is but for what was read ahead */
};

void mem_window_init(struct mem_window *w, const struct image *img);
void mem_window_done(struct mem_window *w);
int mem_window_fill(struct mem_window *w, uint64_t addr);

/* What another thread read is in its cache: it is asked for so many bytes before it is needed,
 * which takes a third off a walk of small chunks. */
enum { MEM_WINDOW_SOON = 1024 };

/* The 16-byte aligned pair of words at addr (a chunk header). -EFAULT: not readable; -ENODATA: on a
 * page that is not resident. */
static inline int mem_window_pair(struct mem_window *w, uint64_t addr, uint64_t ret[2]) {
    if (addr < w->addr || addr - w->addr + 16 > w->len) {
        int r = mem_window_fill(w, addr);
        if (r < 0)
            return r;
    }
    __builtin_prefetch(w->buf + (addr - w->addr) + MEM_WINDOW_SOON);
    __builtin_memcpy(ret, w->buf + (addr - w->addr), 16);
    return 0;
}

/* Random reading by way of a cache of pages, for following lists. */
#define MEM_PAGES_SLOTS 1024u /* 4 MiB: free lists have locality, a miss costs a microsecond */
struct mem_pages {
    const struct image *img;
    const struct residency *res;
    uint64_t page[MEM_PAGES_SLOTS]; /* page address + 1, 0: empty */
    uint8_t *data[MEM_PAGES_SLOTS];
    uint64_t faults, absent;
};

void mem_pages_init(struct mem_pages *p, const struct image *img);
void mem_pages_done(struct mem_pages *p);
/* May cross pages. -EFAULT, -ENODATA as above. */
int mem_pages_read(struct mem_pages *p, uint64_t addr, void *buf, size_t len);
int mem_pages_u64(struct mem_pages *p, uint64_t addr, uint64_t *ret);

/* Resident bytes of ranges asked for in ascending order, without a search for each. */
struct res_cursor {
    const struct residency *res; /* NULL: 0 for everything */
    size_t i;
};

void res_cursor_seek(struct res_cursor *c, const struct residency *res, uint64_t addr);
uint64_t res_cursor_slow(struct res_cursor *c, uint64_t start, uint64_t end);

static inline uint64_t res_cursor_bytes(struct res_cursor *c, uint64_t start, uint64_t end) {
    if (c->res && c->i < c->res->n && start >= c->res->at[c->i].start &&
        end <= c->res->at[c->i].end)
        return end - start;
    return res_cursor_slow(c, start, end);
}

/* Sort addresses ascending. */
void sort_addresses(uint64_t *at, size_t n);

#endif
