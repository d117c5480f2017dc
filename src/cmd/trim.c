/* memwhy trim: malloc_trim(0) called in the process, with what it gave back. */
#include "collect/trim.h"
#include "base/fmt.h"
#include "base/table.h"
#include "cmd/change_rows.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "report/document.h"

#include <errno.h>
#include <stdio.h>

#define MAX_WAIT_NS 10000000000ull
#define MAX_PAUSE_NS 1000000000ull

enum { NEEDS = NEED_V8 | NEED_MALLOC | NEED_ACCOUNT };
static int look_before(struct run *r, const char *target, struct evidence *ret) {
    int rc = look_at_quiet(r, target, NEEDS, ret);
    if (rc < 0 || ret->has_malloc)
        return rc;
    rc = err_set(&r->err, -ENODATA, "`memwhy malloc` says what is known.", "%s",
                 ret->notes.n ? ret->notes.at[ret->notes.n - 1] : "malloc was not found");
    evidence_done(ret);
    return rc;
}

static uint64_t freed(const struct image_call_cost *c) {
    return c->rss_before > c->rss_after ? c->rss_before - c->rss_after : 0;
}

static void print_json(json_t *doc, const struct evidence *before, const struct evidence *after,
                       const struct image_call_cost *cost) {
    document_common(doc, before);
    json_object_set_new(doc, "before", document_account(&before->account));
    json_object_set_new(doc, "after", document_account(&after->account));
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"predicted_bytes", malloc_census_trimmable(&before->malloc)},
                   {"freed_bytes", freed(cost)},
                   {"call_pause_ns", cost->pause_ns},
                   {"waited_ns", cost->waited_ns},
                   {"still_trimmable_bytes", malloc_census_trimmable(&after->malloc)}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_object_set_new(doc, numbers[i].name, json_integer((json_int_t)numbers[i].value));
}

static void print_text(struct run *r, const struct evidence *before, const struct evidence *after,
                       const struct image_call_cost *cost) {
    char a[FMT_MAX], b[FMT_MAX];
    fprintf(r->out, "malloc_trim(0) gave back %s; %s were predicted.\n", fmt_bytes(a, freed(cost)),
            fmt_bytes(b, malloc_census_trimmable(&before->malloc)));
    fprintf(r->out,
            "The main thread stood still for %s; it was found waiting for events after %s.\n\n",
            fmt_duration(a, cost->pause_ns), fmt_duration(b, cost->waited_ns));
    struct table *t = change_rows(before, after);
    table_print(t, r->out, r->width);
    table_free(t);
    fprintf(r->out, "\nBefore: ");
    document_footer(r->out, before);
    fprintf(r->out, "After: ");
    document_footer(r->out, after);
}

static int run(struct run *r) {
    const char *const *args;
    struct evidence before, after;
    struct image_call_cost cost;
    char pid[16];
    const struct trim_how how = {
        .max_wait_ns = opt_u64(r->opts, "max-wait", MAX_WAIT_NS),
        .max_pause_ns = opt_u64(r->opts, "max-pause", MAX_PAUSE_NS),
    };
    opt_args(r->opts, &args);
    int rc = look_before(r, args[0], &before);
    if (rc < 0)
        return rc;
    snprintf(pid, sizeof pid, "%d", (int)before.target.pid);
    rc = trim_process(&before, &how, &cost, &r->err);
    if (rc == 0)
        rc = look_at(r, pid, NEEDS, &after);
    if (rc == 0) {
        if (r->json)
            print_json(r->doc, &before, &after, &cost);
        else
            print_text(r, &before, &after, &cost);
        evidence_done(&after);
    }
    evidence_done(&before);
    return rc;
}

static const struct opt opts[] = {
    {"max-wait", 0, OPT_DURATION, "TIME",
     "give up when the main thread was not found waiting for events in this time (10s)"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0},
};

const struct command cmd_trim = {
    .name = "trim",
    .args = "PID",
    .group = GROUP_REMEDY,
    .summary = "have the process give back what malloc keeps, by malloc_trim(0)",
    .help =
        "Says what malloc_trim(0) would give back, has the process call it, and says what came of\n"
        "it. This runs code of the process in the process, as no other command does:\n"
        "\n"
        "  its main thread makes the call, and only while it waits for events, with no lock of\n"
        "  malloc's in its hands; the other threads run on. The call returns by itself as a\n"
        "  signal handler does, so memwhy may be interrupted or killed at any moment.\n"
        "  Until it returns the main thread does nothing else: about 0.1 s for each GB.\n"
        "\n"
        "It refuses, with the reason, where that cannot be done: another allocator than glibc's,\n"
        "a static program, a heap that is damaged, a seccomp filter, a main thread that never\n"
        "waits within --max-wait.\n"
        "\n"
        "Example\n"
        "  $ memwhy trim 4711\n"
        "  malloc_trim(0) gave back 447.6 MiB; 446.8 MiB were predicted.\n"
        "  The main thread stood still for 59.1 ms; it was found waiting for events after 0.2 ms.\n"
        "\n"
        "What the program frees later stays with malloc again. If RSS is soon what it was, the\n"
        "load needs that much at its peak: see `memwhy malloc 4711` for what keeps it.\n",
    .opts = opts,
    .run = run,
};
