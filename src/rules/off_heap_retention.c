#include "rules/rule.h"

#include "base/fmt.h"

/* Memory outside V8's heap that objects on it hold is most of the process. Whether those objects
 * are alive the account alone does not say. */
static void check(const struct evidence *ev, struct diagnosis *ret) {
    struct account_groups g = account_groups_sum(&ev->account);
    static const enum account_group kinds[] = {GROUP_ARRAY_BUFFERS, GROUP_STRINGS, GROUP_WASM};
    uint64_t sum = 0;
    enum account_group largest = kinds[0];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        sum += g.resident[kinds[i]];
        if (g.resident[kinds[i]] > g.resident[largest])
            largest = kinds[i];
    }
    if (!ev->has_v8 || !rule_worth_saying(ev, sum) || sum < rule_rss(ev) / 3)
        return;
    char size[FMT_MAX], rss[FMT_MAX], part[FMT_MAX], target[32];
    rule_target(ev, target);
    struct finding f = {
        .cause = "off-heap-retention",
        .bytes = sum,
        .confidence = CONFIDENCE_POSSIBLE,
        .why = mem_printf(
            "%s of %s is memory outside V8's heap that JavaScript objects hold, mostly "
            "%s; whether those objects are still in use the account alone cannot "
            "say.",
            fmt_bytes(size, sum), fmt_bytes(rss, rule_rss(ev)), account_group_title(largest)),
        .refuted_by = mem_strdup("a full collection that releases most of it: then it was garbage"),
    };
    finding_evidence_add(&f, g.resident[largest], mem_printf("memwhy heap %s", target),
                         "%s: %s resident", account_group_title(largest),
                         fmt_bytes(part, g.resident[largest]));
    vec_push(&ret->findings, f);
    vec_push(
        &ret->undecided,
        (struct undecided){mem_strdup("Are the objects that hold this memory alive, or waiting "
                                      "for a collection?"),
                           mem_printf("compare before and after a full collection: memwhy heap "
                                      "%s",
                                      target)});
}

const struct rule rule_off_heap_retention = {
    .id = "off-heap-retention",
    .title = "memory outside V8's heap that JavaScript objects hold",
    .check = check,
};
