#include "collect/sampler_cgroups.h"
#include <string.h>

enum { LIMITS_EVERY = 15 }; /* rounds: who changes them does so by hand, or once at the start */

struct sampled_cgroup {
    char *path;
    struct cgroup_watch *watch;
    size_t users;
    uint64_t next_limits; /* in which round */
    struct sample now;    /* only its fields count */
};

struct sampled_cgroup *sampler_cgroups_get(struct sampler_cgroups *c, const char *root, pid_t pid,
                                           const char *path) {
    for (size_t i = 0; i < c->list.n; i++)
        if (!strcmp(c->list.at[i]->path, path)) {
            c->list.at[i]->users++;
            return c->list.at[i];
        }
    struct cgroup_watch *watch;
    if (cgroup_watch_new(root, pid, &watch) < 0)
        return NULL;
    struct sampled_cgroup *one = mem_zalloc(sizeof *one);
    one->path = mem_strdup(path);
    one->watch = watch;
    one->users = 1;
    one->next_limits = c->rounds + LIMITS_EVERY;
    cgroup_watch_read(watch, &one->now);
    vec_push(&c->list, one);
    return one;
}

void sampler_cgroups_drop(struct sampler_cgroups *c, struct sampled_cgroup *one) {
    if (!one || --one->users)
        return;
    for (size_t i = 0; i < c->list.n; i++)
        if (c->list.at[i] == one)
            c->list.at[i] = c->list.at[--c->list.n];
    cgroup_watch_free(one->watch);
    free(one->path);
    free(one);
}

void sampler_cgroups_read(struct sampler_cgroups *c) {
    c->rounds++;
    for (size_t i = 0; i < c->list.n; i++) {
        struct sampled_cgroup *one = c->list.at[i];
        one->now.known = 0;
        cgroup_watch_read(one->watch, &one->now);
    }
}

void sampler_cgroups_sample(struct sampler_cgroups *c, struct sampled_cgroup *one, const char *root,
                            pid_t pid, struct sample *ret) {
    if (!one)
        return;
    if (one->next_limits <= c->rounds) {
        one->next_limits = c->rounds + LIMITS_EVERY;
        cgroup_watch_renew(one->watch, root, pid);
    }
    uint64_t v;
    for (int f = 0; f < SAMPLE_FIELDS; f++)
        if (sample_get(&one->now, (enum sample_field)f, &v))
            sample_set(ret, (enum sample_field)f, v);
}

void sampler_cgroups_done(struct sampler_cgroups *c) {
    while (c->list.n) {
        c->list.at[0]->users = 1;
        sampler_cgroups_drop(c, c->list.at[0]);
    }
    vec_free(&c->list);
}
