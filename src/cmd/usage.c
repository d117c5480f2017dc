/* memwhy usage: what the process says of itself, beside what is seen from outside. */
#include "base/fmt.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/inspecting.h"
#include "cmd/look.h"
#include "cmd/usage_rows.h"
#include "model/groups.h"
#include "report/document.h"
#include <string.h>

enum { NEEDS = NEED_V8 | NEED_MALLOC | NEED_ACCOUNT | NEED_PROCESS | NEED_CGROUP | NEED_FLAGS };

/* Asked twice: the first time compiles what the second one runs. */
static int ask(struct run *r, struct inspecting *i, const char *pid, json_t **ret_said,
               struct evidence *ret_seen) {
    json_t *said = NULL;
    int rc = inspector_evaluate(i->session, usage_expression, NULL, &r->err);
    if (rc == 0)
        rc = inspector_evaluate(i->session, usage_expression, &said, &r->err);
    if (rc < 0)
        return rc;
    rc = look_at(r, pid, NEEDS, ret_seen);
    if (rc < 0)
        json_decref(said);
    else
        *ret_said = said;
    return rc;
}

static void print_versions(FILE *out, const json_t *said) {
    static const char *const names[] = {"node", "v8", "uv", "openssl", "zlib"};
    const json_t *versions = json_object_get(said, "versions");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *v = json_string_value(json_object_get(versions, names[i]));
        cleanup_free char *shown = v ? text_printable(v) : NULL;
        if (shown)
            fprintf(out, "%s%s %s", i ? ", " : "", names[i], shown);
    }
    fputs("\n\n", out);
}

static void print_table(struct run *r, struct table *t) {
    if (table_rows(t)) {
        table_print(t, r->out, r->width);
        fputc('\n', r->out);
    }
    table_free(t);
}

/* What it says nothing of. */
static void print_others(struct run *r, const struct evidence *seen) {
    uint64_t workers = 0;
    char size[FMT_MAX];
    for (size_t i = 1; i < seen->v8.isolates.n; i++)
        workers += v8_heap_total(&seen->v8.isolates.at[i]);
    if (workers)
        fprintf(r->out,
                "Its figures are those of the main thread: the heaps of %zu worker%s, %s, "
                "are in none but rss.\n",
                seen->v8.isolates.n - 1, seen->v8.isolates.n == 2 ? "" : "s",
                fmt_bytes(size, workers));
    if (seen->v8.read_only.pages)
        fputs("read_only_space is shared by all isolates; V8 counts it in none of them.\n", r->out);
    if (seen->v8.stale.resident)
        fprintf(r->out, "V8's pool of pages holds %s, which is in none but rss.\n",
                fmt_bytes(size, seen->v8.stale.resident));
}

static void print_resources(FILE *out, const json_t *said) {
    const json_t *u = json_object_get(said, "resources");
    char user[FMT_MAX], system[FMT_MAX], up[FMT_MAX];
    if (!json_is_object(u))
        return;
    fprintf(
        out,
        "It has run for %s, on a processor for %s and %s in the kernel; %.0f page faults, "
        "%.0f of them with reads from disk.\n",
        fmt_duration(up, (uint64_t)(json_number_value(json_object_get(said, "uptime")) * 1e9)),
        fmt_duration(user, (uint64_t)json_number_value(json_object_get(u, "userCPUTime")) * 1000),
        fmt_duration(system,
                     (uint64_t)json_number_value(json_object_get(u, "systemCPUTime")) * 1000),
        json_number_value(json_object_get(u, "minorPageFault")) +
            json_number_value(json_object_get(u, "majorPageFault")),
        json_number_value(json_object_get(u, "majorPageFault")));
}

static void print_text(struct run *r, const json_t *said, const struct evidence *seen,
                       const struct inspecting *i) {
    print_versions(r->out, said);
    print_table(r, usage_rows(said, seen));
    print_table(r, usage_space_rows(said, seen));
    print_table(r, usage_flag_rows(said, seen));
    print_others(r, seen);
    print_resources(r->out, said);
    inspecting_print(r->out, i);
    document_footer(r->out, seen);
}

static void set_table(json_t *doc, const char *key, struct table *t) {
    json_object_set_new(doc, key, table_to_json(t));
    table_free(t);
}

static int run(struct run *r) {
    const char *const *args;
    struct inspecting i = {0};
    struct evidence seen;
    json_t *said = NULL;
    char pid[16];
    opt_args(r->opts, &args);
    int rc = inspecting_begin(r, args[0], &i, pid);
    if (rc < 0)
        return rc;
    rc = inspecting_end(r, &i, ask(r, &i, pid, &said, &seen));
    if (rc < 0)
        return rc;
    if (r->json) {
        document_common(r->doc, &seen);
        json_object_set(r->doc, "said", said);
        set_table(r->doc, "figures", usage_rows(said, &seen));
        set_table(r->doc, "spaces", usage_space_rows(said, &seen));
        set_table(r->doc, "flags", usage_flag_rows(said, &seen));
        json_object_set_new(r->doc, "inspector", inspecting_json(&i));
    } else {
        print_text(r, said, &seen, &i);
    }
    json_decref(said);
    evidence_done(&seen);
    return i.end == INSPECTOR_LEFT_OPEN ? 4 : 0;
}

static const struct opt opts[] = {
    INSPECT_OPT_TIMEOUT,
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0},
};

const struct command cmd_usage = {
    .name = "usage",
    .args = "PID",
    .group = GROUP_HEAP,
    .summary = "what the process says of its memory, beside what memwhy sees of it",
    .help =
        "Asks the process for process.memoryUsage(), v8.getHeapStatistics(), its spaces, resource\n"
        "usage, versions and options, looks at it from outside right after, and shows both beside\n"
        "each other, with what explains a difference. Where both agree, either can be believed;\n"
        "what only one of them knows is told.\n"
        "\n" INSPECT_HELP "\n"
        "Example\n"
        "  $ memwhy usage 4711\n"
        "  FIGURE            IT SAYS  MEMWHY SEES  DIFFERENCE  WHY\n"
        "  rss             283.5 MiB    283.5 MiB         0 B\n"
        "  heapTotal       164.4 MiB    164.4 MiB         0 B\n"
        "  heapUsed        112.9 MiB    112.9 MiB   +40.1 KiB  what answering took, and ...\n"
        "  external         58.9 MiB            -           -  what native code has told V8 ...\n"
        "  ...\n"
        "\n"
        "PHYSICAL SAID is V8's count of pages it has touched; RESIDENT is the kernel's. Exit code\n"
        "4: the inspector could not be closed again.\n",
    .opts = opts,
    .run = run,
};
