#include "kernel/cgroup_mount.h"
#include "base/mem.h"
#include "kernel/procfs.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOUNTINFO_BYTES = 16 << 20 }; /* 100,000 mounts, the default limit, of 160 bytes each */

void cgroup_place_done(struct cgroup_place *p) {
    free(p->dir);
    free(p->top);
    *p = (struct cgroup_place){0};
}

/* A copy of a mountinfo field, with its \040, \011, \012 and \134 undone. */
static char *unescape(const char *s, size_t len) {
    char *out = mem_alloc(len + 1), *to = out;
    for (size_t i = 0; i < len; i++) {
        bool octal = s[i] == '\\' && len - i > 3;
        for (size_t k = 1; octal && k < 4; k++)
            octal = s[i + k] >= '0' && s[i + k] <= '7';
        if (octal) {
            *to++ = (char)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 | (s[i + 3] - '0'));
            i += 3;
        } else {
            *to++ = s[i];
        }
    }
    *to = '\0';
    return out;
}

/* The next blank-separated field; NULL at the end of the line. */
static const char *next_field(const char **p, size_t *ret_len) {
    const char *s = *p + strspn(*p, " ");
    *ret_len = strcspn(s, " \n");
    *p = s + *ret_len;
    return *ret_len ? s : NULL;
}

static bool field_is(const char *s, size_t len, const char *what) {
    return strlen(what) == len && !memcmp(s, what, len);
}

/* "rw,memory" holds "memory". */
static bool has_option(const char *s, size_t len, const char *what) {
    size_t n = strlen(what);
    for (const char *p = s, *end = s + len; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        if ((size_t)(stop - p) == n && !memcmp(p, what, n))
            return true;
        p = stop + 1;
    }
    return false;
}

/* What is left of `path` below a mount of `mount_root`; NULL when the mount does not show it. */
static const char *path_below(const char *path, const char *mount_root) {
    size_t n = strlen(mount_root);
    while (n && mount_root[n - 1] == '/')
        n--; /* "/" holds everything */
    if (strncmp(path, mount_root, n) != 0 || (path[n] && path[n] != '/'))
        return NULL;
    const char *rest = path + n;
    bool climbs =
        strstr(rest, "/../") || (strlen(rest) >= 3 && !strcmp(rest + strlen(rest) - 3, "/.."));
    if (climbs)
        return NULL; /* above what this mount shows */
    return strcmp(rest, "/") ? rest : "";
}

int cgroup_place_of_mount(const char *line, const char *prefix, int version, const char *path,
                          struct cgroup_place *ret) {
    /* id parent major:minor root mount-point options [tags...] - type source super-options */
    const char *p = line, *fields[5], *type, *options;
    size_t len[5], type_len, options_len, n;
    for (size_t i = 0; i < 5; i++)
        if (!(fields[i] = next_field(&p, &len[i])))
            return -EBADMSG;
    const char *tag; /* options, then any number of tags up to a dash */
    do {
        if (!(tag = next_field(&p, &n)))
            return -EBADMSG;
    } while (n != 1 || *tag != '-');
    type = next_field(&p, &type_len);
    if (!type || !next_field(&p, &n) || !(options = next_field(&p, &options_len)))
        return -EBADMSG;
    bool fits = version == 2 ? field_is(type, type_len, "cgroup2")
                             : field_is(type, type_len, "cgroup") &&
                                   has_option(options, options_len, "memory");
    if (!fits)
        return -ENODATA;
    cleanup_free char *mount_root = unescape(fields[3], len[3]);
    cleanup_free char *mount_point = unescape(fields[4], len[4]);
    const char *rest = path_below(path, mount_root);
    if (!rest)
        return -ENODATA;
    ret->top = mem_printf("%s%s", prefix, mount_point);
    ret->dir = mem_printf("%s%s", ret->top, rest);
    return 0;
}

static bool is_there(const struct cgroup_place *p) {
    cleanup_free char *procs = mem_printf("%s/cgroup.procs", p->dir);
    return access(procs, F_OK) == 0;
}

/* The first mount of one mountinfo that shows the path. */
static int find_in_mounts(const char *root, pid_t pid, const char *mountinfo, const char *prefix,
                          int version, const char *path, struct cgroup_place *ret) {
    cleanup_free char *text = NULL;
    size_t len;
    int r = procfs_read(root, pid, mountinfo, MOUNTINFO_BYTES, &text, &len);
    if (r < 0)
        return r;
    for (const char *line = text; *line;) {
        struct cgroup_place place = {0};
        if (cgroup_place_of_mount(line, prefix, version, path, &place) == 0) {
            if (is_there(&place)) {
                *ret = place;
                return 0;
            }
            cgroup_place_done(&place);
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return -ENODATA;
}

static int find_in_usual_places(const char *root, int version, const char *path,
                                struct cgroup_place *ret) {
    static const char *const places[][2] = {
        {"/sys/fs/cgroup/memory", NULL},
        {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"},
    };
    const char *rest = path_below(path, "/");
    for (size_t i = 0; rest && i < 2; i++) {
        const char *at = places[version - 1][i];
        if (!at)
            break;
        struct cgroup_place place = {.top = mem_printf("%s%s", root, at)};
        place.dir = mem_printf("%s%s", place.top, rest);
        if (is_there(&place)) {
            *ret = place;
            return 0;
        }
        cgroup_place_done(&place);
    }
    return -ENODATA;
}

int cgroup_place_find(const char *root, pid_t pid, int version, const char *path,
                      struct cgroup_place *ret) {
    cleanup_free char *inside = procfs_path(root, pid, "root");
    if (find_in_mounts(root, 0, "self/mountinfo", root, version, path, ret) == 0)
        return 0;
    if (find_in_mounts(root, pid, "mountinfo", inside, version, path, ret) == 0)
        return 0;
    return find_in_usual_places(root, version, path, ret);
}
