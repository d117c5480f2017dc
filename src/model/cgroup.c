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

/* The first long id in `s`, of at least 32 hex digits: docker-<64>.scope,
 * cri-containerd-<64>.scope, or nothing else. NULL: none. */
static const char *long_id(const char *s, size_t *ret_n) {
    for (const char *p = s; *p; p++) {
        size_t n = 0;
        while (is_hex(p[n]))
            n++;
        *ret_n = n;
        if (n >= 32)
            return p;
        if (n)
            p += n - 1;
    }
    return NULL;
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

char *cgroup_label(const char *path) {
    const char *last = last_part(path);
    size_t n;
    const char *id = long_id(last, &n);
    return id ? mem_printf("%.*s%.12s%s", (int)(id - last), last, id, id + n) : mem_strdup(last);
}

char *cgroup_container_id(const char *path) {
    size_t n;
    const char *id = long_id(last_part(path), &n);
    return id ? mem_strndup(id, n) : NULL;
}

/* kubepods/burstable/pod<uid>/..., or kubepods-burstable-pod<uid with '_'>.slice: a UUID, or 32 hex
 * digits of a static pod. */
char *cgroup_pod_uid(const char *path) {
    for (const char *p = path; (p = strstr(p, "pod")); p++) {
        const char *uid = p + strlen("pod");
        size_t n = 0;
        while (is_hex(uid[n]) || uid[n] == '-' || uid[n] == '_')
            n++;
        if (n != 32 && n != 36)
            continue;
        char *copy = mem_strndup(uid, n);
        for (char *c = copy; *c; c++)
            *c = *c == '_' ? '-' : *c;
        return copy;
    }
    return NULL;
}
