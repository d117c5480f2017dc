/* The arenas' locks, seen from outside while the process runs. */
#include "base/limits.h"
#include "malloc/glibc.h"
#include <errno.h>
#include <time.h>

enum { LOOKS = 200 };
#define LOOK_AGAIN_NS 20000

/* malloc.c, struct malloc_state, 2.17-2.43: the mutex comes first, an int that is 0 while open. */
static int seen_open(const struct image *img, uint64_t arena, int *looks) {
    uint64_t word;
    for (; *looks < LOOKS; ++*looks) {
        if (image_read_u64(img, arena, &word) < 0)
            return -EFAULT;
        if ((uint32_t)word == 0)
            return 0;
        nanosleep(&(struct timespec){0, LOOK_AGAIN_NS}, NULL);
    }
    return -EAGAIN;
}

/* Along the ring of now: there may be arenas that were not when the census was taken. */
int malloc_locks_seen_open(const struct image *img, const struct malloc_census *c) {
    uint64_t at = c->glibc.main_arena;
    int looks = 0;
    for (uint32_t n = 0; n < LIMIT_ARENAS; n++) {
        int r = seen_open(img, at, &looks);
        if (r == 0)
            r = image_read_u64(img, at + c->glibc.bins_at + BINS_NEXT, &at);
        if (r < 0 || at == c->glibc.main_arena)
            return r;
    }
    return -E2BIG;
}
