/* `memwhy history`: of a store that was written for it, whose truth is known. */
#include "unit.h"

#include "cmd/history_read.h"
#include "record/writer.h"

#include <math.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define BEGAN (UINT64_C(1795000000) * SECOND)
#define MIB 1048576u

enum { EVERY = 5, HOURS_S = 7200, TOOTH = 65, LEAKS = 7, STANDS = 8, GAP = 3600, GAP_ENDS = 4200 };

/* A saw of 40 MiB over 50, and up to 1 MiB by chance; of one process its floor rises by 10 KiB a
 * second. */
static uint64_t heap_at(int pid, uint64_t s) {
    uint64_t chance = (s * 2654435761u >> 20 & 255) * 4096;
    return 50 * MIB + 40 * MIB * (s % TOOTH) / TOOTH + chance + (pid == LEAKS ? 10240 * s : 0);
}

static void write_round(struct writer *w, uint64_t s) {
    struct err e = {0};
    assert_int_equal(writer_begin(w, BEGAN + s * SECOND, (s + 1) * SECOND, &e), 0);
    for (int pid = LEAKS; pid <= STANDS; pid++) {
        struct writer_process p = {.id = {pid, 5}, .name = "node", .command = "node x"};
        struct sample sample = {.time_ns = BEGAN + s * SECOND, .at_ns = (s + 1) * SECOND};
        sample_set(&sample, SAMPLE_RSS, heap_at(pid, s) + 60 * MIB);
        sample_set(&sample, SAMPLE_HEAP_USED, heap_at(pid, s));
        sample_set(&sample, SAMPLE_HEAP_LIMIT, UINT64_C(4096) * MIB);
        sample_set(&sample, SAMPLE_GC_MAJOR, s / TOOTH);
        sample_set(&sample, SAMPLE_CPU_USER_NS, s * SECOND / 20);
        writer_sample(w, &p, &sample);
    }
    if (s && s % TOOTH == 0) {
        struct gc_event gc = {.process = {LEAKS, 5},
                              .time_ns = BEGAN + s * SECOND,
                              .at_ns = (s + 1) * SECOND,
                              .pause_ns = SECOND / 100,
                              .kind = GC_MARK_COMPACT};
        writer_gc(w, &gc);
    }
    assert_int_equal(writer_commit(w, &e), 0);
}

/* A reader leaves SQLite's two files beside it. */
static void clean(const char *path) {
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        unlink(name);
    }
}

static struct store *make_store(char path[64]) {
    struct err e = {0};
    struct writer *w;
    struct store *s;
    snprintf(path, 64, "/tmp/memwhy-history-%d.db", (int)getpid());
    clean(path);
    struct writer_how how = {.path = path,
                             .boot = "0",
                             .what = "all",
                             .every_ns = EVERY * SECOND,
                             .time_ns = BEGAN,
                             .at_ns = SECOND};
    assert_int_equal(writer_open(&how, &w, &e), 0);
    for (uint64_t at = 0; at <= HOURS_S; at += EVERY)
        if (at <= GAP || at >= GAP_ENDS)
            write_round(w, at);
    assert_int_equal(writer_close(w, &e), 0);
    assert_int_equal(store_open(path, &s, &e), 0);
    return s;
}

static const struct history_field *field(const struct history *h, enum sample_field f) {
    for (size_t i = 0; i < h->fields.n; i++)
        if (h->fields.at[i].field == f)
            return &h->fields.at[i];
    return NULL;
}

static void read_process(struct store *s, int pid, uint64_t fields, struct history *ret,
                         struct store_processes *all) {
    struct err e = {0};
    uint64_t from, to;
    *all = (struct store_processes){0};
    assert_int_equal(store_span(s, &from, &to, &e), 0);
    assert_int_equal(store_processes(s, all, &e), 0);
    for (size_t i = 0; i < all->list.n; i++)
        if (all->list.at[i].id.pid == pid) {
            assert_int_equal(history_read(s, &all->list.at[i], fields, from, to, ret, &e), 0);
            return;
        }
    fail();
}

static void what_leaks_and_what_does_not(void **state) {
    (void)state;
    char path[64];
    struct store *s = make_store(path);
    struct store_processes all;
    struct history h;

    read_process(s, LEAKS, 0, &h, &all);
    const struct history_field *heap = field(&h, SAMPLE_HEAP_USED);
    assert_int_equal(heap->row.trend.kind, TREND_GROWING);
    assert_true(heap->row.trend.low <= 10240 && 10240 <= heap->row.trend.high);
    assert_true(fabs(heap->row.trend.per_s - 10240) < 300);
    assert_true(heap->row.trend.saw > 30 * MIB && heap->row.trend.saw < 45 * MIB);
    assert_int_equal(heap->row.limit, UINT64_C(4096) * MIB);
    assert_true(heap->min >= 50 * MIB && heap->max <= heap_at(LEAKS, HOURS_S) + 45 * MIB);
    assert_int_equal(field(&h, SAMPLE_RSS)->row.trend.kind, TREND_GROWING);
    assert_null(field(&h, SAMPLE_HEAP_LIMIT)); /* it helps, and was not asked for */
    assert_null(field(&h, SAMPLE_ARRAY_BUFFERS));
    assert_true(h.has_cpu && fabs(h.cpu_part - 0.05) < 0.001);
    assert_true(h.has_major && !h.has_minor && h.gcs_major == HOURS_S / TOOTH);
    assert_true(h.gc_pause_ns > 80 * SECOND / 100 && h.gc_longest_ns == SECOND / 100);
    history_done(&h);
    store_processes_done(&all);

    read_process(s, STANDS, 0, &h, &all);
    assert_int_equal(field(&h, SAMPLE_HEAP_USED)->row.trend.kind, TREND_SEESAW);
    assert_int_not_equal(field(&h, SAMPLE_RSS)->row.trend.kind, TREND_GROWING);
    history_done(&h);
    store_processes_done(&all);

    read_process(s, STANDS, UINT64_C(1) << SAMPLE_GC_MAJOR, &h, &all);
    assert_int_equal(h.fields.n, 1);
    assert_false(h.fields.at[0].judged); /* what only rises */
    history_done(&h);
    store_processes_done(&all);
    store_free(s);
    clean(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_leaks_and_what_does_not)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
