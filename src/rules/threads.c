#include "rules/rule.h"

#include "base/fmt.h"
#include <string.h>

/* A heap, a stack and arenas for each worker, or a stack for each native thread. */
static void check(const struct evidence *ev, struct diagnosis *ret) {
    const struct account *a = &ev->account;
    uint64_t stacks = account_sum(a, "stacks"), workers = 0;
    for (size_t i = 0; i < a->owners.n; i++)
        if (strncmp(a->owners.at[i].path, "v8/worker-", 10) == 0)
            workers += a->owners.at[i].resident_bytes;
    uint64_t sum = stacks + workers;
    size_t isolates = ev->v8.isolates.n;
    if (!rule_worth_saying(ev, sum) || sum < rule_rss(ev) / 3)
        return;
    if (isolates < 4 && stacks < sum / 2)
        return; /* one or two workers with much in them: not their number is the cause */
    char size[FMT_MAX], rss[FMT_MAX], target[32];
    rule_target(ev, target);
    struct finding f = {
        .cause = workers > stacks ? "worker-leak" : "thread-leak",
        .bytes = sum,
        .confidence = CONFIDENCE_LIKELY,
        .why =
            mem_printf("%s of %s belongs to threads: %zu worker isolates with a heap each, and the "
                       "stacks of %u threads.",
                       fmt_bytes(size, sum), fmt_bytes(rss, rule_rss(ev)),
                       isolates ? isolates - 1 : 0, ev->target.threads),
        .remedy_class = workers > stacks ? "pool-workers" : "join-threads",
        .remedy =
            mem_strdup(workers > stacks ? "Keep a small pool of workers instead of one for each "
                                          "job, and end those that are done."
                                        : "Join or end threads that are done."),
        .refuted_by = mem_strdup("the same number of threads in a healthy instance"),
    };
    finding_evidence_add(&f, workers, mem_printf("memwhy heap %s", target),
                         "the heaps of %zu workers", isolates ? isolates - 1 : 0);
    finding_evidence_add(&f, stacks, mem_printf("memwhy map %s --owner stacks", target),
                         "the stacks of %u threads", ev->target.threads);
    vec_push(&ret->findings, f);
}

const struct rule rule_threads = {
    .id = "threads",
    .title = "memory because of threads",
    .check = check,
};
