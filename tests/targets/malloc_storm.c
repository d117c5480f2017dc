/* Allocates and frees without pause in as many threads as argv[1] says. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4096 };

static size_t any_size(unsigned r) {
    if (r & 7)
        return 16 + (r >> 3) % 300;
    return r & 56 ? (r >> 6) % 9000 : (r >> 6) % 400000;
}

static void *storm(void *arg) {
    unsigned seed = (unsigned)(size_t)arg * 7919 + 1;
    void *slots[SLOTS] = {NULL};
    for (;;) {
        seed = seed * 1664525 + 1013904223;
        void **slot = &slots[(seed >> 8) % SLOTS];
        seed = seed * 1664525 + 1013904223;
        if (*slot) {
            free(*slot);
            *slot = NULL;
            continue;
        }
        size_t size = any_size(seed >> 8);
        *slot = malloc(size);
        if (*slot)
            memset(*slot, 1, size < 4096 ? size : 4096);
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t t;
    long n = argc > 1 ? strtol(argv[1], NULL, 10) : 4;
    for (long i = 1; i < n; i++)
        pthread_create(&t, NULL, storm, (void *)i);
    puts("READY {}");
    fflush(stdout);
    storm(NULL);
    return 0;
}
