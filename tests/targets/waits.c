/* Waits for events with every register of its own choosing, again and again, and compares them
 * after each wait: what looks at it, or has it call something, must leave them all. Free memory
 * lies between small blocks that stay. A line on stdin gives a READY with the counts. */
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BLOCKS = 20000, BLOCK = 9000, SMALL = 24, WAIT_MS = 2, VECTORS = 16 };

static uint64_t waits, broken_off;
static char wrong[200];

static struct {
    uint64_t general[6]; /* rbx, r12 to r15, rbp */
    _Alignas(16) uint8_t vectors[VECTORS][16];
    uint16_t control;
    uint32_t mxcsr;
    uint64_t red_zone, frame; /* frame: rbp before the wait */
    long result;
} seen;

static _Alignas(16) uint8_t vectors[VECTORS][16];
static const uint32_t other_mxcsr = 0x5f80; /* rounds down */
static const uint16_t other_control = 0x0b7f;

/* epoll_wait as the kernel has it, so that nothing stands between the call and the comparison. */
static void wait_once(int epoll, struct epoll_event *events) {
    uint32_t old_mxcsr;
    uint16_t old_control;
    register long timeout __asm__("r10") = WAIT_MS;
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(old_mxcsr), "=m"(old_control));
    __asm__ volatile(
        "movq %%rbp, %c[frame](%[s])\n\t"
        "ldmxcsr %[mxcsr]\n\tfldcw %[control]\n\t"
        "movaps 0(%[v]), %%xmm0\n\tmovaps 16(%[v]), %%xmm1\n\tmovaps 32(%[v]), %%xmm2\n\t"
        "movaps 48(%[v]), %%xmm3\n\tmovaps 64(%[v]), %%xmm4\n\tmovaps 80(%[v]), %%xmm5\n\t"
        "movaps 96(%[v]), %%xmm6\n\tmovaps 112(%[v]), %%xmm7\n\tmovaps 128(%[v]), %%xmm8\n\t"
        "movaps 144(%[v]), %%xmm9\n\tmovaps 160(%[v]), %%xmm10\n\tmovaps 176(%[v]), %%xmm11\n\t"
        "movaps 192(%[v]), %%xmm12\n\tmovaps 208(%[v]), %%xmm13\n\tmovaps 224(%[v]), %%xmm14\n\t"
        "movaps 240(%[v]), %%xmm15\n\t"
        "movl $0x1111, %%ebx\n\tmovl $0x2222, %%r12d\n\tmovl $0x3333, %%r13d\n\t"
        "movl $0x4444, %%r14d\n\tmovl $0x5555, %%r15d\n\t"
        "movq $0x7777, -120(%%rsp)\n\t"
        "movl %[number], %%eax\n\tsyscall\n\t"
        "movq %%rbx, 0(%[s])\n\tmovq %%r12, 8(%[s])\n\tmovq %%r13, 16(%[s])\n\t"
        "movq %%r14, 24(%[s])\n\tmovq %%r15, 32(%[s])\n\tmovq %%rbp, 40(%[s])\n\t"
        "movaps %%xmm0, 48(%[s])\n\tmovaps %%xmm1, 64(%[s])\n\tmovaps %%xmm2, 80(%[s])\n\t"
        "movaps %%xmm3, 96(%[s])\n\tmovaps %%xmm4, 112(%[s])\n\tmovaps %%xmm5, 128(%[s])\n\t"
        "movaps %%xmm6, 144(%[s])\n\tmovaps %%xmm7, 160(%[s])\n\tmovaps %%xmm8, 176(%[s])\n\t"
        "movaps %%xmm9, 192(%[s])\n\tmovaps %%xmm10, 208(%[s])\n\tmovaps %%xmm11, 224(%[s])\n\t"
        "movaps %%xmm12, 240(%[s])\n\tmovaps %%xmm13, 256(%[s])\n\tmovaps %%xmm14, 272(%[s])\n\t"
        "movaps %%xmm15, 288(%[s])\n\t"
        "movq -120(%%rsp), %%rcx\n\tmovq %%rcx, %c[zone](%[s])\n\t"
        "movq %%rax, %c[result](%[s])\n\t"
        "fnstcw %c[cw](%[s])\n\tstmxcsr %c[csr](%[s])"
        :
        : [v] "r"((uint64_t)vectors), [s] "r"((uint64_t)&seen), "D"((long)epoll), "S"(events),
          "d"(1L), "r"(timeout), [mxcsr] "m"(other_mxcsr), [control] "m"(other_control),
          [number] "i"(SYS_epoll_wait), [zone] "i"(__builtin_offsetof(__typeof__(seen), red_zone)),
          [result] "i"(__builtin_offsetof(__typeof__(seen), result)),
          [frame] "i"(__builtin_offsetof(__typeof__(seen), frame)),
          [cw] "i"(__builtin_offsetof(__typeof__(seen), control)),
          [csr] "i"(__builtin_offsetof(__typeof__(seen), mxcsr))
        : "rax", "rbx", "rcx", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3",
          "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
          "xmm14", "xmm15", "memory", "cc");
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" ::"m"(old_mxcsr), "m"(old_control));
}

static void compare(void) {
    const uint64_t want[6] = {0x1111, 0x2222, 0x3333, 0x4444, 0x5555, seen.frame};
    const char *what = NULL;
    if (memcmp(seen.general, want, sizeof want) != 0)
        what = "general registers";
    else if (memcmp(seen.vectors, vectors, sizeof vectors) != 0)
        what = "vector registers";
    else if (seen.control != other_control || seen.mxcsr != other_mxcsr)
        what = "floating point control";
    else if (seen.red_zone != 0x7777)
        what = "red zone";
    else if (seen.result != 0 && seen.result != -4 /* EINTR */ && seen.result != 1)
        what = "result";
    if (what && !wrong[0])
        snprintf(wrong, sizeof wrong, "%s after %lu waits (result %ld)", what, (unsigned long)waits,
                 seen.result);
    waits++;
    broken_off += seen.result == -4;
}

static void print_ready(void) {
    printf("READY {\"waits\": %lu, \"broken_off\": %lu, \"wrong\": \"%s\"}\n", (unsigned long)waits,
           (unsigned long)broken_off, wrong);
    fflush(stdout);
}

/* The same blocks again and again: the small ones between them stay. */
static void fill(void) {
    static void *blocks[BLOCKS];
    static bool again;
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK);
        memset(blocks[i], i, BLOCK);
        if (i % 16 == 0 && !again)
            memset(malloc(SMALL), i, SMALL);
    }
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    again = true;
}

int main(void) {
    int epoll = epoll_create1(0);
    struct epoll_event events[1], in = {.events = EPOLLIN};
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    fill();
    for (size_t i = 0; i < sizeof vectors; i++)
        vectors[i / 16][i % 16] = (uint8_t)(i * 7 + 1);
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &in);
    print_ready();
    for (;;) {
        char line[64];
        wait_once(epoll, events);
        compare();
        if (seen.result == 1) {
            if (read(0, line, sizeof line) <= 0)
                return 0;
            fill();
            print_ready();
        }
    }
}
