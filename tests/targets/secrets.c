// Secrets in every place that a C program can put one. They are made of the seed that comes by
// stdin, so that none stands in this binary.
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SECRET = 64 };

static char in_bss[SECRET];
static char in_data[SECRET] = "this was in the file";
static _Thread_local char in_tls[SECRET];
static char seed[SECRET];
static void *volatile kept[8];

static char *make(char *to, const char *name) {
    snprintf(to, SECRET, "%s-%s-%sEnd", name, seed, seed);
    return to;
}

/* Stays in read() with secrets on its stack, as a thread does that waits for work. */
static void *wait_on_stack(void *arg) {
    char on_stack[SECRET], c;
    make(on_stack, arg);
    make(in_tls, "tls");
    printf("READY {\"x\": 1}\n"); /* once for each thread */
    fflush(stdout);
    while (read(0, &c, 1) > 0)
        ;
    __asm__ volatile("" : : "r"(on_stack) : "memory");
    return NULL;
}

/* Deeper than later calls reach. */
static void leave_on_stack(void) {
    char below[1024][SECRET];
    for (int i = 0; i < 1024; i++)
        make(below[i], "dead");
    __asm__ volatile("" : : "r"(below) : "memory");
}

static void plant(void) {
    char *p;
    make(kept[0] = malloc(100), "live");
    p = make((char *)malloc(200) + 100, "tcached") - 100;
    free(p);
    p = malloc(5000);
    kept[1] = malloc(100); /* keeps it from joining the top */
    make(p + 2000, "binned");
    free(p);
    make(kept[2] = malloc(1 << 20), "mmapped");
    make((char *)(kept[3] = memalign(4096, 300000)) + 1000, "aligned");
    p = malloc(60000);
    make(p + 30000, "top");
    free(p);
    make(kept[4] = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
         "anonymous");
    int fd = memfd_create("secrets", 0);
    if (ftruncate(fd, 8192) < 0)
        exit(1);
    make(kept[5] = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), "shared");
    make(in_bss, "bss");
    make(in_data, "data");
    leave_on_stack();
}

int main(void) {
    static char name[] = "thread";
    pthread_t t;
    printf("READY {}\n");
    fflush(stdout);
    if (scanf("%40s", seed) != 1)
        return 1;
    plant();
    pthread_create(&t, NULL, wait_on_stack, name);
    wait_on_stack((char[]){'s', 't', 'a', 'c', 'k', 0});
    return 0;
}
