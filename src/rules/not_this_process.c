#include "rules/rule.h"

#include "base/fmt.h"

/* The pod is large and this process is not: another process of it, or page cache charged to it. */
static void add_neighbour(const struct evidence *ev, struct diagnosis *ret) {
    const struct evidence_neighbour *n = &ev->neighbours.at[0];
    char size[FMT_MAX], rss[FMT_MAX], target[32];
    rule_target(ev, target);
    struct finding f = {
        .cause = "other-process-in-pod",
        .bytes = n->rss_bytes,
        .confidence = CONFIDENCE_LIKELY,
        .why = mem_printf("Another process beside this one is the large one: %s (pid %d) has %s "
                          "resident, this one %s.",
                          n->name, (int)n->pid, fmt_bytes(size, n->rss_bytes),
                          fmt_bytes(rss, rule_rss(ev))),
        .remedy_class = "look-at-other-process",
        .remedy = mem_printf("Look at it: memwhy %d", (int)n->pid),
        .refuted_by = mem_strdup("an alarm that is about this process's own RSS"),
    };
    finding_evidence_add(&f, n->rss_bytes, mem_printf("memwhy ps --container %s", target),
                         "%s (pid %d) has %s resident", n->name, (int)n->pid, size);
    vec_push(&ret->findings, f);
}

static void add_cache(const struct evidence *ev, uint64_t current, uint64_t cache,
                      struct diagnosis *ret) {
    char size[FMT_MAX], all[FMT_MAX], target[32];
    rule_target(ev, target);
    struct finding f = {
        .cause = "page-cache-in-cgroup",
        .bytes = cache,
        .confidence = CONFIDENCE_LIKELY,
        .why = mem_printf("%s of the %s charged to this process's cgroup is page cache, which the "
                          "kernel drops when the limit is near.",
                          fmt_bytes(size, cache), fmt_bytes(all, current)),
        .remedy_class = "ignore-page-cache",
        .remedy = mem_strdup("Alarm on the working set without inactive file pages, or on RSS."),
        .refuted_by = mem_strdup("the cache being dirty, or tmpfs (shmem in memory.stat)"),
    };
    finding_evidence_add(&f, cache, mem_printf("memwhy ps --container %s", target),
                         "the cgroup is charged %s, of it %s page cache", all, size);
    vec_push(&ret->findings, f);
}

static void check(const struct evidence *ev, struct diagnosis *ret) {
    uint64_t rss = rule_rss(ev), current, file, shmem = 0;
    const uint64_t much = 64 << 20;
    if (ev->neighbours.n && ev->neighbours.at[0].rss_bytes > 2 * rss &&
        ev->neighbours.at[0].rss_bytes >= much)
        add_neighbour(ev, ret);
    if (!ev->has_cgroup || ev->cgroup.effective_max.state != CGROUP_LIMIT_SET)
        return; /* without a limit there is nothing for the cache to press against */
    if (!cgroup_get(&ev->cgroup, CGROUP_CURRENT, &current) ||
        !cgroup_get(&ev->cgroup, CGROUP_FILE, &file))
        return;
    cgroup_get(&ev->cgroup, CGROUP_SHMEM, &shmem);
    uint64_t cache = file > shmem ? file - shmem : 0;
    if (cache > rss && cache > current / 2 && cache >= much)
        add_cache(ev, current, cache, ret);
}

const struct rule rule_not_this_process = {
    .id = "not-this-process",
    .title = "the alarm is about something else in the same container",
    .check = check,
};
