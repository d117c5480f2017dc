#include "rules/rule.h"

#include "base/fmt.h"
#include "model/budget.h"
#include "model/collection.h"

/* A program at work always has garbage: after a collection V8 lets the old generation grow to up to
 * four times what lives in it and one semi-space more (MemoryController::CalculateAllocationLimit,
 * src/heap/heap-controller.cc, V8 9 to 14), and young objects come and go. It is worth a word where
 * nobody comes to collect it, or where there is more: what a burst has left, under the limit that
 * the burst has raised. */
static bool is_seesaw(const struct evidence *ev, const struct collection *k) {
    enum { GROWING_FACTOR = 4 };
    const struct v8_isolate_census *iso = &ev->v8.isolates.at[0];
    struct v8_old_generation old = v8_old_generation_of(iso);
    return ev->activity.is_known && ev->activity.main_thread > 0.05 &&
           old.used <= old.live * GROWING_FACTOR + iso->limits.semi_space_bytes &&
           k->buffer_bytes <= k->live_bytes;
}

static void tell(const struct evidence *ev, const struct collection *k, bool outside,
                 struct diagnosis *ret) {
    char size[FMT_MAX], rss[FMT_MAX], dead[FMT_MAX], lives[FMT_MAX], target[32];
    uint64_t bytes = k->heap_bytes + k->buffer_bytes;
    rule_target(ev, target);
    struct finding f = {
        .cause = outside ? "external-garbage-not-collected" : "v8-garbage-not-collected",
        .bytes = bytes,
        .confidence = CONFIDENCE_CERTAIN,
        .why = mem_printf("%s of %s is nobody's any more: it waits for V8's next full collection, "
                          "and a process that does little has none.",
                          fmt_bytes(size, bytes), fmt_bytes(rss, rule_rss(ev))),
        .remedy_class = "lower-heap-limit-or-force-gc",
        .remedy = mem_printf("`memwhy gc %s` has it collected now. A lower --max-old-space-size "
                             "makes V8 collect earlier; `memwhy try` measures what that costs.",
                             target),
        .has_saving = true,
        .saving_bytes = bytes,
        .saving_how = mem_strdup("what a full collection leaves, told by marking what lives"),
        .refuted_by = mem_strdup("RSS not falling by about this much at a full collection"),
    };
    finding_evidence_add(&f, k->garbage_bytes, mem_printf("memwhy heap %s", target),
                         "%s of objects are garbage, %s live", fmt_bytes(dead, k->garbage_bytes),
                         fmt_bytes(lives, k->live_bytes));
    if (k->buffer_bytes)
        finding_evidence_add(&f, k->buffer_bytes, mem_printf("memwhy heap %s", target),
                             "%s of ArrayBuffers are held by garbage alone",
                             fmt_bytes(dead, k->buffer_bytes));
    vec_push(&ret->findings, f);
}

/* Hardly any garbage, and live objects few and far between: pages that only a compaction empties.
 */
static void tell_holes(const struct evidence *ev, const struct collection *k,
                       struct diagnosis *ret) {
    char size[FMT_MAX], rss[FMT_MAX], lives[FMT_MAX], target[32];
    rule_target(ev, target);
    struct finding f = {
        .cause = "v8-heap-fragmentation",
        .bytes = k->heap_bytes,
        .confidence = CONFIDENCE_LIKELY,
        .why = mem_printf("%s of %s is room between live objects on V8's pages, which only a "
                          "compacting collection gives back.",
                          fmt_bytes(size, k->heap_bytes), fmt_bytes(rss, rule_rss(ev))),
        .remedy_class = "compact-heap",
        .remedy = mem_printf("`memwhy gc %s` makes V8 compact its pages.", target),
        .has_saving = true,
        .saving_bytes = k->heap_bytes,
        .saving_how = mem_strdup("resident pages of the heap beyond what lives"),
        .refuted_by = mem_strdup("RSS not falling by about this much at a compacting collection"),
    };
    finding_evidence_add(&f, k->live_bytes, mem_printf("memwhy heap %s", target), "%s live",
                         fmt_bytes(lives, k->live_bytes));
    vec_push(&ret->findings, f);
}

/* What V8 would give back, and whose it is: garbage's, on the heap or outside it, or nobody's. The
 * pool of pages has a rule of its own. */
static void check(const struct evidence *ev, struct diagnosis *ret) {
    struct collection k;
    if (!ev->has_v8 || !collection_foretell(ev, &k))
        return;
    uint64_t pool = ev->v8.stale.resident;
    k.heap_bytes -= k.heap_bytes < pool ? k.heap_bytes : pool;
    if (!rule_worth_saying(ev, k.heap_bytes + k.buffer_bytes) || is_seesaw(ev, &k))
        return;
    if (k.buffer_bytes > k.heap_bytes)
        tell(ev, &k, true, ret);
    else if (k.garbage_bytes > k.live_bytes / 2 || k.garbage_bytes >= k.heap_bytes / 2)
        tell(ev, &k, false, ret);
    else
        tell_holes(ev, &k, ret);
}

const struct rule rule_v8_garbage = {
    .id = "v8-garbage",
    .title = "what V8 holds that nobody needs any more",
    .check = check,
};
