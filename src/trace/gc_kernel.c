#include "trace/gc_kernel.h"

#include <errno.h>

#ifndef MEMWHY_BPF

int gc_kernel_open(void (*tell)(void *ctx, const struct gc_probe_record *r), void *ctx,
                   struct gc_kernel **ret, struct err *e) {
    (void)tell, (void)ctx, (void)ret;
    return err_set(e, -ENOTSUP, "Build it where these three are installed.",
                   "This memwhy was built without libbpf, clang or bpftool, so it has no probe to "
                   "put into the kernel.");
}
void gc_kernel_close(struct gc_kernel *k) {
    (void)k;
}
int gc_kernel_attach(struct gc_kernel *k, pid_t pid, const char *path, uint64_t offset,
                     struct err *e) {
    (void)k, (void)pid, (void)path, (void)offset, (void)e;
    return -ENOTSUP;
}
int gc_kernel_watch(struct gc_kernel *k, pid_t pid, struct gc_probe_process p, struct err *e) {
    (void)k, (void)pid, (void)p, (void)e;
    return -ENOTSUP;
}
void gc_kernel_unwatch(struct gc_kernel *k, pid_t pid) {
    (void)k, (void)pid;
}
int gc_kernel_fd(const struct gc_kernel *k) {
    (void)k;
    return -1;
}
void gc_kernel_fetch(struct gc_kernel *k) {
    (void)k;
}
uint64_t gc_kernel_lost(const struct gc_kernel *k) {
    (void)k;
    return 0;
}

#else

#include "base/debug.h"
#include "base/mem.h"
#include "base/vec.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <gc_probe.skel.h> /* made by the build */

#define GRANT                                                                                      \
    "Run memwhy as root on the host, or give it CAP_SYS_ADMIN (and CAP_SYS_PTRACE for processes "  \
    "of others): `docker run --cap-add SYS_ADMIN --cap-add SYS_PTRACE`."

struct gc_kernel {
    struct gc_probe *probe;
    struct ring_buffer *ring;
    VEC(struct attached {
        pid_t pid;
        struct bpf_link *link;
    })
    links;
    void (*tell)(void *ctx, const struct gc_probe_record *r);
    void *ctx;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args) {
    char line[512];
    vsnprintf(line, sizeof line, format, args);
    if (level == LIBBPF_WARN)
        debug("trace", "%s", line);
    return 0;
}

/* `needs`: the capabilities, where it was for lack of them. */
static int refused(int rc, const char *needs, struct err *e) {
    if (rc == -EPERM || rc == -EACCES)
        return err_set(e, -EPERM, GRANT, "The kernel lets memwhy %s", needs);
    return err_set(e, -ENOTSUP, "It takes Linux 5.8 or later with BPF and uprobes.",
                   "The kernel took no probe: %s.", strerror(-rc));
}

static int on_record(void *ctx, void *data, size_t size) {
    struct gc_kernel *k = ctx;
    if (size >= sizeof(struct gc_probe_record))
        k->tell(k->ctx, data);
    return 0;
}

/* In which numbers processes are told apart. */
static void set_namespace(struct gc_probe *p) {
    enum { FIRST_PID_NAMESPACE = 0xeffffffc }; /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
    struct stat st;
    if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino == FIRST_PID_NAMESPACE)
        return;
    p->rodata->namespace_dev = st.st_dev;
    p->rodata->namespace_ino = st.st_ino;
}

int gc_kernel_open(void (*tell)(void *ctx, const struct gc_probe_record *r), void *ctx,
                   struct gc_kernel **ret, struct err *e) {
    struct gc_kernel *k = mem_zalloc(sizeof *k);
    k->tell = tell;
    k->ctx = ctx;
    libbpf_set_print(quiet);
    k->probe = gc_probe__open();
    int rc = k->probe ? 0 : -errno;
    if (rc == 0) {
        set_namespace(k->probe);
        rc = gc_probe__load(k->probe);
    }
    if (rc == 0) {
        k->ring = ring_buffer__new(bpf_map__fd(k->probe->maps.ring), on_record, k, NULL);
        rc = k->ring ? 0 : -errno;
    }
    if (rc < 0) {
        gc_kernel_close(k);
        return refused(rc, "load no probe: that takes CAP_SYS_ADMIN, or CAP_BPF and CAP_PERFMON.",
                       e);
    }
    *ret = k;
    return 0;
}

void gc_kernel_close(struct gc_kernel *k) {
    if (!k)
        return;
    for (size_t i = 0; i < k->links.n; i++)
        bpf_link__destroy(k->links.at[i].link);
    vec_free(&k->links);
    ring_buffer__free(k->ring);
    gc_probe__destroy(k->probe);
    free(k);
}

int gc_kernel_attach(struct gc_kernel *k, pid_t pid, const char *path, uint64_t offset,
                     struct err *e) {
    LIBBPF_OPTS(bpf_uprobe_opts, opts);
    struct bpf_link *link =
        bpf_program__attach_uprobe_opts(k->probe->progs.collected, pid, path, offset, &opts);
    if (!link)
        /* "perf/core: require CAP_SYS_ADMIN for uprobes", 2025, also in the stable lines. */
        return refused(-errno,
                       "put no probe into a program: that takes CAP_SYS_ADMIN (CAP_PERFMON until "
                       "2025).",
                       e);
    vec_push(&k->links, (struct attached){pid, link});
    return 0;
}

int gc_kernel_watch(struct gc_kernel *k, pid_t pid, struct gc_probe_process p, struct err *e) {
    uint32_t key = (uint32_t)pid;
    if (bpf_map_update_elem(bpf_map__fd(k->probe->maps.processes), &key, &p, BPF_ANY) < 0)
        return err_set(e, -errno, "", "The kernel takes no further process to trace: %s.",
                       strerror(errno));
    return 0;
}

void gc_kernel_unwatch(struct gc_kernel *k, pid_t pid) {
    uint32_t key = (uint32_t)pid;
    bpf_map_delete_elem(bpf_map__fd(k->probe->maps.processes), &key);
    size_t kept = 0;
    for (size_t i = 0; i < k->links.n; i++) {
        if (k->links.at[i].pid == pid)
            bpf_link__destroy(k->links.at[i].link);
        else
            k->links.at[kept++] = k->links.at[i];
    }
    k->links.n = kept;
}

int gc_kernel_fd(const struct gc_kernel *k) {
    return ring_buffer__epoll_fd(k->ring);
}

void gc_kernel_fetch(struct gc_kernel *k) {
    ring_buffer__consume(k->ring);
}

uint64_t gc_kernel_lost(const struct gc_kernel *k) {
    return __atomic_load_n(&k->probe->bss->lost, __ATOMIC_RELAXED);
}

#endif
