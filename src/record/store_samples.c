#include "record/store_inside.h"

#include "base/search.h"
#include "record/points.h"
#include "record/round.h"
#include <errno.h>
#include <string.h>

/* A reading under way: the finest tier first, and of the next only what it does not cover. */
struct reading {
    struct store *store;
    uint64_t process, fields, from_ms, to_ms;
    struct store_series *ret; /* by field */
    struct points points;     /* of the block at hand */
    struct {
        VEC(uint64_t) starts; /* of the blocks that were read, ascending */
    } covered[STORE_TIERS];
    size_t damaged;
};

/* A finer tier has a block for that time. */
static bool is_covered(const struct reading *r, unsigned tier, uint64_t time_ms) {
    for (unsigned t = 0; t < tier; t++) {
        uint64_t start = time_ms - time_ms % record_tiers[t].block_ms;
        size_t n = r->covered[t].starts.n;
        const uint64_t *at = r->covered[t].starts.at;
        size_t i = first_where(n, k, at[k] >= start);
        if (i < n && at[i] == start)
            return true;
    }
    return false;
}

static void add_point(struct reading *r, const struct point *p, uint64_t span_ms) {
    for (unsigned f = 0; f < SAMPLE_FIELDS; f++) {
        if (!(p->known & r->fields) || !((p->known & r->fields) >> f & 1))
            continue;
        const uint64_t *v = p->value[f];
        vec_push(&r->ret[f].points, (struct store_point){
                                        .time_ns = p->time_ms * MS_NS,
                                        .span_ns = span_ms * MS_NS,
                                        .last_ns = p->last_ms * MS_NS,
                                        .samples = (uint32_t)p->samples,
                                        .min = v[POINT_MIN],
                                        .max = v[POINT_MAX],
                                        .mean = v[POINT_MEAN],
                                    });
    }
}

static void add_block(struct reading *r, unsigned tier, sqlite3_stmt *q) {
    uint64_t start;
    r->points.list.n = 0;
    if (!store_column_time(q, 0, &start) || start % record_tiers[tier].block_ms ||
        points_unpack(sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1), start,
                      r->fields, &r->points) < 0) {
        r->damaged++;
        return;
    }
    vec_push(&r->covered[tier].starts, start);
    for (size_t i = 0; i < r->points.list.n; i++) {
        const struct point *p = &r->points.list.at[i];
        uint64_t end = p->time_ms + record_tiers[tier].step_ms;
        bool after = p->time_ms >= r->from_ms || end > r->from_ms;
        if (after && p->time_ms <= r->to_ms && !is_covered(r, tier, p->time_ms))
            add_point(r, p, record_tiers[tier].step_ms);
    }
}

static int read_tier(struct reading *r, unsigned tier, struct err *e) {
    uint64_t block = record_tiers[tier].block_ms;
    int rc;
    sqlite3_stmt *q = db_query(&r->store->db, e,
                               "SELECT start, data FROM samples WHERE process = ? AND tier = ? "
                               "AND start >= ? AND start <= ? ORDER BY start",
                               "iiii", r->process, (int64_t)tier,
                               r->from_ms > block ? r->from_ms - block : 0, r->to_ms);
    if (!q)
        return e->code;
    while ((rc = db_next(&r->store->db, q, e)) > 0)
        add_block(r, tier, q);
    return rc;
}

static void add_round(struct reading *r, sqlite3_stmt *q) {
    struct round_entry entry;
    struct sample sample;
    struct point point;
    uint64_t time;
    struct unpacking u =
        unpacking_of(sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1));
    bool known = store_column_time(q, 0, &time);
    while (known && round_next(&u, &entry)) {
        if (entry.process_key != r->process)
            continue;
        if (round_read_sample(&entry, &sample) < 0)
            break;
        point_of_sample(&sample, time, &point);
        add_point(r, &point, 0);
        return;
    }
    r->damaged += !known || u.bad;
}

static int read_rounds(struct reading *r, struct err *e) {
    int rc;
    sqlite3_stmt *q = db_query(&r->store->db, e,
                               "SELECT time, samples FROM rounds WHERE time >= ? AND time <= ? "
                               "ORDER BY time",
                               "ii", r->from_ms, r->to_ms);
    if (!q)
        return e->code;
    while ((rc = db_next(&r->store->db, q, e)) > 0)
        add_round(r, q);
    return rc;
}

static int by_time(const void *a, const void *b) {
    const struct store_point *x = a, *y = b;
    return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

int store_read(struct store *s, uint64_t process_key, uint64_t fields, uint64_t from, uint64_t to,
               struct store_series ret[SAMPLE_FIELDS], size_t *ret_damaged, struct err *e) {
    struct err own = {0};
    uint64_t most = STORE_TIME_MOST_MS;
    struct reading r = {.store = s,
                        .process = process_key,
                        .fields = fields & UINT64_MAX >> (64 - SAMPLE_FIELDS),
                        .from_ms = from / MS_NS + (from % MS_NS != 0),
                        .to_ms = to / MS_NS < most ? to / MS_NS : most,
                        .ret = ret};
    for (unsigned f = 0; f < SAMPLE_FIELDS; f++)
        if (r.fields >> f & 1)
            ret[f].points.n = 0;
    int rc = r.from_ms > most ? 0 : db_exec(&s->db, "BEGIN", &own); /* one moment of the file */
    for (unsigned t = 0; rc == 0 && t < STORE_TIERS; t++)
        rc = read_tier(&r, t, &own);
    if (rc == 0)
        rc = read_rounds(&r, &own);
    if (!sqlite3_get_autocommit(s->db.sqlite))
        db_exec(&s->db, "COMMIT", NULL);
    for (unsigned f = 0; f < SAMPLE_FIELDS; f++)
        if (r.fields >> f & 1)
            vec_sort(&ret[f].points, by_time);
    for (unsigned t = 0; t < STORE_TIERS; t++)
        vec_free(&r.covered[t].starts);
    points_done(&r.points);
    if (rc < 0) {
        if (e)
            *e = own;
        return rc;
    }
    *ret_damaged = r.damaged;
    return 0;
}

void store_series_done(struct store_series *r) {
    vec_free(&r->points);
}

int store_read_moment(struct store *s, uint64_t process_key, uint64_t time_ns, struct sample *ret,
                      uint64_t *ret_span_ns, struct err *e) {
    const uint64_t reach = MINUTE_MS * MS_NS;
    struct store_series all[SAMPLE_FIELDS] = {0};
    const struct store_point *last = NULL;
    size_t damaged;
    int rc = store_read(s, process_key, UINT64_MAX, time_ns > reach ? time_ns - reach : 0, time_ns,
                        all, &damaged, e);
    for (unsigned f = 0; rc == 0 && f < SAMPLE_FIELDS; f++)
        if (all[f].points.n &&
            (!last || all[f].points.at[all[f].points.n - 1].time_ns > last->time_ns))
            last = &all[f].points.at[all[f].points.n - 1];
    if (rc == 0 && !last)
        rc = err_set(e, -ENODATA, "", "Nothing was recorded of the process at that time");
    if (rc == 0) {
        memset(ret, 0, sizeof *ret);
        ret->time_ns = store_wall_ns(s, last->time_ns);
        *ret_span_ns = last->span_ns;
        for (unsigned f = 0; f < SAMPLE_FIELDS; f++) {
            const struct store_point *p =
                all[f].points.n ? &all[f].points.at[all[f].points.n - 1] : NULL;
            if (p && p->time_ns == last->time_ns)
                sample_set(ret, f, p->mean);
        }
    }
    for (unsigned f = 0; f < SAMPLE_FIELDS; f++)
        store_series_done(&all[f]);
    return rc;
}
