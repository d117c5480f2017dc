#include "record/fold_minute.h"

#include "base/limits.h"
#include "record/gcs.h"
#include "record/round.h"
#include "record/tiers.h"
#include <string.h>

struct kept_round {
    uint64_t time_ms;
    uint8_t *samples;
};

struct entry {
    size_t round;
    struct round_entry entry;
};

struct minute {
    VEC(struct kept_round) rounds;
    VEC(struct entry) entries; /* of all rounds, by process and time */
    struct gcs gcs;            /* likewise */
};

static void minute_done(struct minute *m) {
    for (size_t i = 0; i < m->rounds.n; i++)
        free(m->rounds.at[i].samples);
    vec_free(&m->rounds);
    vec_free(&m->entries);
    gcs_done(&m->gcs);
}

static int by_process(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    uint64_t p = x->entry.process_key, q = y->entry.process_key;
    return p != q ? (p < q ? -1 : 1) : x->round < y->round ? -1 : x->round > y->round;
}

static int gc_by_process(const void *a, const void *b) {
    const struct gc *x = a, *y = b;
    if (x->process_key != y->process_key)
        return x->process_key < y->process_key ? -1 : 1;
    return x->time_us < y->time_us ? -1 : x->time_us > y->time_us;
}

static void add_round(sqlite3_stmt *q, struct minute *m, uint64_t *damaged) {
    size_t n = (size_t)sqlite3_column_bytes(q, 1), n_gcs = (size_t)sqlite3_column_bytes(q, 2);
    const void *samples = sqlite3_column_blob(q, 1);
    struct kept_round round = {.time_ms = (uint64_t)sqlite3_column_int64(q, 0),
                               .samples = mem_alloc(n + 1)};
    struct entry entry = {.round = m->rounds.n};
    if (n)
        memcpy(round.samples, samples, n);
    struct unpacking u = unpacking_of(round.samples, n);
    while (round_next(&u, &entry.entry))
        vec_push(&m->entries, entry);
    *damaged += u.bad;
    vec_push(&m->rounds, round);
    if (n_gcs)
        *damaged += gcs_unpack_round(sqlite3_column_blob(q, 2), n_gcs, &m->gcs) < 0;
}

static int read_minute(struct db *d, struct fold_minute *f, struct minute *m, struct err *e) {
    int rc;
    sqlite3_stmt *q = db_query(d, e,
                               "SELECT time, samples, collections FROM rounds "
                               "WHERE time >= ? AND time < ? ORDER BY time",
                               "ii", f->start_ms, f->start_ms + MINUTE_MS);
    if (!q)
        return e->code;
    while ((rc = db_next(d, q, e)) > 0)
        if (m->rounds.n < LIMIT_RECORD_POINTS)
            add_round(q, m, &f->damaged);
    vec_sort(&m->entries, by_process);
    vec_sort(&m->gcs.list, gc_by_process);
    return rc;
}

/* Of a process that has ended, the minute before its end and the one in which it ended stay. */
static int write_block(struct db *d, const struct fold_minute *f, uint64_t process,
                       const struct points *p, struct err *e) {
    int64_t keep;
    struct packed block = {0};
    int rc = db_number(d, 0, &keep, e,
                       "SELECT count(*) FROM processes WHERE key = ? AND end <> 0 AND last < ?",
                       "ii", process, f->start_ms + 2 * MINUTE_MS);
    points_pack(p, f->start_ms, false, &block);
    if (rc == 0)
        rc = db_do(d, e,
                   "INSERT OR REPLACE INTO samples (process, tier, start, keep, data) "
                   "VALUES (?, 0, ?, ?, ?)",
                   "iiib", process, f->start_ms, keep, block.bytes.at, block.bytes.n);
    if (rc == 0)
        rc = db_do(d, e, "UPDATE processes SET last = max(last, ?) WHERE key = ?", "ii",
                   p->list.at[p->list.n - 1].time_ms, process);
    packed_done(&block);
    return rc;
}

static int write_samples(struct db *d, struct fold_minute *f, const struct minute *m,
                         struct err *e) {
    struct points points = {0};
    struct sample sample;
    int rc = 0;
    for (size_t i = 0, end; rc == 0 && i < m->entries.n; i = end) {
        uint64_t process = m->entries.at[i].entry.process_key;
        points.list.n = 0;
        for (end = i; end < m->entries.n && m->entries.at[end].entry.process_key == process;
             end++) {
            struct point point;
            const struct entry *x = &m->entries.at[end];
            uint64_t time_ms = m->rounds.at[x->round].time_ms;
            if (points.list.n == LIMIT_RECORD_POINTS || round_read_sample(&x->entry, &sample) < 0) {
                f->damaged++;
                continue;
            }
            point_of_sample(&sample, time_ms, &point);
            vec_push(&points.list, point);
        }
        if (points.list.n)
            rc = write_block(d, f, process, &points, e);
    }
    points_done(&points);
    return rc;
}

static int write_gcs(struct db *d, const struct fold_minute *f, const struct minute *m,
                     struct err *e) {
    struct packed block = {0};
    int rc = 0;
    for (size_t i = 0, end; rc == 0 && i < m->gcs.list.n; i = end) {
        struct gcs of_one = {0};
        uint64_t process = m->gcs.list.at[i].process_key;
        for (end = i; end < m->gcs.list.n && m->gcs.list.at[end].process_key == process;)
            end++;
        of_one.list.at = m->gcs.list.at + i;
        of_one.list.n = end - i;
        block.bytes.n = 0;
        gcs_pack(&of_one, f->start_ms, &block);
        rc = db_do(d, e,
                   "INSERT OR REPLACE INTO collections (process, tier, start, data) "
                   "VALUES (?, 0, ?, ?)",
                   "iib", process, f->start_ms, block.bytes.at, block.bytes.n);
    }
    packed_done(&block);
    return rc;
}

int fold_minute(struct db *d, void *minute, struct err *e) {
    struct fold_minute *f = minute;
    struct minute m = {0};
    int rc = read_minute(d, f, &m, e);
    if (rc == 0)
        rc = write_samples(d, f, &m, e);
    if (rc == 0)
        rc = write_gcs(d, f, &m, e);
    if (rc == 0 && m.rounds.n)
        rc = db_do(d, e,
                   "UPDATE recordings SET last = max(last, ?) "
                   "WHERE id = (SELECT max(id) FROM recordings)",
                   "i", m.rounds.at[m.rounds.n - 1].time_ms);
    if (rc == 0)
        rc = db_do(d, e, "DELETE FROM rounds WHERE time >= ? AND time < ?", "ii", f->start_ms,
                   f->start_ms + MINUTE_MS);
    minute_done(&m);
    return rc;
}
