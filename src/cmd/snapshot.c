#include "snapshot/snapshot.h"

#include "base/fmt.h"
#include "cmd/cmd.h"
#include "cmd/interrupted.h"
#include "cmd/look.h"
#include "report/document.h"
#include "snapshot/earlier.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

/* By what its name ends in, if in anything. */
static int form_of(const char *path, enum capture_form *ret, struct err *e) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *end = strrchr(name, '.');
    if (!end || strcmp(end, ".heapsnapshot") == 0)
        *ret = CAPTURE_PLAIN;
    else if (strcmp(end, ".zst") == 0)
        *ret = CAPTURE_ZSTD;
    else if (strcmp(end, ".gz") == 0)
        *ret = CAPTURE_GZIP;
    else
        return err_set(e, -EINVAL,
                       "Give a name that ends in .heapsnapshot, .heapsnapshot.gz or "
                       ".heapsnapshot.zst.",
                       "%s: there are no snapshots of the form %s", path, end);
    return 0;
}

static void print(struct run *r, const struct evidence *ev, const struct snapshot *s) {
    char size[FMT_MAX];
    if (r->json) {
        document_common(r->doc, ev);
        json_t *j =
            json_pack("{s:s, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "file", s->path,
                      "zstd", s->form == CAPTURE_ZSTD, "gzip", s->form == CAPTURE_GZIP, "redacted",
                      (int)s->redact, "nodes", (json_int_t)s->nodes, "edges", (json_int_t)s->edges,
                      "objects", (json_int_t)s->objects, "garbage_objects", (json_int_t)s->garbage,
                      "strings", (json_int_t)s->strings, "bytes", (json_int_t)s->file_bytes,
                      "file_bytes", (json_int_t)s->disk_bytes);
        if (s->earlier) {
            json_object_set_new(j, "after", json_string(opt_string(r->opts, "after", "")));
            json_object_set_new(j, "kept_objects", json_integer((json_int_t)s->kept));
            json_object_set_new(j, "gone_objects", json_integer((json_int_t)(s->before - s->kept)));
        }
        json_object_set_new(r->doc, "snapshot", j);
        return;
    }
    fprintf(r->out, "%s: %s, %" PRIu64 " nodes, %" PRIu64 " edges.\n", s->path,
            fmt_bytes(size, s->disk_bytes), s->nodes, s->edges);
    if (s->earlier)
        fprintf(r->out,
                "%" PRIu64 " of its %" PRIu64 " objects were in %s, and have the same numbers; of"
                " that, %" PRIu64 " are gone.\n",
                s->kept, s->objects, opt_string(r->opts, "after", ""), s->before - s->kept);
    if (s->with_garbage)
        fprintf(r->out, "Of its objects %" PRIu64 " are garbage.\n", s->garbage);
    document_footer(r->out, ev);
}

static int look(struct run *r, struct snapshot *s) {
    struct evidence ev;
    const char *const *args;
    opt_args(r->opts, &args);
    int rc = look_at_heap(r, args[0], &(struct v8_visit){s, snapshot_see}, &ev);
    if (rc < 0)
        return rc;
    rc = snapshot_finish(s, &r->err);
    if (rc == 0) {
        print(r, &ev, s);
        rc = ev.v8.unwalked_bytes || ev.v8.in_collection ? 4 : 0;
    }
    evidence_done(&ev);
    return rc;
}

/* Before the process is held. */
static int read_earlier(struct run *r, const char *path, struct snapshot_earlier **ret) {
    struct progress p = progress_start(r->progress);
    int rc = snapshot_earlier_open(path, &p, ret, &r->err);
    progress_done(&p);
    return rc;
}

static int run_snapshot(struct run *r) {
    const char *after = opt_string(r->opts, "after", NULL);
    struct snapshot_earlier *earlier = NULL;
    struct snapshot s = {.path = opt_string(r->opts, "output", ""),
                         .redact = opt_flag(r->opts, "redact"),
                         .with_garbage = opt_flag(r->opts, "with-garbage"),
                         .isolate = opt_string(r->opts, "isolate", NULL)};
    if (!s.path[0])
        return err_set(&r->err, -EINVAL, "For example: memwhy snapshot 1234 -o app.heapsnapshot",
                       "snapshot needs to know the file to write");
    int rc = form_of(s.path, &s.form, &r->err);
    if (rc < 0)
        return rc;
    s.cancelled = interrupted_by_signals(SA_RESTART);
    rc = after ? read_earlier(r, after, &earlier) : 0;
    s.earlier = earlier;
    if (rc == 0)
        rc = look(r, &s);
    snapshot_drop(&s);
    snapshot_earlier_free(earlier);
    return rc;
}

static const struct opt opts[] = {
    {"output", 'o', OPT_STRING, "FILE", "the file to write (mode 0600); must not exist"},
    {"with-garbage", 0, OPT_FLAG, NULL, "what a collection would free, too, under (Garbage)"},
    {"redact", 0, OPT_FLAG, NULL, "contents of strings as x's; names stay"},
    {"after", 0, OPT_STRING, "EARLIER", "objects keep the numbers they have in this snapshot"},
    {"isolate", 0, OPT_STRING, "WHICH", "of a worker: its name or number in `memwhy heap`"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_snapshot = {
    .name = "snapshot",
    .args = "TARGET",
    .group = GROUP_EVIDENCE,
    .summary = "the JavaScript heap as a .heapsnapshot, for DevTools",
    .help =
        "Writes what V8 itself would write (v8.writeHeapSnapshot), from outside: nothing is\n"
        "allocated in the process, nothing is collected first, and it is held only as long as a\n"
        "fork takes. The file is of the form of the process's own version, for Chrome DevTools\n"
        "(Memory, Load profile), VS Code and memlab.\n"
        "\n"
        "  $ memwhy snapshot 1234 -o app.heapsnapshot\n"
        "  $ memwhy snapshot app.core -o app.heapsnapshot.zst     from a core; packed, or .gz\n"
        "  $ memwhy snapshot 1234 -o w.heapsnapshot --isolate worker-2\n"
        "  $ memwhy snapshot 1234 -o all.heapsnapshot --with-garbage\n"
        "  $ memwhy snapshot 1234 -o later.heapsnapshot --after app.heapsnapshot\n"
        "\n"
        "With --after objects that were in an earlier snapshot of the process have the numbers "
        "they\n"
        "had, although V8 moves them, and others have numbers that none had: DevTools' Comparison "
        "of\n"
        "the two then shows what came and what went. Objects are known again by where they stand, "
        "by\n"
        "how they are reached, by the numbers and strings in them and by the order in which V8 "
        "moves\n"
        "them; what is ambiguous counts as new. It takes 120 bytes an object of memwhy's memory\n"
        "instead of 40. Without --after objects have the same number only while they stand where\n"
        "they stood.\n"
        "\n"
        "What no collection would keep is left out; with --with-garbage it hangs below\n"
        "(Garbage), and edges between garbage and what lives are weak. ArrayBuffers and external\n"
        "strings weigh what they hold outside the heap; read-only objects weigh nothing.\n"
        "\n"
        "The file holds every string of the program, passwords included: mode 0600. With --redact\n"
        "strings and sources of regular expressions become x's of the same length; names of\n"
        "properties, variables, functions, classes and scripts stay.\n"
        "\n"
        "Exit code 4: part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_snapshot,
};
