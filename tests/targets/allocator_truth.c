/* Brings whatever malloc it runs with into a state that has everything in it - threads that live
 * and threads that have ended, blocks freed by another thread than their own, holes, large blocks -
 * and prints what is in use: the sum of malloc_usable_size() over what it holds; and jemalloc's and
 * tcmalloc's own figures, where it runs with them.
 *
 * argv[1]: "burst" frees nearly all of it in the end. */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 6, ENDED = 2, BLOCKS = 8000, LARGE = 24 };

static void *blocks[THREADS][BLOCKS], *large[LARGE];
static pthread_barrier_t filled;

static size_t any_size(uint32_t r) {
    uint32_t many = r >> 8;
    switch (r & 31) {
    case 0:
        return 1 + many % 60000;
    case 1:
    case 2:
        return 1 + many % 9000;
    default:
        return 1 + many % 700;
    }
}

/* Every block is written to, so that it is in memory. */
static void *block(size_t size) {
    void *p = malloc(size);
    return memset(p, 0x5a, size);
}

static void *fill(void *arg) {
    long id = (long)arg;
    void **at = blocks[id];
    uint32_t seed = (uint32_t)id * 7919u + 1;
    for (int i = 0; i < BLOCKS; i++) {
        seed = seed * 1664525u + 1013904223u;
        at[i] = block(any_size(seed));
    }
    for (int i = 0; i < BLOCKS; i++)
        if (i % 5 < 2) {
            free(at[i]);
            at[i] = NULL;
        }
    if (id < ENDED)
        return NULL;
    pthread_barrier_wait(&filled);
    for (;;)
        pause();
}

static void free_every(int step, int from) {
    for (int t = 0; t < THREADS; t++)
        for (int i = from; i < BLOCKS; i += step) {
            free(blocks[t][i]);
            blocks[t][i] = NULL;
        }
}

static void add(void *p, uint64_t *bytes, uint64_t *count) {
    if (!p)
        return;
    *bytes += malloc_usable_size(p);
    *count += 1;
}

static void print_jemalloc(void) {
    static const char *const names[] = {"allocated", "active", "metadata", "resident", "mapped"};
    int (*ctl)(const char *, void *, size_t *, void *, size_t) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "mallctl");
    memcpy(&ctl, &symbol, sizeof ctl);
    uint64_t epoch = 1;
    if (!ctl || ctl("epoch", NULL, NULL, &epoch, sizeof epoch))
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        size_t value = 0, len = sizeof value;
        snprintf(name, sizeof name, "stats.%s", names[i]);
        if (ctl(name, &value, &len, NULL, 0) == 0)
            printf(",\"%s\":%zu", names[i], value);
    }
}

static void print_tcmalloc(void) {
    static const char *const names[][2] = {
        {"allocated", "generic.current_allocated_bytes"},
        {"thread_caches", "tcmalloc.thread_cache_free_bytes"},
        {"central", "tcmalloc.central_cache_free_bytes"},
        {"transfer", "tcmalloc.transfer_cache_free_bytes"},
        {"page_heap", "tcmalloc.pageheap_free_bytes"},
    };
    int (*get)(const char *, size_t *) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "MallocExtension_GetNumericProperty");
    memcpy(&get, &symbol, sizeof get);
    for (size_t i = 0; get && i < sizeof names / sizeof *names; i++) {
        size_t value = 0;
        if (get(names[i][1], &value))
            printf(",\"%s\":%zu", names[i][0], value);
    }
}

static void print_truth(void) {
    uint64_t bytes = 0, count = 0;
    for (int t = 0; t < THREADS; t++)
        for (int i = 0; i < BLOCKS; i++)
            add(blocks[t][i], &bytes, &count);
    for (int i = 0; i < LARGE; i++)
        add(large[i], &bytes, &count);
    printf("READY {\"in_use\":%llu,\"blocks\":%llu", (unsigned long long)bytes,
           (unsigned long long)count);
    print_jemalloc();
    print_tcmalloc();
    printf("}\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    static char out[4096];
    setvbuf(stdout, out, _IOFBF, sizeof out);
    pthread_t t[THREADS];
    pthread_barrier_init(&filled, NULL, THREADS - ENDED + 1);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, fill, (void *)i);
    for (int i = 0; i < LARGE; i++)
        large[i] = block((size_t)(i + 1) << (i % 8 + 13));
    for (int i = 0; i < LARGE; i += 3) {
        free(large[i]);
        large[i] = NULL;
    }
    for (int i = 0; i < ENDED; i++)
        pthread_join(t[i], NULL);
    pthread_barrier_wait(&filled);
    free_every(7, 3);
    if (!strcmp(how, "burst"))
        for (int i = 0; i < 15; i++)
            free_every(16, i);
    print_truth();
    for (;;)
        pause();
}
