/* One process as /proc shows it. Plain data; `parts` says what of it could be read. */
#ifndef MEMWHY_MODEL_PROCESS_H
#define MEMWHY_MODEL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The sizes of /proc/PID/status, in bytes. */
enum process_size {
    PROCESS_VM_PEAK,
    PROCESS_VM_SIZE,
    PROCESS_VM_LOCKED,
    PROCESS_VM_PINNED,
    PROCESS_RSS_PEAK, /* VmHWM */
    PROCESS_RSS,      /* VmRSS; Linux 6.2 and later may be some 32 pages per CPU off */
    PROCESS_RSS_ANON,
    PROCESS_RSS_FILE,
    PROCESS_RSS_SHMEM,
    PROCESS_VM_DATA,
    PROCESS_VM_STACK,
    PROCESS_VM_EXE,
    PROCESS_VM_LIB,
    PROCESS_PAGE_TABLES,
    PROCESS_SWAP,
    PROCESS_HUGETLB,
    PROCESS_SIZES
};

/* Groups of facts that cost a system call or more each. PROCESS_STAT is always there. */
enum process_part {
    PROCESS_STAT = 1 << 0,       /* ppid, pgrp, session, state, name, started_ns, n_threads */
    PROCESS_STATUS = 1 << 1,     /* uid, ns_pid, sizes, signals */
    PROCESS_CMDLINE = 1 << 2,    /* cmdline */
    PROCESS_EXE = 1 << 3,        /* exe, exe_deleted, exe_dev, exe_inode */
    PROCESS_NAMESPACES = 1 << 4, /* pid_ns, mnt_ns */
    PROCESS_CGROUP = 1 << 5,     /* cgroup */
    PROCESS_FDS = 1 << 6,        /* n_fds */
    PROCESS_OOM = 1 << 7,        /* oom_score, oom_score_adj */
    PROCESS_THREADS = 1 << 8,    /* threads */
    PROCESS_ALL = (1 << 9) - 1
};

struct process_thread {
    pid_t tid;
    char name[64]; /* kernel workers have more than 15 letters */
};

struct process {
    pid_t pid;
    unsigned parts;  /* of enum process_part: what is filled in */
    unsigned denied; /* what the kernel did not let us read */

    pid_t ppid, pgrp, session;
    char state; /* 'R', 'S', 'D', 'Z', 'T', 't', ... */
    char name[64];
    bool kernel_thread;
    uint64_t started_ns; /* since boot */
    uint32_t n_threads;

    uid_t uid;     /* effective */
    pid_t ns_pid;  /* its pid where it lives (innermost NSpid) */
    unsigned n_ns; /* how deep that is: 1 when it shares our pid namespace */
    uint64_t sizes[PROCESS_SIZES];
    uint32_t known_sizes;                                      /* bit f: sizes[f] was given */
    uint64_t signals_caught, signals_blocked, signals_ignored; /* bit n - 1: signal n */

    char *cmdline; /* words, each ended by NUL */
    size_t cmdline_len;

    char *exe; /* as the target sees it, without " (deleted)" */
    bool exe_deleted;
    uint64_t exe_dev, exe_inode;

    uint64_t pid_ns, mnt_ns; /* inode numbers */
    char *cgroup;            /* path in the hierarchy that accounts memory */

    uint32_t n_fds;
    int oom_score, oom_score_adj;

    struct process_thread *threads;
    size_t n_listed_threads;
};

/* Free what it owns, and clear it. */
void process_done(struct process *p);
/* False, and `ret` untouched, when the kernel did not say. */
bool process_size_get(const struct process *p, enum process_size size, uint64_t *ret);
/* The command line on one line, as it is (hostile: print through text_printable()); "[name]" for
 * what has none. The caller frees it. */
char *process_command(const struct process *p);
/* True when both belong to one container: the same pid namespace, unless it is the machine's own,
 * or `p` in the memory cgroup of `of` or below it, unless that is the root. With neither known to
 * differ from the machine's, everything is one: the host, or the container we are in. */
bool process_same_container(const struct process *p, const struct process *of);

/* True when the memory cgroup of `p` is `dir` or below it; "/" holds everything. */
bool process_below_cgroup(const struct process *p, const char *dir);

#endif
