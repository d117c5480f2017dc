/* TARGET to image. */
#include "collect/collect.h"
#include "collect/processes.h"
#include "collect/recorded.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_number(const char *s) {
    size_t n = strspn(s, "0123456789");
    return n > 0 && n < 10 && s[n] == 0;
}

/* The one process, other than memwhy, whose name is `name` or whose command line holds it. Exact
 * names win over parts, Node processes over others. */
static int find_by_name(const char *name, pid_t *ret, struct err *e) {
    struct process_query q = {.root = ""};
    struct process_rows rows = {0};
    int r = processes_collect(&q, &rows, e);
    if (r < 0)
        return r;
    size_t n_best = 0;
    int best = 0;
    for (size_t i = 0; i < rows.n; i++) {
        const struct process *p = &rows.at[i].process;
        if (p->pid == getpid())
            continue;
        cleanup_free char *command = process_command(p);
        int rank = strcmp(p->name, name) == 0 ? 2 : strstr(command, name) ? 1 : 0;
        if (rank && rows.at[i].runtime.kind == RUNTIME_NODE)
            rank += 2;
        if (rank > best) {
            best = rank;
            n_best = 0;
        }
        if (rank && rank == best) {
            n_best++;
            *ret = p->pid;
        }
    }
    processes_done(&rows);
    if (n_best == 1)
        return 0;
    if (!n_best)
        return err_set(e, -ENOENT, "List the processes there are with `memwhy ps`.",
                       "\"%s\" is neither a process id, a core file, nor the name of a process",
                       name);
    return err_set(e, -EINVAL, "Give a process id; `memwhy ps` lists them.",
                   "\"%s\" fits %zu processes", name, n_best);
}

int target_open(const char *target, struct image **ret, struct err *e) {
    struct stat st;
    pid_t pid = 0;
    if (!target[0])
        return err_set(e, -EINVAL, "`memwhy ps` lists the processes there are.",
                       "the target is empty: it is a process id, a name or a core file");
    if (is_number(target))
        return image_open_live((pid_t)strtol(target, NULL, 10), ret, e);
    if (recorded_is(target))
        return err_set(e, -EINVAL,
                       "Of a recording `memwhy explain`, `map`, `heap`, `malloc`, `diff` and "
                       "`compare` tell what was kept; `memwhy capture` keeps the memory itself.",
                       "A recording holds no memory of the process, so this cannot be asked of it");
    if (stat(target, &st) == 0 || strchr(target, '/'))
        return image_open_core(target, ret, e);
    int r = find_by_name(target, &pid, e);
    return r < 0 ? r : image_open_live(pid, ret, e);
}

int target_pid(const char *target, pid_t *ret, struct err *e) {
    struct stat st;
    if (!is_number(target)) {
        if (strchr(target, '/') || stat(target, &st) == 0)
            return err_set(e, -EINVAL, "`memwhy ps` lists the processes there are.",
                           "%s is a file, and it takes a process that runs", target);
        return find_by_name(target, ret, e);
    }
    *ret = (pid_t)strtol(target, NULL, 10);
    return 0;
}
