/* Brings malloc into a state that has everything in it - arenas of threads, one with heaps beyond
 * 64 MiB, fastbins, thread caches, holes, mmapped and aligned chunks - and prints what mallinfo()
 * and malloc_info() say of it. argv[1]: a file for malloc_info's XML. argv[2]: "sbrk", someone else
 * moves the break in between; "blocked", the break cannot move any more half way.
 *
 * With OWN_START it can be linked without crt1.o and against the oldest symbol versions, so that it
 * runs under older and newer C libraries than it was built with (-nostartfiles). */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "own_start.h"

enum { THREADS = 6, PER_THREAD = 20000, KEEP = 60000, BIG = 20, MARK_SIZE = 988, MARKS = 300 };

static void *keep[KEEP], *per_thread[THREADS][PER_THREAD], *heavy[2600], *big[BIG], *marks[MARKS];
static void *aligned[4];
static pthread_barrier_t built;

/* Small chunks of many sizes, two thirds freed: tcache, fastbins and small holes. */
static void *small_thread(void *arg) {
    void **at = per_thread[(long)arg];
    for (int i = 0; i < PER_THREAD; i++)
        at[i] = malloc(16 + (size_t)(i * 7) % 900);
    for (int i = 0; i < PER_THREAD; i++)
        if (i % 3) {
            free(at[i]);
            at[i] = NULL;
        }
    pthread_barrier_wait(&built);
    pause();
    return NULL;
}

/* More than a heap of 64 MiB holds, with holes: an arena of several heaps. */
static void *heavy_thread(void *arg) {
    (void)arg;
    for (int i = 0; i < 2600; i++)
        heavy[i] = memset(malloc(100000), 1, 100000);
    for (int i = 0; i < 2600; i += 5) {
        free(heavy[i]);
        heavy[i] = NULL;
    }
    pthread_barrier_wait(&built);
    pause();
    return NULL;
}

static void disturb(const char *how) {
    if (!strcmp(how, "sbrk"))
        memset(sbrk(100000), 0x5a, 100000);
    if (!strcmp(how, "blocked") &&
        mmap(sbrk(0), 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
            MAP_FAILED)
        abort();
}

static void build_main_arena(const char *how) {
    for (int i = 0; i < KEEP; i++) {
        if (i == KEEP / 2)
            disturb(how);
        size_t size = 24 + (size_t)(i * 37) % 2000;
        keep[i] = memset(malloc(size), 1, size);
        if (i % (KEEP / MARKS) == 0)
            marks[i / (KEEP / MARKS)] = malloc(MARK_SIZE);
    }
    for (int i = 0; i < KEEP; i++)
        if (i % 10) {
            free(keep[i]);
            keep[i] = NULL;
        }
    for (int i = 0; i < BIG; i++)
        big[i] = memset(malloc(200000 + (size_t)i), 1, 200000);
    free(big[3]); /* raises the dynamic threshold above the size of the others */
    big[3] = malloc(200000);
    for (int i = 0; i < 4; i++)
        if (posix_memalign(&aligned[i], (size_t)64 << (6 * i), 3000000))
            abort();
    memset(aligned[0], 1, 3000000);
}

/* Bytes of the chunks this program still holds, as malloc counts them (with their header). */
static size_t held(void **at, size_t n) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        if (at[i])
            sum += malloc_usable_size(at[i]) + 8;
    return sum;
}

static void report(const char *path) {
    static char buffer[65536], line[1024];
    FILE *xml = path ? fopen(path, "w") : NULL;
    size_t mine = held(keep, KEEP) + held(heavy, 2600) + held(marks, MARKS) + held(&big[3], 1);
    for (int i = 0; i < THREADS; i++)
        mine += held(per_thread[i], PER_THREAD);
    if (xml) {
        setvbuf(xml, buffer, _IOFBF, sizeof buffer);
        malloc_info(0, xml);
        fflush(xml);
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    struct mallinfo m = mallinfo(); /* mallinfo2() is of 2.33; everything here is below 2 GiB */
#pragma GCC diagnostic pop
    int n = snprintf(line, sizeof line,
                     "READY {\"arena\":%d,\"ordblks\":%d,\"smblks\":%d,\"fsmblks\":%d,\"hblks\":%d,"
                     "\"hblkhd\":%d,\"uordblks\":%d,\"fordblks\":%d,\"keepcost\":%d,"
                     "\"mine\":%zu,\"mark_chunk\":%d,\"marks\":%d}\n",
                     m.arena, m.ordblks, m.smblks, m.fsmblks, m.hblks, m.hblkhd, m.uordblks,
                     m.fordblks, m.keepcost, mine, (MARK_SIZE + 8 + 15) & ~15, MARKS);
    if (write(1, line, (size_t)n) != n)
        abort();
}

int main(int argc, char **argv) {
    pthread_t t;
    pthread_barrier_init(&built, NULL, THREADS + 2);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&t, NULL, small_thread, (void *)i);
    pthread_create(&t, NULL, heavy_thread, NULL);
    build_main_arena(argc > 2 ? argv[2] : "");
    pthread_barrier_wait(&built);
    usleep(100000);
    report(argc > 1 ? argv[1] : NULL);
    for (;;)
        pause();
}
