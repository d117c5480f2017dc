#include "model/malloc_remedies.h"

/* Less than this is not worth a change of settings, and less than what two runs differ by. */
#define SAME_PERCENT 5
/* Ends of thread arenas are cut down to a chunk's minimum and top_pad (128 KiB by default). */
#define END_BYTES (MALLOC_LARGE + 4096)
/* Below this part of what is free, what is in use says nothing of what was freed. */
#define TELLING_PART 1000
/* Fewer large chunks than this may be there by chance. */
#define TELLING_COUNT 8
/* What chance has a part in is not worth a word when it is no more of RSS than that. */
#define GAP_PERCENT 10

static uint64_t at_most(uint64_t v, uint64_t limit) {
    return v < limit ? v : limit;
}

static uint64_t minus(uint64_t a, uint64_t b) {
    return a > b ? a - b : 0;
}

/* What the target counts itself may be anything. */
static uint64_t share_of(uint64_t v, uint64_t part, uint64_t whole) {
    double share = whole ? (double)v * (double)part / (double)whole : 0;
    return share < 0x1p63 ? (uint64_t)share : 1ull << 63;
}

static uint64_t resident_of(const struct malloc_arena *a) {
    uint64_t sum = 0;
    for (int s = 0; s < MALLOC_STATES; s++)
        sum += a->share[s].resident;
    return sum;
}

/* What is there whatever is free: chunks in use, in caches, headers. */
static uint64_t held_of(const struct malloc_arena *a) {
    return resident_of(a) - malloc_arena_free(a).resident;
}

struct sums {
    uint64_t resident, held, peak; /* of all arenas; peak: as far as it was resident */
};

static bool gave_back(const struct malloc_arena *a) {
    return a->system_bytes < a->max_system_bytes / 4;
}

/* Of an arena that gave most of its memory back nobody knows how much of its peak was resident. */
static uint64_t peak_of(const struct malloc_arena *a) {
    uint64_t resident = resident_of(a);
    if (gave_back(a))
        return a->max_system_bytes;
    uint64_t peak = share_of(a->max_system_bytes, resident, a->system_bytes);
    return peak > resident ? peak : resident;
}

static struct sums sum_up(const struct malloc_census *c) {
    struct sums s = {0};
    for (size_t i = 0; i < c->arenas.n; i++) {
        s.resident += resident_of(&c->arenas.at[i]);
        s.held += held_of(&c->arenas.at[i]);
        s.peak += peak_of(&c->arenas.at[i]);
    }
    return s;
}

/* What a thread arena that keeps something keeps where nothing pins it. */
static uint64_t kept_by_one(const struct malloc_census *c) {
    uint64_t sum = 0, n = 0;
    for (size_t i = 1; i < c->arenas.n; i++) {
        uint64_t free = malloc_arena_free(&c->arenas.at[i]).resident;
        if (free < MALLOC_LARGE)
            continue;
        sum += free;
        n++;
    }
    return n ? at_most(sum / n, c->glibc.trim_threshold) : 0;
}

/* `part` of one, as often as n / d says, whole times and the rest in proportion. */
static double power(double part, size_t n, size_t d) {
    double all = 1;
    for (size_t i = 0; i < n / d; i++)
        all *= part;
    return all * (1 - (1 - part) * (double)(n % d) / (double)d);
}

/* What of the peak thread arenas gave back, which nothing of theirs pins, and how much of that
 * would be pinned in the mean with n arenas: what is in the main one, and in another that is shared
 * with at least one of the threads that free and allocate and are not among those that gave back.
 */
static void returned(const struct malloc_census *c, unsigned n, uint64_t *ret_bytes,
                     double *ret_pinned) {
    size_t threads = c->arenas.n - 1, busy = 0;
    *ret_bytes = 0;
    for (size_t i = 1; i < c->arenas.n; i++) {
        const struct malloc_arena *a = &c->arenas.at[i];
        if (gave_back(a))
            *ret_bytes += peak_of(a);
        else
            busy += a->share[MALLOC_BINNED].count > 0;
    }
    size_t others = threads > n ? threads - n : 0;
    double alone = power(1 - (double)busy / (double)threads, others, n);
    *ret_pinned = 1. / n + (1 - 1. / n) * (1 - alone);
}

/* RSS with at most n arenas, where there are more now, and between which it may be. */
static uint64_t rss_with_arenas(const struct malloc_census *c, const struct malloc_life *life,
                                unsigned n, uint64_t *ret_least, uint64_t *ret_most) {
    const struct malloc_arena *main = &c->arenas.at[0];
    struct sums s = sum_up(c);
    uint64_t other = minus(life->rss_bytes, s.resident), peak = s.peak;
    if (life->peak_rss_bytes)
        peak = at_most(peak, minus(life->peak_rss_bytes, other));
    uint64_t spare = minus(peak, s.held);
    uint64_t free = malloc_arena_free(main).bytes,
             below_pins = free - main->share[MALLOC_TOP].bytes;
    uint64_t ever_free = minus(main->max_system_bytes, minus(main->system_bytes, free));
    uint64_t pinned = at_most(share_of(spare, below_pins, ever_free), spare);
    uint64_t ends = main->share[MALLOC_TOP].resident + (n - 1) * kept_by_one(c);
    uint64_t rss = other + s.held + pinned + at_most(spare - pinned, ends);
    uint64_t bytes;
    double part;
    returned(c, n, &bytes, &part);
    bytes = share_of(pinned, bytes, s.peak);
    *ret_least = minus(rss, bytes - bytes / n);
    *ret_most = rss;
    return minus(rss, (uint64_t)((double)bytes * (1 - part)));
}

uint64_t malloc_rss_with_arenas(const struct malloc_census *c, const struct malloc_life *life,
                                unsigned n) {
    return n && c->arenas.n > n ? rss_with_arenas(c, life, n, &(uint64_t){0}, &(uint64_t){0})
                                : life->rss_bytes;
}

/* What is free in chunks of MALLOC_LARGE and more, and what of it was in such blocks. */
struct large {
    uint64_t free, in_blocks, beside, beside_large, beside_count;
};

static uint64_t was_in_blocks(const struct large *l) {
    bool silent = l->beside <= l->free / TELLING_PART;
    bool few = l->beside_count && l->beside_count < TELLING_COUNT;
    return silent || few ? l->in_blocks : share_of(l->free, l->beside_large, l->beside);
}

/* RSS with MALLOC_TRIM_THRESHOLD_ or MALLOC_MMAP_THRESHOLD_ of 131072: each of the two fixes both.
 * Threads do other work than the main one, and each of them much the same: what lies in their
 * arenas is taken together. */
static uint64_t rss_with_thresholds(const struct malloc_census *c, const struct malloc_life *life) {
    struct large of[2] = {0};
    uint64_t ends = 0;
    for (size_t i = 0; i < c->arenas.n; i++) {
        const struct malloc_arena *a = &c->arenas.at[i];
        struct large *l = &of[a->is_main];
        l->free += a->large_free_resident;
        l->in_blocks += a->block_free_resident;
        l->beside += a->beside_resident;
        l->beside_large += a->beside_large_resident;
        l->beside_count += a->beside_large_count;
        ends += minus(a->share[MALLOC_TOP].resident, END_BYTES);
    }
    return minus(life->rss_bytes, was_in_blocks(&of[0]) + was_in_blocks(&of[1]) + ends);
}

static enum malloc_effect effect_of(uint64_t rss, uint64_t now) {
    uint64_t little = now / 100 * SAME_PERCENT;
    return rss + little < now ? MALLOC_LESS : rss > now + little ? MALLOC_MORE : MALLOC_SAME;
}

static void estimate(struct malloc_remedy *r, uint64_t now, uint64_t rss, const char *const why[]) {
    r->has_estimate = true;
    r->rss_bytes = r->least_bytes = r->most_bytes = rss;
    r->effect = effect_of(rss, now);
    r->why = why[r->effect];
}

static void fewer_arenas(const struct malloc_census *c, const struct malloc_life *life, unsigned n,
                         const char *setting, struct malloc_remedy *r) {
    static const char *const why[] = {
        [MALLOC_LESS] = "the arenas keep at their ends what none of them needs at once",
        [MALLOC_SAME] = "what is kept is pinned, in few arenas as in many",
        [MALLOC_MORE] = ("arenas give back what only they used; what comes to lie among the main "
                         "arena's long-lived chunks would stay"),
    };
    *r = (struct malloc_remedy){.setting = setting};
    if (c->arenas.n <= n || (c->glibc.mp_addr && c->glibc.arena_max && c->glibc.arena_max <= n)) {
        estimate(r, life->rss_bytes, life->rss_bytes, why);
        r->why = "there are no more arenas than that";
    } else if (!c->glibc.mp_addr) {
        r->effect = MALLOC_EFFECT_UNKNOWN;
        r->why = "malloc's settings were not found";
    } else {
        uint64_t least, most, rss = rss_with_arenas(c, life, n, &least, &most);
        estimate(r, life->rss_bytes, rss, why);
        r->least_bytes = least;
        r->most_bytes = most;
    }
}

static void fixed_thresholds(const struct malloc_census *c, const struct malloc_life *life,
                             const char *setting, struct malloc_remedy *r) {
    static const char *const why[] = {
        [MALLOC_LESS] = ("blocks of 128 KiB and more would go back when they are freed, and so "
                         "would the ends of arenas"),
        [MALLOC_SAME] = "little of what is kept was in blocks of 128 KiB and more, or at ends",
        [MALLOC_MORE] = "",
    };
    const struct malloc_glibc *g = &c->glibc;
    *r = (struct malloc_remedy){.setting = setting};
    if (!g->mp_addr) {
        r->effect = MALLOC_EFFECT_UNKNOWN;
        r->why = "malloc's settings were not found";
    } else if (g->mmap_threshold <= MALLOC_LARGE + 4096 &&
               g->trim_threshold <= 2 * MALLOC_LARGE + 8192) {
        estimate(r, life->rss_bytes, life->rss_bytes, why);
        r->why = "no block of 128 KiB or more was ever freed, so the thresholds are there already";
    } else {
        estimate(r, life->rss_bytes, rss_with_thresholds(c, life), why);
    }
}

/* What has to be started again may keep less than it does now. */
static void leave_to_chance(const struct malloc_census *c, const struct malloc_life *life,
                            struct malloc_remedy *r) {
    uint64_t gap = c->arenas.at[0].biggest_free_resident;
    if (!r->has_estimate || r->is_now)
        return;
    if (gap > life->rss_bytes / 100 * GAP_PERCENT)
        r->least_bytes = minus(r->least_bytes, gap);
    if (r->most_bytes - r->least_bytes <= r->rss_bytes / 100 * GAP_PERCENT)
        r->least_bytes = r->most_bytes = r->rss_bytes;
}

size_t malloc_remedies(const struct malloc_census *c, const struct malloc_life *life,
                       struct malloc_remedy ret[MALLOC_REMEDIES]) {
    static const char *const trim_why[] = {
        [MALLOC_LESS] = "whole free pages, counted chunk by chunk; they come back with the load",
        [MALLOC_SAME] = "there are few whole free pages",
        [MALLOC_MORE] = "",
    };
    if (c->kind != MALLOC_GLIBC || !c->has_residency || !c->arenas.n || !life->rss_bytes)
        return 0;
    struct malloc_remedy *trim = &ret[REMEDY_TRIM];
    *trim = (struct malloc_remedy){.setting = "malloc_trim(0)", .is_now = true, .exact = true};
    estimate(trim, life->rss_bytes, minus(life->rss_bytes, malloc_census_trimmable(c)), trim_why);
    fewer_arenas(c, life, 1, "MALLOC_ARENA_MAX=1", &ret[REMEDY_ARENA_MAX_1]);
    fewer_arenas(c, life, 2, "MALLOC_ARENA_MAX=2", &ret[REMEDY_ARENA_MAX_2]);
    fewer_arenas(c, life, 4, "MALLOC_ARENA_MAX=4", &ret[REMEDY_ARENA_MAX_4]);
    fixed_thresholds(c, life, "MALLOC_TRIM_THRESHOLD_=131072", &ret[REMEDY_TRIM_THRESHOLD]);
    fixed_thresholds(c, life, "MALLOC_MMAP_THRESHOLD_=131072", &ret[REMEDY_MMAP_THRESHOLD]);
    ret[REMEDY_OTHER] = (struct malloc_remedy){
        .setting = "jemalloc, mimalloc",
        .effect = MALLOC_EFFECT_UNKNOWN,
        .why = "another allocator's ways cannot be read off glibc's chunks: try it, with its decay "
               "set"};
    for (size_t i = 0; i < MALLOC_REMEDIES; i++)
        leave_to_chance(c, life, &ret[i]);
    return MALLOC_REMEDIES;
}

size_t malloc_remedies_of(const struct evidence *ev, struct malloc_remedy ret[MALLOC_REMEDIES]) {
    struct malloc_life life = {.rss_bytes = ev->residency.total_bytes};
    if (!ev->has_malloc)
        return 0;
    if (ev->has_process)
        process_size_get(&ev->process, PROCESS_RSS_PEAK, &life.peak_rss_bytes);
    return malloc_remedies(&ev->malloc, &life, ret);
}

const char *malloc_effect_name(enum malloc_effect e) {
    static const char *const names[] = {[MALLOC_LESS] = "less",
                                        [MALLOC_SAME] = "same",
                                        [MALLOC_MORE] = "more",
                                        [MALLOC_EFFECT_UNKNOWN] = "unknown"};
    return names[e];
}
