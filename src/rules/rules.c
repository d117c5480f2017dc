#include "rules/rule.h"

#include "base/fmt.h"
#include "model/collection.h"
#include <stdio.h>
#include <string.h>

#define PEAK_BYTES (64ull << 20)

bool rule_worth_saying(const struct evidence *ev, uint64_t bytes) {
    return bytes >= 8 << 20 && bytes >= rule_rss(ev) / 10;
}

uint64_t rule_rss(const struct evidence *ev) {
    return ev->account.rss_bytes ? ev->account.rss_bytes : ev->account.attributed_bytes;
}

const char *rule_target(const struct evidence *ev, char buf[32]) {
    if (ev->target.pid > 0)
        snprintf(buf, 32, "%d", (int)ev->target.pid);
    else
        snprintf(buf, 32, "TARGET");
    return buf;
}

static int by_bytes(const void *x, const void *y) {
    const struct finding *a = x, *b = y;
    return a->bytes > b->bytes ? -1 : a->bytes < b->bytes;
}

/* No rule explains it: name the largest owner, and say that it is not known why. */
static char *name_largest(const struct evidence *ev) {
    struct account_groups g = account_groups_sum(&ev->account);
    int largest = 0;
    for (int i = 1; i < ACCOUNT_GROUPS; i++)
        if (g.resident[i] > g.resident[largest])
            largest = i;
    char size[FMT_MAX], rss[FMT_MAX];
    if (largest == GROUP_CODE)
        return mem_printf("Nothing stands out: the largest part is the binary and its libraries, "
                          "%s of %s resident.",
                          fmt_bytes(size, g.resident[largest]), fmt_bytes(rss, rule_rss(ev)));
    return mem_printf("The largest part is %s with %s of %s resident; the account alone cannot say "
                      "why it is there.",
                      account_group_title((enum account_group)largest),
                      fmt_bytes(size, g.resident[largest]), fmt_bytes(rss, rule_rss(ev)));
}

/* Nothing stands out, and all of it was looked at: which kind of healthy, and how that is known.
 * One look does not see what grows slowly. */
static char *say_healthy(const struct evidence *ev, struct diagnosis *ret) {
    char now[FMT_MAX], more[FMT_MAX], live[FMT_MAX];
    uint64_t rss = rule_rss(ev), peak = 0;
    struct collection k = {0};
    fmt_bytes(now, rss);
    if (ev->has_process && process_size_get(&ev->process, PROCESS_RSS_PEAK, &peak) &&
        peak > rss + rss / 2 && peak - rss > PEAK_BYTES) {
        ret->healthy = "peak-released";
        return mem_printf("Nothing to do: it has had %s and gave it back; of the %s that are left "
                          "nothing stands out.",
                          fmt_bytes(more, peak), now);
    }
    collection_foretell(ev, &k);
    if (ev->activity.is_known && ev->activity.main_thread > 0.05 &&
        rule_worth_saying(ev, k.garbage_bytes)) {
        ret->healthy = "seesaw";
        return mem_printf("Nothing to do that one look could see: %s live, and %s of garbage comes "
                          "and goes with the work.",
                          fmt_bytes(live, k.live_bytes), fmt_bytes(more, k.garbage_bytes));
    }
    ret->healthy = "healthy";
    return mem_printf("Nothing of its %s stands out: %s live on V8's heap, and neither garbage nor "
                      "free memory is much. Slow growth one look cannot see.",
                      now, fmt_bytes(live, k.live_bytes));
}

static char *word_verdict(const struct evidence *ev, struct diagnosis *ret) {
    bool whole = ev->has_v8 && ev->v8.has_liveness && ev->has_suspects && ev->has_malloc;
    if (ret->findings.n)
        return mem_strdup(ret->findings.at[0].why);
    return whole ? say_healthy(ev, ret) : name_largest(ev);
}

/* The flags that a remedy names are looked up in the target: what is told must be there. */
static void look_up_flags(const struct evidence *ev, struct finding *f) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    for (const char *at = f->remedy; at && (at = strstr(at, "--"));) {
        size_t n = strspn(at, letters);
        struct finding_flag told = {0};
        if (n == 2) { /* a dash of the sentence */
            at += n;
            continue;
        }
        told.name = mem_strndup(at, n);
        const struct flag *flag = flags_find(&ev->flags, told.name);
        told.exists = flags_exist(&ev->flags, told.name);
        if (flag && flag->value) {
            told.value = mem_strdup(flag->value);
            told.is_default = flag_is_default(flag);
        }
        vec_push(&f->flags, told);
        at += n;
    }
}

void rules_run(const struct evidence *ev, struct diagnosis *ret) {
    if (!ev->has_account)
        return;
    for (size_t i = 0; rules[i]; i++)
        rules[i]->check(ev, ret);
    for (size_t i = 0; ev->has_flags && i < ret->findings.n; i++)
        look_up_flags(ev, &ret->findings.at[i]);
    vec_sort(&ret->findings, by_bytes);
    ret->verdict = word_verdict(ev, ret);
}
