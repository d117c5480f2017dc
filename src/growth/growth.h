/* What has grown between looks at one heap: which holders, and whether that is growth or the coming
 * and going of a busy program. Pure functions of what the looks found.
 *
 * A holder grows when it has more members at each look than at the one before, by more than what
 * chance does to a set whose members come and go. How many went is known from a sample of the
 * members: nobody leaves a leak. A set that was still filling, and slows down or has a bound beside
 * it that it has not reached, and one that has none of its earlier members any more, is not
 * decided. Where members stay the same, but what they hold grows, the bytes decide. */
#ifndef MEMWHY_GROWTH_GROWTH_H
#define MEMWHY_GROWTH_GROWTH_H

#include "growth/holders.h"

enum { GROWTH_LOOKS_MAX = 3 };

struct growth_look {
    const struct holders *holders;
    double seconds; /* since the look before; 0: not known */
};

enum growth_verdict {
    GROWTH_NONE,
    GROWTH_GROWS,
    GROWTH_SLOWS,   /* it grew less than a third as fast in the end: it may be filling up */
    GROWTH_BOUNDED, /* what looks like its bound is not reached */
    GROWTH_TURNS,   /* most of what was in it at the look before is gone: a queue, work under way */
    GROWTH_YOUNG,   /* it was not there at the first of two looks, and what it has is young */
};

enum growth_identity { GROWTH_BY_ADDRESS, GROWTH_BY_PATH, GROWTH_NEW };

struct growth {
    const struct holder *now, *then; /* then: at the first look; NULL: too small, or not there */
    enum growth_verdict verdict;
    enum growth_identity identity; /* how it was found again */
    bool by_bytes;                 /* its members are as before: what they hold has grown */
    int64_t members_delta, bytes_delta;
    uint32_t asked,
        kept; /* earlier members that were looked for, and found, in the last interval */
    double members_per_second, bytes_per_second; /* over all looks; 0: not known */
};

struct growth_list {
    VEC(struct growth) list; /* those whose verdict is not GROWTH_NONE; that grew most first */
};

/* Of two or three looks, the last one last. Borrows them. */
void growth_find(const struct growth_look *looks, size_t n, bool same_process,
                 struct growth_list *ret);

/* --- the rule, of one holder --- */

struct growth_step {
    uint64_t members, bytes;
    uint64_t lasting;     /* members that are no longer young */
    uint32_t asked, kept; /* of the members at the step before */
    double seconds;       /* since then; 0: not known */
};
/* What is known of all steps. */
struct growth_case {
    bool is_new; /* it was not found at the first */
    bool
        has_no_names; /* members cannot be found again: of two processes, or a process and a file */
};
enum growth_verdict growth_judge(const struct growth_step *steps, size_t n, struct growth_case c,
                                 bool *ret_by_bytes);

#endif
