/* memwhy deep-look: all that a recording keeps of one look, for `memwhy record --deep-every`, which
 * runs it as a process of its own: memory that a look takes is gone after it, and what goes wrong
 * in it does not end the recording. */
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "collect/recorded.h"
#include "growth/summary_keep.h"
#include "model/evidence_keep.h"
#include <errno.h>

/* A line each, so that a recording can keep them apart without reading them. */
static void put(struct run *r, const char *kind, json_t *kept) {
    if (r->json) {
        json_object_set_new(r->doc, kind, kept);
        return;
    }
    json_dumpf(kept, r->out, JSON_COMPACT | JSON_REAL_PRECISION(17));
    fputc('\n', r->out);
    json_decref(kept);
}

static int run_deep_look(struct run *r) {
    const unsigned needs = NEED_ALL | NEED_FLAGS | NEED_LIVENESS;
    const char *const *args;
    struct heap_summary heap = {.with_suspects = true};
    struct evidence ev;
    opt_args(r->opts, &args);
    int rc = look_at_heap_and(r, args[0], needs, &(struct v8_visit){&heap, heap_summary_see}, &ev);
    bool has_heap = rc == 0;
    if (rc == -ENODATA || rc == -ENOTSUP) /* no V8, or one we cannot read: the rest is known */
        rc = look_at(r, args[0], NEED_ALL, &ev);
    if (rc < 0)
        return rc;
    ev.suspects = heap.suspects;
    ev.has_suspects = has_heap;
    heap.suspects = (struct suspects){0};
    put(r, RECORDED_EVIDENCE, evidence_to_json(&ev));
    if (has_heap)
        put(r, RECORDED_HEAP, heap_summary_to_json(&heap));
    heap_summary_done(&heap);
    evidence_done(&ev);
    return 0;
}

static const struct opt opts[] = {LOOK_OPT_FREEZE, LOOK_OPT_MAX_PAUSE, {0}};

const struct command cmd_deep_look = {
    .name = "deep-look",
    .args = "TARGET",
    .group = GROUP_OVER_TIME,
    .hidden = true,
    .summary = "what a recording keeps of one look, as JSON",
    .help =
        "What `memwhy record --deep-every` runs: the account, malloc's census, the regions, and\n"
        "the heap by classes and holders, as one line of JSON whose form may change.\n"
        "\n"
        "  $ memwhy deep-look 4711 | jq .evidence.account.owners",
    .opts = opts,
    .run = run_deep_look,
};
