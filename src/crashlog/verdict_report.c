/* A diagnostic report as a verdict. */
#include "base/fmt.h"
#include "crashlog/verdict.h"
#include <stdio.h>
#include <string.h>

static void cite_memory(struct verdict *v, const struct crash_report *r) {
    char a[FMT_MAX], b[FMT_MAX], d[FMT_MAX];
    if (r->has_heap)
        verdict_cite(
            v, 0, "javascriptHeap: %s used of %s; heap_size_limit %s, with the young generation",
            fmt_bytes(a, r->heap_used), fmt_bytes(b, r->heap_total), fmt_bytes(d, r->heap_limit));
    if (r->large_objects)
        verdict_cite(v, 0, "heapSpaces: %s in old space, %s in large objects",
                     fmt_bytes(a, r->old_objects), fmt_bytes(b, r->large_objects));
    if (r->external || r->malloced)
        verdict_cite(v, 0, "outside the heap V8 knows of %s",
                     fmt_bytes(a, r->external + r->malloced));
    if (r->has_rss)
        verdict_cite(v, 0, "resourceUsage: %s resident%s%s", fmt_bytes(a, r->rss),
                     r->constrained ? ", and the container may have " : "",
                     r->constrained ? fmt_bytes(b, r->constrained) : "");
    if (r->flag_old_mib)
        verdict_cite(v, 0, "it was started with --max-old-space-size=%llu",
                     (unsigned long long)r->flag_old_mib);
    if (r->js_frame)
        verdict_cite(v, 0, "JavaScript stack: %s", r->js_frame);
}

static void judge_limit(struct verdict *v, const struct crash_report *r,
                        const struct stack_doing *doing) {
    char live[FMT_MAX], limit[FMT_MAX];
    v->how = HOW_HEAP_LIMIT;
    v->cause = "near-heap-limit";
    v->confidence = "certain";
    v->also = doing->one_block || r->large_objects > r->heap_used / 2 ? "large-object" : NULL;
    if (v->limit_mib > 0 && v->has_live && v->live_mib < 0.8 * v->limit_mib) {
        v->how = HOW_ONE_BLOCK;
        v->cause = "large-object";
        v->also = NULL;
        v->confidence = "likely";
    }
    v->sentence =
        mem_printf("%s died of %s: %s lived on the JavaScript heap%s%s.", v->who,
                   v->how == HOW_ONE_BLOCK ? "one block that did not fit below its heap limit"
                                           : "its heap limit",
                   fmt_bytes(live, r->heap_used), v->limit_mib > 0 ? ", with a limit of " : "",
                   v->limit_mib > 0 ? fmt_bytes(limit, (uint64_t)(v->limit_mib * 1048576)) : "");
    verdict_unknown(v, "What fills the heap: a report has sizes, no objects.");
    verdict_unknown(v, "How long it had been coming: a report is of one moment.");
}

static void judge_other(struct verdict *v, const struct crash_report *r) {
    struct fatal f;
    if (r->event && strstr(r->event, "out of memory")) {
        v->how = HOW_SYSTEM;
        v->confidence = "certain";
        v->sentence =
            mem_printf("%s died because the system gave it no memory: %s.", v->who, r->event);
        return;
    }
    const char *text = r->error_message ? r->error_message : r->event;
    bool error = text && fatal_parse(text, &f);
    bool fatal =
        r->trigger && (!strcmp(r->trigger, "FatalError") || !strcmp(r->trigger, "Exception"));
    v->confidence = "certain";
    if (error && f.kind == FATAL_STACK) {
        v->how = HOW_STACK;
        v->sentence =
            mem_printf("%s died of too deep a recursion, which is no matter of the heap.", v->who);
    } else if (error && f.throws) {
        v->how = HOW_TOO_LARGE;
        v->cause = "large-object";
        v->sentence =
            mem_printf("%s died of an exception about something too large: %s", v->who, text);
    } else if (fatal) {
        v->how = HOW_OTHER;
        v->sentence = mem_printf("%s wrote this report as it died (%s: %s).", v->who, r->trigger,
                                 text ? text : "without a message");
    } else {
        v->how = HOW_ALIVE;
        v->sentence = mem_printf("Nothing died: %s wrote this report because it was asked to (%s).",
                                 v->who, r->trigger ? r->trigger : "the log does not say how");
    }
}

void verdict_report(const struct crashlog *c, struct verdict *v) {
    const struct crash_report *r = c->report;
    struct stack_doing doing = {0};
    v->in_worker = r->thread_id != 0;
    v->who = mem_printf("%srocess %llu", v->in_worker ? "A worker of p" : "P",
                        (unsigned long long)r->pid);
    snprintf(v->node_version, sizeof v->node_version, "%s",
             r->node_version ? r->node_version + (r->node_version[0] == 'v') : "");
    v->has_live = r->has_heap;
    v->live_mib = (double)r->heap_used / 1048576;
    v->total_mib = (double)r->heap_total / 1048576;
    if (r->flag_old_mib || r->heap_limit) {
        v->limit_from = LIMIT_REPORT;
        v->limit_mib = r->flag_old_mib ? (double)r->flag_old_mib : (double)r->heap_limit / 1048576;
    }
    if (r->event)
        verdict_cite(v, 0, "%s%s%s", r->event, r->trigger ? ", " : "",
                     r->trigger ? r->trigger : "");
    if (r->native_stack)
        stack_learn(&doing, r->native_stack, 0);
    if (doing.what)
        verdict_cite(v, 0, "native stack: %s", doing.what);
    cite_memory(v, r);
    if (r->event && strstr(r->event, "heap out of memory"))
        judge_limit(v, r, &doing);
    else
        judge_other(v, r);
    verdict_advices(v);
}
