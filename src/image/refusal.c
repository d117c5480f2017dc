#include "image/refusal.h"

#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct facts {
    bool known;
    int tgid, tracer;
    unsigned uid;
    char state;
    unsigned long long cap_permitted;
    bool has_memory; /* a VmSize line: kernel threads and zombies have none */
};

static struct facts read_facts(const char *path) {
    struct facts f = {0};
    char line[256];
    cleanup_fclose FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        f.known = true;
        sscanf(line, "Tgid: %d", &f.tgid);
        sscanf(line, "TracerPid: %d", &f.tracer);
        sscanf(line, "Uid: %u", &f.uid);
        sscanf(line, "State: %c", &f.state);
        sscanf(line, "CapPrm: %llx", &f.cap_permitted);
        if (strncmp(line, "VmSize:", 7) == 0)
            f.has_memory = true;
    }
    return f;
}

static struct facts facts_of(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    return read_facts(path);
}

static int yama_scope(void) {
    int scope = 0;
    cleanup_fclose FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    if (f && fscanf(f, "%d", &scope) != 1)
        scope = 0;
    return scope;
}

/* The kernel gives /proc/PID of a process that may not be dumped to root (proc(5)). */
static bool not_dumpable(pid_t pid, unsigned uid) {
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    return stat(path, &st) == 0 && st.st_uid != uid;
}

#define SYS_PTRACE_HINT                                                                            \
    "Give memwhy CAP_SYS_PTRACE: run it as root on the host, `docker run --cap-add SYS_PTRACE "    \
    "--pid container:NAME`, or `kubectl debug -it POD --target=CONTAINER --profile=sysadmin`."

static int explain_gone(pid_t pid, struct err *e) {
    if (kill(pid, 0) < 0 && errno == EPERM)
        return err_set(e, -EPERM,
                       "Run memwhy as root or as the process's own user: /proc is mounted with "
                       "hidepid, which hides processes of other users.",
                       "process %d exists but its /proc folder is hidden from this user", (int)pid);
    return err_set(e, -ESRCH, "List the processes there are with `memwhy ps`.",
                   "there is no process %d (it may have ended)", (int)pid);
}

static int explain_refused(pid_t pid, const struct facts *f, const char *what, struct err *e) {
    struct facts self = read_facts("/proc/self/status");
    if (f->tracer && f->tracer != (int)getpid())
        return err_set(e, -EBUSY, "Let that tracer (gdb, strace, another memwhy) detach first.",
                       "process %d is being traced by process %d, and a process can have only one "
                       "tracer",
                       (int)pid, f->tracer);
    if (geteuid() != 0 && f->uid != geteuid())
        return err_set(e, -EPERM, "Run memwhy as that user or as root (`sudo memwhy ...`).",
                       "process %d belongs to user id %u, and user id %u may not read %s", (int)pid,
                       f->uid, (unsigned)geteuid(), what);
    if (f->uid != geteuid() && !(self.cap_permitted & 1ull << CAP_SYS_PTRACE))
        return err_set(
            e, -EPERM, SYS_PTRACE_HINT,
            "process %d belongs to user id %u, and this root, without CAP_SYS_PTRACE (as "
            "in a container), may not read %s",
            (int)pid, f->uid, what);
    if (f->cap_permitted & ~self.cap_permitted)
        return err_set(e, -EPERM, SYS_PTRACE_HINT,
                       "process %d holds capabilities that memwhy lacks, so the kernel refuses %s",
                       (int)pid, what);
    if (not_dumpable(pid, f->uid))
        return err_set(e, -EPERM, SYS_PTRACE_HINT,
                       "process %d is marked non-dumpable (it changed its user id, or called "
                       "prctl(PR_SET_DUMPABLE, 0)), so the kernel refuses %s",
                       (int)pid, what);
    int scope = yama_scope();
    if (scope > 0)
        return err_set(e, -EPERM,
                       scope >= 3 ? "It can be changed only by a reboot; take a core with the "
                                    "kernel's core_pattern instead and give that to memwhy."
                                  : "Run memwhy as root, give it CAP_SYS_PTRACE, or set `sysctl "
                                    "kernel.yama.ptrace_scope=0`.",
                       "process %d: the Yama security module (ptrace_scope=%d) does not let this "
                       "user read %s",
                       (int)pid, scope, what);
    return err_set(e, -EPERM, SYS_PTRACE_HINT,
                   "process %d: the kernel refuses %s (a security module, a user namespace or a "
                   "missing capability)",
                   (int)pid, what);
}

int refusal_explain(pid_t pid, int error, const char *what, struct err *e) {
    struct facts f = facts_of(pid);
    if (!f.known || error == -ESRCH || error == -ENOENT)
        return explain_gone(pid, e);
    if (f.state == 'Z' || f.state == 'X')
        return refusal_check_process(pid, e);
    if (error == -EPERM || error == -EACCES)
        return explain_refused(pid, &f, what, e);
    return err_set(e, error, "Run again with MEMWHY_DEBUG=image for what the kernel said.",
                   "process %d: could not read %s: %s", (int)pid, what, strerror(-error));
}

int refusal_check_process(pid_t pid, struct err *e) {
    struct facts f = facts_of(pid);
    if (!f.known)
        return explain_gone(pid, e);
    if (f.tgid != (int)pid)
        return err_set(e, -ENOTDIR, "Give memwhy the process id.",
                       "%d is a thread of process %d, not a process", (int)pid, f.tgid);
    if (f.state == 'Z' || f.state == 'X')
        return err_set(e, -ENOTDIR, "Its memory is gone already; look at its parent or at a core.",
                       "process %d has ended and waits to be reaped by its parent (a zombie)",
                       (int)pid);
    if (!f.has_memory)
        return err_set(e, -ENOTDIR, "List the processes that have memory with `memwhy ps`.",
                       "process %d is a kernel thread: it has no memory of its own", (int)pid);
    return 0;
}
