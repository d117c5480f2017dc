#include "record/store_inside.h"

#include "record/gcs.h"
#include <string.h>

struct reading {
    struct store *store;
    uint64_t process; /* 0: all */
    uint64_t from_us, to_us;
    uint64_t single_ms; /* from when on there are blocks with each one; older ones are sums */
    struct store_gcs *ret;
    struct gcs single; /* of the row at hand, as are these */
    struct gc_sums sums;
    size_t damaged;
};

static void add_single(struct reading *r, const struct gc *gc, uint64_t process) {
    if (gc->time_us < r->from_us || gc->time_us > r->to_us ||
        (r->process && r->process != process) || gc->time_us > STORE_TIME_MOST_MS * 1000)
        return;
    bool known = gc->before_bytes && gc->after_bytes;
    vec_push(
        &r->ret->list,
        (struct store_gc){
            .process_key = process,
            .time_ns = gc->time_us * 1000,
            .kind = gc->kind,
            .isolate = gc->isolate,
            .reason = gc->reason <= LIMIT_RECORD_REASONS ? r->store->reasons[gc->reason] : NULL,
            .count = 1,
            .pause_ns = gc->pause_ns,
            .longest_ns = gc->pause_ns,
            .before_bytes = gc->before_bytes,
            .after_bytes = gc->after_bytes,
            .freed_bytes = known && gc->before_bytes > gc->after_bytes
                               ? gc->before_bytes - gc->after_bytes
                               : 0,
        });
}

static void add_sum(struct reading *r, const struct gc_sum *s, uint64_t process) {
    if (s->minute_ms * 1000 < r->from_us || s->minute_ms * 1000 > r->to_us)
        return;
    vec_push(&r->ret->list, (struct store_gc){
                                .process_key = process,
                                .time_ns = s->minute_ms * MS_NS,
                                .span_ns = MINUTE_MS * MS_NS,
                                .kind = s->kind,
                                .count = (uint32_t)s->count,
                                .pause_ns = s->pause_ns,
                                .longest_ns = s->longest_ns,
                                .before_bytes = s->before_bytes,
                                .after_bytes = s->after_bytes,
                                .freed_bytes = s->freed_bytes,
                            });
}

/* What a minute had more than fits one by one. */
static void add_remainder(struct reading *r, uint64_t process) {
    for (size_t i = 0; i < r->sums.list.n; i++) {
        struct gc_sum rest = r->sums.list.at[i];
        for (size_t k = 0; k < r->single.list.n; k++) {
            const struct gc *gc = &r->single.list.at[k];
            if (gc->kind != rest.kind || !rest.count)
                continue;
            bool freed = gc->before_bytes && gc->before_bytes > gc->after_bytes && gc->after_bytes;
            rest.count--;
            rest.pause_ns -= gc->pause_ns;
            rest.freed_bytes -= freed ? gc->before_bytes - gc->after_bytes : 0;
        }
        if (rest.count)
            add_sum(r, &rest, process);
    }
}

static void add_minute(struct reading *r, sqlite3_stmt *q, uint64_t process, uint64_t start) {
    r->single.list.n = r->sums.list.n = 0;
    if (gcs_unpack(sqlite3_column_blob(q, 2), (size_t)sqlite3_column_bytes(q, 2), start, &r->single,
                   &r->sums) < 0) {
        r->damaged++;
        return;
    }
    for (size_t i = 0; i < r->single.list.n; i++)
        add_single(r, &r->single.list.at[i], process);
    if (r->single.list.n == LIMIT_RECORD_GCS)
        add_remainder(r, process);
}

static void add_hour(struct reading *r, sqlite3_stmt *q, uint64_t process, uint64_t start) {
    r->sums.list.n = 0;
    r->damaged += gc_sums_unpack(sqlite3_column_blob(q, 2), (size_t)sqlite3_column_bytes(q, 2),
                                 start, &r->sums) < 0;
    for (size_t i = 0; i < r->sums.list.n; i++)
        if (r->sums.list.at[i].minute_ms < r->single_ms)
            add_sum(r, &r->sums.list.at[i], process);
}

static int read_tier(struct reading *r, unsigned tier, struct err *e) {
    uint64_t from_ms = r->from_us / 1000, block = record_gc_tiers[tier].block_ms;
    int rc;
    sqlite3_stmt *q = db_query(&r->store->db, e,
                               "SELECT process, start, data FROM collections WHERE tier = ? "
                               "AND start >= ? AND start <= ? AND (? = 0 OR process = ?)",
                               "iiiii", (int64_t)tier, from_ms > block ? from_ms - block : 0,
                               r->to_us / 1000, r->process, r->process);
    if (!q)
        return e->code;
    while ((rc = db_next(&r->store->db, q, e)) > 0) {
        uint64_t process, start;
        if (!db_u64(q, 0, &process) || !store_column_time(q, 1, &start))
            r->damaged++;
        else if (tier)
            add_hour(r, q, process, start);
        else
            add_minute(r, q, process, start);
    }
    return rc;
}

static int read_rounds(struct reading *r, struct err *e) {
    int rc;
    sqlite3_stmt *q = db_query(&r->store->db, e,
                               "SELECT collections FROM rounds WHERE collections IS NOT NULL", "");
    if (!q)
        return e->code;
    while ((rc = db_next(&r->store->db, q, e)) > 0) {
        r->single.list.n = 0;
        r->damaged += gcs_unpack_round(sqlite3_column_blob(q, 0),
                                       (size_t)sqlite3_column_bytes(q, 0), &r->single) < 0;
        for (size_t i = 0; i < r->single.list.n; i++)
            add_single(r, &r->single.list.at[i], r->single.list.at[i].process_key);
    }
    return rc;
}

static int by_time(const void *a, const void *b) {
    const struct store_gc *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return x->process_key < y->process_key ? -1 : x->process_key > y->process_key;
}

int store_read_gcs(struct store *s, uint64_t process_key, uint64_t from, uint64_t to,
                   struct store_gcs *ret, size_t *ret_damaged, struct err *e) {
    struct err own = {0};
    int64_t single = INT64_MAX;
    uint64_t most_us = STORE_TIME_MOST_MS * 1000;
    struct reading r = {.store = s,
                        .process = process_key,
                        .from_us = from / 1000,
                        .to_us = to / 1000 < most_us ? to / 1000 : most_us,
                        .ret = ret};
    ret->list.n = 0;
    int rc = r.from_us > most_us ? 0 : db_exec(&s->db, "BEGIN", &own); /* one moment of the file */
    if (rc == 0)
        rc = db_number(&s->db, INT64_MAX, &single, &own,
                       "SELECT min(start) FROM collections WHERE tier = 0", "");
    r.single_ms = single < 0 ? 0 : (uint64_t)single;
    for (unsigned t = 0; rc == 0 && t < GC_TIERS; t++)
        rc = read_tier(&r, t, &own);
    if (rc == 0)
        rc = read_rounds(&r, &own);
    if (!sqlite3_get_autocommit(s->db.sqlite))
        db_exec(&s->db, "COMMIT", NULL);
    vec_sort(&ret->list, by_time);
    gcs_done(&r.single);
    gc_sums_done(&r.sums);
    if (rc < 0) {
        if (e)
            *e = own;
        return rc;
    }
    *ret_damaged = r.damaged;
    return 0;
}

void store_gcs_done(struct store_gcs *g) {
    vec_free(&g->list);
}
