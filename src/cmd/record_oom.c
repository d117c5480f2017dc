#include "cmd/record_oom.h"

#include "kernel/cgroup.h"

void record_oom_came(struct record_oom *o, struct process_id id) {
    struct cgroup c;
    if (cgroup_read("", id.pid, &c) < 0)
        return;
    if (c.dir)
        vec_push(&o->places, (struct record_oom_place){id, mem_strdup(c.dir), c.version});
    cgroup_done(&c);
}

bool record_oom_went(struct record_oom *o, struct process_id id, uint64_t *ret_kills) {
    bool known = false;
    for (size_t i = 0; i < o->places.n; i++) {
        struct record_oom_place *p = &o->places.at[i];
        struct cgroup c;
        if (p->id.pid != id.pid || p->id.started_ns != id.started_ns)
            continue;
        if (cgroup_read_dir(p->dir, NULL, p->version, &c) == 0) {
            known = cgroup_get(&c, CGROUP_EVENTS_OOM_KILL, ret_kills);
            cgroup_done(&c);
        }
        free(p->dir);
        *p = o->places.at[--o->places.n];
        break;
    }
    return known;
}

void record_oom_done(struct record_oom *o) {
    for (size_t i = 0; i < o->places.n; i++)
        free(o->places.at[i].dir);
    vec_free(&o->places);
}
