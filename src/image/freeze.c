#include "image/freeze.h"

#include "base/fmt.h"
#include "base/limits.h"
#include "image/frozen.h"
#include <errno.h>
#include <stdio.h>

/* What holding costs, about twice what was measured (Linux 6.18, Node 20 and 24, 10 MB to 2.2 GB):
 * a fork took 50 to 80 ns for a page and 2.3 us for a page table (V8's pages of 256 KiB lie
 * scattered, so a heap of many has a table and a mapping for each); interrupting a thread and
 * reading its registers 10 us; a second short hold reaps the copy. */
#define HOLD_NS 1000000ull
#define REAP_NS 500000ull
#define THREAD_NS 20000ull
#define COPY_PAGE_NS 120ull
#define COPY_TABLE_NS 5000ull

#define MIB (1ull << 20)

struct estimate {
    uint64_t fork_ns, stop_ns;
    uint64_t private_bytes;
};

/* Of a process that moves, so of this moment. Kernels before 4.5 do not tell anonymous memory from
 * that of files: there all of it counts. */
static struct estimate estimate(const struct live *l, const struct image_freeze_how *how) {
    uint64_t tables = live_read_kib(l, "status", "VmPTE: %llu kB") / PAGE_BYTES;
    uint64_t bytes = live_read_kib(l, "status", "RssAnon: %llu kB") +
                     live_read_kib(l, "status", "RssShmem: %llu kB");
    if (!bytes)
        bytes = live_read_kib(l, "status", "VmRSS: %llu kB");
    uint64_t hold_ns = HOLD_NS + l->img.threads.n * THREAD_NS;
    return (struct estimate){
        .fork_ns = hold_ns + REAP_NS + bytes / PAGE_BYTES * COPY_PAGE_NS + tables * COPY_TABLE_NS,
        .stop_ns = hold_ns + how->read_more_ns + bytes * how->read_ns_per_mib / MIB,
        .private_bytes = bytes,
    };
}

/* The budget that would do, with room for what the process grows by until then. */
static uint64_t enough_ms(uint64_t ns) {
    const uint64_t step = ns < 1000000000 ? 10 : 100;
    return (ns + ns / 4) / 1000000 / step * step + step;
}

static int refuse(const struct live *l, const struct estimate *t, bool fork,
                  const struct image_freeze_how *how, struct err *e) {
    char hold[FMT_MAX], most[FMT_MAX], size[FMT_MAX], why[sizeof l->no_fork.what + 8] = "",
                                                                                   hint[96];
    uint64_t max_ns = how->max_pause_ns, ns = fork ? t->fork_ns : t->stop_ns;
    bool fork_would_do = how->way != IMAGE_FREEZE_STOP && t->fork_ns > max_ns;
    if (!fork && l->no_fork.code)
        snprintf(why, sizeof why, "%s; ", l->no_fork.what);
    snprintf(hint, sizeof hint, "Allow it with --max-pause=%llums.",
             (unsigned long long)enough_ms(fork_would_do ? t->fork_ns : ns));
    return err_set(e, -EBUSY, hint,
                   "%s%s process %d (%s of private memory) would hold it for up to %s, and at most "
                   "%s are allowed",
                   why, fork ? "forking" : "reading the stopped", (int)l->img.pid,
                   fmt_bytes(size, t->private_bytes), fmt_duration(hold, ns),
                   fmt_duration(most, max_ns));
}

static int fork_it(struct live *l, const struct estimate *t, const struct image_freeze_how *how,
                   struct err *e) {
    if (l->no_fork.code) {
        if (e)
            *e = l->no_fork;
        return l->no_fork.code;
    }
    return t->fork_ns > how->max_pause_ns ? refuse(l, t, true, how, e) : frozen_make(l, how, e);
}

static int stop_it(struct live *l, const struct estimate *t, const struct image_freeze_how *how,
                   struct err *e) {
    return t->stop_ns > how->max_pause_ns ? refuse(l, t, false, how, e) : live_stop(&l->img, e);
}

int live_freeze(struct image *img, const struct image_freeze_how *how, struct err *e) {
    struct live *l = (struct live *)img;
    if (l->hold.tasks.n || l->frozen)
        return 0;
    struct estimate t = estimate(l, how);
    if (how->way == IMAGE_FREEZE_FORK)
        return fork_it(l, &t, how, e);
    if (how->way == IMAGE_FREEZE_STOP || t.stop_ns <= t.fork_ns)
        return stop_it(l, &t, how, e);
    struct err why = {0};
    int r = fork_it(l, &t, how, &why);
    if (r == 0)
        return 0;
    l->no_fork = why; /* for the next time too: what refuses once is not asked again */
    r = stop_it(l, &t, how, e);
    if (r == 0)
        snprintf(img->freeze_cost.not_forked, sizeof img->freeze_cost.not_forked, "%s", why.what);
    return r;
}
