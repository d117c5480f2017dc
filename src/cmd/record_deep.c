#include "cmd/record_deep.h"

#include "base/limits.h"
#include "collect/recorded.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define SOON_NS (5 * SECOND_NS) /* the first look at a process: when it has settled a little */
#define GIVEN_UP_NS (120 * SECOND_NS) /* 1.5 GB of small objects take 7 s */

static bool same(struct process_id a, struct process_id b) {
    return a.pid == b.pid && a.started_ns == b.started_ns;
}

void record_deep_came(struct record_deep *d, struct process_id id, uint64_t now_ns) {
    if (d->every_ns)
        vec_push(&d->due.list, (struct record_due){id, now_ns + SOON_NS});
}

void record_deep_went(struct record_deep *d, struct process_id id) {
    for (size_t i = 0; i < d->due.list.n; i++)
        if (same(d->due.list.at[i].id, id)) {
            d->due.list.at[i] = d->due.list.at[--d->due.list.n];
            return;
        }
}

static void fail(struct record_deep *d, const char *why) {
    d->failed++;
    snprintf(d->why, sizeof d->why, "%.*s", (int)sizeof d->why - 1, why);
}

/* --- one look --- */

static void begin(struct record_deep *d, struct process_id id, uint64_t now_ns) {
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)id.pid);
    d->out = memfd_create("memwhy-deep-look", MFD_CLOEXEC);
    d->child = d->out < 0 ? -1 : fork();
    if (d->child == 0) {
        if (dup2(d->out, STDOUT_FILENO) < 0 || dup2(d->out, STDERR_FILENO) < 0)
            _exit(127);
        execl("/proc/self/exe", "memwhy", "deep-look", pid, (char *)NULL);
        _exit(127);
    }
    d->of = id;
    d->began_ns = now_ns;
    if (d->child > 0)
        return;
    fail(d, strerror(errno));
    if (d->out >= 0)
        close(d->out);
    d->child = 0;
}

/* Its two lines, or the one sentence that it ended with. */
static void keep(struct record_deep *d, struct writer *w, bool well, const char *text, size_t n) {
    static const char *const kinds[] = {RECORDED_EVIDENCE, RECORDED_HEAP};
    struct err e = {0};
    if (!well) {
        cleanup_free char *why = mem_strndup(text, strcspn(text, "\n"));
        fail(d, why[0] ? why : "the look was ended");
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && n; i++) {
        size_t line = strcspn(text, "\n");
        int r = writer_deep(w, d->of, kinds[i], text, line, &e);
        if (r < 0) {
            fail(d, e.what);
            return;
        }
        n -= line < n ? line + 1 : line;
        text += line + (text[line] != '\0');
    }
    d->taken++;
}

static void take(struct record_deep *d, struct writer *w, int status) {
    struct stat st;
    char *text = NULL;
    size_t n = 0;
    if (fstat(d->out, &st) == 0 && st.st_size > 0 && (uint64_t)st.st_size <= LIMIT_DEEP_LOOK) {
        text = mem_alloc((size_t)st.st_size + 1);
        ssize_t got = pread(d->out, text, (size_t)st.st_size, 0);
        n = got > 0 ? (size_t)got : 0;
        text[n] = '\0';
    }
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0 && n;
    keep(d, w, well, text ? text : "", n);
    free(text);
    close(d->out);
    d->child = 0;
}

static bool is_under_way(struct record_deep *d, struct writer *w, uint64_t now_ns) {
    int status;
    if (!d->child)
        return false;
    if (waitpid(d->child, &status, WNOHANG) == d->child) {
        take(d, w, status);
        return false;
    }
    if (now_ns - d->began_ns > GIVEN_UP_NS)
        kill(d->child, SIGKILL);
    return true;
}

void record_deep_step(struct record_deep *d, struct writer *w, uint64_t now_ns) {
    struct record_due *next = NULL;
    if (is_under_way(d, w, now_ns))
        return;
    for (size_t i = 0; i < d->due.list.n; i++)
        if (d->due.list.at[i].at_ns <= now_ns && (!next || d->due.list.at[i].at_ns < next->at_ns))
            next = &d->due.list.at[i];
    if (!next)
        return;
    next->at_ns = now_ns + d->every_ns;
    begin(d, next->id, now_ns);
}

void record_deep_done(struct record_deep *d) {
    if (d->child) {
        kill(d->child, SIGKILL); /* what it held is let go by its supervisor */
        waitpid(d->child, NULL, 0);
        close(d->out);
    }
    d->child = 0;
    vec_free(&d->due.list);
}
