/* tcmalloc's sizes and caches, gperftools 2.10, each found among the library's data by what
 * it must look like: the table of sizes ascends to 256 KiB; a thread's cache repeats the table; the
 * central caches have their own numbers in them. */
#include "base/limits.h"
#include "malloc/module_data.h"
#include "malloc/tcmalloc.h"
#include <string.h>

enum { SIZE_MAX_SMALL = 256 << 10, LIST_BYTES = 32 };
/* thread_cache.h, FreeList: list, length, lowater, max_length, length_overages, size. */
enum { LIST_LENGTH = 8, LIST_SIZE = 24, CACHE_REST = 512 };
/* central_freelist.h: lock, size class, two Spans of 48 bytes, two counters, 64 slots of a chain's
 * head and tail, how many of them are used. */
enum { CENTRAL_BYTES = 1216, CENTRAL_CLASS = 8, CENTRAL_SLOTS = 128, CENTRAL_USED = 1152 };
enum { SLOTS_MAX = 64 };

/* ---- sizes ---- */

/* common.h, SizeMap: class_to_size_, of 4 bytes each and [0] is 0, then class_to_pages_, of 8, and
 * num_size_classes. */
static bool size_map_at(struct tcmalloc *m, uint64_t at) {
    uint32_t sizes[TCMALLOC_CLASSES], n = 1;
    uint64_t classes, pages = (at + sizeof sizes + 7) & ~7ull;
    if (mem_pages_read(&m->t->pages, at, sizes, sizeof sizes) < 0 || sizes[0])
        return false;
    while (n < TCMALLOC_CLASSES && sizes[n] > sizes[n - 1] && sizes[n] % 8 == 0)
        n++;
    if (sizes[n - 1] != SIZE_MAX_SMALL ||
        mem_pages_u64(&m->t->pages, pages + TCMALLOC_CLASSES * 8, &classes) < 0 || classes != n)
        return false;
    memcpy(m->sizes, sizes, sizeof sizes);
    m->n_classes = n;
    return true;
}

/* The first size is in the upper half of a word with the 0 before it, or in the lower half. */
static bool is_size_map(void *arg, const struct module_data *d, uint64_t at, uint64_t word) {
    uint32_t low = (uint32_t)word, high = (uint32_t)(word >> 32);
    (void)d;
    return (!low && (high == 8 || high == 16) && size_map_at(arg, at)) ||
           ((low == 8 || low == 16) && high > low && size_map_at(arg, at - 4));
}

bool tcmalloc_find_sizes(struct tcmalloc *m) {
    return module_data_search(m->t, 0, is_size_map, m);
}

/* ---- lists of objects ---- */

static bool is_object(const struct tcmalloc *m, uint64_t at, uint32_t size_class) {
    const struct tcmalloc_span *s = tcmalloc_span_at(m, at);
    return s && s->location == SPAN_IN_USE && s->size_class == size_class &&
           (at - s->start) % m->sizes[size_class] == 0 && at + m->sizes[size_class] <= s->end;
}

/* A chain of at most `n` objects of a class. */
static void read_chain(struct tcmalloc *m, uint64_t at, uint64_t n, uint32_t size_class,
                       tcmalloc_list *to) {
    for (; at && n; n--) {
        uint64_t next;
        if (!is_object(m, at, size_class) || to->n >= LIMIT_LISTED_CHUNKS ||
            mem_pages_u64(&m->t->pages, at, &next) < 0) {
            m->t->c->coverage.list_errors++;
            return;
        }
        vec_push(to, at);
        at = next;
    }
}

/* ---- threads' caches ---- */

static bool is_cache(struct tcmalloc *m, uint64_t at) {
    uint8_t lists[TCMALLOC_CLASSES * LIST_BYTES];
    if (at % 8 || at >= LIMIT_USER_ADDR ||
        mem_pages_read(&m->t->pages, at, lists, m->n_classes * (size_t)LIST_BYTES) < 0)
        return false;
    for (uint32_t c = 1; c < m->n_classes; c++) {
        uint32_t size;
        memcpy(&size, lists + c * LIST_BYTES + LIST_SIZE, sizeof size);
        if (size != m->sizes[c])
            return false;
    }
    return true;
}

static bool find_cache(void *arg, const struct module_data *d, uint64_t at, uint64_t word) {
    struct tcmalloc *m = arg;
    uint64_t size = 0;
    (void)d;
    (void)at;
    /* A look at one class spares most words the rest. */
    if (word % 8 || word >= LIMIT_USER_ADDR ||
        mem_pages_u64(&m->t->pages, word + LIST_BYTES + LIST_SIZE, &size) < 0 ||
        (uint32_t)size != m->sizes[1] || !is_cache(m, word))
        return false;
    m->first_cache = word;
    return true;
}

static void read_cache(struct tcmalloc *m, uint64_t at) {
    for (uint32_t c = 1; c < m->n_classes; c++) {
        uint64_t list[2]; /* the list; its length below */
        if (mem_pages_read(&m->t->pages, at + c * LIST_BYTES, list, sizeof list) < 0)
            return;
        read_chain(m, list[0], (uint32_t)list[1], c, &m->cached);
    }
}

/* How far behind the lists next_ and prev_ stand: where a cache has one whose prev_ is the first.
 * With one thread there is none. */
static uint64_t next_offset(struct tcmalloc *m, uint64_t cache) {
    uint64_t words[CACHE_REST / 8], base = TCMALLOC_CLASSES * LIST_BYTES, back;
    if (mem_pages_read(&m->t->pages, cache + base, words, sizeof words) < 0)
        return 0;
    for (size_t i = 0; i + 1 < CACHE_REST / 8; i++)
        if (words[i] && words[i] != cache && is_cache(m, words[i]) &&
            mem_pages_u64(&m->t->pages, words[i] + base + i * 8 + 8, &back) == 0 && back == cache)
            return base + i * 8;
    return 0;
}

/* The pointer that was found may be to any of them. */
static void read_caches(struct tcmalloc *m) {
    uint64_t at = m->first_cache, next = next_offset(m, at), before;
    struct malloc_coverage *v = &m->t->c->coverage;
    if (!next) { /* it may be the last of several */
        uint64_t words[CACHE_REST / 8];
        uint64_t base = TCMALLOC_CLASSES * LIST_BYTES;
        if (mem_pages_read(&m->t->pages, at + base, words, sizeof words) == 0)
            for (size_t i = 0; i < CACHE_REST / 8 && !next; i++)
                if (words[i] && words[i] != at && is_cache(m, words[i]))
                    next = next_offset(m, words[i]);
    }
    for (uint32_t n = 0; next && n < LIMIT_THREADS &&
                         mem_pages_u64(&m->t->pages, at + next + 8, &before) == 0 && before;
         n++)
        at = before;
    while (at && v->tcaches < LIMIT_THREADS && is_cache(m, at)) {
        v->tcaches++;
        read_cache(m, at);
        if (!next || mem_pages_u64(&m->t->pages, at + next, &at) < 0)
            break;
    }
}

/* ---- central caches ---- */

static bool is_central(void *arg, const struct module_data *d, uint64_t at, uint64_t word) {
    struct tcmalloc *m = arg;
    uint64_t number;
    if (word != 1 || at < d->start + CENTRAL_BYTES + CENTRAL_CLASS)
        return false;
    uint64_t base = at - CENTRAL_BYTES - CENTRAL_CLASS;
    for (uint32_t c = 0; c < m->n_classes; c++)
        if (mem_pages_u64(&m->t->pages, base + (uint64_t)c * CENTRAL_BYTES + CENTRAL_CLASS,
                          &number) < 0 ||
            number != c)
            return false;
    m->central = base;
    return true;
}

static void read_central(struct tcmalloc *m) {
    for (uint32_t c = 1; c < m->n_classes; c++) {
        uint64_t at = m->central + (uint64_t)c * CENTRAL_BYTES, used, chain;
        if (mem_pages_u64(&m->t->pages, at + CENTRAL_USED, &used) < 0)
            return;
        used = (uint32_t)used;
        if (used > SLOTS_MAX) {
            m->t->c->coverage.list_errors++;
            continue;
        }
        for (uint64_t i = 0; i < used; i++)
            if (mem_pages_u64(&m->t->pages, at + CENTRAL_SLOTS + i * 16, &chain) == 0)
                read_chain(m, chain, UINT64_MAX, c, &m->transfer);
    }
}

void tcmalloc_find_caches(struct tcmalloc *m) {
    size_t n;
    image_threads(m->t->img, &n);
    m->t->c->coverage.threads = m->t->c->coverage.threads_with_regs = (uint32_t)n;
    m->t->c->coverage.tcaches = 0;
    if (module_data_search(m->t, 0, find_cache, m))
        read_caches(m);
    else
        m->t->c->coverage.tcaches_missing++;
    if (module_data_search(m->t, 0, is_central, m))
        read_central(m);
    else
        m->t->c->coverage.list_errors++;
    sort_addresses(m->cached.at, m->cached.n);
    sort_addresses(m->transfer.at, m->transfer.n);
}
