#include "cmd/top_account.h"

#include "base/text.h"
#include "cmd/look.h"
#include "cmd/top_terminal.h"
#include "kernel/process.h"
#include "report/explain.h"
#include "rules/rule.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool is_there(const struct process_id *id) {
    struct process p;
    if (process_read("", id->pid, 0, &p) < 0)
        return false;
    bool same = p.started_ns == id->started_ns;
    process_done(&p);
    return same;
}

/* What the process paid comes first, as nobody asked for it to be held by name. */
static void print_pause(FILE *out, const struct evidence *ev) {
    char pause[FMT_MAX], longest[FMT_MAX], now[16];
    time_t t = time(NULL);
    struct tm at;
    strftime(now, sizeof now, "%H:%M:%S", localtime_r(&t, &at));
    fprintf(out, "Looked at %s: it was held for %s", now, fmt_duration(pause, ev->cost.pause_ns));
    if (ev->cost.stops > 1)
        fprintf(out, " in %u stops, the longest %s", ev->cost.stops,
                fmt_duration(longest, ev->cost.longest_ns));
    fputs(".\n\n", out);
}

static void print_account(struct run *r, const struct process_id *id, unsigned width, FILE *out) {
    struct evidence ev;
    struct diagnosis d = {0};
    struct report_style style = {false, r->unicode, width};
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)id->pid);
    int rc = is_there(id) ? look_at(r, pid, NEED_ALL | NEED_FLAGS, &ev)
                          : err_set(&r->err, -ESRCH, "", "It has ended.");
    if (rc < 0) {
        cleanup_free char *what = text_printable(r->err.what), *hint = text_printable(r->err.hint);
        fprintf(out, "%s %s\n", *what ? what : strerror(-rc), hint);
        return;
    }
    print_pause(out, &ev);
    rules_run(&ev, &d);
    report_explain(out, &ev, &d, &style);
    diagnosis_done(&d);
    evidence_done(&ev);
}

/* In a process group of its own: a key that stops us must not stop who holds the target. */
static _Noreturn void look(struct run *r, const struct process_id *id, unsigned width, int fd) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    top_terminal_restore_signals();
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = STDIN_FILENO; i <= STDERR_FILENO && nothing >= 0; i++)
        dup2(nothing, i);
    FILE *out = fdopen(fd, "w");
    if (out) {
        r->progress = false;
        print_account(r, id, width, out);
        fclose(out);
    }
    _exit(0);
}

int top_account_begin(struct top_account *a, struct run *r, const struct process_id *id,
                      unsigned width, struct err *e) {
    int fds[2];
    top_account_end(a);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_set(e, -errno, "", "No pipe can be made: %s.", strerror(errno));
    pid_t child = fork();
    if (child < 0) {
        int error = errno;
        close(fds[0]);
        close(fds[1]);
        return err_set(e, -error, "", "No process can be made to look: %s.", strerror(error));
    }
    if (!child)
        look(r, id, width, fds[1]);
    close(fds[1]);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    a->id = *id;
    a->child = child;
    a->fd = fds[0];
    return 0;
}

/* The child has closed its end, or is to be ended. */
static void part(struct top_account *a) {
    if (!a->child)
        return;
    close(a->fd);
    while (waitpid(a->child, NULL, 0) < 0 && errno == EINTR)
        ;
    a->child = 0;
    a->fd = -1;
}

bool top_account_read(struct top_account *a) {
    enum { CHUNK = 4096, MOST = 4 << 20 };
    if (!a->child)
        return true;
    for (;;) {
        vec_reserve(&a->text, a->text.n + CHUNK + 1);
        ssize_t n = read(a->fd, a->text.at + a->text.n, CHUNK);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return false;
        if (n <= 0 || a->text.n > MOST) {
            part(a);
            a->text.at[a->text.n] = '\0';
            return true;
        }
        a->text.n += (size_t)n;
    }
}

void top_account_end(struct top_account *a) {
    if (a->child)
        kill(a->child, SIGTERM); /* a supervisor lets the target go */
    part(a);
    vec_free(&a->text);
    a->fd = -1;
}
