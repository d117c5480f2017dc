/* A recording, by a clock that is made up: what goes in comes out, as fine as it is kept. */
#include "unit.h"

#include "base/limits.h"
#include "record/gcs.h"
#include "record/points.h"
#include "record/round.h"
#include "record/tiers.h"
#include "record/writer.h"
#include "record_sim.h"
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
#define BEGIN_NS (1700000000 * SECOND_NS) /* is no whole minute: 20 s into one */
#define RSS_ALONE (UINT64_C(1) << SAMPLE_RSS)

static char folder[64];

static char *path_of(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void remove_store(const char *name) {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 4; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s%s", path_of(name), ends[i]);
        unlink(path);
    }
}

/* In memory, where there is such a place: a disk's time to sync is nothing to wait for here. */
static int make_folder(void **state) {
    (void)state;
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/memwhy-test-record-XXXXXX", where);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

/* ---- blocks --------------------------------------------------------------------------------- */

static void columns_come_back(void **state) {
    (void)state;
    static const uint64_t columns[][6] = {
        {0, 0, 0, 0, 0, 0},
        {5, 5, 5, 5, 5, 5},
        {UINT64_MAX, 0, UINT64_MAX, 1, UINT64_MAX - 1, UINT64_C(1) << 63},
        {4096, 8192, 0, 1 << 20, 1 << 20, 4096},
        {1, 0, 0, 0, 0, 7},
    };
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        for (size_t n = 0; n <= 6; n++) {
            struct packed p = {0};
            uint64_t back[6] = {0};
            packed_put_column(&p, columns[c], n);
            struct unpacking u = unpacking_of(p.bytes.at, p.bytes.n);
            unpack_column(&u, back, n);
            assert_true(unpacking_ended(&u));
            assert_memory_equal(back, columns[c], n * sizeof *back);
            for (size_t cut = 0; cut < p.bytes.n; cut++) { /* and not when some are missing */
                u = unpacking_of(p.bytes.at, cut);
                unpack_column(&u, back, n);
                assert_false(unpacking_ended(&u));
            }
            packed_done(&p);
        }
}

/* A minute of a process, in which one field is known now and then. */
static void fill_points(struct points *p, uint64_t start_ms, size_t n) {
    struct sim_process sim = sim_process_new(n);
    for (size_t i = 0; i < n; i++) {
        struct sample s;
        struct point point;
        sim_process_step(&sim, 1);
        sim_process_sample(&sim, &s);
        if (i % 3)
            s.known &= ~(UINT64_C(1) << SAMPLE_SWAP);
        if (i % 7 == 0)
            s.known &= ~(UINT64_C(1) << SAMPLE_RSS);
        point_of_sample(&s, start_ms + i * 1000 + i % 3, &point);
        vec_push(&p->list, point);
    }
}

static void same_points(const struct points *a, const struct points *b, uint64_t fields) {
    assert_int_equal(a->list.n, b->list.n);
    for (size_t i = 0; i < a->list.n; i++) {
        const struct point *x = &a->list.at[i], *y = &b->list.at[i];
        assert_int_equal(x->time_ms, y->time_ms);
        assert_int_equal(x->last_ms, y->last_ms);
        assert_int_equal(x->samples, y->samples);
        assert_int_equal(x->known & fields, y->known);
        for (unsigned f = 0; f < SAMPLE_FIELDS; f++)
            if (y->known >> f & 1)
                assert_memory_equal(x->value[f], y->value[f], sizeof x->value[f]);
    }
}

static void blocks_come_back(void **state) {
    (void)state;
    const uint64_t start = 1700000040000;
    struct points fine = {0}, sums = {0}, back = {0};
    fill_points(&fine, start, 60);
    points_sum(&fine, 10000, &sums);
    assert_int_equal(sums.list.n, 6);
    for (int spread = 0; spread < 2; spread++) {
        const struct points *p = spread ? &sums : &fine;
        const uint64_t only = RSS_ALONE | UINT64_C(1) << SAMPLE_CPU_USER_NS;
        struct packed block = {0};
        points_pack(p, start, spread, &block);
        back.list.n = 0;
        assert_int_equal(points_unpack(block.bytes.at, block.bytes.n, start, UINT64_MAX, &back), 0);
        same_points(p, &back, UINT64_MAX);
        back.list.n = 0;
        assert_int_equal(points_unpack(block.bytes.at, block.bytes.n, start, only, &back), 0);
        same_points(p, &back, only);
        packed_done(&block);
    }
    points_done(&fine);
    points_done(&sums);
    points_done(&back);
}

/* Whatever a block holds: no crash, and what is said to be there lies in its hour. */
static void spoilt_blocks_are_refused(void **state) {
    (void)state;
    const uint64_t start = 1700000040000;
    struct points fine = {0}, back = {0};
    struct packed block = {0};
    unsigned refused = 0, rounds = 20000;
    fill_points(&fine, start, 60);
    points_pack(&fine, start, false, &block);
    srand(8);
    for (unsigned i = 0; i < rounds; i++) {
        size_t n = i % 5 ? block.bytes.n : (size_t)rand() % block.bytes.n, flips = 1 + i % 4;
        uint8_t *copy = mem_alloc(n + 1); /* of its own, for the sanitizer to see its end */
        memcpy(copy, block.bytes.at, n);
        for (size_t k = 0; n && k < flips; k++)
            copy[(size_t)rand() % n] = (uint8_t)rand();
        back.list.n = 0;
        if (points_unpack(copy, n, start, UINT64_MAX, &back) < 0) {
            refused++;
            assert_int_equal(back.list.n, 0);
        }
        for (size_t k = 0; k < back.list.n; k++) {
            assert_true(back.list.at[k].time_ms >= start);
            assert_true(back.list.at[k].time_ms <= start + LIMIT_RECORD_BLOCK_MS);
        }
        free(copy);
    }
    assert_true(refused > rounds / 4);
    packed_done(&block);
    points_done(&fine);
    points_done(&back);
}

static void spoilt_collections_are_refused(void **state) {
    (void)state;
    struct gcs gcs = {0}, back = {0};
    struct gc_sums sums = {0};
    struct packed block = {0}, round = {0};
    for (uint64_t i = 0; i < 100; i++) {
        struct gc gc = {7,
                        60000000 + i * 500000,
                        1000 + i,
                        0x1000 + i % 3,
                        i % GC_KINDS,
                        i % 5 ? 2 : 0,
                        1000000,
                        900000 + i};
        vec_push(&gcs.list, gc);
        gcs_put(&round, &gc);
    }
    gcs_pack(&gcs, 60000, &block);
    assert_int_equal(gcs_unpack(block.bytes.at, block.bytes.n, 60000, &back, &sums), 0);
    assert_int_equal(back.list.n, 100);
    assert_int_equal(sums.list.n, GC_KINDS);
    for (size_t i = 0; i < 100; i++) {
        gcs.list.at[i].process_key = 0; /* is not in the block */
        assert_memory_equal(&back.list.at[i], &gcs.list.at[i], sizeof(struct gc));
    }
    assert_int_equal(sums.list.at[0].count, 20);
    assert_int_equal(sums.list.at[0].longest_ns, 1095);
    srand(9);
    for (unsigned i = 0; i < 20000; i++) {
        struct packed *from = i % 2 ? &block : &round;
        size_t n = i % 5 ? from->bytes.n : (size_t)rand() % from->bytes.n;
        uint8_t *copy = mem_alloc(n + 1);
        memcpy(copy, from->bytes.at, n);
        if (n)
            copy[(size_t)rand() % n] = (uint8_t)rand();
        back.list.n = sums.list.n = 0;
        gcs_unpack_round(copy, n, &back);
        gcs_unpack(copy, n, 60000, &back, &sums);
        gc_sums_unpack(copy, n, 60000, &sums);
        for (size_t k = 0; k < back.list.n; k++)
            assert_true(back.list.at[k].kind < GC_KINDS);
        free(copy);
    }
    packed_done(&block);
    packed_done(&round);
    gcs_done(&gcs);
    gcs_done(&back);
    gc_sums_done(&sums);
}

/* ---- stores --------------------------------------------------------------------------------- */

/* A recorder whose clock is what we say. */
struct recorder {
    struct writer *w;
    uint64_t second; /* of its monotonic clock */
    int64_t wall_ahead_s;
    uint64_t step_s;
};

static struct writer_process process_of(int i) {
    return (struct writer_process){.id = {100 + i, 7 * SECOND_NS},
                                   .ppid = 1,
                                   .name = "node",
                                   .command = "node app.js",
                                   .version = "24.0.0",
                                   .cgroup = "/pod",
                                   .age_ns = 5 * SECOND_NS};
}

static uint64_t wall_ns(const struct recorder *r) {
    return BEGIN_NS + r->second * SECOND_NS + (uint64_t)r->wall_ahead_s * SECOND_NS;
}

static int try_open(struct recorder *r, const char *name, uint64_t max_bytes, struct err *e) {
    r->step_s = r->step_s ? r->step_s : 1;
    return writer_open(&(struct writer_how){.path = path_of(name),
                                            .boot = "boot",
                                            .what = "--all-node",
                                            .every_ns = r->step_s * SECOND_NS,
                                            .max_bytes = max_bytes,
                                            .time_ns = wall_ns(r),
                                            .at_ns = (r->second + 50) * SECOND_NS},
                       &r->w, e);
}

static void recorder_open(struct recorder *r, const char *name) {
    struct err e = {0};
    if (try_open(r, name, 0, &e) < 0)
        fail_msg("%s", e.what);
}

static void recorder_begin(struct recorder *r) {
    struct err e = {0};
    r->second += r->step_s;
    if (writer_begin(r->w, wall_ns(r), (r->second + 50) * SECOND_NS, &e) < 0)
        fail_msg("%s", e.what);
}

static void put_rss(struct recorder *r, int process, uint64_t rss) {
    struct sample s = {0};
    struct writer_process p = process_of(process);
    sample_set(&s, SAMPLE_RSS, rss);
    sample_set(&s, SAMPLE_FAULTS_MINOR, r->second * 10);
    sample_set(&s, SAMPLE_CGROUP_OOM_KILLS, 3);
    writer_sample(r->w, &p, &s);
}

/* Of what is read back in most tests: RSS tells the second. */
static uint64_t rss_at(uint64_t second) {
    return (second + 1) << 12;
}

static void record_seconds(struct recorder *r, uint64_t seconds) {
    struct err e = {0};
    for (uint64_t i = 0; i < seconds; i += r->step_s) {
        recorder_begin(r);
        put_rss(r, 0, rss_at(r->second));
        assert_int_equal(writer_commit(r->w, &e), 0);
    }
}

static void recorder_close(struct recorder *r) {
    struct err e = {0};
    assert_int_equal(writer_close(r->w, &e), 0);
    r->w = NULL;
}

static struct store *open_store(const char *name) {
    struct err e = {0};
    struct store *s = NULL;
    if (store_open(path_of(name), &s, &e) < 0)
        fail_msg("%s", e.what);
    return s;
}

static uint64_t time_of(uint64_t second) {
    return BEGIN_NS + second * SECOND_NS;
}

/* The RSS of process 1, from one second to another. */
static struct store_series read_rss(struct store *s, uint64_t from_s, uint64_t to_s) {
    struct err e = {0};
    struct store_series all[SAMPLE_FIELDS] = {0};
    size_t damaged = 99;
    assert_int_equal(store_read(s, 1, RSS_ALONE, time_of(from_s), time_of(to_s), all, &damaged, &e),
                     0);
    assert_int_equal(damaged, 0);
    return all[SAMPLE_RSS];
}

static void check_points(const struct store_series *r, uint64_t from_s, uint64_t to_s,
                         uint64_t step_s) {
    uint64_t covered = 0, end = 0;
    for (size_t i = 0; i < r->points.n; i++) {
        const struct store_point *p = &r->points.at[i];
        int64_t second = (int64_t)(p->time_ns - BEGIN_NS) / (int64_t)SECOND_NS;
        int64_t span = (int64_t)(p->span_ns / SECOND_NS);
        assert_true(p->time_ns >= end); /* none twice */
        end = p->time_ns + p->span_ns + !p->span_ns;
        covered += p->samples;
        if (!span) {
            assert_int_equal(p->mean, rss_at((uint64_t)second));
            continue;
        }
        uint64_t last = (p->last_ns - BEGIN_NS) / SECOND_NS;
        assert_int_equal(p->max, rss_at(last));
        assert_int_equal(p->min, rss_at(last - (p->samples - 1) * step_s));
        assert_true(p->mean >= p->min && p->mean <= p->max);
        assert_true((int64_t)last >= second && (int64_t)last < second + span);
    }
    assert_int_equal(covered, (to_s - from_s) / step_s + 1); /* and none left out */
}

static void what_goes_in_comes_out_by_tiers(void **state) {
    (void)state;
    struct recorder r = {.step_s = 15};
    const uint64_t seconds = 90000; /* 25 hours */
    recorder_open(&r, "tiers");
    record_seconds(&r, seconds);
    struct store *s = open_store("tiers"); /* while it is written */
    struct store_series all = read_rss(s, 0, seconds), now = read_rss(s, seconds - 3510, seconds),
                        some = read_rss(s, seconds - 7229, seconds - 7200);
    check_points(&all, 15, seconds, 15);
    check_points(&now, seconds - 3510, seconds, 15);
    assert_int_equal(now.points.n, 235);
    assert_int_equal(some.points.n, 3);
    assert_int_equal(some.points.at[0].span_ns, 10 * SECOND_NS);
    assert_int_equal(all.points.at[1].span_ns, 60 * SECOND_NS);
    uint64_t from, to;
    struct err e = {0};
    assert_int_equal(store_span(s, &from, &to, &e), 0);
    assert_int_equal(from, time_of(15));
    assert_int_equal(to, time_of(seconds));
    struct sample sample;
    uint64_t span, value = 0;
    assert_int_equal(store_read_moment(s, 1, time_of(seconds - 15) + 5, &sample, &span, &e), 0);
    assert_true(span == 0 && sample_get(&sample, SAMPLE_RSS, &value));
    assert_int_equal(value, rss_at(seconds - 15));
    assert_int_equal(store_read_moment(s, 1, time_of(40000), &sample, &span, &e), 0);
    assert_int_equal(span, 10 * SECOND_NS);
    assert_int_equal(store_read_moment(s, 1, time_of(seconds + 100), &sample, &span, &e), -ENODATA);
    store_series_done(&all);
    store_series_done(&now);
    store_series_done(&some);
    store_free(s);
    recorder_close(&r);
    remove_store("tiers");
}

/* A peak of one second and a floor of one survive each tier. */
static void peaks_and_floors_stay(void **state) {
    (void)state;
    struct recorder r = {.step_s = 60};
    struct err e = {0};
    recorder_open(&r, "peaks");
    while (r.second < 26 * 3600) {
        recorder_begin(&r);
        put_rss(&r, 0, r.second == 780 ? 900 << 20 : r.second == 1980 ? 12345 : 100 << 20);
        assert_int_equal(writer_commit(r.w, &e), 0);
    }
    struct store *s = open_store("peaks");
    struct store_series all = read_rss(s, 0, 86400);
    uint64_t most = 0, least = UINT64_MAX;
    for (size_t i = 0; i < all.points.n; i++) {
        most = all.points.at[i].max > most ? all.points.at[i].max : most;
        least = all.points.at[i].min < least ? all.points.at[i].min : least;
    }
    assert_int_equal(all.points.at[0].span_ns, 60 * SECOND_NS);
    assert_int_equal(most, 900 << 20);
    assert_int_equal(least, 12288); /* in whole pages, down */
    store_series_done(&all);
    store_free(s);
    recorder_close(&r);
    remove_store("peaks");
}

static int64_t number_of(const char *name, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(path_of(name), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return v;
}

/* A month and some days go by, with a round now and then: every tier gets to its bound, and then
 * the file grows no more. Processes that went long ago are forgotten. */
static void a_month_reaches_every_bound(void **state) {
    (void)state;
    struct recorder r = {.step_s = 900};
    struct err e = {0};
    struct writer_state before = {0}, after = {0};
    struct sim_process sims[3];
    for (uint64_t i = 0; i < 3; i++)
        sims[i] = sim_process_new(i);
    recorder_open(&r, "month");
    for (unsigned day = 0; day < 34; day++) {
        for (unsigned i = 0; i < 96; i++) {
            recorder_begin(&r);
            for (int p = 0; p < 3; p++) {
                struct sample s;
                struct writer_process process = process_of(p == 2 ? 100 + (int)day : p);
                sim_process_step(&sims[p], 900);
                sim_process_sample(&sims[p], &s);
                writer_sample(r.w, &process, &s);
            }
            assert_int_equal(writer_commit(r.w, &e), 0);
        }
        recorder_begin(&r);
        writer_gone(r.w, process_of(100 + (int)day).id, false, 0);
        assert_int_equal(writer_commit(r.w, &e), 0);
        if (day == 31)
            writer_state(r.w, &before);
    }
    writer_state(r.w, &after);
    assert_true(after.bytes < before.bytes + before.bytes / 50);
    recorder_close(&r);
    assert_in_range(number_of("month", "SELECT count(*) FROM processes"), 2 + 30, 2 + 31);
    assert_in_range(number_of("month", "SELECT count(*) FROM samples WHERE tier = 2 AND "
                                       "process < 3"),
                    2 * 30 * 24, 2 * 30 * 24 + 6);
    assert_in_range(number_of("month", "SELECT count(*) FROM samples WHERE tier = 1 AND "
                                       "process < 3"),
                    2 * 96, 2 * 96 + 4);
    assert_in_range(
        number_of("month",
                  "SELECT count(*) FROM samples WHERE tier = 0 AND keep = 0 AND process < 3"),
        2 * 4, 2 * 4 + 2);
    remove_store("month");
}

static void a_size_is_kept(void **state) {
    (void)state;
    const uint64_t most = 300 << 10;
    struct recorder r = {.step_s = 30};
    struct err e = {0};
    struct writer_state now;
    struct sim_process sim = sim_process_new(5);
    assert_int_equal(try_open(&r, "size", most, &e), 0);
    for (unsigned i = 0; i < 2880 + 1440; i++) {
        struct sample s;
        struct writer_process p = process_of(0);
        recorder_begin(&r);
        sim_process_step(&sim, 30);
        sim_process_sample(&sim, &s);
        writer_sample(r.w, &p, &s);
        assert_int_equal(writer_commit(r.w, &e), 0);
        if (i % 1000 == 0) {
            writer_state(r.w, &now);
            assert_true(now.bytes <= most);
        }
    }
    struct store *s = open_store("size");
    uint64_t from, to;
    assert_int_equal(store_span(s, &from, &to, &e), 0);
    assert_int_equal(to, time_of(r.second)); /* what is new is there, what was oldest is not */
    assert_in_range(from, time_of(3600), time_of(86400));
    store_free(s);
    recorder_close(&r);
    remove_store("size");
}

/* The wall clock is set forward and back: the store's time goes on, and says what it showed. */
static void the_clock_is_set(void **state) {
    (void)state;
    struct recorder r = {0};
    recorder_open(&r, "clock");
    record_seconds(&r, 100);
    r.wall_ahead_s = 7200;
    record_seconds(&r, 100);
    r.wall_ahead_s = -50000;
    record_seconds(&r, 100);
    recorder_close(&r);
    recorder_open(&r, "clock"); /* the wall clock still lies before what is recorded */
    record_seconds(&r, 100);
    recorder_close(&r);
    struct store *s = open_store("clock");
    struct store_series all = read_rss(s, 0, 1000);
    struct err e = {0};
    assert_int_equal(all.points.n, 400);
    for (size_t i = 1; i < all.points.n; i++) {
        uint64_t apart = all.points.at[i].time_ns - all.points.at[i - 1].time_ns;
        assert_true(apart == SECOND_NS || (i == 300 && apart > 0 && apart < 2 * SECOND_NS));
    }
    assert_int_equal(store_wall_ns(s, time_of(50)), time_of(50));
    assert_int_equal(store_wall_ns(s, time_of(150)), time_of(150 + 7200));
    assert_int_equal(store_wall_ns(s, time_of(250)), time_of(250) - 50000 * SECOND_NS);
    uint64_t last = all.points.at[399].time_ns;
    assert_int_equal(store_wall_ns(s, last), time_of(400) - 50000 * SECOND_NS);
    assert_int_equal(store_time_ns(s, time_of(50)), time_of(50));
    assert_int_equal(store_time_ns(s, time_of(150 + 7200)), time_of(150));
    assert_int_equal(store_time_ns(s, time_of(250) - 50000 * SECOND_NS), time_of(250));
    struct store_gaps gaps = {0};
    assert_int_equal(store_gaps(s, &gaps, &e), 0);
    assert_int_equal(gaps.list.n, 0);
    store_gaps_done(&gaps);
    store_series_done(&all);
    store_free(s);
    remove_store("clock");
}

static void expect_gap(const struct store_gap *g, uint64_t from_s, uint64_t to_s,
                       enum store_gap_why why) {
    assert_int_equal(g->from_ns, time_of(from_s));
    assert_int_equal(g->to_ns, time_of(to_s));
    assert_int_equal(g->why, why);
}

/* Stopped, gone on with, killed, gone on with, and late. */
static void gaps_are_told(void **state) {
    (void)state;
    struct recorder r = {0};
    struct err e = {0};
    int status;
    recorder_open(&r, "gaps");
    record_seconds(&r, 100);
    recorder_close(&r);
    r.second = 200;
    pid_t child = fork();
    if (!child) { /* which does not close what it writes */
        recorder_open(&r, "gaps");
        record_seconds(&r, 100);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    r.second = 400;
    recorder_open(&r, "gaps");
    record_seconds(&r, 100);
    r.second = 600;
    record_seconds(&r, 100);
    recorder_close(&r);
    struct store *s = open_store("gaps");
    struct store_gaps gaps = {0};
    struct store_recordings recordings = {0};
    struct store_series all = read_rss(s, 0, 1000);
    assert_int_equal(all.points.n, 400);
    assert_int_equal(store_gaps(s, &gaps, &e), 0);
    assert_int_equal(gaps.list.n, 3);
    expect_gap(&gaps.list.at[0], 100, 201, STORE_GAP_STOPPED);
    expect_gap(&gaps.list.at[1], 300, 401, STORE_GAP_KILLED);
    expect_gap(&gaps.list.at[2], 500, 601, STORE_GAP_LATE);
    assert_int_equal(store_recordings(s, &recordings, &e), 0);
    assert_int_equal(recordings.list.n, 3);
    assert_true(recordings.list.at[0].closed && !recordings.list.at[1].closed);
    assert_int_equal(recordings.list.at[1].from_ns, time_of(201));
    assert_int_equal(recordings.list.at[2].to_ns, time_of(700));
    assert_string_equal(recordings.list.at[2].what, "--all-node");
    struct store_processes processes = {0};
    assert_int_equal(store_processes(s, &processes, &e), 0);
    assert_int_equal(processes.list.n, 1); /* one process all the time */
    assert_int_equal(processes.list.at[0].first_ns, time_of(1));
    assert_int_equal(processes.list.at[0].last_ns, time_of(700));
    assert_int_equal(processes.list.at[0].started_ns, time_of(1) - 5 * SECOND_NS);
    assert_string_equal(processes.list.at[0].cgroup, "/pod");
    store_processes_done(&processes);
    store_recordings_done(&recordings);
    store_series_done(&all);
    store_gaps_done(&gaps);
    store_free(s);
    remove_store("gaps");
}

/* The last minute of a process that ended stays as it was taken, and what its cgroup counted is
 * told. */
static void ends_are_kept(void **state) {
    (void)state;
    struct recorder r = {0};
    struct err e = {0};
    recorder_open(&r, "ends");
    for (unsigned i = 1; i <= 5000; i++) {
        recorder_begin(&r);
        put_rss(&r, 9, 1 << 20);
        for (int p = 0; p < 3; p++)
            if (i < 1000)
                put_rss(&r, p, rss_at(r.second));
        if (i == 999) /* its parent was told before we saw it */
            writer_ended(r.w, process_of(2).id, STORE_END_EXIT, 3);
        for (int p = 0; p < 3 && i == 1000; p++)
            writer_gone(r.w, process_of(p).id, true, p == 0 ? 4 : 3);
        assert_int_equal(writer_commit(r.w, &e), 0);
    }
    struct store *s = open_store("ends");
    struct store_processes list = {0};
    assert_int_equal(store_processes(s, &list, &e), 0);
    assert_int_equal(list.list.n, 4);
    assert_int_equal(list.list.at[0].end, STORE_END_NONE);
    assert_int_equal(list.list.at[1].end, STORE_END_OOM_KILL);
    assert_int_equal(list.list.at[1].oom_kills, 1);
    assert_int_equal(list.list.at[2].end, STORE_END_GONE);
    assert_int_equal(list.list.at[3].end, STORE_END_EXIT);
    assert_int_equal(list.list.at[3].status, 3);
    assert_int_equal(list.list.at[1].last_ns, time_of(999));
    for (size_t i = 1; i < 4; i++) {
        struct store_series all[SAMPLE_FIELDS] = {0}, *rss = &all[SAMPLE_RSS];
        size_t damaged, fine = 0;
        assert_int_equal(
            store_read(s, list.list.at[i].key, RSS_ALONE, 0, time_of(20000), all, &damaged, &e), 0);
        check_points(rss, 1, 999, 1);
        for (size_t k = 0; k < rss->points.n; k++)
            fine += rss->points.at[k].time_ns > time_of(999 - 60) && !rss->points.at[k].span_ns;
        assert_int_equal(fine, 60);
        assert_int_equal(rss->points.at[0].span_ns, 10 * SECOND_NS);
        store_series_done(rss);
    }
    store_processes_done(&list);
    store_free(s);
    recorder_close(&r);
    remove_store("ends");
}

/* Three a second, of two kinds, for two hours: each one of the last hour, sums of what is older,
 * and none is lost or counted twice. */
static void collections_come_back(void **state) {
    (void)state;
    struct recorder r = {0};
    struct err e = {0};
    const uint64_t seconds = 2 * 3600;
    recorder_open(&r, "gc");
    for (uint64_t i = 1; i <= seconds; i++) {
        recorder_begin(&r);
        put_rss(&r, 0, 1 << 20);
        put_rss(&r, 1, 1 << 20);
        for (unsigned k = 0; k < 3; k++)
            writer_gc(r.w, &(struct gc_event){.process = process_of(1).id,
                                              .at_ns = (r.second + 49) * SECOND_NS + k * 100000000,
                                              .pause_ns = 1000 + k,
                                              .isolate = 0x1000,
                                              .kind = k ? GC_SCAVENGE : GC_MARK_COMPACT,
                                              .reason = k ? "task" : NULL,
                                              .before_bytes = 5000,
                                              .after_bytes = 4000});
        assert_int_equal(writer_commit(r.w, &e), 0);
    }
    struct store *s = open_store("gc");
    struct store_gcs gcs = {0};
    size_t damaged, single = 0;
    uint64_t count[GC_KINDS] = {0}, pause = 0, freed = 0;
    assert_int_equal(store_read_gcs(s, 0, 0, time_of(99999), &gcs, &damaged, &e), 0);
    for (size_t i = 0; i < gcs.list.n; i++) {
        const struct store_gc *gc = &gcs.list.at[i];
        assert_int_equal(gc->process_key, 2);
        count[gc->kind] += gc->count;
        pause += gc->pause_ns;
        freed += gc->freed_bytes;
        single += !gc->span_ns;
        if (!gc->span_ns && gc->kind == GC_SCAVENGE)
            assert_string_equal(gc->reason, "task");
        if (!gc->span_ns)
            assert_int_equal(gc->isolate, 0x1000);
    }
    assert_int_equal(count[GC_MARK_COMPACT] + count[GC_SCAVENGE], 3 * seconds);
    assert_int_equal(count[GC_SCAVENGE], 2 * seconds);
    assert_int_equal(pause, seconds * 3003);
    assert_int_equal(freed, seconds * 3000);
    assert_in_range(single, 3 * 3600, 3 * 3720);
    assert_int_equal(store_read_gcs(s, 1, 0, time_of(99999), &gcs, &damaged, &e), 0);
    assert_int_equal(gcs.list.n, 0);
    store_gcs_done(&gcs);
    store_free(s);
    recorder_close(&r);
    remove_store("gc");
}

static void set_file_limit(rlim_t bytes) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Writing fails for a while. A short while loses nothing; after a longer one there is a gap. */
static void a_full_disk(void **state) {
    (void)state;
    struct err e = {0};
    signal(SIGXFSZ, SIG_IGN);
    for (unsigned seconds = 20; seconds <= 200; seconds += 180) {
        struct recorder r = {0};
        struct writer_state now;
        recorder_open(&r, "full");
        record_seconds(&r, 100);
        set_file_limit(4096);
        for (unsigned i = 0; i < seconds; i++) {
            recorder_begin(&r);
            put_rss(&r, 0, rss_at(r.second));
            assert_int_equal(writer_commit(r.w, &e), -EAGAIN);
            assert_true(e.what[0]);
        }
        writer_state(r.w, &now);
        assert_int_equal(now.held, seconds < LIMIT_RECORD_HELD ? seconds : LIMIT_RECORD_HELD);
        set_file_limit(RLIM_INFINITY);
        record_seconds(&r, 100);
        recorder_close(&r);
        struct store *s = open_store("full");
        struct store_series all = read_rss(s, 0, 1000);
        struct store_gaps gaps = {0};
        assert_int_equal(store_gaps(s, &gaps, &e), 0);
        uint64_t lost = seconds > LIMIT_RECORD_HELD ? seconds - LIMIT_RECORD_HELD + 1 : 0;
        assert_int_equal(all.points.n, 200 + seconds - lost);
        assert_int_equal(now.lost, lost ? lost - 1 : 0); /* one more by the next round */
        assert_int_equal(gaps.list.n, lost ? 1 : 0);
        if (lost)
            expect_gap(&gaps.list.at[0], 100, 100 + lost + 1, STORE_GAP_FULL);
        store_gaps_done(&gaps);
        store_series_done(&all);
        store_free(s);
        remove_store("full");
    }
}

/* Another recorder, a file of another kind, one of a later memwhy, one with views. */
static void others_are_refused(void **state) {
    (void)state;
    struct recorder r = {0};
    struct err e = {0};
    struct store *s;
    int status;
    recorder_open(&r, "mine");
    record_seconds(&r, 10);
    pid_t child = fork();
    if (!child) { /* a process of its own: it would take SQLite's locks with it */
        struct recorder second = {0};
        _exit(try_open(&second, "mine", 0, &e) == -EBUSY && strstr(e.what, "Another memwhy") ? 0
                                                                                             : 1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    recorder_close(&r);
    assert_true(store_is_one(path_of("mine")));
    static const struct {
        const char *sql;
        int read, write;
    } spoilt[] = {
        {"UPDATE recordings SET last = last + 9000000000000000000", -ENODATA, -EBADMSG},
        {"UPDATE recordings SET last = first; PRAGMA user_version = 2", -ENOTSUP, -ENOTSUP},
        {"PRAGMA user_version = 1; CREATE VIEW v AS SELECT 1", -EBADMSG, -EBADMSG},
        {"DROP VIEW v; DROP TABLE samples; CREATE TABLE samples (x)", -EBADMSG, 0},
        {"PRAGMA application_id = 0", -ENOTDIR, -EEXIST},
    };
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        sqlite3 *db;
        sqlite3_open(path_of("mine"), &db);
        assert_int_equal(sqlite3_exec(db, spoilt[i].sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        int rc = store_open(path_of("mine"), &s, &e);
        if (rc == 0) { /* it is found out when it is read */
            uint64_t from, to;
            rc = store_span(s, &from, &to, &e);
            store_free(s);
        }
        assert_int_equal(rc, spoilt[i].read);
        if (spoilt[i].write)
            assert_int_equal(try_open(&r, "mine", 0, &e), spoilt[i].write);
    }
    remove_store("mine");
    FILE *f = fopen(path_of("text"), "w");
    fputs("no database at all, but long enough to be taken for the first page of one, and so on\n"
          "and so on and so on and so on and so on\n",
          f);
    fclose(f);
    assert_int_equal(store_open(path_of("text"), &s, &e), -ENOTDIR);
    assert_int_equal(try_open(&r, "text", 0, &e), -EEXIST);
    remove_store("text");
    assert_int_equal(store_open(path_of("none"), &s, &e), -ENOENT);
    assert_int_equal(store_open("/tmp", &s, &e), -ENOTDIR);
}

/* Bytes of the blobs in a store are replaced: it is read as far as that can be, and it is said how
 * much is left out. Recording goes on in it. */
static void spoilt_stores_are_read(void **state) {
    (void)state;
    struct recorder r = {0};
    struct err e = {0};
    recorder_open(&r, "spoilt");
    record_seconds(&r, 3700);
    recorder_close(&r);
    sqlite3 *db;
    sqlite3_open(path_of("spoilt"), &db);
    static const char spoil[] =
        "UPDATE samples SET data = substr(data, 1, length(data) / 2) WHERE id % 5 = 1;"
        "UPDATE samples SET data = x'ffffffffffffffffff' WHERE id % 5 = 2;"
        "UPDATE samples SET data = 'text' WHERE id % 5 = 3;"
        "UPDATE rounds SET samples = x'01ff' WHERE time % 3000 = 0;"
        "UPDATE rounds SET collections = x'0102'";
    assert_int_equal(sqlite3_exec(db, spoil, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    struct store *s = open_store("spoilt");
    struct store_series all[SAMPLE_FIELDS] = {0};
    struct store_gcs gcs = {0};
    size_t damaged = 0;
    assert_int_equal(store_read(s, 1, UINT64_MAX, 0, UINT64_MAX, all, &damaged, &e), 0);
    assert_true(damaged > 30);
    assert_true(all[SAMPLE_RSS].points.n > 500);
    assert_int_equal(store_read_gcs(s, 0, 0, UINT64_MAX, &gcs, &damaged, &e), 0);
    assert_true(damaged > 0);
    for (unsigned f = 0; f < SAMPLE_FIELDS; f++)
        store_series_done(&all[f]);
    store_gcs_done(&gcs);
    store_free(s);
    struct writer_state now;
    recorder_open(&r, "spoilt");
    record_seconds(&r, 700);
    writer_state(r.w, &now);
    assert_true(now.damaged > 0);
    recorder_close(&r);
    remove_store("spoilt");
}

static void deep_looks_come_back(void **state) {
    (void)state;
    struct recorder r = {0};
    struct err e = {0};
    char json[10000], *back;
    size_t n;
    memset(json, 'x', sizeof json);
    recorder_open(&r, "deep");
    record_seconds(&r, 10);
    assert_int_equal(writer_deep(r.w, process_of(0).id, "account", json, sizeof json, &e), 0);
    assert_int_equal(writer_deep(r.w, process_of(5).id, "account", json, sizeof json, &e),
                     -ENODATA);
    record_seconds(&r, 10);
    recorder_close(&r);
    struct store *s = open_store("deep");
    struct store_deeps list = {0};
    assert_int_equal(store_deeps(s, 1, "account", 0, time_of(100), &list, &e), 0);
    assert_int_equal(list.list.n, 1);
    assert_int_equal(list.list.at[0].time_ns, time_of(10));
    assert_true(list.list.at[0].packed_bytes < 200);
    assert_int_equal(store_read_deep(s, list.list.at[0].key, &back, &n, &e), 0);
    assert_int_equal(n, sizeof json);
    assert_memory_equal(back, json, sizeof json);
    free(back);
    assert_int_equal(store_read_deep(s, 77, &back, &n, &e), -ENODATA);
    store_deeps_done(&list);
    assert_int_equal(store_deeps(s, 0, "classes", 0, time_of(100), &list, &e), 0);
    assert_int_equal(list.list.n, 0);
    store_free(s);
    remove_store("deep");
}

static void costs_are_kept(void **state) {
    (void)state;
    struct recorder r = {0};
    struct err e = {0};
    uint64_t cpu = 0, rounds = 0;
    recorder_open(&r, "cost");
    for (unsigned i = 0; i < 300; i++) {
        recorder_begin(&r);
        put_rss(&r, 0, 1 << 20);
        writer_cost(r.w, 5000000 + i * 1000, 20 << 20, i == 100 ? 900 : 500);
        assert_int_equal(writer_commit(r.w, &e), 0);
    }
    recorder_close(&r);
    struct store *s = open_store("cost");
    struct store_costs costs = {0};
    assert_int_equal(store_costs(s, 0, time_of(1000), &costs, &e), 0);
    assert_in_range(costs.list.n, 5, 6);
    for (size_t i = 0; i < costs.list.n; i++) {
        cpu += costs.list.at[i].cpu_ns;
        rounds += costs.list.at[i].rounds;
        assert_int_equal(costs.list.at[i].longest_ns, i == 2 ? 900 : 500);
        assert_int_equal(costs.list.at[i].rss_bytes, 20 << 20);
    }
    assert_int_equal(cpu, 5299000);
    assert_int_equal(rounds, 300);
    store_costs_done(&costs);
    store_free(s);
    remove_store("cost");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_come_back),
        cmocka_unit_test(blocks_come_back),
        cmocka_unit_test(spoilt_blocks_are_refused),
        cmocka_unit_test(spoilt_collections_are_refused),
        cmocka_unit_test(what_goes_in_comes_out_by_tiers),
        cmocka_unit_test(peaks_and_floors_stay),
        cmocka_unit_test(a_month_reaches_every_bound),
        cmocka_unit_test(a_size_is_kept),
        cmocka_unit_test(the_clock_is_set),
        cmocka_unit_test(gaps_are_told),
        cmocka_unit_test(ends_are_kept),
        cmocka_unit_test(collections_come_back),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(spoilt_stores_are_read),
        cmocka_unit_test(deep_looks_come_back),
        cmocka_unit_test(costs_are_kept),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
