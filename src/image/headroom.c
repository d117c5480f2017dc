#include "image/headroom.h"

#include "base/limits.h"
#include "base/mem.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MIB(n) ((double)(n) / (1 << 20))

/* To end a copy takes 80 ms for each GiB of the process (measured), in which the process may write
 * 2.7 GB/s: a fault that copies 4 KiB takes 1.5 us or more. */
#define WHILE_IT_ENDS(private_bytes) ((private_bytes) / 4)
/* A copy that may outgrow what is left is begun with no less than that and this. */
#define LEAST (48ull << 20)
/* Of much, this is enough to stay. */
#define FLOOR_MOST (256ull << 20)
/* What several threads could write together. */
#define WRITTEN_PER_MS (8ull << 20)
enum { LOOK_AGAIN_MS = 50 };

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

static uint64_t machine_room(void) {
    uint64_t kib;
    return read_number("/proc/meminfo", "MemAvailable:", &kib) ? kib * 1024 : UINT64_MAX;
}

static uint64_t read_status(pid_t pid, const char *key) {
    char path[64];
    uint64_t kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    read_number(path, key, &kib);
    return kib * 1024;
}

static uint64_t private_bytes(pid_t pid) {
    uint64_t bytes = read_status(pid, "RssAnon:"); /* since Linux 4.5 */
    return bytes ? bytes : read_status(pid, "VmRSS:");
}

int headroom_check(pid_t pid, struct err *e) {
    bool frozen = false;
    uint64_t group = cgroup_room(pid, &frozen), machine = machine_room();
    uint64_t most = private_bytes(pid), least = LEAST + WHILE_IT_ENDS(most);
    if (frozen)
        return err_set(e, -EBUSY, "Thaw it first (cgroup.freeze), or read it with --freeze=stop.",
                       "process %d is in a frozen cgroup and cannot make the copy of itself",
                       (int)pid);
    uint64_t need = (most < least ? most : least) + read_status(pid, "VmPTE:");
    if (need > group)
        return err_set(e, -EBUSY, "Read it stopped (--freeze=stop), or raise the limit first.",
                       "a frozen copy of process %d could cost its cgroup up to %.0f MiB, and only "
                       "%.0f MiB are left below the limit",
                       (int)pid, MIB(most), MIB(group));
    if (need > machine)
        return err_set(
            e, -EBUSY, "Read it stopped (--freeze=stop), or free memory first.",
            "a frozen copy of process %d could cost up to %.0f MiB, and this machine has "
            "only %.0f MiB available",
            (int)pid, MIB(most), MIB(machine));
    return 0;
}

uint64_t headroom_bytes(pid_t pid) {
    bool frozen;
    uint64_t group = cgroup_room(pid, &frozen), machine = machine_room();
    return group < machine ? group : machine;
}

void headroom_begin(pid_t pid, struct headroom *ret) {
    uint64_t left = headroom_bytes(pid), kept = WHILE_IT_ENDS(private_bytes(pid));
    uint64_t half = left > kept ? (left - kept) / 2 : 0;
    *ret = (struct headroom){
        .begun_bytes = left,
        .left_bytes = left,
        .floor_bytes = kept + (half < FLOOR_MOST ? half : FLOOR_MOST),
    };
}

bool headroom_suffices(pid_t pid, struct headroom *h) {
    h->left_bytes = headroom_bytes(pid);
    return h->left_bytes > h->floor_bytes;
}

int headroom_look_again_ms(const struct headroom *h) {
    uint64_t above = h->left_bytes > h->floor_bytes ? h->left_bytes - h->floor_bytes : 0;
    uint64_t ms = above / WRITTEN_PER_MS;
    return ms < 1 ? 1 : ms > LOOK_AGAIN_MS ? LOOK_AGAIN_MS : (int)ms;
}
