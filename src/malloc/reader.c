#include "malloc/reader.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/parallel.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_MAX = 128 << 10 }; /* past this a read is no faster, and it should stay in L2 */
enum { NEAR_JUMP = 2 << 10 };    /* measured: beyond it a system call costs less than the copy */

bool page_is_readable(const struct residency *res, uint64_t addr, uint64_t *ret_end) {
    uint64_t end = UINT64_MAX;
    if (addr >= LIMIT_USER_ADDR)
        return false;
    if (res) {
        size_t i = residency_lower_bound(res, addr);
        if (i == res->n || res->at[i].start > addr)
            return false;
        end = res->at[i].end;
    }
    if (ret_end)
        *ret_end = end;
    return true;
}

void mem_window_init(struct mem_window *w, const struct image *img) {
    *w = (struct mem_window){.img = img, .res = image_residency(img), .want = PAGE_BYTES};
    w->buf = w->own = mem_alloc(WINDOW_MAX);
}

/* ---- ahead of the window ---- */

struct mem_ahead {
    const struct image *img;
    uint64_t start, end; /* read in pieces of WINDOW_MAX bytes */
    bool failed[PARALLEL_SLOTS];
    uint8_t *buf; /* a piece for each slot */
    struct parallel_ahead *line;
};

static size_t piece_bytes(const struct mem_ahead *a, uint64_t at) {
    return a->end - at < WINDOW_MAX ? (size_t)(a->end - at) : WINDOW_MAX;
}

static void read_piece(void *ahead, size_t i, size_t slot) {
    struct mem_ahead *a = ahead;
    uint64_t at = a->start + i * WINDOW_MAX;
    a->failed[slot] = image_read(a->img, at, a->buf + slot * WINDOW_MAX, piece_bytes(a, at)) < 0;
}

static void stop_ahead(struct mem_window *w) {
    if (!w->ahead)
        return;
    parallel_ahead_free(w->ahead->line);
    free(w->ahead->buf);
    free(w->ahead);
    w->ahead = NULL;
    w->buf = w->own;
    w->len = 0;
}

/* What is read in vain, when reading does not go on, is less than what was read until now. */
static void start_ahead(struct mem_window *w, uint64_t limit) {
    uint64_t start = w->addr + w->len, end = limit < w->ahead_to ? limit : w->ahead_to;
    if (w->onward_bytes < (uint64_t)WINDOW_MAX * PARALLEL_SLOTS || end < start + WINDOW_MAX)
        return;
    struct mem_ahead *a = mem_alloc(sizeof *a);
    *a = (struct mem_ahead){.img = w->img, .start = start, .end = end};
    a->buf = mem_alloc((size_t)WINDOW_MAX * PARALLEL_SLOTS);
    a->line = parallel_ahead_new((end - start + WINDOW_MAX - 1) / WINDOW_MAX, read_piece, a);
    if (a->line) {
        w->ahead = a;
        return;
    }
    w->ahead_to = 0;
    free(a->buf);
    free(a);
}

/* Moves the window on to the piece read ahead that has the word pair at `addr`. */
static bool take_ahead(struct mem_window *w, uint64_t addr) {
    struct mem_ahead *a = w->ahead;
    uint64_t next = w->addr + w->len;
    size_t len = a && next < a->end ? piece_bytes(a, next) : 0;
    if (addr < next || addr - next >= NEAR_JUMP || addr - next + 16 > len)
        return false;
    size_t slot = parallel_ahead_take(a->line);
    if (a->failed[slot])
        return false;
    w->buf = a->buf + slot * WINDOW_MAX;
    w->addr = next;
    w->len = len;
    w->reads++;
    return true;
}

/* ---- the window itself ---- */

void mem_window_done(struct mem_window *w) {
    stop_ahead(w);
    free(w->own);
    w->buf = w->own = NULL;
}

int mem_window_fill(struct mem_window *w, uint64_t addr) {
    uint64_t limit, old_end = w->addr + w->len;
    if (take_ahead(w, addr))
        return 0;
    stop_ahead(w);
    if (!page_is_readable(w->res, addr, &limit)) {
        w->absent++;
        return w->res ? -ENODATA : -EFAULT;
    }
    bool onward = w->len && addr >= old_end && addr - old_end < NEAR_JUMP;
    w->want = !onward ? PAGE_BYTES : w->want < WINDOW_MAX ? w->want * 2 : WINDOW_MAX;
    uint64_t end = (addr & ~(PAGE_BYTES - 1)) + w->want;
    if (end > limit)
        end = limit;
    w->addr = addr;
    w->len = 0;
    w->reads++;
    if (image_read(w->img, addr, w->own, end - addr) < 0) {
        end = (addr & ~(PAGE_BYTES - 1)) + PAGE_BYTES;
        w->want = PAGE_BYTES;
        if (image_read(w->img, addr, w->own, end - addr) < 0) {
            w->faults++;
            return -EFAULT;
        }
    }
    w->len = end - addr;
    w->onward_bytes = onward ? w->onward_bytes + w->len : 0;
    start_ahead(w, limit);
    return 0;
}

void mem_pages_init(struct mem_pages *p, const struct image *img) {
    *p = (struct mem_pages){.img = img, .res = image_residency(img)};
}

void mem_pages_done(struct mem_pages *p) {
    for (size_t i = 0; i < MEM_PAGES_SLOTS; i++)
        free(p->data[i]);
}

static int pages_get(struct mem_pages *p, uint64_t page, const uint8_t **ret) {
    size_t slot = (page / PAGE_BYTES) % MEM_PAGES_SLOTS;
    if (p->page[slot] != page + 1) {
        if (!page_is_readable(p->res, page, NULL)) {
            p->absent++;
            return p->res ? -ENODATA : -EFAULT;
        }
        if (!p->data[slot])
            p->data[slot] = mem_alloc(PAGE_BYTES);
        p->page[slot] = 0;
        if (image_read(p->img, page, p->data[slot], PAGE_BYTES) < 0) {
            p->faults++;
            return -EFAULT;
        }
        p->page[slot] = page + 1;
    }
    *ret = p->data[slot];
    return 0;
}

int mem_pages_read(struct mem_pages *p, uint64_t addr, void *buf, size_t len) {
    uint8_t *to = buf;
    while (len) {
        if (addr >= LIMIT_USER_ADDR)
            return -EFAULT;
        uint64_t page = addr & ~(PAGE_BYTES - 1);
        size_t part = PAGE_BYTES - (addr - page);
        const uint8_t *data;
        if (part > len)
            part = len;
        int r = pages_get(p, page, &data);
        if (r < 0)
            return r;
        memcpy(to, data + (addr - page), part);
        to += part;
        addr += part;
        len -= part;
    }
    return 0;
}

int mem_pages_u64(struct mem_pages *p, uint64_t addr, uint64_t *ret) {
    return mem_pages_read(p, addr, ret, sizeof *ret);
}

void res_cursor_seek(struct res_cursor *c, const struct residency *res, uint64_t addr) {
    c->res = res;
    c->i = res ? residency_lower_bound(res, addr) : 0;
}

uint64_t res_cursor_slow(struct res_cursor *c, uint64_t start, uint64_t end) {
    uint64_t sum = 0;
    if (!c->res)
        return 0;
    while (c->i < c->res->n && c->res->at[c->i].end <= start)
        c->i++;
    for (size_t i = c->i; i < c->res->n && c->res->at[i].start < end; i++) {
        uint64_t from = c->res->at[i].start > start ? c->res->at[i].start : start;
        uint64_t to = c->res->at[i].end < end ? c->res->at[i].end : end;
        sum += to - from;
        c->i = i;
    }
    return sum;
}

void sort_addresses(uint64_t *at, size_t n) {
    uint64_t any = 0, all = UINT64_MAX;
    if (n < 2)
        return;
    cleanup_free uint64_t *tmp = mem_grow(NULL, n, sizeof *tmp);
    for (size_t i = 0; i < n; i++) {
        any |= at[i];
        all &= at[i];
    }
    uint64_t *from = at, *to = tmp;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t count[257] = {0};
        if (!(((any ^ all) >> shift) & 0xff))
            continue; /* this byte is the same everywhere */
        for (size_t i = 0; i < n; i++)
            count[((from[i] >> shift) & 0xff) + 1]++;
        for (size_t b = 0; b < 256; b++)
            count[b + 1] += count[b];
        for (size_t i = 0; i < n; i++)
            to[count[(from[i] >> shift) & 0xff]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != at)
        memcpy(at, from, n * sizeof *at);
}
