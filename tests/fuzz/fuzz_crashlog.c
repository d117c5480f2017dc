/* Any bytes as a log: read, and judged; what is said of it is whole, and of lines it has. */
#include "crashlog/verdict.h"
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct crashlog *c, const struct verdict *v) {
    if (!v->sentence || !v->who || v->line > c->lines || !verdict_how_name(v->how))
        __builtin_trap();
    for (size_t i = 0; i < v->cites.n; i++)
        if (!v->cites.at[i].text || v->cites.at[i].line > c->lines)
            __builtin_trap();
    if (v->has_live && !isfinite(v->live_mib))
        __builtin_trap();
    if (v->has_trend && (!isfinite(v->trend.mib_per_min) || !isfinite(v->trend.fits)))
        __builtin_trap();
    if (v->has_share && !(v->gc_share >= 0 && v->gc_share <= 1))
        __builtin_trap();
    if (v->has_recent_share && !(v->recent_gc_share >= 0 && v->recent_gc_share <= 1))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct crashlog log;
    struct verdicts all;
    struct err e = {0};
    int fd = memfd_create("log", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
        __builtin_trap();
    if (crashlog_read(fd, NULL, &log, &e) < 0) {
        if (!e.what[0])
            __builtin_trap(); /* a refusal says why */
        return 0;
    }
    verdicts_make(&log, &all);
    for (size_t i = 0; i < all.list.n; i++)
        check(&log, &all.list.at[i]);
    verdicts_done(&all);
    crashlog_done(&log);
    return 0;
}
