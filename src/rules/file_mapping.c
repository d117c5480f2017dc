#include "rules/rule.h"

#include "base/fmt.h"
#include <string.h>

static void check(const struct evidence *ev, struct diagnosis *ret) {
    uint64_t sum = account_sum(&ev->account, "file");
    if (!rule_worth_saying(ev, sum) || sum < rule_rss(ev) / 3)
        return;
    const struct owner *largest = NULL;
    for (size_t i = 0; i < ev->account.owners.n; i++) {
        const struct owner *o = &ev->account.owners.at[i];
        if (strncmp(o->path, "file/", 5) == 0 &&
            (!largest || o->resident_bytes > largest->resident_bytes))
            largest = o;
    }
    if (!largest)
        return;
    char size[FMT_MAX], rss[FMT_MAX], part[FMT_MAX], target[32];
    rule_target(ev, target);
    struct finding f = {
        .cause = "file-mapping",
        .bytes = sum,
        .confidence = CONFIDENCE_CERTAIN,
        .why =
            mem_printf("%s of %s is pages of mapped files, which the kernel can drop when it needs "
                       "the memory.",
                       fmt_bytes(size, sum), fmt_bytes(rss, rule_rss(ev))),
        .remedy_class = "unmap",
        .remedy =
            mem_strdup("Nothing needs to be done for clean pages; unmap the file if its pages "
                       "are not wanted."),
        .refuted_by = mem_strdup("the pages being dirty and private (Private_Dirty in smaps)"),
    };
    finding_evidence_add(&f, largest->resident_bytes,
                         mem_printf("memwhy map %s --owner file", target), "%s: %s resident",
                         largest->path + 5, fmt_bytes(part, largest->resident_bytes));
    vec_push(&ret->findings, f);
}

const struct rule rule_file_mapping = {
    .id = "file-mapping",
    .title = "resident pages of mapped files",
    .check = check,
};
