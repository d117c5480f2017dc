#include "model/malloc_census.h"

#include "base/search.h"

size_t malloc_size_class_of(uint64_t chunk_size) {
    if (chunk_size <= 1024)
        return chunk_size ? (size_t)((chunk_size - 1) >> 4) : 0;
    /* Eight classes per doubling: (2^k, 2^k * 9/8], ... */
    unsigned k = 63 - (unsigned)__builtin_clzll(chunk_size - 1);
    size_t cls = 64 + (size_t)(k - 10) * 8 + (size_t)(((chunk_size - 1) >> (k - 3)) & 7);
    return cls < MALLOC_SIZE_CLASSES ? cls : MALLOC_SIZE_CLASSES - 1;
}

uint64_t malloc_size_class_limit(size_t cls) {
    if (cls < 64)
        return ((uint64_t)cls + 1) << 4;
    unsigned k = 10 + (unsigned)((cls - 64) / 8);
    return (1ull << k) + ((uint64_t)((cls - 64) % 8) + 1) * (1ull << (k - 3));
}

void malloc_census_done(struct malloc_census *c) {
    for (size_t i = 0; i < c->arenas.n; i++)
        vec_free(&c->arenas.at[i].tids);
    for (size_t i = 0; i < c->spans.n; i++)
        free(c->spans.at[i].index);
    vec_free(&c->arenas);
    vec_free(&c->spans);
    vec_free(&c->fast);
    vec_free(&c->tcached);
    vec_free(&c->tcaches);
    vec_free(&c->wanted);
    vec_free(&c->pieces);
}

bool malloc_census_owner(const struct malloc_census *c, uint64_t addr, size_t *ret_span) {
    size_t lo = first_where(c->spans.n, i, c->spans.at[i].end > addr);
    if (lo == c->spans.n || c->spans.at[lo].start > addr)
        return false;
    *ret_span = lo;
    return true;
}

struct malloc_share malloc_census_sum(const struct malloc_census *c, enum malloc_state s) {
    struct malloc_share sum = c->own[s];
    for (size_t i = 0; i < c->arenas.n; i++) {
        const struct malloc_share *h = &c->arenas.at[i].share[s];
        sum.bytes += h->bytes;
        sum.resident += h->resident;
        sum.count += h->count;
    }
    return sum;
}

uint64_t malloc_census_trimmable(const struct malloc_census *c) {
    uint64_t sum = 0;
    for (size_t i = 0; i < c->arenas.n; i++)
        sum += c->arenas.at[i].trimmable;
    return sum;
}

struct malloc_share malloc_arena_free(const struct malloc_arena *a) {
    const struct malloc_share *s = a->share;
    return (struct malloc_share){
        .bytes = s[MALLOC_FAST].bytes + s[MALLOC_BINNED].bytes + s[MALLOC_TOP].bytes,
        .resident = s[MALLOC_FAST].resident + s[MALLOC_BINNED].resident + s[MALLOC_TOP].resident,
        .count = s[MALLOC_FAST].count + s[MALLOC_BINNED].count + s[MALLOC_TOP].count,
    };
}

struct malloc_share malloc_census_free(const struct malloc_census *c) {
    struct malloc_share sum = {
        .bytes = c->own[MALLOC_BINNED].bytes + c->own[MALLOC_FREE_PAGES].bytes,
        .resident = c->own[MALLOC_BINNED].resident + c->own[MALLOC_FREE_PAGES].resident,
        .count = c->own[MALLOC_BINNED].count,
    };
    for (size_t i = 0; i < c->arenas.n; i++) {
        struct malloc_share of = malloc_arena_free(&c->arenas.at[i]);
        sum.bytes += of.bytes;
        sum.resident += of.resident;
        sum.count += of.count;
    }
    return sum;
}

bool malloc_census_complete(const struct malloc_census *c) {
    const struct malloc_coverage *v = &c->coverage;
    return (c->kind == MALLOC_GLIBC || c->own_walked) && !v->walk_errors && !v->list_errors &&
           !v->faults && !v->not_resident && !v->tcaches_missing && !v->mmapped_missing &&
           !v->arena_missing_bytes && !v->truncated && v->threads_with_regs == v->threads;
}

const char *malloc_kind_name(enum malloc_kind k) {
    static const char *const names[] = {
        [MALLOC_UNKNOWN] = "unknown",   [MALLOC_NONE] = "none",
        [MALLOC_GLIBC] = "glibc",       [MALLOC_JEMALLOC] = "jemalloc",
        [MALLOC_MIMALLOC] = "mimalloc", [MALLOC_TCMALLOC] = "tcmalloc",
        [MALLOC_MUSL] = "musl",
    };
    return names[k];
}

const char *malloc_state_name(enum malloc_state s) {
    static const char *const names[MALLOC_STATES] = {
        [MALLOC_IN_USE] = "in-use",
        [MALLOC_TCACHED] = "tcached",
        [MALLOC_FAST] = "fast",
        [MALLOC_BINNED] = "binned",
        [MALLOC_TOP] = "top",
        [MALLOC_METADATA] = "metadata",
        [MALLOC_RESERVE] = "reserve",
        [MALLOC_UNWALKED] = "unwalked",
        [MALLOC_FREE_PAGES] = "free-pages",
    };
    return names[s];
}
