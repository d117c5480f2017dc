#include "model/cgroup.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

static const char *const names[CGROUP_FIELDS] = {
    [CGROUP_CURRENT] = "current",
    [CGROUP_PEAK] = "peak",
    [CGROUP_SWAP_CURRENT] = "swap_current",
    [CGROUP_ANON] = "anon",
    [CGROUP_FILE] = "file",
    [CGROUP_SHMEM] = "shmem",
    [CGROUP_KERNEL] = "kernel",
    [CGROUP_KERNEL_STACK] = "kernel_stack",
    [CGROUP_PAGE_TABLES] = "page_tables",
    [CGROUP_PERCPU] = "percpu",
    [CGROUP_SOCK] = "sock",
    [CGROUP_SLAB] = "slab",
    [CGROUP_SLAB_RECLAIMABLE] = "slab_reclaimable",
    [CGROUP_SLAB_UNRECLAIMABLE] = "slab_unreclaimable",
    [CGROUP_FILE_MAPPED] = "file_mapped",
    [CGROUP_FILE_DIRTY] = "file_dirty",
    [CGROUP_FILE_WRITEBACK] = "file_writeback",
    [CGROUP_ANON_HUGE] = "anon_huge",
    [CGROUP_INACTIVE_ANON] = "inactive_anon",
    [CGROUP_ACTIVE_ANON] = "active_anon",
    [CGROUP_INACTIVE_FILE] = "inactive_file",
    [CGROUP_ACTIVE_FILE] = "active_file",
    [CGROUP_UNEVICTABLE] = "unevictable",
    [CGROUP_ZSWAP] = "zswap",
    [CGROUP_EVENTS_LOW] = "low_events",
    [CGROUP_EVENTS_HIGH] = "high_events",
    [CGROUP_EVENTS_MAX] = "max_events",
    [CGROUP_EVENTS_OOM] = "oom_events",
    [CGROUP_EVENTS_OOM_KILL] = "oom_kills",
    [CGROUP_MAJOR_FAULTS] = "major_faults",
    [CGROUP_REFAULTS_ANON] = "refaults_anon",
    [CGROUP_REFAULTS_FILE] = "refaults_file",
};

void cgroup_done(struct cgroup *c) {
    free(c->path);
    free(c->dir);
    free(c->effective_path);
    *c = (struct cgroup){0};
}

bool cgroup_get(const struct cgroup *c, enum cgroup_field field, uint64_t *ret) {
    if (!(c->known & 1ull << field))
        return false;
    *ret = c->values[field];
    return true;
}

bool cgroup_working_set(const struct cgroup *c, uint64_t *ret) {
    uint64_t current, inactive;
    if (!cgroup_get(c, CGROUP_CURRENT, &current) || !cgroup_get(c, CGROUP_INACTIVE_FILE, &inactive))
        return false;
    *ret = current > inactive ? current - inactive : 0;
    return true;
}

const char *cgroup_field_name(enum cgroup_field field) {
    return names[field];
}

bool cgroup_field_is_bytes(enum cgroup_field field) {
    return field < CGROUP_EVENTS_LOW;
}

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

char *cgroup_label(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *last = slash && slash[1] ? slash + 1 : path;
    for (const char *p = last; *p; p++) {
        size_t n = 0;
        while (is_hex(p[n]))
            n++;
        if (n >= 32) /* docker-<64 hex digits>.scope, cri-containerd-..., plain ids */
            return mem_printf("%.*s%.12s%s", (int)(p - last), last, p, p + n);
        if (n)
            p += n - 1;
    }
    return mem_strdup(last);
}
