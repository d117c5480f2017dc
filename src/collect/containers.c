#include "collect/containers.h"
#include "base/vec.h"
#include "kernel/cgroup.h"
#include <string.h>

static struct container *container_of(struct containers *all, const char *root,
                                      const struct process *p) {
    const char *path = p->parts & PROCESS_CGROUP ? p->cgroup : "";
    for (size_t i = 0; i < all->n; i++)
        if (!strcmp(all->at[i].path, path))
            return &all->at[i];
    struct container c = {.path = mem_strdup(path), .pss_known = true};
    c.has_cgroup = *path && cgroup_read(root, p->pid, &c.cgroup) == 0;
    vec_push(all, c);
    return &all->at[all->n - 1];
}

static void add_process(struct container *c, const struct process_row *row) {
    uint64_t rss = 0, pss = 0, swap = 0;
    bool has_memory = process_size_get(&row->process, PROCESS_RSS, &rss);
    process_size_get(&row->process, PROCESS_SWAP, &swap);
    if (has_memory && !usage_get(&row->usage, USAGE_PSS, &pss))
        c->pss_known = false;
    c->n_processes++;
    c->rss_bytes += rss;
    c->pss_bytes += pss;
    c->swap_bytes += swap;
}

static int by_rss(const void *a, const void *b) {
    const struct container *x = a, *y = b;
    if (x->rss_bytes != y->rss_bytes)
        return x->rss_bytes < y->rss_bytes ? 1 : -1;
    return strcmp(x->path, y->path);
}

void containers_collect(const char *root, const struct process_rows *rows, struct containers *ret) {
    struct containers all = {0};
    for (size_t i = 0; i < rows->n; i++)
        add_process(container_of(&all, root, &rows->at[i].process), &rows->at[i]);
    vec_sort(&all, by_rss);
    *ret = all;
}

void containers_done(struct containers *c) {
    for (size_t i = 0; i < c->n; i++) {
        free(c->at[i].path);
        cgroup_done(&c->at[i].cgroup);
    }
    vec_free(c);
}
