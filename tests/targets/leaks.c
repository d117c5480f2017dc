/* Holds blocks in every way a program can, and forgets 700 others: 450 single ones, 50 that only
 * one of those refers to, 100 rings of two. Prints where those are:
 * {"lost": ["0x..."], "indirect": how many are lost with another}. argv[1] "trample": some headers
 * of blocks that are held are overwritten at last; "handles": five blocks of V8 handles are made.
 *
 * With OWN_START it can be linked without crt1.o and against the oldest symbol versions, so that it
 * runs under older and newer C libraries than it was built with (-nostartfiles). */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hold.h"
#include "own_start.h"

enum { SINGLES = 500, RINGS = 100, NODES = 2000, FREED = 3000, THREADS = 3 };

static char said[32768];
static size_t said_n;

/* As text, which is no reference. */
static void lose(const void *p) {
    said_n += (size_t)sprintf(said + said_n, "%s\"%p\"", said_n ? "," : "", p);
}

/* Nothing old may be left in a block, or it could refer to another one. */
static void *block(size_t size) {
    void *p = malloc(size);
    return memset(p, 0, malloc_usable_size(p));
}

struct ring {
    struct ring *other;
    char rest[40];
};

APART static void make_lost(void) {
    void **before = NULL;
    for (int i = 0; i < SINGLES; i++) {
        size_t size = i == 77 ? 300000 : 32 + (size_t)(i * 37) % 3000;
        void **p = block(size);
        if (i % 10 == 5)
            strcpy((char *)p, "nobody remembers");
        if (i % 10 == 1)
            before[0] = p;
        lose(p);
        before = p;
    }
    for (int i = 0; i < RINGS; i++) {
        struct ring *a = block(sizeof *a), *b = block(sizeof *b);
        a->other = b;
        b->other = a;
        lose(a);
        lose(b);
    }
}

/* ---- blocks that are held ---- */

struct node {
    struct node *next;
    char rest[50];
};

static void *global, *array[100], *tagged[8];
static char *inside;
static void **last_word;
static double number;
static uint64_t mangled;
static void ***mapped, ***shared, **big;
static struct node *list;
static __thread void *local;

static uint64_t mangle(const void *p) {
    uint64_t w = (uint64_t)p;
    __asm__("xor %%fs:0x30, %0\n rol $17, %0" : "+r"(w));
    return w;
}

static void ***page(int flags) {
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
}

APART static void make_held(void) {
    void *freed[FREED];
    global = block(100);
    for (int i = 0; i < 100; i++)
        array[i] = block(16 + (size_t)i * 50);
    for (int i = 0; i < 8; i++)
        tagged[i] = (char *)block(200) + i;
    inside = (char *)block(5000) + 4321;
    last_word = (void **)block(24) + 2;
    number = (double)(uint64_t)block(600);
    mangled = mangle(block(700));
    mapped = page(MAP_PRIVATE);
    shared = page(MAP_SHARED);
    mapped[100] = block(80);
    mapped[100][3] = block(90);
    shared[511] = block(81);
    big = block(400000);
    big[49999] = block(91);
    for (int i = 0; i < NODES; i++) {
        struct node *n = block(sizeof *n);
        n->next = list;
        list = n;
    }
    for (int i = 0; i < FREED; i++)
        freed[i] = malloc(16 + (size_t)i % 2000);
    for (int i = 0; i < FREED; i++)
        free(freed[i]);
}

static pthread_barrier_t ready;

/* Fills a thread's heap up to 48 bytes of its end, so that it is closed without room for both
 * fenceposts; blocks are held by one another. */
enum { HEAP_MAX = 64 << 20, PART = 64 << 10, LEFT = 48 };
static void **fill_heap(void) {
    void **all = NULL;
    for (;;) {
        void **p = malloc(PART - 16);
        uint64_t left = HEAP_MAX - ((uint64_t)p - 16) % HEAP_MAX;
        *p = all;
        all = p;
        if (left < 3 * PART && left > 2 * PART + LEFT + 256) {
            void **rest = malloc(left - PART - LEFT - 16);
            *rest = all;
            void **next_heap = malloc(PART);
            *next_heap = rest;
            return next_heap;
        }
    }
}

static void *thread(void *arg) {
    void *volatile filled = (intptr_t)arg == 2 ? fill_heap() : NULL;
    void *volatile mine = block(1000);
    local = block(2000);
    pthread_barrier_wait(&ready);
    if ((intptr_t)arg == 1)
        hold_in_registers(block(3000), block(3100));
    while (mine || filled)
        pause();
    return NULL;
}

/* Far below what is on the stack later. */
APART static void call_deep(void (*f)(void)) {
    volatile char room[1 << 17];
    room[0] = room[sizeof room - 1] = 0;
    f();
}

/* Blocks as V8's HandleScope makes them, full of one reference to what is laid out as `undefined`.
 */
static void make_handles(void) {
    static struct {
        uint64_t header[2];
        char text[24];
    } name = {.text = "undefined"};
    static uint64_t oddball[6];
    static uint64_t *blocks[5];
    oddball[2] = (uint64_t)&name + 1;
    for (int i = 0; i < 5; i++) {
        blocks[i] = block(1022 * 8);
        for (int k = 0; k < 1022; k++)
            blocks[i][k] = (uint64_t)oddball + 1;
    }
}

/* Somebody writes before the beginning of a block. */
static void trample(void) {
    for (int i = 10; i < 100; i += 30)
        memset((char *)array[i] - 8, 0xee, 8);
}

int main(int argc, char **argv) {
    void *volatile mine = malloc(50);
    pthread_t t;
    pthread_barrier_init(&ready, NULL, THREADS + 1);
    call_deep(make_held);
    call_deep(make_lost);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&t, NULL, thread, (void *)i);
    pthread_barrier_wait(&ready);
    usleep(50000);
    if (argc > 1 && !strcmp(argv[1], "trample"))
        trample();
    if (argc > 1 && !strcmp(argv[1], "handles"))
        make_handles();
    dprintf(1, "READY {\"lost\":[%s],\"indirect\":%d}\n", said, SINGLES / 10 + RINGS);
    while (mine)
        pause();
}
