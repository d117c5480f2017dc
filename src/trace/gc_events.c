#include "trace/gc_events.h"

#include "base/debug.h"
#include "base/mem.h"
#include "base/vec.h"
#include "trace/gc_kernel.h"
#include "trace/gc_layout.h"
#include "trace/gc_place.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A file that processes run V8 from, or one that was looked at in vain. */
struct executable {
    dev_t dev;
    ino_t ino;
    int rc; /* 0: its place for a probe is known */
    struct err err;
    struct gc_place place;
    const struct gc_layout *layout;
};

struct traced {
    struct process_id id;
    size_t executable;
    bool removed; /* from the kernel's list; what it did before may still be under way */
};

struct gc_events {
    struct gc_kernel *kernel;
    VEC(struct executable) executables;
    VEC(struct traced) traced;
    VEC(struct gc_event) ready;
    size_t next;        /* in it */
    int64_t to_wall_ns; /* from the monotonic clock to the wall clock */
    uint64_t unexplained;
};

static struct traced *find(const struct gc_events *g, pid_t pid) {
    for (size_t i = 0; i < g->traced.n; i++)
        if (g->traced.at[i].id.pid == pid)
            return &g->traced.at[i];
    return NULL;
}

static void show_unexplained(const struct gc_probe_record *r) {
    debug("trace", "process %u, at %llu ns: a record that does not explain itself", r->pid,
          (unsigned long long)r->at_ns);
    for (size_t i = 0; i < sizeof r->front; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, r->front + i, sizeof word);
        debug("trace", "  %02zx: %016" PRIx64, i, word);
    }
}

static void on_record(void *ctx, const struct gc_probe_record *r) {
    struct gc_events *g = ctx;
    struct gc_event event;
    const struct traced *t = find(g, (pid_t)r->pid);
    if (!t)
        return;
    const struct executable *x = &g->executables.at[t->executable];
    if (gc_layout_decode(x->layout, r, &event) < 0) {
        g->unexplained++;
        show_unexplained(r);
        return;
    }
    event.process = t->id;
    event.tid = (pid_t)r->tid;
    if (x->place.heap_in_isolate)
        event.isolate = gc_layout_heap(r) - x->place.heap_in_isolate;
    vec_push(&g->ready, event);
}

int gc_events_open(struct gc_events **ret, struct err *e) {
    struct gc_events *g = mem_zalloc(sizeof *g);
    int rc = gc_kernel_open(on_record, g, &g->kernel, e);
    if (rc < 0) {
        free(g);
        return rc;
    }
    *ret = g;
    return 0;
}

void gc_events_close(struct gc_events *g) {
    if (!g)
        return;
    gc_kernel_close(g->kernel);
    vec_free(&g->executables);
    vec_free(&g->traced);
    vec_free(&g->ready);
    free(g);
}

static int find_place(int fd, const char *path, struct executable *ret) {
    int rc = gc_place_find(fd, path, &ret->place, &ret->err);
    if (rc == 0)
        ret->layout = gc_layout_of(ret->place.major, ret->place.minor);
    return rc;
}

/* Looked at once, with what came of it. */
static int executable_of(struct gc_events *g, const char *path, size_t *ret, struct err *e) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int rc = -errno;
        if (fd >= 0)
            close(fd);
        return err_set(e, rc == -ENOENT ? -ESRCH : -EACCES,
                       "Run memwhy as root or give it CAP_SYS_PTRACE.", "%s cannot be read: %s.",
                       path, strerror(-rc));
    }
    for (size_t i = 0; i < g->executables.n; i++) {
        const struct executable *x = &g->executables.at[i];
        if (x->dev == st.st_dev && x->ino == st.st_ino) {
            close(fd);
            *ret = i;
            if (x->rc < 0 && e)
                *e = x->err;
            return x->rc;
        }
    }
    struct executable x = {.dev = st.st_dev, .ino = st.st_ino};
    x.rc = find_place(fd, path, &x);
    if (x.rc < 0 && e)
        *e = x.err;
    *ret = g->executables.n;
    vec_push(&g->executables, x);
    return x.rc;
}

/* The libnode a process has mapped. -ENODATA. */
static int library_of(pid_t pid, char *ret, size_t room) {
    char maps[64], line[4352];
    snprintf(maps, sizeof maps, "/proc/%d/maps", (int)pid);
    cleanup_fclose FILE *f = fopen(maps, "re");
    while (f && fgets(line, sizeof line, f)) {
        char *path = strchr(line, '/'), *end = path ? strchr(path, '\n') : NULL;
        if (!end || !strstr(path, "/libnode.so"))
            continue;
        *end = '\0';
        int n = snprintf(ret, room, "/proc/%d/root%s", (int)pid, path);
        return n > 0 && (size_t)n < room ? 0 : -ENODATA;
    }
    return -ENODATA;
}

int gc_events_add(struct gc_events *g, const struct process_id *id, struct err *e) {
    struct traced t = {.id = *id}, *known = find(g, id->pid);
    struct err of_library;
    char path[4096];
    if (known && known->id.started_ns == id->started_ns && !known->removed)
        return 0;
    if (known) {
        gc_kernel_fetch(g->kernel); /* what is there is still the earlier one's */
        gc_events_remove(g, id->pid);
    }
    snprintf(path, sizeof path, "/proc/%d/exe", (int)id->pid);
    int rc = executable_of(g, path, &t.executable, e);
    if (rc == -ENODATA && library_of(id->pid, path, sizeof path) == 0) {
        rc = executable_of(g, path, &t.executable, &of_library);
        if (rc < 0 && e)
            *e = of_library;
    }
    if (rc < 0)
        return rc;
    const struct executable *x = &g->executables.at[t.executable];
    rc = gc_kernel_watch(g->kernel, id->pid, gc_layout_places(x->layout), e);
    for (size_t i = 0; rc == 0 && i < x->place.n; i++)
        rc = gc_kernel_attach(g->kernel, id->pid, path, x->place.offset[i], e);
    if (rc < 0) {
        gc_kernel_unwatch(g->kernel, id->pid);
        return rc;
    }
    if (known)
        *known = t;
    else
        vec_push(&g->traced, t);
    return 0;
}

static void forget_removed(struct gc_events *g) {
    size_t kept = 0;
    for (size_t i = 0; i < g->traced.n; i++)
        if (!g->traced.at[i].removed)
            g->traced.at[kept++] = g->traced.at[i];
    g->traced.n = kept;
}

/* All there are now. */
static void fetch(struct gc_events *g) {
    struct timespec wall, steady;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &steady);
    g->to_wall_ns =
        (wall.tv_sec - steady.tv_sec) * INT64_C(1000000000) + wall.tv_nsec - steady.tv_nsec;
    g->next = g->ready.n = 0;
    gc_kernel_fetch(g->kernel);
}

void gc_events_remove(struct gc_events *g, pid_t pid) {
    struct traced *t = find(g, pid);
    if (!t || t->removed)
        return;
    gc_kernel_unwatch(g->kernel, pid);
    t->removed = true;
}

int gc_events_fd(const struct gc_events *g) {
    return gc_kernel_fd(g->kernel);
}

bool gc_events_next(struct gc_events *g, struct gc_event *ret) {
    if (g->next == g->ready.n) {
        fetch(g);
        forget_removed(g);
    }
    if (g->next == g->ready.n)
        return false;
    *ret = g->ready.at[g->next++];
    ret->time_ns = ret->at_ns + (uint64_t)g->to_wall_ns;
    return true;
}

uint64_t gc_events_lost(const struct gc_events *g) {
    return gc_kernel_lost(g->kernel);
}

uint64_t gc_events_unexplained(const struct gc_events *g) {
    return g->unexplained;
}
