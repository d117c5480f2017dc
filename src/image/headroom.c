#include "image/headroom.h"

#include "base/limits.h"
#include "base/mem.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MIB(n) ((double)(n) / (1 << 20))

/* The number after `key` at the beginning of a line; with an empty key the first line is a number.
 * False when there is none ("max"). */
static bool read_number(const char *path, const char *key, uint64_t *ret) {
    cleanup_fclose FILE *f = fopen(path, "re");
    char line[256];
    unsigned long long n;
    size_t skip = strlen(key);
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, skip) == 0 && sscanf(line + skip, "%llu", &n) == 1) {
            *ret = n;
            return true;
        }
    return false;
}

static bool read_in(const char *dir, const char *name, const char *key, uint64_t *ret) {
    char path[2 * LIMIT_NAME + 64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return read_number(path, key, ret);
}

/* What is left below the limit of one cgroup; page cache that nobody uses gives way. */
static bool room_of(const char *dir, bool v2, uint64_t *ret) {
    uint64_t max, used, cache = 0;
    if (!read_in(dir, v2 ? "memory.max" : "memory.limit_in_bytes", "", &max) ||
        !read_in(dir, v2 ? "memory.current" : "memory.usage_in_bytes", "", &used))
        return false;
    read_in(dir, "memory.stat", v2 ? "inactive_file " : "total_inactive_file ", &cache);
    uint64_t kept = used > cache ? used - cache : 0;
    *ret = max > kept ? max - kept : 0;
    return true;
}

/* The smallest room from the cgroup up to its mount. `dir` is eaten up. */
static uint64_t room_above(char *dir, size_t mount_len, bool v2) {
    uint64_t least = UINT64_MAX, room;
    for (;;) {
        if (room_of(dir, v2, &room) && room < least)
            least = room;
        char *slash = strrchr(dir, '/');
        if (strlen(dir) <= mount_len || !slash || (size_t)(slash - dir) < mount_len)
            return least;
        *slash = 0;
    }
}

/* Looked up where this host mounts cgroups and where the target sees them: one of them is right,
 * and where both are, they say the same. */
static uint64_t room_at(pid_t pid, const char *mount, const char *group, bool v2) {
    uint64_t least = UINT64_MAX;
    char roots[2][64] = {"", ""};
    snprintf(roots[1], sizeof roots[1], "/proc/%d/root", (int)pid);
    for (int i = 0; i < 2; i++) {
        char dir[2 * LIMIT_NAME];
        snprintf(dir, sizeof dir, "%s%s", roots[i], mount);
        size_t n = strlen(dir);
        snprintf(dir + n, sizeof dir - n, "%s", strcmp(group, "/") == 0 ? "" : group);
        uint64_t room = room_above(dir, n, v2);
        if (room < least)
            least = room;
    }
    return least;
}

static bool is_frozen(const char *group) {
    char dir[2 * LIMIT_NAME];
    uint64_t frozen = 0;
    snprintf(dir, sizeof dir, "/sys/fs/cgroup%s", group);
    return read_in(dir, "cgroup.events", "frozen ", &frozen) && frozen;
}

static uint64_t cgroup_room(pid_t pid, bool *frozen) {
    char path[64], line[LIMIT_NAME];
    uint64_t least = UINT64_MAX;
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
    cleanup_fclose FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = 0;
        bool v2 = controllers[1] == 0;
        if (!v2 && !strstr(controllers, "memory"))
            continue;
        if (v2 && is_frozen(group))
            *frozen = true;
        uint64_t room = room_at(pid, v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory", group, v2);
        if (room < least)
            least = room;
    }
    return least;
}

int headroom_check(pid_t pid, struct err *e) {
    char path[64];
    uint64_t kib = 0, available_kib = 0;
    bool frozen = false;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (!read_number(path, "RssAnon:", &kib)) /* since Linux 4.5 */
        read_number(path, "VmRSS:", &kib);
    uint64_t need = kib * 1024, room = cgroup_room(pid, &frozen);
    if (frozen)
        return err_set(e, -EBUSY, "Thaw it first (cgroup.freeze), or read it with --freeze=stop.",
                       "process %d is in a frozen cgroup and cannot make the copy of itself",
                       (int)pid);
    if (need > room)
        return err_set(e, -EBUSY, "Read it stopped (--freeze=stop), or raise the limit first.",
                       "a frozen copy of process %d could cost its cgroup up to %.0f MiB, and only "
                       "%.0f MiB are left below the limit",
                       (int)pid, MIB(need), MIB(room));
    if (read_number("/proc/meminfo", "MemAvailable:", &available_kib) &&
        need > available_kib * 1024)
        return err_set(
            e, -EBUSY, "Read it stopped (--freeze=stop), or free memory first.",
            "a frozen copy of process %d could cost up to %.0f MiB, and this machine has "
            "only %.0f MiB available",
            (int)pid, MIB(need), MIB(available_kib * 1024));
    return 0;
}
