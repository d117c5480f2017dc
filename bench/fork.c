/* What fork() itself costs a process of MB megabytes of touched memory in pages of 4 KiB:
 * fork MB RUNS prints the milliseconds of each. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    size_t size = strtoul(argv[1], NULL, 10) << 20;
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    madvise(p, size, MADV_NOHUGEPAGE);
    memset(p, 1, size);
    for (long i = strtol(argv[2], NULL, 10); i > 0; i--) {
        double began = now_ms();
        pid_t child = fork();
        if (child == 0)
            for (;;)
                pause();
        printf("%.3f\n", now_ms() - began);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return 0;
}
