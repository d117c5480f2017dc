#include "base/fmt.h"
#include "base/text.h"
#include "base/vec.h"
#include "cmd/cmd.h"
#include "cmd/interrupted.h"
#include "collect/proc_texts.h"
#include "image/capture_pipe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_PARTIAL = 4, KEEP = 5, PATIENCE_S = 60, STALE_S = 3600 };

#define FOLDER "/var/lib/memwhy"
#define MAX_BYTES (8ull << 30)

/* --- the folder --- */

struct old_file {
    char *name;
    struct timespec written;
};

static int newest_first(const void *x, const void *y) {
    const struct old_file *a = x, *b = y;
    if (a->written.tv_sec != b->written.tv_sec)
        return a->written.tv_sec > b->written.tv_sec ? -1 : 1;
    return (a->written.tv_nsec < b->written.tv_nsec) - (a->written.tv_nsec > b->written.tv_nsec);
}

static bool is_ours(const char *name, const char *begin, const char *end) {
    size_t n = strlen(name), k = strlen(end);
    return strncmp(name, begin, strlen(begin)) == 0 && n > k && !strcmp(name + n - k, end);
}

/* All but the newest `keep` captures go, and what a handler that was killed left behind. */
static void prune(int folder, uint64_t keep) {
    VEC(struct old_file) files = {0};
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    time_t now = time(NULL);
    for (struct dirent *x; d && (x = readdir(d));) {
        struct stat st;
        if (fstatat(folder, x->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        if (is_ours(x->d_name, ".core.", ".partial") && now - st.st_mtime > STALE_S)
            unlinkat(folder, x->d_name, 0);
        else if (is_ours(x->d_name, "core.", ".zst"))
            vec_push(&files, (struct old_file){mem_strdup(x->d_name), st.st_mtim});
    }
    if (d)
        closedir(d);
    vec_sort(&files, newest_first);
    for (size_t i = 0; i < files.n; i++) {
        if (i >= keep)
            unlinkat(folder, files.at[i].name, 0);
        free(files.at[i].name);
    }
    vec_free(&files);
}

static int open_folder(const char *path, struct err *e) {
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_set(e, -errno, "Make it, or name another with --dir.",
                       "the folder %s cannot be made (%s)", path, strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, -errno, "Name another with --dir.", "the folder %s cannot be opened (%s)",
                       path, strerror(errno));
    return fd;
}

/* core.NAME.PID.SECONDS.zst; the name is the process's to choose, so only letters are taken. */
static char *new_path(const char *folder, const char *pid, const char *name) {
    char plain[16] = "unknown";
    size_t n = 0;
    for (; name && *name && n + 1 < sizeof plain; name++)
        plain[n++] = (*name >= '0' && *name <= '9') || (*name >= 'a' && *name <= 'z') ||
                             (*name >= 'A' && *name <= 'Z') || *name == '-'
                         ? *name
                         : '_';
    plain[n ? n : strlen(plain)] = 0;
    return mem_printf("%s/core.%s.%s.%lld.zst", folder, plain, pid, (long long)time(NULL));
}

/* --- */

static void tell(struct run *r, const char *path, const struct capture_pipe_result *c) {
    char disk[FMT_MAX], core[FMT_MAX];
    if (r->json) {
        json_t *j = json_pack("{s:s, s:I, s:I, s:b, s:b}", "file", path, "file_bytes",
                              (json_int_t)c->file_bytes, "core_bytes", (json_int_t)c->core_bytes,
                              "cut", (int)c->cut, "process_seen", c->threads > 0);
        if (c->cut)
            json_object_set_new(j, "why_cut", json_string(c->why));
        json_object_set_new(r->doc, "capture", j);
        return;
    }
    fprintf(r->out, "%s: %s on disk, of a core of %s.\n", path, fmt_bytes(disk, c->file_bytes),
            fmt_bytes(core, c->core_bytes));
    if (c->cut)
        fprintf(r->out, "note: its end is missing: %s.\n", c->why);
    if (!c->threads)
        fputs("note: the process was gone; what /proc says of it is not in the file.\n", r->out);
}

static int receive(struct run *r, const char *path, pid_t pid, const atomic_bool *cancelled) {
    struct capture_pipe in = {.fd = STDIN_FILENO,
                              .max_bytes = opt_u64(r->opts, "max-size", MAX_BYTES),
                              .patience_s = PATIENCE_S};
    struct proc_texts texts = {0};
    if (image_open_live(pid, &in.img, NULL) == 0)
        proc_texts_read(pid, false, &texts);
    else
        in.img = NULL;
    struct capture_options o = {.path = path,
                                .packed = true,
                                .texts = texts.list.at,
                                .n_texts = texts.list.n,
                                .cancelled = cancelled};
    struct capture_pipe_result result;
    int rc = capture_from_pipe(&in, &o, &result, &r->err);
    if (rc == 0) {
        tell(r, path, &result);
        rc = result.cut || !result.threads ? EXIT_PARTIAL : 0;
    }
    proc_texts_done(&texts);
    image_free(in.img);
    return rc;
}

static int handle(struct run *r) {
    const char *const *args;
    size_t n = opt_args(r->opts, &args);
    const char *folder = opt_string(r->opts, "dir", FOLDER);
    uint64_t keep = opt_u64(r->opts, "keep", KEEP); /* the one to come among them */
    char *end;
    long pid = strtol(args[0], &end, 10);
    if (pid <= 0 || *end || pid > INT32_MAX)
        return err_set(&r->err, -EINVAL, "The kernel gives it as %P.", "%s is no process id",
                       args[0]);
    if (isatty(STDIN_FILENO))
        return err_set(&r->err, -EINVAL, "Try --help; the kernel starts this.",
                       "a core is expected on standard input");
    cleanup_close int fd = open_folder(folder, &r->err);
    if (fd < 0)
        return fd;
    prune(fd, keep ? keep - 1 : 0);
    const atomic_bool *cancelled = interrupted_by_signals(0); /* a core may not come */
    cleanup_free char *path = new_path(folder, args[0], n > 1 ? args[1] : NULL);
    return receive(r, path, (pid_t)pid, cancelled);
}

/* The kernel starts it without standard error: then the system's log is told. */
/* Nobody listens to a handler that the kernel started: what it says on standard output is no loss.
 */
static void do_without_output(void) {
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY)
        return;
    cleanup_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDOUT_FILENO);
}

static int run_handler(struct run *r) {
    struct stat err, null;
    do_without_output();
    int rc = handle(r);
    if (rc < 0 && fstat(STDERR_FILENO, &err) == 0 && stat("/dev/null", &null) == 0 &&
        err.st_rdev == null.st_rdev && S_ISCHR(err.st_mode)) {
        cleanup_free char *what = text_printable(r->err.what);
        openlog("memwhy", LOG_PID, LOG_USER);
        syslog(LOG_ERR, "core-handler: %s", what);
        closelog();
    }
    return rc;
}

static const struct opt opts[] = {
    {"dir", 0, OPT_STRING, "DIR", "where captures are kept (" FOLDER ")"},
    {"keep", 0, OPT_U64, "N", "how many at most; older ones are removed (5)"},
    {"max-size", 0, OPT_BYTES, "SIZE", "of one file; a larger one is cut there (8G)"},
    {0}};

const struct command cmd_core_handler = {
    .name = "core-handler",
    .args = "PID [NAME]",
    .group = GROUP_EVIDENCE,
    .summary = "keep the core of a process that dies, as a packed capture",
    .help =
        "Reads a core from standard input, as the kernel gives it to the program that\n"
        "kernel.core_pattern names, and writes it as `capture` does, packed: with what /proc says\n"
        "of the process, which is still there while the kernel waits. So the account from the "
        "file\n"
        "is that of the moment it died. As root:\n"
        "\n"
        "  # sysctl kernel.core_pattern                             what it is now: note it\n"
        "  # sysctl -w kernel.core_pattern='|/usr/bin/memwhy core-handler %P %e'\n"
        "  # sysctl -w kernel.core_pattern=core                     to undo it: what it was\n"
        "\n"
        "  $ memwhy explain /var/lib/memwhy/core.node.1234.1700000000.zst\n"
        "\n"
        "The process may need `ulimit -c unlimited`; node --abort-on-uncaught-exception dies with\n"
        "a core when an exception is not caught, and also when the heap is full. The folder is "
        "made\n"
        "with mode 0700, the files with 0600: they hold everything the process knew. It ends by\n"
        "itself when nothing comes for a minute, and leaves 32 MiB of the disk free.\n",
    .opts = opts,
    .run = run_handler,
};
