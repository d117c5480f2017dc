#include "trial/tree.h"

#include "kernel/process.h"

struct parent_of {
    pid_t pid, parent;
};

int tree_below(pid_t pid, struct pid_list *ret) {
    VEC(struct parent_of) all = {0};
    struct pid_list below = {0};
    pid_t *pids;
    size_t n;
    int rc = process_list("", &pids, &n);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        struct process p;
        if (process_read("", pids[i], PROCESS_STAT, &p) < 0)
            continue;
        vec_push(&all, (struct parent_of){p.pid, p.ppid});
        process_done(&p);
    }
    free(pids);
    for (size_t done = 0;; done++) {
        for (size_t i = 0; i < all.n; i++)
            if (all.at[i].parent == pid)
                vec_push(&below.list, all.at[i].pid);
        if (done == below.list.n)
            break;
        pid = below.list.at[done];
    }
    vec_free(&all);
    *ret = below;
    return 0;
}
