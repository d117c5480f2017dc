#include "image/inject.h"

#include "base/clock.h"
#include "image/hold.h"
#include "image/hurry.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* include/uapi/linux/ptrace.h since Linux 5.13, and include/uapi/linux/rseq.h. */
#define GET_RSEQ_CONFIGURATION 0x420f
struct rseq_configuration {
    uint64_t rseq_abi_pointer;
    uint32_t rseq_abi_size, signature, flags, pad;
};
enum { RSEQ_CS_OFFSET = 8 };
struct rseq_section {
    uint32_t version, flags;
    uint64_t start_ip, post_commit_offset, abort_ip;
};

enum { USER_CS_64 = 0x33 }; /* arch/x86/include/asm/segment.h, __USER_CS */

/* Options of ptrace for the time of the calls. The child of a clone is attached by the kernel. */
#define CALL_OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK)
/* Since Linux 4.3; for tracers with CAP_SYS_ADMIN that are under no filter themselves. */
#define SUSPEND_SECCOMP (1 << 21)

static bool peek(pid_t pid, uint64_t addr, void *buf, size_t len) {
    struct iovec to = {buf, len}, from = {(void *)(uintptr_t)addr, len};
    return process_vm_readv(pid, &to, 1, &from, 1, 0) == (ssize_t)len;
}

/* The kernel aborts a restartable sequence by the registers it sees when the thread goes on; with
 * ours in place it would forget the sequence, and the thread would finish it as if undisturbed
 * (kernel/rseq.c, rseq_ip_fixup). */
static bool in_rseq(const struct inject *in) {
    struct rseq_configuration c = {0};
    uint64_t at;
    struct rseq_section s;
    if (ptrace(GET_RSEQ_CONFIGURATION, in->tid, (void *)sizeof c, &c) < 0 || !c.rseq_abi_pointer)
        return false;
    if (!peek(in->pid, c.rseq_abi_pointer + RSEQ_CS_OFFSET, &at, sizeof at) || !at)
        return false;
    return !peek(in->pid, at, &s, sizeof s) || in->regs.rip - s.start_ip < s.post_commit_offset;
}

static int set_options(const struct inject *in) {
    if (ptrace(PTRACE_SETOPTIONS, in->tid, NULL, (void *)(CALL_OPTIONS | SUSPEND_SECCOMP)) == 0)
        return 0;
    if (in->filtered)
        return -EACCES;
    return ptrace(PTRACE_SETOPTIONS, in->tid, NULL, (void *)CALL_OPTIONS) < 0 ? -errno : 0;
}

int inject_begin(struct inject *in) {
    in->begun = in->taken = in->ended = in->lost = false;
    in->child = in->met = 0;
    if (ptrace(PTRACE_GETREGS, in->tid, NULL, &in->regs) < 0)
        return -errno;
    if (in->regs.cs != USER_CS_64)
        return -ENOEXEC;
    if (in_rseq(in))
        return -EAGAIN;
    int r = set_options(in);
    if (r < 0)
        return r;
    if (ptrace(PTRACE_GETSIGMASK, in->tid, (void *)sizeof in->mask, &in->mask) < 0)
        return -errno;
    in->begun = true;
    return 0;
}

/* From here on the thread is not itself. */
static int take(struct inject *in) {
    uint8_t code[2];
    if (!in->begun || in->ended)
        return -ESRCH;
    if (in->taken)
        return 0;
    if (!peek(in->pid, in->way.insn, code, sizeof code) || code[0] != 0x0f || code[1] != 0x05)
        return -ENOEXEC;
    wayback_lay(&in->way, in->pid, in->tid, &in->regs, in->mask, &in->trail);
    in->taken_at_ns = clock_ns();
    in->policy = HURRY_NOT_CHANGED;
    in->taken = true;
    return 0;
}

/* Only with registers in place from which the way leads home: a mask without a way would stay. */
static int block_signals(struct inject *in) {
    const uint64_t all = ~0ull;
    if (ptrace(PTRACE_SETSIGMASK, in->tid, (void *)sizeof all, &all) < 0)
        return -ESRCH;
    in->policy = hurry_begin(in->tid);
    return 0;
}

/* Wait for what the thread does next; SIGCHLD is blocked. Its process may be killed meanwhile.
 * -ESRCH when it ended. */
static int await(const struct inject *in, int *ret_status) {
    const struct timespec at_most = {0, 5000000};
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        pid_t r = waitpid(in->tid, ret_status, __WALL | WNOHANG);
        if (r == in->tid)
            return 0;
        if (r < 0 && errno != EINTR)
            return -ESRCH;
        if (sigtimedwait(&child, NULL, &at_most) < 0)
            hold_bury(in->proc_fd, in->tid);
    }
}

/* Run the thread to its next system call stop. 1 with it stopped, -ESRCH when it ended.
 *
 * SIGSTOP is the one signal that no mask holds back. It is let through: the thread reports that its
 * process is stopping and runs on for us, and what becomes of the stop, also when a SIGCONT comes
 * before the end of the calls, the kernel knows at the detach (ptrace(2), "Group-stop"). */
static int run_to_stop(struct inject *in) {
    for (long signal = 0;;) {
        int status;
        if (ptrace(PTRACE_SYSCALL, in->tid, NULL, (void *)signal) < 0)
            return -errno;
        signal = 0;
        if (await(in, &status) < 0 || !WIFSTOPPED(status)) {
            in->ended = true;
            return -ESRCH;
        }
        if (WSTOPSIG(status) == (SIGTRAP | 0x80))
            return 1;
        int event = status >> 16;
        if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK) {
            unsigned long child = 0;
            if (ptrace(PTRACE_GETEVENTMSG, in->tid, NULL, &child) == 0)
                in->child = (pid_t)child;
        } else if (!event) {
            signal = WSTOPSIG(status);
        }
    }
}

int inject_call(struct inject *in, long number, const uint64_t args[4], int64_t *ret) {
    struct user_regs_struct regs = in->regs;
    regs.rip = in->way.insn;
    regs.rax = (unsigned long long)number;
    regs.orig_rax = (unsigned long long)-1; /* in no call: nothing to restart */
    regs.rdi = args[0];
    regs.rsi = args[1];
    regs.rdx = args[2];
    regs.r10 = args[3];
    regs.r8 = regs.r9 = 0;
    bool first = !in->taken;
    int r = take(in);
    if (r < 0)
        return r;
    if (in->trail.sp)
        regs.rsp = in->trail.sp;
    if (ptrace(PTRACE_SETREGS, in->tid, NULL, &regs) < 0 || (first && block_signals(in) < 0))
        return -ESRCH;
    for (int stops = 0; stops < 2; stops++) {
        r = run_to_stop(in);
        if (r < 0)
            return r;
    }
    if (ptrace(PTRACE_GETREGS, in->tid, NULL, &regs) < 0)
        return -errno;
    *ret = (int64_t)regs.rax;
    return 0;
}

/* Run the thread until it is home again: what stops it there is the bell, or a signal that came
 * before. On the way only what no mask holds back can stop it: SIGSTOP, which is let through as in
 * run_to_stop, and faults. */
static int run_home(struct inject *in, int bell) {
    for (long signal = 0;;) {
        struct user_regs_struct now;
        int status;
        if (ptrace(PTRACE_CONT, in->tid, NULL, (void *)signal) < 0)
            return -errno;
        if (await(in, &status) < 0 || !WIFSTOPPED(status)) {
            in->ended = true;
            return -ESRCH;
        }
        signal = status >> 16 ? 0 : WSTOPSIG(status);
        if (!signal || ptrace(PTRACE_GETREGS, in->tid, NULL, &now) < 0)
            continue;
        if (now.rip == in->trail.home_rip && now.rsp == in->regs.rsp) {
            in->met = signal == bell ? 0 : (int)signal;
            return 0;
        }
        if (signal != SIGSTOP) {
            in->met = (int)signal;
            in->lost = true;
            return -EIO;
        }
    }
}

/* Faults are not blocked: a blocked one would take the program's own handler away (kernel/signal.c,
 * force_sig_info_to_task). */
static uint64_t mask_of_a_call(void) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    uint64_t mask = ~0ull;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        mask &= ~(1ull << (faults[i] - 1));
    return mask;
}

int inject_run(struct inject *in, uint64_t function, uint64_t argument, int bell) {
    enum { TRAP_AND_DIRECTION = 0x500 };
    const uint64_t mask = mask_of_a_call();
    struct user_regs_struct regs = in->regs;
    if (!in->begun || in->ended || in->taken)
        return -ESRCH;
    if (in->mask >> (bell - 1) & 1 ||
        wayback_lay(&in->way, in->pid, in->tid, &in->regs, in->mask, &in->trail) < 0)
        return -ENOTSUP;
    regs.rip = function;
    regs.rdi = argument;
    regs.rsp = in->trail.sp;
    regs.rax = 0;
    regs.orig_rax = (unsigned long long)-1;
    regs.eflags &= ~(unsigned long long)TRAP_AND_DIRECTION;
    in->taken_at_ns = clock_ns();
    in->policy = HURRY_NOT_CHANGED; /* nobody would take it back if we were killed */
    in->taken = true;
    /* In this order: from the first on, the way leads home and restores the mask. */
    if (ptrace(PTRACE_SETREGS, in->tid, NULL, &regs) < 0 ||
        ptrace(PTRACE_SETSIGMASK, in->tid, (void *)sizeof mask, &mask) < 0)
        return -ESRCH;
    if (syscall(SYS_tgkill, in->pid, in->tid, bell) < 0)
        return -errno;
    return run_home(in, bell);
}

void inject_end(struct inject *in) {
    if (!in->begun || in->ended)
        return;
    in->begun = false;
    if (!in->taken || in->lost)
        return;
    hurry_end(in->tid, in->policy);
    ptrace(PTRACE_SETSIGMASK, in->tid, (void *)sizeof in->mask, &in->mask);
    ptrace(PTRACE_SETREGS, in->tid, NULL, &in->regs);
    wayback_clear(&in->trail, in->pid);
    in->window_ns = clock_ns() - in->taken_at_ns;
}
