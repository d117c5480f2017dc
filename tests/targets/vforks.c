/* One thread waits by far the most of the time for a child it made by vfork, which no signal and no
 * tracer ends; another one counts milliseconds. A line on stdin gives a READY with the longest gap.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHILD_MS = 300, BETWEEN_MS = 20 };
static atomic_long longest_ns;

static long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *vforks(void *arg) {
    const struct timespec life = {0, CHILD_MS * 1000000}, between = {0, BETWEEN_MS * 1000000};
    for (;;) {
        pid_t child = vfork();
        if (child == 0) {
            syscall(SYS_nanosleep, &life, NULL);
            _exit(0);
        }
        waitpid(child, NULL, 0);
        nanosleep(&between, NULL);
    }
    return arg;
}

static void *ticks(void *arg) {
    for (long last = now_ns();;) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        long now = now_ns();
        if (now - last > longest_ns)
            longest_ns = now - last;
        last = now;
    }
    return arg;
}

int main(void) {
    pthread_t t;
    char line[16];
    pthread_create(&t, NULL, vforks, NULL);
    pthread_create(&t, NULL, ticks, NULL);
    do {
        printf("READY {\"longest_ms\": %ld}\n", atomic_exchange(&longest_ns, 0) / 1000000);
        fflush(stdout);
    } while (read(0, line, sizeof line) > 0);
    return 0;
}
