#include "kernel/cgroup.h"
#include "base/mem.h"
#include "kernel/cgroup_mount.h"
#include "kernel/procfs.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL_FILE_BYTES = 256 * 1024 };
/* v1 writes "no limit" as LONG_MAX rounded down to pages, or as a sum of such. */
#define V1_NO_LIMIT (1ull << 62)

struct key {
    const char *name;
    enum cgroup_field field;
};

/* Documentation/admin-guide/cgroup-v2.rst, Linux 4.5 to 6.18. */
static const struct key v2_files[] = {
    {"memory.current", CGROUP_CURRENT},
    {"memory.peak", CGROUP_PEAK}, /* since 5.19 */
    {"memory.swap.current", CGROUP_SWAP_CURRENT},
    {NULL, 0},
};
static const struct key v2_stat[] = {
    {"anon", CGROUP_ANON},
    {"file", CGROUP_FILE},
    {"shmem", CGROUP_SHMEM},
    {"kernel", CGROUP_KERNEL}, /* since 5.18 */
    {"kernel_stack", CGROUP_KERNEL_STACK},
    {"pagetables", CGROUP_PAGE_TABLES},
    {"percpu", CGROUP_PERCPU},
    {"sock", CGROUP_SOCK},
    {"slab", CGROUP_SLAB},
    {"slab_reclaimable", CGROUP_SLAB_RECLAIMABLE},
    {"slab_unreclaimable", CGROUP_SLAB_UNRECLAIMABLE},
    {"file_mapped", CGROUP_FILE_MAPPED},
    {"file_dirty", CGROUP_FILE_DIRTY},
    {"file_writeback", CGROUP_FILE_WRITEBACK},
    {"anon_thp", CGROUP_ANON_HUGE},
    {"inactive_anon", CGROUP_INACTIVE_ANON},
    {"active_anon", CGROUP_ACTIVE_ANON},
    {"inactive_file", CGROUP_INACTIVE_FILE},
    {"active_file", CGROUP_ACTIVE_FILE},
    {"unevictable", CGROUP_UNEVICTABLE},
    {"zswap", CGROUP_ZSWAP},
    {"pgmajfault", CGROUP_MAJOR_FAULTS},
    {"workingset_refault", CGROUP_REFAULTS_FILE}, /* before 5.9 */
    {"workingset_refault_anon", CGROUP_REFAULTS_ANON},
    {"workingset_refault_file", CGROUP_REFAULTS_FILE},
    {NULL, 0},
};
static const struct key v2_events[] = {
    {"low", CGROUP_EVENTS_LOW}, {"high", CGROUP_EVENTS_HIGH},         {"max", CGROUP_EVENTS_MAX},
    {"oom", CGROUP_EVENTS_OOM}, {"oom_kill", CGROUP_EVENTS_OOM_KILL}, {NULL, 0},
};

/* Documentation/admin-guide/cgroup-v1/memory.rst. */
static const struct key v1_files[] = {
    {"memory.usage_in_bytes", CGROUP_CURRENT},       {"memory.max_usage_in_bytes", CGROUP_PEAK},
    {"memory.failcnt", CGROUP_EVENTS_MAX},           {"memory.kmem.usage_in_bytes", CGROUP_KERNEL},
    {"memory.kmem.tcp.usage_in_bytes", CGROUP_SOCK}, {NULL, 0},
};
/* With total_: this cgroup and those below it, as v2 counts. */
static const struct key v1_stat[] = {
    {"total_cache", CGROUP_FILE},
    {"total_rss", CGROUP_ANON},
    {"total_rss_huge", CGROUP_ANON_HUGE},
    {"total_shmem", CGROUP_SHMEM},
    {"total_mapped_file", CGROUP_FILE_MAPPED},
    {"total_dirty", CGROUP_FILE_DIRTY},
    {"total_writeback", CGROUP_FILE_WRITEBACK},
    {"total_swap", CGROUP_SWAP_CURRENT},
    {"total_inactive_anon", CGROUP_INACTIVE_ANON},
    {"total_active_anon", CGROUP_ACTIVE_ANON},
    {"total_inactive_file", CGROUP_INACTIVE_FILE},
    {"total_active_file", CGROUP_ACTIVE_FILE},
    {"total_unevictable", CGROUP_UNEVICTABLE},
    {"total_pgmajfault", CGROUP_MAJOR_FAULTS},
    {"total_workingset_refault_anon", CGROUP_REFAULTS_ANON},
    {"total_workingset_refault_file", CGROUP_REFAULTS_FILE},
    {NULL, 0},
};
static const struct key v1_events[] = {
    {"oom_kill", CGROUP_EVENTS_OOM_KILL}, /* since 4.13 */
    {NULL, 0},
};

/* The whole of a small file of `dir`, or NULL. */
static char *read_file(const char *dir, const char *name) {
    cleanup_free char *path = mem_printf("%s/%s", dir, name);
    char *text;
    size_t len;
    return procfs_read_path(path, SMALL_FILE_BYTES, &text, &len) == 0 ? text : NULL;
}

/* A file that is one number and a newline. */
static bool read_number(const char *dir, const char *name, uint64_t *ret) {
    cleanup_free char *text = read_file(dir, name);
    const char *p = text;
    return text && procfs_number(&p, text + strlen(text), ret);
}

static void set(struct cgroup *c, enum cgroup_field field, uint64_t value) {
    c->values[field] = value;
    c->known |= 1ull << field;
}

static void read_numbers(const char *dir, const struct key *keys, struct cgroup *c) {
    uint64_t v;
    for (; keys->name; keys++)
        if (read_number(dir, keys->name, &v))
            set(c, keys->field, v);
}

/* A file of "name number" lines. */
static void read_pairs(const char *dir, const char *name, const struct key *keys,
                       struct cgroup *c) {
    cleanup_free char *text = read_file(dir, name);
    for (const char *line = text; line && *line;) {
        size_t len = strcspn(line, "\n"), key_len = strcspn(line, " \n");
        const char *p = line + key_len + (key_len < len);
        uint64_t v;
        for (const struct key *k = keys; k->name; k++)
            if (strlen(k->name) == key_len && !memcmp(k->name, line, key_len) &&
                procfs_number(&p, line + len, &v))
                set(c, k->field, v);
        line += len + (line[len] == '\n');
    }
}

/* "max" or a number of bytes; v1 has a number so large that it means none. */
static struct cgroup_limit read_limit(const char *dir, const char *name) {
    cleanup_free char *text = read_file(dir, name);
    const char *p = text;
    uint64_t v;
    if (!text)
        return (struct cgroup_limit){CGROUP_LIMIT_UNKNOWN, 0};
    if (!strncmp(text, "max", 3))
        return (struct cgroup_limit){CGROUP_LIMIT_NONE, 0};
    if (!procfs_number(&p, text + strlen(text), &v))
        return (struct cgroup_limit){CGROUP_LIMIT_UNKNOWN, 0};
    if (v >= V1_NO_LIMIT)
        return (struct cgroup_limit){CGROUP_LIMIT_NONE, 0};
    return (struct cgroup_limit){CGROUP_LIMIT_SET, v};
}

/* v1 counts memory and swap together. */
static struct cgroup_limit v1_swap_limit(const char *dir, struct cgroup_limit max) {
    struct cgroup_limit both = read_limit(dir, "memory.memsw.limit_in_bytes");
    if (both.state != CGROUP_LIMIT_SET || max.state != CGROUP_LIMIT_SET)
        return (struct cgroup_limit){
            both.state == CGROUP_LIMIT_SET ? CGROUP_LIMIT_UNKNOWN : both.state, 0};
    return (struct cgroup_limit){CGROUP_LIMIT_SET,
                                 both.bytes > max.bytes ? both.bytes - max.bytes : 0};
}

/* From `dir` up to `top`: the least limit, and where it is set. */
static void find_effective_max(const char *dir, const char *top, int version, struct cgroup *c) {
    const char *file = version == 2 ? "memory.max" : "memory.limit_in_bytes";
    cleanup_free char *at = mem_strdup(dir);
    size_t top_len = top ? strlen(top) : strlen(dir);
    for (;;) {
        struct cgroup_limit limit = read_limit(at, file);
        struct cgroup_limit *least = &c->effective_max;
        if (limit.state == CGROUP_LIMIT_NONE && least->state == CGROUP_LIMIT_UNKNOWN)
            *least = limit;
        if (limit.state == CGROUP_LIMIT_SET &&
            (least->state != CGROUP_LIMIT_SET || limit.bytes < least->bytes)) {
            *least = limit;
            free(c->effective_path);
            c->effective_path = mem_strdup(at);
        }
        char *slash = strrchr(at, '/');
        if (!slash || (size_t)(slash - at) < top_len)
            return;
        *slash = '\0';
    }
}

/* v1 tells the least limit above, even of what a container does not see. */
static void apply_v1_hierarchical_limit(const char *dir, struct cgroup *c) {
    static const struct key key[] = {{"hierarchical_memory_limit", CGROUP_CURRENT}, {NULL, 0}};
    struct cgroup found = {0};
    read_pairs(dir, "memory.stat", key, &found);
    uint64_t least;
    if (!cgroup_get(&found, CGROUP_CURRENT, &least))
        return;
    c->ancestors_hidden = false;
    if (least >= V1_NO_LIMIT ||
        (c->effective_max.state == CGROUP_LIMIT_SET && c->effective_max.bytes <= least))
        return;
    c->effective_max = (struct cgroup_limit){CGROUP_LIMIT_SET, least};
    free(c->effective_path);
    c->effective_path = NULL; /* above what we see */
}

static void read_v2(const char *dir, const char *top, struct cgroup *c) {
    cleanup_free char *type = mem_printf("%s/cgroup.type", top ? top : dir);
    read_numbers(dir, v2_files, c);
    read_pairs(dir, "memory.stat", v2_stat, c);
    read_pairs(dir, "memory.events", v2_events, c);
    uint64_t reclaimable, unreclaimable, slab;
    if (!cgroup_get(c, CGROUP_SLAB, &slab) &&
        cgroup_get(c, CGROUP_SLAB_RECLAIMABLE, &reclaimable) &&
        cgroup_get(c, CGROUP_SLAB_UNRECLAIMABLE, &unreclaimable))
        set(c, CGROUP_SLAB, reclaimable + unreclaimable);
    c->max = read_limit(dir, "memory.max");
    c->high = read_limit(dir, "memory.high");
    c->swap_max = read_limit(dir, "memory.swap.max");
    find_effective_max(dir, top, 2, c);
    /* Every cgroup but the machine's root has this file: the mount begins below the root. */
    c->ancestors_hidden = access(type, F_OK) == 0;
}

static void read_v1(const char *dir, const char *top, struct cgroup *c) {
    read_numbers(dir, v1_files, c);
    read_pairs(dir, "memory.stat", v1_stat, c);
    read_pairs(dir, "memory.oom_control", v1_events, c);
    c->max = read_limit(dir, "memory.limit_in_bytes");
    c->high = read_limit(dir, "memory.soft_limit_in_bytes");
    c->swap_max = v1_swap_limit(dir, c->max);
    c->ancestors_hidden = true;
    find_effective_max(dir, top, 1, c);
    apply_v1_hierarchical_limit(dir, c);
}

int cgroup_read_dir(const char *dir, const char *top, int version, struct cgroup *ret) {
    struct cgroup c = {.version = version};
    if (access(dir, R_OK | X_OK) < 0)
        return -errno;
    if (version == 2)
        read_v2(dir, top, &c);
    else
        read_v1(dir, top, &c);
    cleanup_free char *text = read_file(dir, "memory.pressure");
    if (text)
        (void)pressure_parse(text, &c.pressure);
    c.dir = mem_strdup(dir);
    *ret = c;
    return 0;
}

/* "ID:CONTROLLERS:PATH": the path when the controllers fit ("" is the unified hierarchy). */
static char *path_of_line(const char *line, const char *controller) {
    size_t len = strcspn(line, "\n");
    const char *list = memchr(line, ':', len);
    const char *path = list ? memchr(list + 1, ':', len - (size_t)(list + 1 - line)) : NULL;
    if (!path)
        return NULL;
    size_t n = strlen(controller);
    bool fits = n == 0 && path == list + 1;
    for (const char *p = list + 1; n && p < path; p += strcspn(p, ",:") + 1)
        fits |= !strncmp(p, controller, n) && (p[n] == ',' || p[n] == ':');
    if (!fits)
        return NULL;
    path++;
    return mem_strndup(path, len - (size_t)(path - line));
}

static char *path_in_hierarchy(const char *text, const char *controller) {
    for (const char *line = text; *line;) {
        char *path = path_of_line(line, controller);
        if (path)
            return path;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return NULL;
}

int cgroup_parse_path(const char *text, int *ret_version, char **ret_path) {
    int version = 1;
    char *path = path_in_hierarchy(text, "memory"); /* where v1 has it, v2 does not */
    if (!path) {
        version = 2;
        path = path_in_hierarchy(text, "");
    }
    if (!path)
        return -ENODATA;
    if (ret_version)
        *ret_version = version;
    *ret_path = path;
    return 0;
}

/* With memory on v1, pressure is in the unified hierarchy, if that is mounted at all. */
static void read_unified_pressure(const char *root, pid_t pid, const char *proc_cgroup,
                                  struct cgroup *c) {
    cleanup_free char *path = path_in_hierarchy(proc_cgroup, "");
    struct cgroup_place place;
    if (!path || cgroup_place_find(root, pid, 2, path, &place) < 0)
        return;
    cleanup_free char *type = read_file(place.dir, "cgroup.type");
    cleanup_free char *text = read_file(place.dir, "memory.pressure");
    if (text && type) /* the root has no type; its pressure is the machine's */
        (void)pressure_parse(text, &c->pressure);
    cgroup_place_done(&place);
}

int cgroup_read(const char *root, pid_t pid, struct cgroup *ret) {
    cleanup_free char *text = NULL, *path = NULL;
    size_t len;
    int version;
    int r = procfs_read(root, pid, "cgroup", SMALL_FILE_BYTES, &text, &len);
    if (r < 0)
        return r;
    if ((r = cgroup_parse_path(text, &version, &path)) < 0)
        return r;
    struct cgroup_place place;
    if ((r = cgroup_place_find(root, pid, version, path, &place)) < 0)
        return r;
    struct cgroup c;
    r = cgroup_read_dir(place.dir, place.top, version, &c);
    cgroup_place_done(&place);
    if (r < 0)
        return r;
    c.path = path;
    path = NULL;
    if (version == 1)
        read_unified_pressure(root, pid, text, &c);
    *ret = c;
    return 0;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", total in microseconds. */
static void parse_pressure_line(const char *line, struct pressure *p) {
    struct pressure_line l = {.known = true};
    unsigned long long total_us;
    char which[5];
    if (sscanf(line, "%4s avg10=%lf avg60=%lf avg300=%lf total=%llu", which, &l.avg10_percent,
               &l.avg60_percent, &l.avg300_percent, &total_us) != 5)
        return;
    l.total_ns = total_us * 1000;
    if (!strcmp(which, "some"))
        p->some = l;
    else if (!strcmp(which, "full"))
        p->full = l;
}

int pressure_parse(const char *text, struct pressure *ret) {
    struct pressure p = {0};
    for (const char *line = text; *line;) {
        parse_pressure_line(line, &p);
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    if (!p.some.known && !p.full.known)
        return -EBADMSG;
    *ret = p;
    return 0;
}

int pressure_read(const char *root, struct pressure *ret) {
    cleanup_free char *text = NULL;
    size_t len;
    int r = procfs_read(root, 0, "pressure/memory", SMALL_FILE_BYTES, &text, &len);
    return r < 0 ? r : pressure_parse(text, ret);
}
