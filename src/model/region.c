#include "model/region.h"
#include "base/limits.h"
#include "base/search.h"
#include "base/vec.h"
#include <errno.h>
#include <string.h>

/* A hexadecimal or decimal number followed by `stop`; moves *s past it. */
static bool number(const char **s, int base, char stop, uint64_t *ret) {
    char first = **s;
    bool digit = (first >= '0' && first <= '9') || (base == 16 && first >= 'a' && first <= 'f');
    if (!digit)
        return false;
    char *end;
    errno = 0;
    uint64_t v = strtoull(*s, &end, base);
    if (errno || *end != stop)
        return false;
    *s = end + 1;
    *ret = v;
    return true;
}

/* "rwxp ": moves *s past it. */
static bool protection(const char **s, struct region *r) {
    static const char letters[] = "rwx";
    for (int i = 0; i < 3; i++) {
        char c = (*s)[i];
        if (c == letters[i])
            r->prot |= (uint8_t)(REGION_R << i);
        else if (c != '-')
            return false;
    }
    char share = (*s)[3];
    if ((share != 'p' && share != 's') || (*s)[4] != ' ')
        return false;
    r->shared = share == 's';
    *s += 5;
    return true;
}

/* The kernel writes newlines of a name as \012 (seq_file mangling) and nothing else escaped. */
static void unescape(char *name) {
    char *to = name;
    for (const char *from = name; *from; to++) {
        if (!strncmp(from, "\\012", 4)) {
            *to = '\n';
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static bool starts(const char *s, const char *prefix) {
    return !strncmp(s, prefix, strlen(prefix));
}

static bool is_shmem_name(const char *name) {
    return starts(name, "/dev/shm/") || starts(name, "/memfd:") || starts(name, "/SYSV") ||
           starts(name, "/dev/zero") || starts(name, "[anon_shmem:");
}

/* What the line alone tells; a tmpfs file elsewhere than /dev/shm is known only by smaps. */
static enum region_kind kind_of(const struct region *r, const char *name) {
    if (!name[0] || starts(name, "[anon:"))
        return r->shared ? REGION_SHMEM : REGION_ANON;
    if (is_shmem_name(name))
        return REGION_SHMEM;
    if (!strcmp(name, "[heap]"))
        return REGION_HEAP;
    if (starts(name, "[stack"))
        return REGION_STACK;
    if (name[0] == '[')
        return REGION_KERNEL;
    if (starts(name, "anon_inode:") || starts(name, "/anon_inode:") || starts(name, "socket:") ||
        starts(name, "/dev/") || starts(name, "/[") || starts(name, "/anon_hugepage"))
        return REGION_DEVICE;
    return REGION_FILE;
}

/* Copies the name, without " (deleted)" and unescaped. */
static char *take_name(const char *s, struct region *r) {
    static const char gone[] = " (deleted)";
    char *name = mem_strndup(s, strcspn(s, "\n"));
    size_t n = strlen(name), m = sizeof gone - 1;
    r->deleted = n > m && !strcmp(name + n - m, gone);
    if (r->deleted)
        name[n - m] = '\0';
    unescape(name);
    return name;
}

static void push_name(struct region_list *l, char *name) {
    if (l->n_names == l->cap_names) {
        l->cap_names = l->cap_names ? l->cap_names * 2 : 64;
        l->names = mem_grow(l->names, l->cap_names, sizeof *l->names);
    }
    l->names[l->n_names++] = name;
}

/* Appends `r`, whose name (heap) passes to the list. Neighbours of one file share the copy. */
static int append(struct region_list *l, struct region r, char *name) {
    const char *last = l->n ? l->at[l->n - 1].name : "";
    int rc = 0;
    if (l->n >= LIMIT_REGIONS)
        rc = -E2BIG;
    else if (r.start >= r.end || (l->n && r.start < l->at[l->n - 1].end))
        rc = -EBADMSG;
    if (rc < 0 || !name[0] || !strcmp(name, last)) {
        r.name = name[0] ? last : "";
        free(name);
    } else {
        push_name(l, name);
        r.name = name;
    }
    if (rc == 0)
        vec_push(l, r);
    return rc;
}

int region_list_add(struct region_list *l, const struct region *r) {
    return append(l, *r, mem_strdup(r->name ? r->name : ""));
}

int region_list_parse(struct region_list *l, const char *line) {
    struct region r = {0};
    uint64_t major, minor;
    const char *s = line;
    if (!number(&s, 16, '-', &r.start) || !number(&s, 16, ' ', &r.end) || !protection(&s, &r) ||
        !number(&s, 16, ' ', &r.offset) || !number(&s, 16, ':', &major) ||
        !number(&s, 16, ' ', &minor))
        return -EBADMSG;
    char *end;
    if (*s < '0' || *s > '9')
        return -EBADMSG;
    r.inode = strtoull(s, &end, 10);
    if (*end && *end != ' ' && *end != '\n')
        return -EBADMSG;
    r.dev_major = (uint32_t)major;
    r.dev_minor = (uint32_t)minor;
    char *name = take_name(end + strspn(end, " "), &r);
    r.kind = kind_of(&r, name);
    return append(l, r, name);
}

void region_list_done(struct region_list *l) {
    for (size_t i = 0; i < l->n_names; i++)
        free(l->names[i]);
    free(l->names);
    free(l->at);
    *l = (struct region_list){0};
}

size_t region_lower_bound(const struct region_list *l, uint64_t addr) {
    return first_where(l->n, i, l->at[i].end > addr);
}

const struct region *region_find(const struct region_list *l, uint64_t addr) {
    size_t i = region_lower_bound(l, addr);
    return i < l->n && l->at[i].start <= addr ? &l->at[i] : NULL;
}

const char *region_kind_name(enum region_kind k) {
    static const char *const names[] = {
        [REGION_ANON] = "anonymous", [REGION_HEAP] = "heap",   [REGION_STACK] = "stack",
        [REGION_FILE] = "file",      [REGION_SHMEM] = "shmem", [REGION_KERNEL] = "kernel",
        [REGION_DEVICE] = "device",
    };
    return names[k];
}

bool region_is_guarded(const struct region_list *l, size_t i) {
    const uint64_t guard_min = 1ull << 30;
    return i + 1 < l->n && l->at[i + 1].start == l->at[i].end && l->at[i + 1].prot == 0 &&
           l->at[i + 1].kind == REGION_ANON && l->at[i + 1].end - l->at[i + 1].start >= guard_min;
}
