/* The way back for a thread whose tracer dies while it makes calls for us. Private to src/image/.
 *
 * The kernel then lets it go as it stands: with foreign registers, behind the `syscall` instruction
 * it was sent to. So what comes next is made to lead home. The instructions behind that `syscall`
 * end in `ret`, and on the stack, below what the thread itself uses, there is what the kernel
 * pushes for a signal handler: the address of a `rt_sigreturn` (libc's own), and all registers, the
 * floating point state and the signal mask as they were. After a system call with the tracer alive
 * nothing of it is run; a function that is called (inject_run) always returns by it. */
#ifndef MEMWHY_IMAGE_WAYBACK_H
#define MEMWHY_IMAGE_WAYBACK_H

#include "image/image.h"
#include <sys/user.h>

enum { WAYBACK_MAX = 16384 };

struct wayback {
    uint64_t insn;     /* `syscall`, nothing that touches memory, `ret` */
    uint64_t restorer; /* `mov $15, %rax; syscall`; 0: no way back, and insn is any `syscall` */
    uint64_t stack_start, stack_end; /* the main thread's: only there is known to be room */
};

/* What was written over: [sp, sp + len). It is below what the thread uses, but pictures are
 * compared byte by byte. */
struct wayback_trail {
    uint64_t sp; /* to run with, or to enter a function with; 0: nothing was laid */
    uint64_t home_rip;
    size_t len;
    uint8_t before[WAYBACK_MAX];
};

/* Find the pieces: in the vdso, and in the file of the image's libc (to read the process would
 * bring pages in). Where there is no way back there is at least a `syscall`; -ENOEXEC when there is
 * not even that. */
int wayback_find(struct image *img, struct wayback *ret);

/* Lay the way for a thread held by this process; it is to run with the stack pointer at ret->sp.
 * -EFAULT when it runs on another stack than its own (a coroutine's, a signal handler's), or that
 * has no room. */
int wayback_lay(const struct wayback *w, pid_t pid, pid_t tid, const struct user_regs_struct *regs,
                uint64_t mask, struct wayback_trail *ret);
/* Put back what stood there, in the process or its copy. */
void wayback_clear(const struct wayback_trail *t, pid_t pid);

#endif
