#include "kernel/cgroup_watch.h"
#include "base/mem.h"
#include "kernel/cgroup.h"
#include "kernel/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES = 4, TEXT_BYTES = 4096 };

/* What is read each time. A key: the number behind it, in a file of several lines. */
static const struct watched_file {
    const char *name, *key;
    enum sample_field field;
} watched[2][FILES] = {
    {
        {"memory.usage_in_bytes", NULL, SAMPLE_CGROUP_CURRENT},
        {"memory.failcnt", NULL, SAMPLE_CGROUP_LIMIT_HITS},
        {"memory.oom_control", "oom_kill", SAMPLE_CGROUP_OOM_KILLS},
    },
    {
        {"memory.current", NULL, SAMPLE_CGROUP_CURRENT},
        {"memory.events", "max", SAMPLE_CGROUP_LIMIT_HITS},
        {"memory.events", "oom_kill", SAMPLE_CGROUP_OOM_KILLS},
        {"memory.pressure", NULL, SAMPLE_PRESSURE_SOME_NS},
    },
};

struct cgroup_watch {
    int version;
    int fd[FILES]; /* -1: there is none */
    struct cgroup_limit limit;
};

static void take_limit(struct cgroup_watch *w, const struct cgroup *c) {
    w->limit = c->effective_max;
}

int cgroup_watch_new(const char *root, pid_t pid, struct cgroup_watch **ret) {
    struct cgroup c;
    int r = cgroup_read(root, pid, &c);
    if (r < 0)
        return r;
    struct cgroup_watch *w = mem_zalloc(sizeof *w);
    w->version = c.version;
    for (int i = 0; i < FILES; i++) {
        const struct watched_file *f = &watched[c.version - 1][i];
        cleanup_free char *path = f->name ? mem_printf("%s/%s", c.dir, f->name) : NULL;
        w->fd[i] = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    }
    take_limit(w, &c);
    cgroup_done(&c);
    *ret = w;
    return 0;
}

static void take_pressure(const char *text, struct sample *ret) {
    struct pressure p;
    if (pressure_parse(text, &p) < 0)
        return;
    if (p.some.known)
        sample_set(ret, SAMPLE_PRESSURE_SOME_NS, p.some.total_ns);
    if (p.full.known)
        sample_set(ret, SAMPLE_PRESSURE_FULL_NS, p.full.total_ns);
}

/* The number that is the file, or follows the key at the beginning of a line. */
static void take_number(const char *text, const struct watched_file *f, struct sample *ret) {
    const char *end = text + strlen(text), *p = text;
    size_t len = f->key ? strlen(f->key) : 0;
    uint64_t v;
    while (len && p < end && (strncmp(p, f->key, len) != 0 || p[len] != ' ')) {
        p += strcspn(p, "\n");
        p += *p == '\n';
    }
    p += len && p < end ? len + 1 : 0;
    if (procfs_number(&p, end, &v))
        sample_set(ret, f->field, v);
}

void cgroup_watch_read(struct cgroup_watch *w, struct sample *ret) {
    char text[TEXT_BYTES];
    for (int i = 0; i < FILES; i++) {
        const struct watched_file *f = &watched[w->version - 1][i];
        ssize_t n = w->fd[i] < 0 ? -1 : pread(w->fd[i], text, sizeof text - 1, 0);
        if (n <= 0)
            continue;
        text[n] = '\0';
        if (f->field == SAMPLE_PRESSURE_SOME_NS)
            take_pressure(text, ret);
        else
            take_number(text, f, ret);
    }
    if (w->limit.state == CGROUP_LIMIT_SET)
        sample_set(ret, SAMPLE_CGROUP_LIMIT, w->limit.bytes);
}

void cgroup_watch_renew(struct cgroup_watch *w, const char *root, pid_t pid) {
    struct cgroup c;
    if (cgroup_read(root, pid, &c) < 0)
        return;
    take_limit(w, &c);
    cgroup_done(&c);
}

void cgroup_watch_free(struct cgroup_watch *w) {
    if (!w)
        return;
    for (int i = 0; i < FILES; i++)
        if (w->fd[i] >= 0)
            close(w->fd[i]);
    free(w);
}
