#include "image/capture.h"
#include "base/fmt.h"
#include "base/vec.h"
#include "cmd/cmd.h"
#include "collect/collect.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_text.h"
#include "kernel/procfs.h"
#include "report/document.h"

#include <errno.h>
#include <signal.h>

enum { EXIT_PARTIAL = 4 };

/* What is kept of /proc/PID. Not its environment, which may hold passwords. */
static const char *const kept[] = {"auxv",          "cmdline",      "status", "stat",
                                   "smaps",         "smaps_rollup", "cgroup", "limits",
                                   "oom_score_adj", "oom_score"};

#define TEXT_MAX (256ull << 20) /* smaps has 1 KiB for each mapping */

static atomic_bool cancelled;

static void on_signal(int signal) {
    (void)signal;
    atomic_store(&cancelled, true);
}

/* An interrupted capture takes its file with it; a file over a limit (ulimit -f) is an error of the
 * write, not the end of us. */
static void catch_signals(void) {
    struct sigaction end = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction none = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGHUP, &end, NULL);
    sigaction(SIGXFSZ, &none, NULL);
}

typedef VEC(struct capture_text) texts;

static void read_texts(pid_t pid, texts *ret) {
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        char *s;
        size_t n;
        if (procfs_read("", pid, kept[i], TEXT_MAX, &s, &n) == 0)
            vec_push(ret, (struct capture_text){kept[i], s, n});
    }
    char *beside = collect_neighbours_text(pid);
    if (beside)
        vec_push(ret, (struct capture_text){"neighbours", beside, strlen(beside)});
    struct cgroup c;
    if (cgroup_read("", pid, &c) == 0) {
        size_t n;
        char *s = cgroup_to_text(&c, &n);
        if (s)
            vec_push(ret, (struct capture_text){"cgroup_facts", s, n});
        cgroup_done(&c);
    }
}

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
    json_object_set_new(r->doc, "capture", j);
}

static void to_text(struct run *r, const struct capture_options *o,
                    const struct capture_result *c) {
    char disk[FMT_MAX], memory[FMT_MAX];
    fprintf(r->out, "%s: %s on disk, %s of memory, %u threads.\n", o->path,
            fmt_bytes(disk, c->file_bytes), fmt_bytes(memory, c->memory_bytes), c->threads);
}

static void tell(struct run *r, struct image *img, const struct capture_options *o,
                 const struct capture_result *c) {
    char n[FMT_MAX];
    uint64_t pause = image_pause_ns(img);
    struct evidence ev = {
        .target = {.kind = "stopped", .pid = image_pid(img), .threads = c->threads},
        .cost = {.pause_ns = pause, .longest_ns = pause, .stops = 1}};
    if (image_exe(img)[0])
        ev.target.exe = mem_strdup(image_exe(img));
    if (c->lost_bytes)
        evidence_note(&ev, "%s could not be read and are zeros in the file",
                      fmt_bytes(n, c->lost_bytes));
    if (c->swap_bytes)
        evidence_note(&ev, "%s of it are in swap and not in the file", fmt_bytes(n, c->swap_bytes));
    if (r->json) {
        document_common(r->doc, &ev);
        to_json(r, o, c);
    } else {
        to_text(r, o, c);
        fprintf(r->out, "Paused %s.\n", fmt_duration(n, pause));
        for (size_t i = 0; i < ev.notes.n; i++)
            fprintf(r->out, "note: %s.\n", ev.notes.at[i]);
    }
    evidence_done(&ev);
}

static int capture(struct run *r, struct image *img, const char *path, bool packed) {
    if (image_kind(img) == IMAGE_CORE)
        return err_set(&r->err, -EINVAL, "Give a process id; `memwhy ps` lists them.",
                       "the target is a file already; only a process can be captured");
    texts kept_texts = {0};
    read_texts(image_pid(img), &kept_texts);
    struct progress line = progress_start(r->progress);
    struct capture_options o = {.path = path,
                                .packed = packed,
                                .texts = kept_texts.at,
                                .n_texts = kept_texts.n,
                                .cancelled = &cancelled,
                                .progress = &line};
    catch_signals();
    struct capture_result result;
    int rc = capture_write(img, &o, &result, &r->err);
    progress_done(&line);
    if (rc == 0) {
        tell(r, img, &o, &result);
        rc = result.lost_bytes ? EXIT_PARTIAL : 0;
    }
    for (size_t i = 0; i < kept_texts.n; i++)
        free((void *)kept_texts.at[i].bytes);
    vec_free(&kept_texts);
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
    {"zstd", 0, OPT_FLAG, NULL, "pack it; a FILE that ends in .zst is packed anyway"},
    {0}};

const struct command cmd_capture = {
    .name = "capture",
    .args = "TARGET",
    .group = GROUP_EVIDENCE,
    .summary = "keep a process's memory in a file, for later or for elsewhere",
    .help =
        "Stops the process while its memory is written, and lets it go: a standard ELF core of "
        "the\n"
        "pages that are in memory, without those of files. gdb opens it, and so does every "
        "command\n"
        "of memwhy; which pages were in memory and the names of mappings and threads are kept, so\n"
        "the account from the file is that of the process, to the byte.\n"
        "\n"
        "  $ memwhy capture 1234 -o app.core        as large as its memory, at most\n"
        "  $ memwhy capture 1234 -o app.core.zst    packed; slower, so the pause is longer\n"
        "  $ memwhy explain app.core\n"
        "\n"
        "The file appears under its name when it is whole and on disk; until then it is called\n"
        ".FILE.partial. It holds everything the process knows, passwords included: mode 0600.\n"
        "What is printed ends with how long the process stood still.\n",
    .opts = opts,
    .run = run_capture,
};
