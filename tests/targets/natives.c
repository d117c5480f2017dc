/* Holds blocks in known ways, and prints where each is, as text: READY {"NAME": "0x..."}. Lines on
 * stdin: "grow" makes what is reachable grow by what is in `struct growth`, "churn" allocates and
 * frees as much as it leaves; each is answered by a READY line. */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hold.h"

enum { NODES = 1000, CHURN = 20000, HASH = 1024, STEADY = 400 };

static char said[4096];
static size_t said_n;

/* As text, which is no reference. */
static void say(const char *name, const void *p) {
    said_n += (size_t)sprintf(said + said_n, "%s\"%s\":\"%p\"", said_n ? "," : "", name, p);
}

/* Nothing old may be left in a block, or it could refer to another one. */
static void *block(size_t size) {
    void *p = malloc(size);
    return memset(p, 0, malloc_usable_size(p));
}

struct node {
    struct node *next;
    char rest[64];
};

static struct node *list, *grown;
static void **table[64];
static void *dangling;
static double number;
static uint64_t mangled;
static void **mapping;
static int (*function)(const char *, ...);
static __thread void *local;

static uint64_t mangle(const void *p) {
    uint64_t w = (uint64_t)p;
    __asm__("xor %%fs:0x30, %0\n rol $17, %0" : "+r"(w));
    return w;
}

APART static void make(void) {
    void *p;
    for (int i = 0; i < NODES; i++) {
        struct node *n = block(sizeof *n);
        n->next = list;
        list = n;
        if (i == 0)
            say("last", n);
    }
    say("first", list);
    table[7] = block(800);
    table[7][12] = p = block(200);
    strcpy(p, "what an item of the table begins with");
    say("vector", table[7]);
    say("item", p);
    say("lost", block(500));
    dangling = block(600);
    say("freed", dangling);
    free(dangling);
    p = block(700);
    say("mangled", p);
    mangled = mangle(p);
    p = block(900);
    say("number", p);
    number = (double)(uint64_t)p;
    mapping = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    mapping[100] = block(80);
    say("mapping", mapping);
    say("mapped", mapping[100]);
    function = printf;
}

/* ---- what a thread holds ---- */

static pthread_barrier_t ready;

static void *thread(void *arg) {
    void *volatile mine = block(1000);
    (void)arg;
    local = block(2000);
    say("stacked", mine);
    say("local", local);
    void *p = block(3000);
    say("register", p);
    void *q = block(3100);
    say("packed", q);
    pthread_barrier_wait(&ready);
    hold_in_registers(p, q);
    return mine;
}

/* ---- what grows ---- */

struct entry {
    struct entry *next;
    char *key;
};

static struct entry *hash[HASH];
static void **vector;
static size_t in_vector, keys;
static void *steady[STEADY];

APART static void grow(void) {
    for (int i = 0; i < 2000; i++) {
        struct node *n = block(sizeof *n);
        n->next = grown;
        grown = n;
    }
    for (int i = 0; i < 500; i++) {
        struct entry *e = block(sizeof *e), **slot = &hash[keys * 7919 % HASH];
        e->key = block(100);
        sprintf(e->key, "the key of entry %zu", keys++);
        e->next = *slot;
        *slot = e;
    }
    for (int i = 0; i < 300; i++) {
        vector = realloc(vector, (in_vector + 1) * sizeof *vector);
        vector[in_vector++] = block(1500);
    }
}

APART static void churn(void) {
    for (int i = 0; i < CHURN; i++) {
        int k = rand() % STEADY;
        free(steady[k]);
        steady[k] = block(16 + (size_t)k * 5);
    }
}

/* Far below what is on the stack later. */
APART static void call_deep(void (*f)(void)) {
    volatile char room[1 << 17];
    room[0] = room[sizeof room - 1] = 0;
    f();
}

int main(void) {
    pthread_t t;
    char line[16];
    pthread_barrier_init(&ready, NULL, 2);
    call_deep(churn);
    call_deep(grow);
    call_deep(make);
    pthread_create(&t, NULL, thread, NULL);
    pthread_barrier_wait(&ready);
    usleep(50000);
    dprintf(1, "READY {%s}\n", said);
    for (ssize_t n; (n = read(0, line, sizeof line)) > 0;) {
        call_deep(line[0] == 'g' ? grow : churn);
        dprintf(1, "READY {}\n");
    }
    pause();
}
