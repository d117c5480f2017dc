/* memwhy relieve: what can be given back now is given back, step by step, each foretold and
 * measured.
 */
#include "base/fmt.h"
#include "base/table.h"
#include "cmd/change_rows.h"
#include "cmd/cmd.h"
#include "cmd/collecting.h"
#include "cmd/look.h"
#include "collect/trim.h"
#include "report/document.h"
#include <errno.h>
#include <string.h>

#define AT_LEAST (8ull << 20)
#define MAX_WAIT_NS 10000000000ull
#define MAX_PAUSE_NS 1000000000ull

enum { NEEDS = NEED_V8 | NEED_LIVENESS | NEED_MALLOC | NEED_ACCOUNT | NEED_HANDLES | NEED_PROCESS };
enum { STEPS_MAX = 6 };

/* In this order: what a collection gives up, malloc may keep. */
enum remedy { REMEDY_GC, REMEDY_TRIM, REMEDIES };
static const char *const names[REMEDIES] = {[REMEDY_GC] = "gc", [REMEDY_TRIM] = "trim"};

struct step {
    enum remedy remedy;
    uint64_t foretold, freed, rss_after, took_ns;
    char *refused; /* why it was not taken; NULL: it was */
};

struct relief {
    struct run *r;
    char pid[16];
    uint64_t at_least;
    struct evidence before, now; /* one and the same until it was looked at again */
    bool looked_again;
    VEC(struct step) steps;
    bool off[REMEDIES]; /* refused, or it gives less than it should */
    bool has_inspecting;
    struct inspecting inspecting; /* of the last collection */
};

/* What it would give back now; 0 also where that is not known. */
static uint64_t foretell(const struct evidence *ev, enum remedy remedy) {
    struct collection k;
    if (remedy == REMEDY_TRIM)
        return ev->has_malloc ? malloc_census_trimmable(&ev->malloc) : 0;
    return collection_foretell(ev, &k) ? k.heap_bytes + k.mapped_bytes : 0;
}

/* The first that is worth it; REMEDIES: none. */
static enum remedy choose(const struct relief *f) {
    for (int i = 0; i < REMEDIES; i++)
        if (!f->off[i] && foretell(&f->now, (enum remedy)i) >= f->at_least)
            return (enum remedy)i;
    return REMEDIES;
}

static int take_gc(struct relief *f, struct step *s) {
    struct inspecting i = {0};
    int rc = inspecting_open(f->r, &f->now, &i);
    if (rc < 0)
        return rc;
    rc = inspecting_end(f->r, &i, collecting_collect(f->r, &i, &s->took_ns));
    f->inspecting = i;
    f->has_inspecting = true;
    return rc;
}

static int take_trim(struct relief *f, struct step *s) {
    struct image_call_cost cost;
    const struct trim_how how = {
        .max_wait_ns = MAX_WAIT_NS,
        .max_pause_ns = opt_u64(f->r->opts, "max-pause", MAX_PAUSE_NS),
    };
    int rc = trim_process(&f->now, &how, &cost, &f->r->err);
    if (rc == 0)
        s->took_ns = cost.pause_ns;
    return rc;
}

static int look_again(struct relief *f) {
    struct evidence ev;
    int rc = look_at_quiet(f->r, f->pid, NEEDS, &ev);
    if (rc < 0)
        return rc;
    if (f->looked_again)
        evidence_done(&f->now);
    f->now = ev;
    f->looked_again = true;
    return 0;
}

/* A refusal is no failure: the other remedy may do. */
static int take_step(struct relief *f, enum remedy remedy) {
    struct step s = {.remedy = remedy, .foretold = foretell(&f->now, remedy)};
    uint64_t rss = f->now.account.rss_bytes;
    int rc = remedy == REMEDY_GC ? take_gc(f, &s) : take_trim(f, &s);
    if (rc == -ESRCH || rc == -ECANCELED)
        return rc;
    if (rc < 0) {
        s.refused =
            mem_printf("%s%s%s", f->r->err.what, f->r->err.hint[0] ? ". " : "", f->r->err.hint);
        f->r->err = (struct err){0};
    }
    vec_push(&f->steps, s);
    if ((rc = look_again(f)) < 0)
        return rc;
    struct step *done = &f->steps.at[f->steps.n - 1];
    done->rss_after = f->now.account.rss_bytes;
    done->freed = rss > done->rss_after ? rss - done->rss_after : 0;
    f->off[remedy] = done->refused || done->freed < done->foretold / 4;
    return 0;
}

/* --- output --- */

static struct table *steps_table(const struct relief *f) {
    static const struct column columns[] = {
        {"step", "STEP", COL_TEXT},
        {"foretold", "FORETOLD", COL_BYTES},
        {"freed", "CAME OF IT", COL_BYTES},
        {"rss_after", "RSS THEN", COL_BYTES},
        {"took_ns", "STOOD STILL", COL_DURATION},
    };
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < f->steps.n; i++) {
        const struct step *s = &f->steps.at[i];
        table_row(t);
        table_text(t, 0, names[s->remedy]);
        table_u64(t, 1, s->foretold);
        if (s->refused) {
            table_json_field(t, "refused", json_string(s->refused));
            continue;
        }
        table_u64(t, 2, s->freed);
        table_u64(t, 3, s->rss_after);
        table_u64(t, 4, s->took_ns);
    }
    return t;
}

static void print_rest(const struct relief *f) {
    char a[FMT_MAX], b[FMT_MAX];
    FILE *out = f->r->out;
    for (size_t i = 0; i < f->steps.n; i++)
        if (f->steps.at[i].refused)
            fprintf(out, "%s was not possible: %s%s\n", names[f->steps.at[i].remedy],
                    f->steps.at[i].refused,
                    strchr(".!", f->steps.at[i].refused[strlen(f->steps.at[i].refused) - 1]) ? ""
                                                                                             : ".");
    fprintf(out, "Now a collection would give back %s, a trim %s: %s\n",
            fmt_bytes(a, foretell(&f->now, REMEDY_GC)),
            fmt_bytes(b, foretell(&f->now, REMEDY_TRIM)),
            choose(f) == REMEDIES && !f->off[REMEDY_GC] && !f->off[REMEDY_TRIM]
                ? "nothing more is to be had."
                : "that is what remains.");
}

static void print_text(const struct relief *f) {
    struct run *r = f->r;
    if (f->steps.n) {
        struct table *t = steps_table(f);
        table_print(t, r->out, r->width);
        table_free(t);
        fputc('\n', r->out);
        t = change_rows(&f->before, &f->now);
        table_print(t, r->out, r->width);
        table_free(t);
        fputc('\n', r->out);
    }
    print_rest(f);
    if (f->has_inspecting)
        inspecting_print(r->out, &f->inspecting);
    document_footer(r->out, &f->now);
}

static void print_json(const struct relief *f) {
    json_t *doc = f->r->doc;
    document_common(doc, &f->now);
    struct table *t = steps_table(f);
    json_object_set_new(doc, "steps", table_to_json(t));
    table_free(t);
    json_object_set_new(doc, "before", document_account(&f->before.account));
    json_object_set_new(doc, "after", document_account(&f->now.account));
    uint64_t a = f->before.account.rss_bytes, b = f->now.account.rss_bytes;
    json_object_set_new(doc, "freed_bytes", json_integer((json_int_t)(a > b ? a - b : 0)));
    json_object_set_new(doc, "gc_would_free_bytes",
                        json_integer((json_int_t)foretell(&f->now, REMEDY_GC)));
    json_object_set_new(doc, "trim_would_free_bytes",
                        json_integer((json_int_t)foretell(&f->now, REMEDY_TRIM)));
    if (f->has_inspecting)
        json_object_set_new(doc, "inspector", inspecting_json(&f->inspecting));
}

static void relief_done(struct relief *f) {
    if (f->looked_again)
        evidence_done(&f->now);
    evidence_done(&f->before);
    for (size_t i = 0; i < f->steps.n; i++)
        free(f->steps.at[i].refused);
    vec_free(&f->steps);
}

static int run(struct run *r) {
    const char *const *args;
    struct relief f = {.r = r, .at_least = opt_u64(r->opts, "at-least", AT_LEAST)};
    opt_args(r->opts, &args);
    int rc = look_at_quiet(r, args[0], NEEDS, &f.before);
    if (rc < 0)
        return rc;
    if (f.before.target.pid <= 0 || !f.before.cost.freeze) {
        evidence_done(&f.before);
        return err_set(&r->err, -ENOTSUP, "`memwhy explain` says what it would have been.",
                       "a core is not a running process: nothing in it can be given back");
    }
    snprintf(f.pid, sizeof f.pid, "%d", (int)f.before.target.pid);
    f.now = f.before;
    for (enum remedy next; rc == 0 && f.steps.n < STEPS_MAX && (next = choose(&f)) != REMEDIES;)
        rc = take_step(&f, next);
    if (rc == 0 && r->json)
        print_json(&f);
    else if (rc == 0)
        print_text(&f);
    bool partial = false;
    for (size_t i = 0; i < f.steps.n; i++)
        partial |= f.steps.at[i].refused != NULL;
    partial |= f.has_inspecting && f.inspecting.end == INSPECTOR_LEFT_OPEN;
    relief_done(&f);
    return rc < 0 ? rc : partial ? 4 : 0;
}

static const struct opt opts[] = {
    {"at-least", 0, OPT_BYTES, "SIZE", "leave alone what would give back less (8M)"},
    INSPECT_OPT_TIMEOUT,
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0},
};

const struct command cmd_relieve = {
    .name = "relieve",
    .args = "PID",
    .group = GROUP_REMEDY,
    .summary = "have the process give back what it can: a collection, then a trim, as worth it",
    .help =
        "Looks at what a full collection (`memwhy gc`) and a malloc_trim(0) (`memwhy trim`) would\n"
        "give back, has the process do the first that is worth it, looks again, and goes on until\n"
        "nothing more is to be had. A step that is refused is told with its reason, and the other\n"
        "is tried; one that gives less than a quarter of what was foretold is not repeated.\n"
        "\n" INSPECT_HELP "\n"
        "Example\n"
        "  $ memwhy relieve 4711\n"
        "  STEP   FORETOLD  CAME OF IT   RSS THEN  STOOD STILL\n"
        "  gc    157.4 MiB   158.0 MiB  131.5 MiB      44.0 ms\n"
        "  trim   57.6 MiB    57.4 MiB   74.1 MiB      11.2 ms\n"
        "  ...\n"
        "  Now a collection would give back 0.2 MiB, a trim 96.0 KiB: nothing more is to be had.\n"
        "\n"
        "What lives stays: if RSS is still too high, `memwhy suspects 4711` goes on. Under the "
        "same\n"
        "load it comes back; `memwhy try` finds the setting that keeps it away. Exit code 4: a "
        "step\n"
        "was refused.\n",
    .opts = opts,
    .run = run,
};
