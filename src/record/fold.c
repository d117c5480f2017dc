#include "record/fold.h"

#include "record/expire.h"
#include "record/fold_minute.h"
#include "record/gcs.h"
#include "record/points.h"
#include "record/tiers.h"

/* Steps of one call: a store that was left for long, or by a hostile hand, is caught up with bit by
 * bit. */
enum { STEPS_MOST = 64 };

/* Blocks of a tier that become one of the next. */
struct span {
    unsigned tier;     /* from */
    uint64_t start_ms; /* of the span, and of the block to be */
    uint64_t length_ms;
    uint64_t damaged;
};

struct keys {
    VEC(int64_t) list;
};

static int read_keys(struct db *d, const struct span *s, const char *sql, struct keys *ret,
                     struct err *e) {
    int rc;
    sqlite3_stmt *q =
        db_query(d, e, sql, "iii", (int64_t)s->tier, s->start_ms, s->start_ms + s->length_ms);
    if (!q)
        return e->code;
    while ((rc = db_next(d, q, e)) > 0)
        vec_push(&ret->list, sqlite3_column_int64(q, 0));
    return rc;
}

static int sum_samples_of(struct db *d, struct span *s, int64_t process, struct points *fine,
                          struct points *coarse, struct err *e) {
    struct packed block = {0};
    int rc;
    fine->list.n = coarse->list.n = 0;
    sqlite3_stmt *q =
        db_query(d, e,
                 "SELECT start, data FROM samples "
                 "WHERE process = ? AND tier = ? AND start >= ? AND start < ? "
                 "ORDER BY start",
                 "iiii", process, (int64_t)s->tier, s->start_ms, s->start_ms + s->length_ms);
    if (!q)
        return e->code;
    while ((rc = db_next(d, q, e)) > 0)
        s->damaged += points_unpack(sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1),
                                    (uint64_t)sqlite3_column_int64(q, 0), UINT64_MAX, fine) < 0;
    if (rc < 0)
        return rc;
    points_sum(fine, record_tiers[s->tier + 1].step_ms, coarse);
    points_pack(coarse, s->start_ms, true, &block);
    if (coarse->list.n)
        rc = db_do(d, e,
                   "INSERT OR REPLACE INTO samples (process, tier, start, keep, data) "
                   "VALUES (?, ?, ?, 0, ?)",
                   "iiib", process, (int64_t)s->tier + 1, s->start_ms, block.bytes.at,
                   block.bytes.n);
    packed_done(&block);
    return rc;
}

static int sum_samples(struct db *d, void *span, struct err *e) {
    struct span *s = span;
    struct keys keys = {0};
    struct points fine = {0}, coarse = {0};
    int rc = read_keys(d, s,
                       "SELECT DISTINCT process FROM samples "
                       "WHERE tier = ? AND keep IN (0, 1) AND start >= ? AND start < ?",
                       &keys, e);
    for (size_t i = 0; rc == 0 && i < keys.list.n; i++)
        rc = sum_samples_of(d, s, keys.list.at[i], &fine, &coarse, e);
    points_done(&fine);
    points_done(&coarse);
    vec_free(&keys.list);
    return rc;
}

static int sum_gcs_of(struct db *d, struct span *s, int64_t process, struct err *e) {
    struct gc_sums sums = {0};
    struct packed block = {0};
    int rc;
    sqlite3_stmt *q = db_query(d, e,
                               "SELECT start, data FROM collections "
                               "WHERE process = ? AND tier = 0 AND start >= ? AND start < ? "
                               "ORDER BY start",
                               "iii", process, s->start_ms, s->start_ms + s->length_ms);
    if (!q)
        return e->code;
    while ((rc = db_next(d, q, e)) > 0)
        s->damaged += gcs_unpack(sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1),
                                 (uint64_t)sqlite3_column_int64(q, 0), NULL, &sums) < 0;
    gc_sums_pack(&sums, s->start_ms, &block);
    if (rc == 0 && sums.list.n)
        rc = db_do(d, e,
                   "INSERT OR REPLACE INTO collections (process, tier, start, data) "
                   "VALUES (?, 1, ?, ?)",
                   "iib", process, s->start_ms, block.bytes.at, block.bytes.n);
    packed_done(&block);
    gc_sums_done(&sums);
    return rc;
}

static int sum_gcs(struct db *d, void *span, struct err *e) {
    struct span *s = span;
    struct keys keys = {0};
    int rc = read_keys(d, s,
                       "SELECT DISTINCT process FROM collections "
                       "WHERE tier = ? AND start >= ? AND start < ?",
                       &keys, e);
    for (size_t i = 0; rc == 0 && i < keys.list.n; i++)
        rc = sum_gcs_of(d, s, keys.list.at[i], e);
    vec_free(&keys.list);
    return rc;
}

/* The first span of that length that has blocks in the finer tier and none in the coarser; 0 when
 * it is not over yet, or there is none. */
static int next_samples(struct db *d, unsigned tier, uint64_t now_ms, struct span *ret,
                        struct err *e) {
    int64_t done, next = -1;
    uint64_t length = record_tiers[tier + 1].block_ms;
    int rc = db_number(d, -(int64_t)length, &done, e,
                       "SELECT max(start) FROM samples WHERE tier = ? AND keep = 0", "i",
                       (int64_t)tier + 1);
    if (rc == 0)
        rc = db_number(d, -1, &next, e,
                       "SELECT min(start) FROM samples "
                       "WHERE tier = ? AND keep IN (0, 1) AND start >= ?",
                       "ii", (int64_t)tier, done + (int64_t)length);
    if (rc < 0)
        return rc;
    *ret = (struct span){tier, (uint64_t)next - (uint64_t)next % length, length, 0};
    return next >= 0 && ret->start_ms + length <= now_ms;
}

static int next_gcs(struct db *d, uint64_t now_ms, struct span *ret, struct err *e) {
    int64_t done, next = -1;
    uint64_t length = record_gc_tiers[1].block_ms;
    int rc = db_number(d, -(int64_t)length, &done, e,
                       "SELECT max(start) FROM collections WHERE tier = 1", "");
    if (rc == 0)
        rc = db_number(d, -1, &next, e,
                       "SELECT min(start) FROM collections WHERE tier = 0 AND start >= ?", "i",
                       done + (int64_t)length);
    if (rc < 0)
        return rc;
    *ret = (struct span){0, (uint64_t)next - (uint64_t)next % length, length, 0};
    return next >= 0 && ret->start_ms + length <= now_ms;
}

/* 1: something was done, and more may be due. */
static int fold_one(struct db *d, struct fold *f, uint64_t now_ms, struct err *e) {
    int64_t oldest;
    struct span s;
    int rc = db_number(d, INT64_MAX, &oldest, e, "SELECT min(time) FROM rounds", "");
    if (rc == 0 && oldest >= 0 && (uint64_t)oldest < now_ms) {
        struct fold_minute m = {.start_ms = (uint64_t)oldest - (uint64_t)oldest % MINUTE_MS};
        rc = db_transaction(d, fold_minute, &m, e);
        f->damaged += m.damaged;
        return rc < 0 ? rc : 1;
    }
    for (unsigned tier = 0; rc == 0 && tier + 1 < STORE_TIERS; tier++) {
        rc = next_samples(d, tier, now_ms, &s, e);
        if (rc <= 0)
            continue;
        rc = db_transaction(d, sum_samples, &s, e);
        f->damaged += s.damaged;
        return rc < 0 ? rc : 1;
    }
    if (rc == 0)
        rc = next_gcs(d, now_ms, &s, e);
    if (rc <= 0)
        return rc;
    rc = db_transaction(d, sum_gcs, &s, e);
    f->damaged += s.damaged;
    return rc < 0 ? rc : 1;
}

int fold_due(struct db *d, struct fold *f, struct err *e) {
    uint64_t now_ms = f->now_ms - f->now_ms % MINUTE_MS; /* what is before it is over */
    int rc = 1;
    for (unsigned i = 0; rc > 0 && i < STEPS_MOST; i++)
        rc = fold_one(d, f, now_ms, e);
    /* Nothing goes before it has been summed up. */
    return rc == 0 ? expire(d, f->now_ms, f->max_bytes, e) : rc < 0 ? rc : 0;
}
