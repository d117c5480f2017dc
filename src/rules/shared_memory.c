#include "rules/rule.h"

#include "base/fmt.h"

static void check(const struct evidence *ev, struct diagnosis *ret) {
    uint64_t sum = account_sum(&ev->account, "shared-memory");
    if (!rule_worth_saying(ev, sum) || sum < rule_rss(ev) / 3)
        return;
    char size[FMT_MAX], rss[FMT_MAX], target[32];
    rule_target(ev, target);
    struct finding f = {
        .cause = "shared-memory",
        .bytes = sum,
        .confidence = CONFIDENCE_CERTAIN,
        .why =
            mem_printf("%s of %s is shared memory (tmpfs, memfd or SysV), which stays until it is "
                       "unlinked or closed by everyone.",
                       fmt_bytes(size, sum), fmt_bytes(rss, rule_rss(ev))),
        .remedy_class = "unmap",
        .remedy = mem_strdup("Unlink or shrink the shared objects that memwhy map names."),
        .refuted_by = mem_strdup("RssShmem in /proc/PID/status being small"),
    };
    finding_evidence_add(&f, sum, mem_printf("memwhy map %s --owner shared-memory", target),
                         "%s of shared mappings are resident", size);
    vec_push(&ret->findings, f);
}

const struct rule rule_shared_memory = {
    .id = "shared-memory",
    .title = "tmpfs, memfd or SysV shared memory",
    .check = check,
};
