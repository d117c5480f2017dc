/* jemalloc's thread caches: a cache_bin_t for each size class, in the thread's static TLS, each
 * with a stack of freed blocks (cache_bin.h, 5.3.0). Found below the thread pointer by what they
 * must look like, and believed when each block in them is one of its class in use. */
#include "base/limits.h"
#include "malloc/jemalloc.h"
#include <string.h>

enum { TLS_BYTES = 64 << 10, BIN_WORDS = 3, BINS_MAX = 73, STACK_MAX = 1 << 13 };

struct bin {
    uint64_t head; /* of the stack, which grows downwards */
    uint64_t n;
};

/* The stack's bounds are known by their low 16 bits: low water, full, empty. */
static bool bin_read(const uint64_t w[BIN_WORDS], struct bin *ret) {
    uint16_t head = (uint16_t)w[0], low = (uint16_t)w[2], full = (uint16_t)(w[2] >> 16),
             empty = (uint16_t)(w[2] >> 32);
    uint16_t n = (uint16_t)(empty - head), room = (uint16_t)(empty - full);
    if (!w[0] || w[0] >= LIMIT_USER_ADDR || w[0] % 8 || n % 8 || room % 8 || n > room ||
        (uint16_t)(empty - low) > room)
        return false;
    *ret = (struct bin){w[0], n / 8};
    return true;
}

/* A block of that class that its extent has handed out. */
static bool is_block(const struct jemalloc *j, uint64_t at, uint32_t size_index) {
    const struct jemalloc_extent *x = jemalloc_extent_at(j, at);
    if (!x || !x->edata || x->state != EXTENT_ACTIVE || x->size_index != size_index)
        return false;
    return x->is_slab ? (at - x->start) % jemalloc_size(size_index) == 0 : at == x->addr;
}

static bool read_stack(struct jemalloc *j, const struct bin *b, uint32_t size_index) {
    uint64_t items[STACK_MAX];
    if (b->n > STACK_MAX ||
        (b->n && mem_pages_read(&j->t->pages, b->head, items, b->n * sizeof *items) < 0))
        return false;
    for (uint64_t i = 0; i < b->n; i++) {
        if (!is_block(j, items[i], size_index) || j->cached.n >= LIMIT_LISTED_CHUNKS)
            return false;
        vec_push(&j->cached, items[i]);
    }
    return true;
}

/* All small classes have a bin; of the larger, as many as were asked for at its start. */
static bool read_bins(struct jemalloc *j, const uint64_t *w, size_t words) {
    size_t before = j->cached.n;
    for (uint32_t i = 0; i < BINS_MAX && (i + 1) * BIN_WORDS <= words; i++) {
        struct bin b;
        if (bin_read(w + (size_t)i * BIN_WORDS, &b) && read_stack(j, &b, i))
            continue;
        if (i >= JEMALLOC_BINS)
            break;
        j->cached.n = before;
        return false;
    }
    return true;
}

/* What lies below the thread pointer, as far down as there is memory: the last `ret` words. */
static size_t read_tls(struct jemalloc *j, uint64_t fs, uint64_t words[TLS_BYTES / 8]) {
    uint64_t from = fs - TLS_BYTES, low = fs;
    while (low > from) {
        uint64_t page = (low - 1) & ~(PAGE_BYTES - 1), at = page > from ? page : from;
        if (mem_pages_read(&j->t->pages, at, words + (at - from) / 8, low - at) < 0)
            break;
        low = at;
    }
    return (fs - low) / 8;
}

static bool search_tls(struct jemalloc *j, uint64_t fs) {
    uint64_t words[TLS_BYTES / 8];
    size_t end = TLS_BYTES / 8, i = end - read_tls(j, fs, words);
    for (; i + (size_t)JEMALLOC_BINS * BIN_WORDS <= end; i++)
        if (read_bins(j, words + i, end - i))
            return true;
    return false;
}

void jemalloc_find_caches(struct jemalloc *j) {
    struct malloc_coverage *v = &j->t->c->coverage;
    size_t n;
    const struct image_thread *t = image_threads(j->t->img, &n);
    v->threads = (uint32_t)n;
    v->threads_with_regs = v->tcaches = v->threads_without_tcache = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t fs = t[i].regs[IMAGE_FS_BASE];
        if (!t[i].has_regs)
            continue;
        v->threads_with_regs++;
        if (fs >= TLS_BYTES && fs < LIMIT_USER_ADDR && fs % 8 == 0 && search_tls(j, fs))
            v->tcaches++;
        else
            v->threads_without_tcache++;
    }
    sort_addresses(j->cached.at, j->cached.n);
}
