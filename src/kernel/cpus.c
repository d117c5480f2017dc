#include "kernel/cpus.h"

#include "base/mem.h"
#include "kernel/procfs.h"
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SETS_MAX = 1 << 16, TEXT_MAX = 256 };

/* sched_getaffinity says -EINVAL until the set is large enough for the machine. */
static int count_allowed(pid_t pid, unsigned *ret) {
    for (int n = 1024; n <= SETS_MAX; n *= 4) {
        size_t size = CPU_ALLOC_SIZE(n);
        cpu_set_t *set = mem_zalloc(size);
        int r = sched_getaffinity(pid, size, set) < 0 ? -errno : 0;
        if (r == 0)
            *ret = (unsigned)CPU_COUNT_S(size, set);
        free(set);
        if (r != -EINVAL)
            return r;
    }
    return -E2BIG;
}

int cpus_parse_max(const char *text, double *ret) {
    long long quota, period;
    if (sscanf(text, "%lld %lld", &quota, &period) != 2 || quota <= 0 || period <= 0)
        return -ENODATA;
    *ret = (double)quota / (double)period;
    return 0;
}

static char *read_file(const char *dir, const char *name) {
    char *text = NULL;
    size_t len;
    cleanup_free char *path = mem_printf("%s/%s", dir, name);
    return procfs_read_path(path, TEXT_MAX, &text, &len) == 0 ? text : NULL;
}

/* cpu.max of version 2; cpu.cfs_quota_us and cpu.cfs_period_us of version 1. */
static int quota_of(const char *dir, double *ret) {
    cleanup_free char *max = read_file(dir, "cpu.max");
    if (max)
        return cpus_parse_max(max, ret);
    cleanup_free char *quota = read_file(dir, "cpu.cfs_quota_us");
    cleanup_free char *period = read_file(dir, "cpu.cfs_period_us");
    if (!quota || !period)
        return -ENODATA;
    cleanup_free char *both = mem_printf("%s %s", quota, period);
    return cpus_parse_max(both, ret);
}

/* The least of the directory's and all above it. */
static void take_quota(char *dir, struct cpus *c) {
    double quota;
    for (char *slash; (slash = strrchr(dir, '/')) && slash != dir; *slash = 0)
        if (quota_of(dir, &quota) == 0 && (!c->has_quota || quota < c->quota)) {
            c->has_quota = true;
            c->quota = quota;
        }
}

int cpus_read(pid_t pid, const struct cgroup *memory, struct cpus *ret) {
    static const char own[] = "/memory", *const theirs[] = {"/cpu,cpuacct", "/cpu"};
    struct cpus c = {0};
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    int r = count_allowed(pid, &c.allowed);
    if (r < 0)
        return r;
    c.online = online > 0 ? (unsigned)online : c.allowed;
    const char *at = memory && memory->version == 1 ? strstr(memory->dir, own) : NULL;
    for (size_t i = 0; at && i < 2; i++) { /* version 1: the same path in another hierarchy */
        cleanup_free char *dir = mem_printf("%.*s%s%s", (int)(at - memory->dir), memory->dir,
                                            theirs[i], at + strlen(own));
        take_quota(dir, &c);
    }
    if (memory && memory->version == 2) {
        cleanup_free char *dir = mem_strdup(memory->dir);
        take_quota(dir, &c);
    }
    *ret = c;
    return 0;
}

char *cpus_to_text(const struct cpus *c) {
    return c->has_quota ? mem_printf("%u %u %.17g\n", c->online, c->allowed, c->quota)
                        : mem_printf("%u %u\n", c->online, c->allowed);
}

int cpus_of_text(const char *text, struct cpus *ret) {
    struct cpus c = {0};
    int n = sscanf(text, "%u %u %lf", &c.online, &c.allowed, &c.quota);
    if (n < 2 || !c.online || !c.allowed)
        return -EBADMSG;
    c.has_quota = n == 3 && c.quota > 0;
    *ret = c;
    return 0;
}
