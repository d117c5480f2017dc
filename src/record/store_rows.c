/* What a recording says of itself: how it was made, when not, and at what cost. */
#include "record/store_inside.h"

#include <errno.h>
#include <string.h>

static void copy_text(sqlite3_stmt *q, int column, char *to, size_t room) {
    const char *text = (const char *)sqlite3_column_text(q, column);
    snprintf(to, room, "%s", text ? text : "");
}

/* Where `e` may be NULL, what fails still has a code. */
static int finish(int rc, const struct err *own, struct err *e) {
    if (rc < 0 && e)
        *e = *own;
    return rc;
}

static void add_recording(sqlite3_stmt *q, void *arg) {
    struct store_recordings *to = arg;
    struct store_recording r = {.closed = sqlite3_column_int64(q, 3) != 0};
    uint64_t from, last, every;
    if (!store_column_time(q, 0, &from) || !store_column_time(q, 1, &last) ||
        !store_column_time(q, 2, &every))
        return;
    r.from_ns = from * MS_NS;
    r.to_ns = last * MS_NS;
    r.every_ns = every * MS_NS;
    copy_text(q, 4, r.version, sizeof r.version);
    r.what = db_text(q, 5);
    r.what = r.what ? r.what : mem_strdup("");
    vec_push(&to->list, r);
}

int store_recordings(struct store *s, struct store_recordings *ret, struct err *e) {
    struct err own = {0};
    int64_t newest = 0;
    int rc = store_each(
        s,
        db_query(&s->db, &own,
                 "SELECT first, last, every, closed, version, what FROM recordings ORDER BY id",
                 ""),
        add_recording, ret, &own);
    if (rc == 0)
        rc = db_number(&s->db, 0, &newest, &own, "SELECT max(time) FROM rounds", "");
    if (rc == 0 && ret->list.n && (uint64_t)newest <= STORE_TIME_MOST_MS) {
        struct store_recording *last = &ret->list.at[ret->list.n - 1];
        uint64_t to_ns = (uint64_t)newest * MS_NS;
        last->to_ns = to_ns > last->to_ns ? to_ns : last->to_ns;
    }
    return finish(rc, &own, e);
}

void store_recordings_done(struct store_recordings *r) {
    for (size_t i = 0; i < r->list.n; i++)
        free(r->list.at[i].what);
    vec_free(&r->list);
}

static void add_gap(sqlite3_stmt *q, void *arg) {
    struct store_gaps *to = arg;
    uint64_t from, last;
    int64_t why = sqlite3_column_int64(q, 2);
    if (!store_column_time(q, 0, &from) || !store_column_time(q, 1, &last) || last < from)
        return;
    if (why < STORE_GAP_STOPPED || why > STORE_GAP_LATE)
        why = STORE_GAP_LATE;
    vec_push(&to->list, (struct store_gap){from * MS_NS, last * MS_NS, (enum store_gap_why)why});
}

int store_gaps(struct store *s, struct store_gaps *ret, struct err *e) {
    struct err own = {0};
    int rc = store_each(
        s, db_query(&s->db, &own, "SELECT first, last, why FROM gaps ORDER BY first", ""), add_gap,
        ret, &own);
    return finish(rc, &own, e);
}

void store_gaps_done(struct store_gaps *g) {
    vec_free(&g->list);
}

const char *store_gap_text(enum store_gap_why why) {
    static const char *const texts[] = {
        [STORE_GAP_STOPPED] = "memwhy was not running",
        [STORE_GAP_KILLED] = "memwhy had been killed",
        [STORE_GAP_FULL] = "the recording could not be written",
        [STORE_GAP_LATE] = "memwhy did not get to run",
    };
    return texts[why];
}

static void add_cost(sqlite3_stmt *q, void *arg) {
    struct store_costs *to = arg;
    struct store_cost c = {0};
    uint64_t time, span;
    if (!store_column_time(q, 0, &time) || !store_column_time(q, 1, &span) ||
        !db_u64(q, 2, &c.cpu_ns) || !db_u64(q, 3, &c.rss_bytes) || !db_u64(q, 4, &c.rounds) ||
        !db_u64(q, 5, &c.longest_ns))
        return;
    c.time_ns = time * MS_NS;
    c.span_ns = span * MS_NS;
    vec_push(&to->list, c);
}

int store_costs(struct store *s, uint64_t from, uint64_t to, struct store_costs *ret,
                struct err *e) {
    struct err own = {0};
    int rc = store_each(s,
                        db_query(&s->db, &own,
                                 "SELECT time, span, cpu, rss, rounds, longest FROM costs "
                                 "WHERE time >= ? AND time <= ? ORDER BY time",
                                 "ii", store_ms(from), store_ms(to)),
                        add_cost, ret, &own);
    return finish(rc, &own, e);
}

void store_costs_done(struct store_costs *c) {
    vec_free(&c->list);
}
