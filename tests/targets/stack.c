/* Stands still in stacks that it knows, and prints them: READY {"stack": [return addresses of the
 * C library's own unwinder, innermost first], "tid": N}. argv[1] says how it got there:
 *
 *   calls       through functions one, two, three
 *   deep N      N calls of the same function
 *   signal      in a signal handler, of a signal that came to three
 *   altstack    the same, on a stack of its own
 *   null        in the handler of a call to address 0
 *   smashed     three's return address is overwritten; zeroed: with 0
 *   threads     and there are threads that wait for a mutex, sleep, read the clock, and run */
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define KNOWN __attribute__((noinline, noclone))

static volatile int sink;
static const char *mode;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
void (*volatile nowhere)(void);

KNOWN void tell_and_stay(void), stay(void);
KNOWN void on_signal(int number);
KNOWN int one(int n), two(int n), three(int n), deeper(int n);
KNOWN void *waits(void *arg), *sleeps(void *arg), *asks_time(void *arg), *runs(void *arg);

KNOWN void stay(void) {
    printf("READY {}\n");
    fflush(stdout);
    for (;;)
        pause();
}

KNOWN void tell_and_stay(void) {
    static void *at[64];
    int n = backtrace(at, 64);
    printf("READY {\"tid\": %ld, \"stack\": [", (long)syscall(SYS_gettid));
    for (int i = 0; i < n; i++)
        printf("%s\"%p\"", i ? ", " : "", at[i]);
    printf("]}\n");
    fflush(stdout);
    for (;;)
        pause();
}

KNOWN void on_signal(int number) {
    sink = number;
    tell_and_stay();
    sink++;
}

KNOWN int deeper(int n) {
    if (n == 0)
        stay();
    return deeper(n - 1) + sink;
}

KNOWN int three(int n) {
    volatile char room[100] = {0};
    room[n] = 1;
    if (!strcmp(mode, "signal") || !strcmp(mode, "altstack"))
        raise(SIGUSR1);
    else if (!strcmp(mode, "null"))
        nowhere();
    else
        tell_and_stay();
    sink += room[n];
    return sink;
}

/* What a stray write does to a stack, at the place where it hurts. */
static void smash(uintptr_t with) {
    uintptr_t *word = __builtin_frame_address(0);
    for (int i = 0; i < 64; i++)
        word[i] = with;
    stay();
}

KNOWN int two(int n) {
    if (!strcmp(mode, "smashed"))
        smash(0x4141414141414141);
    else if (!strcmp(mode, "zeroed"))
        smash(0);
    sink = three(n + 1);
    return sink + 1;
}

KNOWN int one(int n) {
    sink = two(n + 1);
    return sink + 1;
}

KNOWN void *waits(void *arg) {
    pthread_mutex_lock(&held);
    return arg;
}

KNOWN void *sleeps(void *arg) {
    sleep(100000);
    return arg;
}

KNOWN void *asks_time(void *arg) {
    struct timespec t;
    for (;;)
        clock_gettime(CLOCK_MONOTONIC, &t);
    return arg;
}

KNOWN void *runs(void *arg) {
    for (;;)
        sink++;
    return arg;
}

static void begin(void *(*how)(void *), const char *name) {
    pthread_t t;
    if (pthread_create(&t, NULL, how, NULL))
        abort();
    pthread_setname_np(t, name);
}

static void catch_signals(int flags) {
    stack_t own = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = flags};
    if (flags & SA_ONSTACK)
        sigaltstack(&own, NULL);
    sigaction(SIGUSR1, &a, NULL);
    sigaction(SIGSEGV, &a, NULL);
}

int main(int argc, char **argv) {
    void *first[1];
    mode = argc > 1 ? argv[1] : "calls";
    backtrace(first, 1); /* loads the unwinder, which allocates */
    if (!strcmp(mode, "threads")) {
        pthread_mutex_lock(&held);
        begin(waits, "waits");
        begin(sleeps, "sleeps");
        begin(asks_time, "asks_time");
        begin(runs, "runs");
        usleep(200000);
    }
    catch_signals(!strcmp(mode, "altstack") ? SA_ONSTACK : 0);
    if (!strcmp(mode, "deep"))
        sink = deeper(argc > 2 ? atoi(argv[2]) : 1000);
    else
        sink = one(1);
    return sink;
}
