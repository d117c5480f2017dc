#include "rules/rule.h"

#include "base/fmt.h"

/* Memory outside V8's heap that objects on it hold: what kind of it most is, and which word that
 * is.
 */
struct outside {
    uint64_t resident; /* all kinds */
    uint64_t garbage;  /* of ArrayBuffers, where it is known what lives */
    enum account_group largest;
    const char *cause;
};

static struct outside outside_of(const struct evidence *ev) {
    static const struct {
        enum account_group group;
        const char *cause;
    } kinds[] = {{GROUP_ARRAY_BUFFERS, "arraybuffer-retention"},
                 {GROUP_STRINGS, "external-string-retention"},
                 {GROUP_WASM, "wasm-memory"}};
    struct account_groups g = account_groups_sum(&ev->account);
    struct outside o = {.largest = kinds[0].group, .cause = kinds[0].cause};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        o.resident += g.resident[kinds[i].group];
        if (g.resident[kinds[i].group] <= g.resident[o.largest])
            continue;
        o.largest = kinds[i].group;
        o.cause = kinds[i].cause;
    }
    for (size_t i = 0; i < ev->v8.isolates.n; i++)
        o.garbage += ev->v8.isolates.at[i].array_buffer_garbage;
    return o;
}

/* One suspect keeps most of it, and is told by its own name. */
static bool is_told(const struct evidence *ev, const struct outside *o) {
    for (size_t i = 0; ev->has_suspects && i < ev->suspects.list.n; i++) {
        const struct suspect *s = &ev->suspects.list.at[i];
        if (s->outside > o->resident / 2 && rule_worth_saying(ev, s->bytes))
            return true;
    }
    return false;
}

static void ask_whether_it_lives(const char *target, struct diagnosis *ret) {
    vec_push(&ret->undecided,
             (struct undecided){mem_strdup("Are the objects that hold this memory alive, or "
                                           "waiting for a collection?"),
                                mem_printf("memwhy heap %s", target)});
}

static void check(const struct evidence *ev, struct diagnosis *ret) {
    struct outside o = outside_of(ev);
    bool known = ev->v8.has_liveness;
    uint64_t bytes = known && o.garbage < o.resident ? o.resident - o.garbage : o.resident;
    if (!ev->has_v8 || !rule_worth_saying(ev, bytes) || bytes < rule_rss(ev) / 3 ||
        (known && o.garbage >= o.resident / 2) || is_told(ev, &o))
        return;
    char size[FMT_MAX], rss[FMT_MAX], part[FMT_MAX], target[32];
    struct account_groups g = account_groups_sum(&ev->account);
    rule_target(ev, target);
    struct finding f = {
        .cause = known ? o.cause : "off-heap-retention",
        .bytes = bytes,
        .confidence = known ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
        .why = mem_printf("%s of %s is memory outside V8's heap that %s JavaScript objects hold, "
                          "mostly %s%s.",
                          fmt_bytes(size, bytes), fmt_bytes(rss, rule_rss(ev)), known ? "live" : "",
                          account_group_title(o.largest),
                          known ? ""
                                : "; whether those objects are still in use the account alone "
                                  "cannot say"),
        .remedy_class = known ? "release-buffers" : NULL,
        .remedy = known ? mem_printf("Find what keeps them: memwhy suspects %s.", target) : NULL,
        .refuted_by = mem_strdup("a full collection that releases most of it: then it was garbage"),
    };
    finding_evidence_add(&f, g.resident[o.largest], mem_printf("memwhy heap %s", target),
                         "%s: %s resident", account_group_title(o.largest),
                         fmt_bytes(part, g.resident[o.largest]));
    vec_push(&ret->findings, f);
    if (!known)
        ask_whether_it_lives(target, ret);
}

const struct rule rule_off_heap_retention = {
    .id = "off-heap-retention",
    .title = "memory outside V8's heap that JavaScript objects hold",
    .check = check,
};
