#include "image/capture.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "cmd/cmd.h"
#include "cmd/interrupted.h"
#include "cmd/look.h"
#include "collect/collect.h"
#include "collect/proc_texts.h"
#include "collect/redact.h"
#include "collect/walkable.h"
#include "report/document.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

enum { EXIT_PARTIAL = 4 };

/* How long a MiB takes to be written, about twice what was measured on two cores (0.5 to 1.5 ms, 4
 * and 5 ms): a stopped process is held that long. */
enum { PLAIN_NS = 3000000, PACKED_NS = 8000000, REDACTED_NS = 10000000 };

static bool ends_in_zst(const char *path) {
    size_t n = strlen(path);
    return n > 4 && !strcmp(path + n - 4, ".zst");
}

static void to_json(struct run *r, const struct capture_options *o,
                    const struct capture_result *c) {
    json_t *j =
        json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I}", "file", o->path, "zstd", (int)o->packed,
                  "file_bytes", (json_int_t)c->file_bytes, "core_bytes", (json_int_t)c->core_bytes,
                  "memory_bytes", (json_int_t)c->memory_bytes, "unreadable_bytes",
                  (json_int_t)c->lost_bytes, "swap_bytes", (json_int_t)c->swap_bytes);
    json_object_set_new(j, "segments", json_integer(c->segments));
    json_object_set_new(j, "redacted", json_boolean(o->hooks.filter != NULL));
    json_object_set_new(r->doc, "capture", j);
}

static void to_text(struct run *r, const struct capture_options *o,
                    const struct capture_result *c) {
    char disk[FMT_MAX], memory[FMT_MAX];
    fprintf(r->out, "%s: %s on disk, %s of memory, %u threads.\n", o->path,
            fmt_bytes(disk, c->file_bytes), fmt_bytes(memory, c->memory_bytes), c->threads);
}

static void tell_cost(struct run *r, const struct evidence *ev, uint64_t bytes) {
    char rate[FMT_MAX];
    double seconds = (double)ev->cost.took_ns / 1e9;
    fprintf(r->out, "Written at %s/s.\n", fmt_bytes(rate, (uint64_t)((double)bytes / seconds)));
    document_footer(r->out, ev);
}

static void tell(struct run *r, struct image *img, const struct capture_options *o,
                 const struct capture_result *c, const char *note, uint64_t took_ns) {
    char n[FMT_MAX];
    struct rusage own;
    getrusage(RUSAGE_SELF, &own);
    const struct image_freeze_cost *freeze = image_freeze_cost(img);
    struct evidence ev = {.target = {.kind = c->kind == IMAGE_FROZEN ? "frozen" : "stopped",
                                     .pid = image_pid(img),
                                     .threads = c->threads},
                          .cost = {.pause_ns = image_pause_ns(img),
                                   .longest_ns = image_pause_ns(img) / c->stops,
                                   .reap_ns = freeze->reap_ns,
                                   .freeze = c->kind == IMAGE_FROZEN ? "fork" : "stop",
                                   .extra_bytes = freeze->extra_bytes,
                                   .took_ns = took_ns,
                                   .own_rss_bytes = (uint64_t)own.ru_maxrss * 1024,
                                   .stops = c->stops}};
    if (image_exe(img)[0])
        ev.target.exe = mem_strdup(image_exe(img));
    if (freeze->not_forked[0])
        ev.cost.not_forked = mem_strdup(freeze->not_forked);
    if (note)
        evidence_note(&ev, "%s", note);
    if (c->lost_bytes)
        evidence_note(&ev, "%s could not be read and are missing in the file",
                      fmt_bytes(n, c->lost_bytes));
    if (c->swap_bytes)
        evidence_note(&ev, "%s of it are in swap and not in the file", fmt_bytes(n, c->swap_bytes));
    if (r->json) {
        document_common(r->doc, &ev);
        to_json(r, o, c);
    } else {
        to_text(r, o, c);
        tell_cost(r, &ev, c->memory_bytes);
    }
    evidence_done(&ev);
}

/* Who looks at the moment, and at the bytes. */
struct guests {
    struct redaction *redaction;
    struct walkable *walkable;
};

static struct capture_hooks invite(struct image *img, bool redact, struct guests *ret) {
    if (redact)
        return redaction_hooks(ret->redaction = redaction_new(img));
    return walkable_hooks(ret->walkable = walkable_new(img));
}

static int write_it(struct run *r, struct image *img, const struct capture_options *o,
                    const struct guests *guests) {
    struct capture_result result;
    uint64_t began = clock_ns();
    int rc = capture_write(img, o, &result, &r->err);
    progress_done(o->progress);
    if (rc < 0)
        return rc;
    const char *note =
        guests->redaction ? redaction_note(guests->redaction) : walkable_note(guests->walkable);
    tell(r, img, o, &result, note, clock_ns() - began);
    return result.lost_bytes || note ? EXIT_PARTIAL : 0;
}

static int capture(struct run *r, struct image *img, const char *path, bool packed) {
    if (image_kind(img) == IMAGE_CORE)
        return err_set(&r->err, -EINVAL, "Give a process id; `memwhy ps` lists them.",
                       "the target is a file already; only a process can be captured");
    bool redact = opt_flag(r->opts, "redact");
    struct image_freeze_how how;
    int rc = look_freeze_how(r, &how);
    if (rc < 0)
        return rc;
    how.read_ns_per_mib = redact ? REDACTED_NS : packed ? PACKED_NS : PLAIN_NS;
    struct proc_texts texts = {0};
    struct guests guests = {0};
    struct progress line = progress_start(r->progress);
    proc_texts_read(image_pid(img), redact, &texts);
    struct capture_options o = {.path = path,
                                .packed = packed,
                                .how = how,
                                .texts = texts.list.at,
                                .n_texts = texts.list.n,
                                .hooks = invite(img, redact, &guests),
                                .cancelled = interrupted_by_signals(SA_RESTART),
                                .progress = &line};
    rc = write_it(r, img, &o, &guests);
    redaction_free(guests.redaction);
    walkable_free(guests.walkable);
    proc_texts_done(&texts);
    return rc;
}

static int run_capture(struct run *r) {
    const char *const *args;
    opt_args(r->opts, &args);
    const char *path = opt_string(r->opts, "output", "");
    if (!path[0])
        return err_set(&r->err, -EINVAL, "For example: memwhy capture 1234 -o app.core",
                       "capture needs to know the file to write");
    struct image *img;
    int rc = target_open(args[0], &img, &r->err);
    if (rc < 0)
        return rc;
    rc = capture(r, img, path, opt_flag(r->opts, "zstd") || ends_in_zst(path));
    image_free(img);
    return rc;
}

static const struct opt opts[] = {
    {"output", 'o', OPT_STRING, "FILE", "the capture to write (mode 0600); must not exist"},
    {"redact", 0, OPT_FLAG, NULL, "leave out what the program wrote: only its structure is kept"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {"zstd", 0, OPT_FLAG, NULL, "pack it; a FILE that ends in .zst is packed anyway"},
    {0}};

const struct command cmd_capture = {
    .name = "capture",
    .args = "TARGET",
    .group = GROUP_EVIDENCE,
    .summary = "keep a process's memory in a file, for later or for elsewhere",
    .help =
        "Holds the process for as long as it takes to fork a copy, which is written while it runs\n"
        "on (where it cannot be forked, or is small, while its memory is written): a standard ELF\n"
        "core of the pages that are in memory, without those of files. gdb opens it, and so does\n"
        "every command of memwhy; which pages were in memory and the names of mappings and "
        "threads\n"
        "are kept, so "
        "the account from the file is that of the process, to the byte.\n"
        "\n"
        "  $ memwhy capture 1234 -o app.core        as large as its memory, at most\n"
        "  $ memwhy capture 1234 -o app.core.zst    packed, to a tenth to a half of it\n"
        "  $ memwhy capture 1234 -o app.core --redact      to show to others\n"
        "  $ memwhy explain app.core\n"
        "\n"
        "The file appears under its name when it is whole and on disk; until then it is called\n"
        ".FILE.partial. It holds everything the process knows, passwords included: mode 0600.\n"
        "\n"
        "With --redact it holds structure, sizes and names: every command says of it what it says\n"
        "of the process. Blanked are strings and sources (but for their line ends), numbers on "
        "the\n"
        "heap, Buffers, memory of malloc and all other memory (words that point into the process\n"
        "stay), whatever was freed, arguments, environment, registers. Names stay: property keys,\n"
        "names of variables, functions, classes and scripts, descriptions of symbols. So do "
        "hashes\n"
        "of strings, small integers (31 bits) in objects, names of files, threads and cgroups.\n",
    .opts = opts,
    .run = run_capture,
};
