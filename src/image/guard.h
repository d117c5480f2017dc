/* The supervisor of a freeze: a process of its own that owns the attachment to the target. Private
 * to src/image/.
 *
 * memwhy may be killed at any instruction; the kernel then detaches its tracees as they stand, and
 * a thread in the middle of an injected call would go on with foreign registers. So a child of
 * memwhy, in a session of its own and with all signals blocked, does what must not be left half
 * done. When the socket to memwhy ends, or memwhy stays silent while the target is held, it undoes
 * everything and ends.
 *
 * The supervisor may be killed too (an oom kill, the end of a container). The target's main thread
 * then finds its way back by itself (wayback.h), and a copy that nobody owns ends; the marks and
 * the zombie that are left are undone by a second supervisor. If memwhy is killed in the same
 * moment, they stay: regions may be forkable that were not, or the other way round, and a zombie
 * waits for the target's end. The moment is guard_window_ns(): 1 ms and the time of a fork, 20 to
 * 30 ms for 1 GB. There is no way back where the vdso or libc have not the instructions for it, and
 * for a main thread on a stack that is not its own: there a killed supervisor ends the target too.
 */
#ifndef MEMWHY_IMAGE_GUARD_H
#define MEMWHY_IMAGE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { GUARD_REGS = 27, GUARD_FPREGS = 64 };

struct guard_thread {
    pid_t tid;
    bool has_regs, has_fpregs;
    uint64_t regs[GUARD_REGS], fpregs[GUARD_FPREGS];
};

/* Memory marked MADV_DONTFORK that the child shall have (neighbouring regions with nothing else but
 * holes between them), or a region without the mark that it need not have. */
struct guard_range {
    uint64_t start, end;
    bool leave_out;
};

enum guard_step { GUARD_ATTACH, GUARD_DOFORK, GUARD_CLONE, GUARD_DONTFORK };

struct guard;
struct wayback;

/* `way`: where `syscall` stands in the target, and the way back; `filtered`: it runs under seccomp.
 */
int guard_start(pid_t pid, int proc_fd, const struct wayback *way, bool filtered,
                struct guard **ret);
/* Hold all threads. -ETIMEDOUT, -ESRCH, -EPERM, -EBUSY, -EACCES (seccomp), -EPIPE (the supervisor
 * is gone). Held for at most some seconds unless guard_fork or guard_let_go comes. */
int guard_hold(struct guard *g);
const struct guard_thread *guard_threads(const struct guard *g, size_t *ret_n);
/* Fork the held target and let it go, in any case. `failed` says what was refused. */
int guard_fork(struct guard *g, const struct guard_range *ranges, size_t n, pid_t *ret_child,
               enum guard_step *failed);
int guard_let_go(struct guard *g);
/* Hold the main thread alone, if it waits for events (epoll): -EAGAIN when it does not, or is about
 * to take a signal; else as guard_hold. guard_threads has its registers. */
int guard_hold_main(struct guard *g);
/* Have it call a function of the target; it stays held. As inject_run; should the supervisor be
 * killed meanwhile (-EPIPE), the call still goes to its end and returns to where the thread was. */
int guard_run(struct guard *g, uint64_t function, uint64_t argument, int bell);
/* From the first interrupt to the last detach of the last hold. */
uint64_t guard_pause_ns(const struct guard *g);
/* How long of it a thread had foreign registers or a foreign signal mask. */
uint64_t guard_window_ns(const struct guard *g);
/* The child was ended by the supervisor because memory ran short: then what was left, and what all
 * in the target's cgroup had taken since the fork. */
bool guard_gave_up(const struct guard *g, uint64_t *ret_left_bytes, uint64_t *ret_taken_bytes);
/* End the child, have the target reap it, end the supervisor; returns the pause of the reaping. */
uint64_t guard_end(struct guard *g);

#endif
