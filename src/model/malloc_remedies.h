/* What the settings people are told to try would do to this process: RSS as it would be, had the
 * process been started so and done the same. Pure functions of a glibc census with residency.
 *
 * Exact is only malloc_trim(0). The others are reasoned from how the chunks lie:
 *
 * Fewer arenas. What each arena ever held is known (max_system_mem). Put together it has at its
 * peak the sum of those, but no more than the process had resident at its own peak. How much of
 * that stays depends on what long-lived chunks pin; the main arena shows it, since it is in every
 * group and so are the program's own long-lived chunks: the part of it that is free and below a
 * pin. What is not pinned goes back, but for what malloc keeps at the end of each arena. Where an
 * arena gave everything back, nothing of its threads' pins it: that takes the main arena's chunks,
 * or those of a thread that comes to share another one with it. Which share one is chance: said is
 * the mean, and the least, where only the main arena pins its part.
 *
 * Fixed thresholds. Once a block above the mmap threshold is freed, glibc takes blocks of that size
 * from the arenas, and keeps twice as much at their ends. Fixed at 128 KiB such blocks stay
 * mappings, which go back when they are freed, and ends are cut. Which part of the free memory was
 * such blocks is not written anywhere: it is taken to be what it is among the chunks in use around
 * it, and where there are next to none, chunks no larger than the largest such block are taken for
 * one.
 *
 * Chance. Where the free memory of the brk heap lies in few gaps, it hangs on few chunks whether
 * the next run keeps it: what is said of a process yet to be started may be less by the largest
 * gap. */
#ifndef MEMWHY_MODEL_MALLOC_REMEDIES_H
#define MEMWHY_MODEL_MALLOC_REMEDIES_H

#include "model/evidence.h"

struct malloc_life {
    uint64_t rss_bytes;
    uint64_t peak_rss_bytes; /* VmHWM; 0 unknown */
};

enum malloc_effect { MALLOC_LESS, MALLOC_SAME, MALLOC_MORE, MALLOC_EFFECT_UNKNOWN };

struct malloc_remedy {
    const char *setting; /* "MALLOC_ARENA_MAX=2" */
    bool is_now;         /* what it does is done to the running process, not at its next start */
    enum malloc_effect effect;
    bool has_estimate, exact;
    uint64_t rss_bytes; /* then */
    /* Between which it may come to be, by chance; rss_bytes where that is not so. */
    uint64_t least_bytes, most_bytes;
    const char *why; /* a clause */
};

enum {
    REMEDY_TRIM,
    REMEDY_ARENA_MAX_1,
    REMEDY_ARENA_MAX_2,
    REMEDY_ARENA_MAX_4,
    REMEDY_TRIM_THRESHOLD,
    REMEDY_MMAP_THRESHOLD,
    REMEDY_OTHER,
    MALLOC_REMEDIES /* in that order */
};
/* Gives how many; 0 where nothing can be said (another allocator, no residency). */
size_t malloc_remedies(const struct malloc_census *c, const struct malloc_life *life,
                       struct malloc_remedy ret[MALLOC_REMEDIES]);

/* The same, of what one look gave. */
size_t malloc_remedies_of(const struct evidence *ev, struct malloc_remedy ret[MALLOC_REMEDIES]);

/* RSS with at most n arenas, of a process whose remedies are known. */
uint64_t malloc_rss_with_arenas(const struct malloc_census *c, const struct malloc_life *life,
                                unsigned n);

const char *malloc_effect_name(enum malloc_effect e);

#endif
