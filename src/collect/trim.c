#include "collect/trim.h"

#include "base/fmt.h"
#include "malloc/malloc.h"
#include <errno.h>
#include <stdio.h>

/* About twice what was measured: 48 to 78 ms for 465 MB given back (Node 12 to 24, Linux 6.18), and
 * a few milliseconds to go through what is not. */
#define CALL_NS 10000000ull
#define CALL_NS_PER_MIB 250000ull
#define MIB (1ull << 20)

static int refuse_other(const struct malloc_census *c, struct err *e) {
    static const char *const hints[] = {
        [MALLOC_JEMALLOC] = "Start it with MALLOC_CONF=background_thread:true,dirty_decay_ms:1000.",
        [MALLOC_TCMALLOC] = "Start it with TCMALLOC_RELEASE_RATE=10.",
        [MALLOC_MIMALLOC] = "Start it with MIMALLOC_PURGE_DELAY=0.",
        [MALLOC_MUSL] = "musl gives back what becomes free in whole groups by itself.",
    };
    enum malloc_kind kind = c->kind;
    const char *hint = (size_t)kind < sizeof hints / sizeof *hints ? hints[kind] : NULL;
    char setting[160];
    if (c->own_give_back) {
        snprintf(setting, sizeof setting, "Start it with %s.", c->own_give_back);
        hint = setting;
    }
    if (kind == MALLOC_UNKNOWN || kind == MALLOC_NONE)
        return err_set(e, -ENOTSUP, "`memwhy malloc` says what is known.",
                       "no allocator that memwhy knows was found, and malloc_trim is glibc's");
    return err_set(e, -ENOTSUP, hint, "its memory is %s's, and malloc_trim is glibc's",
                   malloc_kind_name(kind));
}

static int check_heap(const struct malloc_census *c, struct err *e) {
    if (c->kind != MALLOC_GLIBC)
        return refuse_other(c, e);
    const struct malloc_coverage *v = &c->coverage;
    if (!v->walk_errors && !v->list_errors)
        return 0;
    return err_set(e, -ENOTSUP, "`memwhy malloc` says where it breaks off.",
                   "malloc's heap does not hold together (%llu chunk headers, %llu list entries "
                   "make no sense), and malloc_trim goes through all of it: if it is damaged, the "
                   "process would end",
                   (unsigned long long)v->walk_errors, (unsigned long long)v->list_errors);
}

static int check_pause(uint64_t bytes, uint64_t max_ns, struct err *e) {
    char size[FMT_MAX], time[FMT_MAX], most[FMT_MAX], hint[96];
    uint64_t ns = CALL_NS + bytes / MIB * CALL_NS_PER_MIB;
    if (ns <= max_ns)
        return 0;
    snprintf(hint, sizeof hint, "Allow it with --max-pause=%llums.",
             (unsigned long long)(ns / 10000000 + 1) * 10);
    return err_set(e, -EBUSY, hint,
                   "to give back %s would hold the main thread for up to %s, and at most %s are "
                   "allowed",
                   fmt_bytes(size, bytes), fmt_duration(time, ns), fmt_duration(most, max_ns));
}

/* No lock of malloc's is the held thread's, so malloc_trim will get each. */
static int may_trim(void *arg, const struct image *img, struct err *e) {
    (void)e;
    return malloc_locks_seen_open(img, arg) == 0 ? 0 : -EAGAIN;
}

int trim_process(const struct evidence *before, const struct trim_how *how,
                 struct image_call_cost *ret, struct err *e) {
    struct malloc_census census = before->malloc; /* borrowed */
    struct image *img;
    if (before->target.pid <= 0 || before->cost.freeze == NULL)
        return err_set(e, -ENOTSUP, "`memwhy malloc` says what a trim would have given back.",
                       "a core is not a running process: nothing in it can be given back");
    int r = check_heap(&census, e);
    if (r == 0)
        r = check_pause(malloc_census_trimmable(&census), how->max_pause_ns, e);
    if (r == 0)
        r = image_open_live(before->target.pid, &img, e);
    if (r < 0)
        return r;
    const struct image_call call = {.function = "malloc_trim",
                                    .module_addr = census.glibc.main_arena,
                                    .max_wait_ns = how->max_wait_ns,
                                    .may = may_trim,
                                    .arg = &census};
    r = image_call(img, &call, ret, e);
    image_free(img);
    return r;
}
