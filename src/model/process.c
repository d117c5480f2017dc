#include "model/process.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

/* PROC_PID_INIT_INO of include/linux/proc_ns.h: the pid namespace of the machine itself. */
#define HOST_PID_NS 0xEFFFFFFCu

void process_done(struct process *p) {
    free(p->cmdline);
    free(p->exe);
    free(p->cgroup);
    free(p->threads);
    *p = (struct process){0};
}

bool process_size_get(const struct process *p, enum process_size size, uint64_t *ret) {
    if (!(p->known_sizes & 1u << size))
        return false;
    *ret = p->sizes[size];
    return true;
}

char *process_command(const struct process *p) {
    size_t len = p->parts & PROCESS_CMDLINE ? p->cmdline_len : 0;
    while (len && (p->cmdline[len - 1] == '\0' || p->cmdline[len - 1] == ' '))
        len--; /* process.title leaves a long tail of NULs */
    if (!len)
        return mem_printf(p->state == 'Z' ? "[%s] (zombie)" : "[%s]", p->name);
    char *s = mem_strndup("", 0);
    s = mem_grow(s, len + 1, 1);
    for (size_t i = 0; i < len; i++)
        s[i] = p->cmdline[i] ? p->cmdline[i] : ' ';
    s[len] = '\0';
    return s;
}

/* `path` is `dir` or below it. */
static bool is_below(const char *path, const char *dir) {
    size_t n = strlen(dir);
    return !strncmp(path, dir, n) && (path[n] == '\0' || path[n] == '/');
}

bool process_same_container(const struct process *p, const struct process *of) {
    bool know_ns = of->parts & PROCESS_NAMESPACES;
    bool know_both_ns = know_ns && p->parts & PROCESS_NAMESPACES;
    if (know_both_ns && of->pid_ns != HOST_PID_NS && p->pid_ns == of->pid_ns)
        return true;
    bool in_cgroup = of->parts & PROCESS_CGROUP && of->cgroup[0] && strcmp(of->cgroup, "/") != 0;
    if (in_cgroup)
        return p->parts & PROCESS_CGROUP && is_below(p->cgroup, of->cgroup);
    return !know_both_ns || p->pid_ns == of->pid_ns;
}

bool process_below_cgroup(const struct process *p, const char *dir) {
    size_t n = strlen(dir);
    while (n && dir[n - 1] == '/')
        n--;
    if (!n)
        return true;
    return p->parts & PROCESS_CGROUP && !strncmp(p->cgroup, dir, n) &&
           (p->cgroup[n] == '\0' || p->cgroup[n] == '/');
}
