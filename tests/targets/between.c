/* Maps what looks like a page of V8's heap, 256 KiB at a multiple of that, between its own bss and
 * its brk heap, where V8's random addresses put one now and then. argv[1] counts how often it was
 * started anew, for want of room there. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 256 << 10, TRIES = 20 };

extern char end[];

int main(int argc, char **argv) {
    uint64_t at = ((uintptr_t)end + PAGE) / PAGE * PAGE, heap = (uintptr_t)sbrk(0);
    int tries = argc > 1 ? atoi(argv[1]) : 0;
    if (at + PAGE >= heap && tries < TRIES) {
        char next[16];
        snprintf(next, sizeof next, "%d", tries + 1);
        execl("/proc/self/exe", argv[0], next, NULL);
    }
    char *page = mmap((void *)(uintptr_t)at, PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (page == MAP_FAILED)
        return 1;
    page[0] = 1;
    for (int i = 0; i < 1000; i++)
        ((volatile char *)malloc(100))[0] = 1;
    puts("READY {}");
    fflush(stdout);
    for (;;)
        pause();
}
