/* Thread caches. The pointer to a thread's tcache is in libc's static TLS, at the same distance
 * from fs_base in every thread of a process, but at another one in every program: it is learnt from
 * the threads together. `thread_arena` is found next to it in the same way. */
#include "base/limits.h"
#include "malloc/glibc.h"
#include <errno.h>
#include <string.h>

enum { TLS_REACH = 4096, TLS_WORDS = TLS_REACH / 8 };
enum { LIST_MAX = 1024 }; /* tcache_count is at most UINT16_MAX; the default 7, 16 in 2.43 */
enum { LEARN_THREADS = 64 };

struct tcache {
    uint64_t addr;
    const struct tcache_layout *layout;
    uint32_t entries; /* chunks in it */
    uint32_t broken;  /* lists that did not hold */
};

/* The words below fs_base, [0] being the nearest. What is unreadable is 0. */
static void read_tls(struct glibc *g, uint64_t fs_base, uint64_t words[TLS_WORDS]) {
    memset(words, 0, TLS_REACH);
    if ((fs_base & 7) || fs_base < TLS_REACH || fs_base >= LIMIT_USER_ADDR)
        return;
    for (uint64_t i = 0; i < TLS_WORDS; i++)
        if (mem_pages_u64(&g->pages, fs_base - 8 * (i + 1), &words[i]) < 0) {
            /* nothing more on this page */
            uint64_t left = ((fs_base - 8 * (i + 1)) & (PAGE_BYTES - 1)) / 8;
            i += left;
        }
}

static uint64_t counter(const struct tcache_layout *l, const uint8_t *bytes, unsigned bin) {
    if (l->count_bytes == 1)
        return bytes[bin];
    uint16_t v;
    memcpy(&v, bytes + 2 * bin, sizeof v);
    return v;
}

static void size_of_bin(const struct tcache_layout *l, unsigned bin, uint64_t *from, uint64_t *to) {
    if (bin < l->small) {
        *from = *to = CHUNK_MIN + 16ull * bin;
    } else { /* 2.42-: large bins hold doublings */
        *from = CHUNK_MIN + 16ull * l->small;
        *to = 8ull << 20;
    }
}

/* Follow one list; gives its length, or -1 when it leads nowhere. */
static int follow_bin(struct glibc *g, const struct tcache_layout *l, unsigned bin, uint64_t entry,
                      uint64_t limit, int mangled, bool keep) {
    uint64_t from, to, word, n = 0;
    size_of_bin(l, bin, &from, &to);
    for (; entry && n < limit; n++) {
        if (entry < 16 || !glibc_is_chunk(g, entry - 16, from, to) ||
            mem_pages_u64(&g->pages, entry, &word) < 0)
            return -1;
        if (keep && g->c->tcached.n < LIMIT_LISTED_CHUNKS)
            vec_push(&g->c->tcached, entry - 16);
        entry = glibc_reveal(entry, word, mangled);
    }
    return (int)n;
}

/* Read the tcache at t->addr. A counter may be one off: the stop can fall between two stores. */
static int read_tcache(struct glibc *g, struct tcache *t, int mangled, bool keep) {
    const struct tcache_layout *l = t->layout;
    uint8_t bytes[TCACHE_MAX_BYTES];
    t->entries = t->broken = 0;
    if (mem_pages_read(&g->pages, t->addr, bytes, l->bytes) < 0)
        return -EFAULT;
    for (unsigned bin = 0; bin < l->bins; bin++) {
        uint64_t entry, n = counter(l, bytes, bin);
        memcpy(&entry, bytes + l->entries + 8 * bin, sizeof entry);
        if (l->slots_left)
            n = g->c->glibc.has_tcache_settings && n <= g->c->glibc.tcache_count
                    ? g->c->glibc.tcache_count - n
                    : LIST_MAX;
        if (n > LIST_MAX)
            return -EBADMSG;
        if (!entry && n == 0)
            continue;
        int found = follow_bin(g, l, bin, entry, n + 1, mangled, keep);
        if (found >= 0)
            t->entries += (uint32_t)found;
        if (found < 0 || (n != LIST_MAX && ((uint64_t)found > n + 1 || (uint64_t)found + 1 < n)))
            t->broken++;
    }
    return 0;
}

/* What the word could be, by the size of the chunk it points to. */
static const struct tcache_layout *tcache_candidate(struct glibc *g, uint64_t word) {
    uint64_t size;
    size_t span;
    if (!word || (word & 15) || !malloc_census_owner(g->c, word, &span) ||
        mem_pages_u64(&g->pages, word - 8, &size) < 0)
        return NULL;
    size &= ~(uint64_t)CHUNK_FLAGS;
    for (size_t i = 0; i < TCACHE_LAYOUTS; i++)
        if (size == tcache_layouts[i].chunk || size == tcache_layouts[i].chunk + 16)
            return &tcache_layouts[i];
    return NULL;
}

struct learnt {
    uint32_t score[TLS_WORDS][2]; /* by plain and mangled */
    uint8_t layout[TLS_WORDS];
    uint32_t arenas[TLS_WORDS];
};

static void learn_from(struct glibc *g, const uint64_t words[TLS_WORDS], struct learnt *l) {
    for (size_t i = 0; i < TLS_WORDS; i++) {
        struct tcache t = {.addr = words[i], .layout = tcache_candidate(g, words[i])};
        if (!t.layout)
            continue;
        l->layout[i] = (uint8_t)(t.layout - tcache_layouts);
        for (int mangled = 0; mangled < 2; mangled++) {
            if (g->c->glibc.mangling_known && g->c->glibc.mangled != mangled)
                continue;
            if (read_tcache(g, &t, mangled, false) == 0 && t.broken == 0)
                l->score[i][mangled] += 1 + t.entries;
        }
    }
}

static int64_t arena_index(const struct glibc *g, uint64_t addr) {
    for (size_t i = 0; addr && i < g->c->arenas.n; i++)
        if (g->c->arenas.at[i].addr == addr)
            return (int64_t)i;
    return -1;
}

/* Distance of the TLS word most threads agree on, as a word index; -1: none. */
static int best_offset(const struct learnt *l, int *ret_mangled) {
    int best = -1;
    uint32_t score = 0;
    for (int i = 0; i < TLS_WORDS; i++)
        for (int m = 0; m < 2; m++)
            if (l->score[i][m] > score) {
                score = l->score[i][m];
                best = i;
                *ret_mangled = m;
            }
    return best;
}

/* thread_arena is within a few words of tcache: both are libc's. */
static int arena_offset(const struct learnt *l, int tcache) {
    int best = -1;
    for (int i = 0; i < TLS_WORDS; i++)
        if (l->arenas[i] && (best < 0 || l->arenas[i] > l->arenas[best]) &&
            (tcache < 0 || abs(i - tcache) <= 32))
            best = i;
    return best;
}

static void take_thread(struct glibc *g, const struct image_thread *th, int tcache_at,
                        const struct tcache_layout *layout, int arena_at) {
    uint64_t words[TLS_WORDS];
    read_tls(g, th->regs[IMAGE_FS_BASE], words);
    if (arena_at >= 0) {
        int64_t a = arena_index(g, words[arena_at]);
        if (a >= 0)
            vec_push(&g->c->arenas.at[a].tids, th->tid);
    }
    struct tcache t = {.addr = tcache_at >= 0 ? words[tcache_at] : 0, .layout = layout};
    if (!t.addr || !tcache_candidate(g, t.addr)) {
        /* Null, or 2.43's static dummy: this thread never freed into one. */
        g->c->coverage.threads_without_tcache++;
        return;
    }
    if (read_tcache(g, &t, g->c->glibc.mangled, true) < 0 || t.broken)
        g->c->coverage.tcaches_missing++;
    g->c->coverage.tcaches++;
    vec_push(&g->c->tcaches, t.addr);
}

void glibc_read_tcaches(struct glibc *g) {
    size_t n;
    const struct image_thread *threads = image_threads(g->img, &n);
    struct learnt *l = mem_zalloc(sizeof *l);
    uint64_t words[TLS_WORDS];
    size_t seen = 0;
    for (size_t i = 0; i < n; i++) {
        g->c->coverage.threads++;
        g->c->coverage.threads_with_regs += threads[i].has_regs;
        if (!threads[i].has_regs || seen++ >= LEARN_THREADS)
            continue;
        read_tls(g, threads[i].regs[IMAGE_FS_BASE], words);
        learn_from(g, words, l);
        for (size_t k = 0; k < TLS_WORDS; k++)
            l->arenas[k] += arena_index(g, words[k]) >= 0;
    }
    int mangled = 0, at = best_offset(l, &mangled), arena_at = arena_offset(l, at);
    const struct tcache_layout *layout = at >= 0 ? &tcache_layouts[l->layout[at]] : NULL;
    if (layout) {
        g->c->glibc.tcache_layout = layout->releases;
        g->c->glibc.tcache_chunk = layout->chunk;
        g->c->glibc.tcache_tls = 8 * ((uint64_t)at + 1);
        if (!g->c->glibc.mangling_known) {
            g->c->glibc.mangling_known = true;
            g->c->glibc.mangled = mangled;
        }
    }
    for (size_t i = 0; i < n && i < LIMIT_THREADS; i++)
        if (threads[i].has_regs)
            take_thread(g, &threads[i], at, layout, arena_at);
    free(l);
}
