#include "kernel/process.h"
#include "base/limits.h"
#include "base/vec.h"
#include "kernel/cgroup.h"
#include "kernel/procfs.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
    SMALL_FILE_BYTES = 64 * 1024,
    CMDLINE_BYTES = 4 << 20, /* ARG_MAX allows more; nobody types it */
    ENVIRON_BYTES = 16 << 20,
    PF_KTHREAD = 0x00200000, /* include/linux/sched.h */
};

int process_parse_statm(const char *text, struct process_statm *ret) {
    uint64_t v[6];
    const char *p = text, *end = text + strlen(text);
    for (size_t i = 0; i < 6; i++) {
        if (!procfs_number(&p, end, &v[i]) || v[i] > UINT64_MAX / PAGE_BYTES)
            return -EBADMSG;
        p += *p == ' ';
    }
    *ret = (struct process_statm){
        .size_bytes = v[0] * PAGE_BYTES,
        .resident_bytes = v[1] * PAGE_BYTES,
        .shared_bytes = v[2] * PAGE_BYTES,
        .text_bytes = v[3] * PAGE_BYTES,
        .data_bytes = v[5] * PAGE_BYTES,
    };
    return 0;
}

int process_statm(const char *root, pid_t pid, struct process_statm *ret) {
    cleanup_free char *text = NULL;
    size_t len;
    int r = procfs_read(root, pid, "statm", SMALL_FILE_BYTES, &text, &len);
    return r < 0 ? r : process_parse_statm(text, ret);
}

/* Copies at most size - 1 bytes. */
static void copy_name(char *to, size_t size, const char *from, size_t len) {
    if (len >= size)
        len = size - 1;
    memcpy(to, from, len);
    to[len] = '\0';
}

int process_parse_stat(const char *text, struct process *ret) {
    const char *open = strchr(text, '('), *close = strrchr(text, ')'); /* names may hold both */
    int ppid, pgrp, session;
    char state;
    unsigned flags;
    long n_threads;
    unsigned long long start_ticks;
    if (!open || !close || close < open)
        return -EBADMSG;
    /* state ppid pgrp session tty tpgid flags (11 more) num_threads itrealvalue starttime */
    if (sscanf(close + 1,
               " %c %d %d %d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu",
               &state, &ppid, &pgrp, &session, &flags, &n_threads, &start_ticks) != 7)
        return -EBADMSG;
    copy_name(ret->name, sizeof ret->name, open + 1, (size_t)(close - open - 1));
    ret->state = state;
    ret->ppid = ppid;
    ret->pgrp = pgrp;
    ret->session = session;
    ret->kernel_thread = flags & PF_KTHREAD;
    ret->n_threads = n_threads > 0 ? (uint32_t)n_threads : 0;
    uint64_t ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);
    ret->started_ns = start_ticks / ticks_per_s * 1000000000 +
                      start_ticks % ticks_per_s * (1000000000 / ticks_per_s);
    return 0;
}

static const struct {
    const char *key;
    enum process_size size;
} size_keys[] = {
    {"VmPeak", PROCESS_VM_PEAK},     {"VmSize", PROCESS_VM_SIZE},
    {"VmLck", PROCESS_VM_LOCKED},    {"VmPin", PROCESS_VM_PINNED},
    {"VmHWM", PROCESS_RSS_PEAK},     {"VmRSS", PROCESS_RSS},
    {"RssAnon", PROCESS_RSS_ANON},   {"RssFile", PROCESS_RSS_FILE},
    {"RssShmem", PROCESS_RSS_SHMEM}, {"VmData", PROCESS_VM_DATA},
    {"VmStk", PROCESS_VM_STACK},     {"VmExe", PROCESS_VM_EXE},
    {"VmLib", PROCESS_VM_LIB},       {"VmPTE", PROCESS_PAGE_TABLES},
    {"VmSwap", PROCESS_SWAP},        {"HugetlbPages", PROCESS_HUGETLB},
};

/* The key is exactly that. */
static bool is_key(const char *line, size_t len, const char *key) {
    return strlen(key) == len && !memcmp(line, key, len);
}

static void parse_ns_pids(const char *p, const char *end, struct process *ret) {
    uint64_t pid;
    for (;;) {
        while (p < end && (*p == ' ' || *p == '\t'))
            p++;
        if (!procfs_number(&p, end, &pid))
            return;
        ret->ns_pid = (pid_t)pid;
        ret->n_ns++;
    }
}

static void parse_uids(const char *p, struct process *ret) {
    unsigned real, effective;
    if (sscanf(p, "%u %u", &real, &effective) == 2)
        ret->uid = effective;
}

static void parse_signals(const char *p, uint64_t *ret) {
    unsigned long long v;
    if (sscanf(p, "%llx", &v) == 1)
        *ret = v;
}

static void parse_status_line(const char *line, const char *end, struct process *ret) {
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon)
        return;
    size_t len = (size_t)(colon - line);
    if (is_key(line, len, "Uid"))
        parse_uids(colon + 1, ret);
    else if (is_key(line, len, "NSpid"))
        parse_ns_pids(colon + 1, end, ret);
    else if (is_key(line, len, "SigBlk"))
        parse_signals(colon + 1, &ret->signals_blocked);
    else if (is_key(line, len, "SigIgn"))
        parse_signals(colon + 1, &ret->signals_ignored);
    else if (is_key(line, len, "SigCgt"))
        parse_signals(colon + 1, &ret->signals_caught);
    for (size_t i = 0; i < sizeof size_keys / sizeof *size_keys; i++) {
        enum process_size size = size_keys[i].size;
        if (is_key(line, len, size_keys[i].key) && procfs_kib(colon + 1, end, &ret->sizes[size]))
            ret->known_sizes |= 1u << size;
    }
}

void process_parse_status(const char *text, struct process *ret) {
    for (const char *line = text; *line;) {
        const char *end = line + strcspn(line, "\n");
        parse_status_line(line, end, ret);
        line = *end ? end + 1 : end;
    }
}

static int read_stat(const char *root, pid_t pid, struct process *p) {
    cleanup_free char *text = NULL;
    size_t len;
    int r = procfs_read(root, pid, "stat", SMALL_FILE_BYTES, &text, &len);
    return r < 0 ? r : process_parse_stat(text, p);
}

static int read_status(const char *root, pid_t pid, struct process *p) {
    cleanup_free char *text = NULL;
    size_t len;
    int r = procfs_read(root, pid, "status", SMALL_FILE_BYTES, &text, &len);
    if (r == 0)
        process_parse_status(text, p);
    return r;
}

static int read_cmdline(const char *root, pid_t pid, struct process *p) {
    return procfs_read(root, pid, "cmdline", CMDLINE_BYTES, &p->cmdline, &p->cmdline_len);
}

static int read_exe(const char *root, pid_t pid, struct process *p) {
    static const char gone[] = " (deleted)";
    struct stat st;
    cleanup_free char *path = procfs_path(root, pid, "exe");
    int r = procfs_link(root, pid, "exe", &p->exe);
    if (r < 0)
        return r;
    size_t n = strlen(p->exe), m = sizeof gone - 1;
    if (n > m && !strcmp(p->exe + n - m, gone)) {
        p->exe_deleted = true;
        p->exe[n - m] = '\0';
    }
    if (stat(path, &st) == 0) { /* through the link, so deleted files too */
        p->exe_dev = st.st_dev;
        p->exe_inode = st.st_ino;
    }
    return 0;
}

static int read_namespaces(const char *root, pid_t pid, struct process *p) {
    static const char *const names[] = {"ns/pid", "ns/mnt"};
    uint64_t inodes[2];
    for (size_t i = 0; i < 2; i++) {
        struct stat st;
        cleanup_free char *path = procfs_path(root, pid, names[i]);
        if (stat(path, &st) < 0)
            return -errno;
        inodes[i] = st.st_ino;
    }
    p->pid_ns = inodes[0];
    p->mnt_ns = inodes[1];
    return 0;
}

static int read_cgroup(const char *root, pid_t pid, struct process *p) {
    cleanup_free char *text = NULL;
    size_t len;
    int r = procfs_read(root, pid, "cgroup", SMALL_FILE_BYTES, &text, &len);
    return r < 0 ? r : cgroup_parse_path(text, NULL, &p->cgroup);
}

static int read_fds(const char *root, pid_t pid, struct process *p) {
    cleanup_free char *path = procfs_path(root, pid, "fd");
    DIR *dir = opendir(path);
    if (!dir)
        return -errno;
    for (struct dirent *d; (d = readdir(dir));)
        p->n_fds += d->d_name[0] != '.';
    closedir(dir);
    return 0;
}

static int read_int(const char *root, pid_t pid, const char *name, int *ret) {
    cleanup_free char *text = NULL;
    size_t len;
    int r = procfs_read(root, pid, name, SMALL_FILE_BYTES, &text, &len);
    if (r < 0)
        return r;
    return sscanf(text, "%d", ret) == 1 ? 0 : -EBADMSG;
}

static int read_oom(const char *root, pid_t pid, struct process *p) {
    int r = read_int(root, pid, "oom_score", &p->oom_score);
    return r < 0 ? r : read_int(root, pid, "oom_score_adj", &p->oom_score_adj);
}

/* A directory entry that is a number over 0. */
static bool entry_pid(const struct dirent *d, pid_t *ret) {
    const char *s = d->d_name;
    uint64_t v;
    if (!procfs_number(&s, s + strlen(s), &v) || *s || !v || v > INT32_MAX)
        return false;
    *ret = (pid_t)v;
    return true;
}

static int by_pid(const void *a, const void *b) {
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
    return (x > y) - (x < y);
}

static int list_numbers(const char *path, size_t max, pid_t **ret, size_t *ret_n) {
    DIR *dir = opendir(path);
    if (!dir)
        return -errno;
    VEC(pid_t) pids = {0};
    pid_t pid;
    for (struct dirent *d; pids.n < max && (d = readdir(dir));)
        if (entry_pid(d, &pid))
            vec_push(&pids, pid);
    closedir(dir);
    vec_sort(&pids, by_pid);
    *ret = pids.at;
    *ret_n = pids.n;
    return 0;
}

static int read_threads(const char *root, pid_t pid, struct process *p) {
    cleanup_free char *path = procfs_path(root, pid, "task");
    cleanup_free pid_t *tids = NULL;
    size_t n;
    int r = list_numbers(path, LIMIT_THREADS, &tids, &n);
    if (r < 0)
        return r;
    p->threads = mem_zalloc((n + 1) * sizeof *p->threads);
    for (size_t i = 0; i < n; i++) {
        cleanup_free char *comm = mem_printf("task/%d/comm", (int)tids[i]);
        cleanup_free char *text = NULL;
        size_t len;
        if (procfs_read(root, pid, comm, SMALL_FILE_BYTES, &text, &len) < 0)
            continue; /* ended since */
        struct process_thread *t = &p->threads[p->n_listed_threads++];
        t->tid = tids[i];
        copy_name(t->name, sizeof t->name, text, strcspn(text, "\n"));
    }
    return 0;
}

static const struct {
    enum process_part part;
    int (*read)(const char *root, pid_t pid, struct process *p);
} readers[] = {
    {PROCESS_STATUS, read_status}, {PROCESS_CMDLINE, read_cmdline},
    {PROCESS_EXE, read_exe},       {PROCESS_NAMESPACES, read_namespaces},
    {PROCESS_CGROUP, read_cgroup}, {PROCESS_FDS, read_fds},
    {PROCESS_OOM, read_oom},       {PROCESS_THREADS, read_threads},
};

int process_read(const char *root, pid_t pid, unsigned parts, struct process *ret) {
    struct process p = {.pid = pid, .parts = PROCESS_STAT};
    int r = read_stat(root, pid, &p);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (!(parts & readers[i].part))
            continue;
        r = readers[i].read(root, pid, &p);
        if (r == -ESRCH) {
            process_done(&p);
            return r;
        }
        if (r == 0)
            p.parts |= readers[i].part;
        else if (r == -EACCES || r == -EPERM)
            p.denied |= readers[i].part;
    }
    *ret = p;
    return 0;
}

int process_list(const char *root, pid_t **ret, size_t *ret_n) {
    cleanup_free char *path = procfs_path(root, 0, "");
    return list_numbers(path, SIZE_MAX, ret, ret_n);
}

int process_env(const char *root, pid_t pid, const char *name, char **ret) {
    cleanup_free char *text = NULL;
    size_t len, n = strlen(name);
    int r = procfs_read(root, pid, "environ", ENVIRON_BYTES, &text, &len);
    if (r < 0)
        return r;
    for (const char *p = text; p < text + len; p += strlen(p) + 1) {
        if (!strncmp(p, name, n) && p[n] == '=') {
            *ret = mem_strdup(p + n + 1);
            return 0;
        }
    }
    return -ENODATA;
}
