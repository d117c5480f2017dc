#include "record/store_inside.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

bool store_column_time(sqlite3_stmt *q, int column, uint64_t *ret_ms) {
    uint64_t ms;
    if (!db_u64(q, column, &ms) || ms > STORE_TIME_MOST_MS)
        return false;
    *ret_ms = ms;
    return true;
}

int64_t store_ms(uint64_t time_ns) {
    return (int64_t)(time_ns / MS_NS);
}

int store_each(struct store *s, sqlite3_stmt *q, void (*row)(sqlite3_stmt *q, void *arg), void *arg,
               struct err *e) {
    int rc;
    if (!q)
        return e->code;
    while ((rc = db_next(&s->db, q, e)) > 0)
        row(q, arg);
    return rc;
}

static void add_clock(sqlite3_stmt *q, void *arg) {
    const int64_t most = STORE_TIME_MOST_MS / 2;
    struct store *s = arg;
    struct store_clock c = {.ahead_ms = sqlite3_column_int64(q, 1)};
    if (store_column_time(q, 0, &c.time_ms) && c.ahead_ms < most && c.ahead_ms > -most)
        vec_push(&s->clock, c);
}

static void add_reason(sqlite3_stmt *q, void *arg) {
    struct store *s = arg;
    uint64_t number;
    if (db_u64(q, 0, &number) && number <= LIMIT_RECORD_REASONS && !s->reasons[number])
        s->reasons[number] = db_text(q, 1);
}

/* A file in a place that cannot be written, where SQLite can make no log beside it: it is read as
 * one that does not change. */
static int open_unchanging(const char *path, struct db *ret, struct err *e) {
    struct {
        VEC(char) text;
    } uri = {0};
    for (const char *c = "file:"; *c; c++)
        vec_push(&uri.text, *c);
    for (const char *c = path; *c; c++) {
        bool plain = isalnum((unsigned char)*c) || strchr("/._-", *c);
        vec_push(&uri.text, plain ? *c : '%');
        if (plain)
            continue;
        vec_push(&uri.text, "0123456789abcdef"[(unsigned char)*c >> 4]);
        vec_push(&uri.text, "0123456789abcdef"[*c & 15]);
    }
    for (const char *c = "?immutable=1"; *c; c++)
        vec_push(&uri.text, *c);
    vec_push(&uri.text, '\0');
    int rc = db_open(uri.text.at, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ret, e);
    vec_free(&uri.text);
    return rc;
}

static int open_db(const char *path, struct db *ret, struct err *e) {
    int rc = db_sniff(path, e);
    if (rc < 0)
        return rc == -ENODATA ? err_set(e, -ENOTDIR, "memwhy record -o FILE.db makes one.",
                                        "%s is empty, and no recording", path)
                              : rc;
    rc = db_open(path, SQLITE_OPEN_READONLY, ret, e);
    if (rc < 0)
        return rc;
    rc = db_check(ret, e);
    if (rc != -EAGAIN)
        goto checked;
    db_close(ret);
    rc = open_unchanging(path, ret, e);
    if (rc < 0)
        return rc;
    rc = db_check(ret, e);
checked:
    if (rc == -ENODATA) /* the first page says what the rest does not */
        rc = err_set(e, -EBADMSG, "", "The recording %s is damaged: it has no tables", path);
    if (rc < 0)
        db_close(ret);
    return rc;
}

static int read_end(struct store *s, struct err *e) {
    int64_t round = 0, last = 0;
    int rc = db_number(&s->db, 0, &round, e, "SELECT max(time) FROM rounds", "");
    if (rc == 0)
        rc = db_number(&s->db, 0, &last, e, "SELECT max(last) FROM recordings", "");
    last = round > last ? round : last;
    s->end_ms = last > 0 && (uint64_t)last < STORE_TIME_MOST_MS ? (uint64_t)last : 0;
    return rc;
}

int store_open(const char *path, struct store **ret, struct err *e) {
    struct err own = {0};
    struct store *s = mem_zalloc(sizeof *s);
    int rc = open_db(path, &s->db, &own);
    if (rc == 0)
        rc =
            store_each(s, db_query(&s->db, &own, "SELECT time, ahead FROM clock ORDER BY time", ""),
                       add_clock, s, &own);
    if (rc == 0)
        rc = store_each(s, db_query(&s->db, &own, "SELECT number, text FROM reasons", ""),
                        add_reason, s, &own);
    if (rc == 0)
        rc = read_end(s, &own);
    if (rc < 0) {
        store_free(s);
        rc = rc == -EAGAIN ? -EIO : rc;
        own.code = rc;
        if (e)
            *e = own;
        return rc;
    }
    *ret = s;
    return 0;
}

void store_free(struct store *s) {
    if (!s)
        return;
    for (size_t i = 0; i <= LIMIT_RECORD_REASONS; i++)
        free(s->reasons[i]);
    vec_free(&s->clock);
    db_close(&s->db);
    free(s);
}

bool store_is_one(const char *path) {
    return db_sniff(path, NULL) == 0;
}

int store_span(struct store *s, uint64_t *ret_from, uint64_t *ret_to, struct err *e) {
    struct err own = {0};
    int64_t first = -1, block = INT64_MAX, round = -1, to = -1, last = -1;
    int rc = db_number(&s->db, -1, &first, &own, "SELECT min(first) FROM recordings", "");
    if (rc == 0)
        rc = db_number(&s->db, INT64_MAX, &block, &own, "SELECT min(start) FROM samples", "");
    if (rc == 0)
        rc = db_number(&s->db, INT64_MAX, &round, &own, "SELECT min(time) FROM rounds", "");
    if (rc == 0)
        rc = db_number(&s->db, -1, &to, &own, "SELECT max(time) FROM rounds", "");
    if (rc == 0)
        rc = db_number(&s->db, -1, &last, &own, "SELECT max(last) FROM recordings", "");
    if (rc < 0) {
        *e = own;
        return rc;
    }
    int64_t from = block < round ? block : round; /* older ones have been dropped */
    from = first > from ? first : from;
    to = last > to ? last : to;
    if (first < 0 || from > to || (uint64_t)to > STORE_TIME_MOST_MS)
        return err_set(e, -ENODATA, "", "There is nothing in the recording %s yet", s->db.path);
    *ret_from = (uint64_t)from * MS_NS;
    *ret_to = (uint64_t)to * MS_NS;
    return 0;
}

uint64_t store_wall_ns(const struct store *s, uint64_t time_ns) {
    int64_t ahead_ms = 0;
    for (size_t i = 0; i < s->clock.n; i++)
        if (!i || s->clock.at[i].time_ms <= time_ns / MS_NS)
            ahead_ms = s->clock.at[i].ahead_ms;
    return time_ns + (uint64_t)ahead_ms * MS_NS;
}

/* Where a stretch between two steps of the clock ends. */
static uint64_t stretch_end(const struct store *s, size_t i) {
    return (i + 1 < s->clock.n ? s->clock.at[i + 1].time_ms : s->end_ms + 1) * MS_NS;
}

/* The last stretch that has it. Of what none has, because the clock was set forward over it, the
 * end of the stretch before that; of what is still to come, the last stretch goes on. */
uint64_t store_time_ns(const struct store *s, uint64_t wall_ns) {
    uint64_t nearest = wall_ns;
    bool found = false;
    for (size_t i = s->clock.n; i-- > 0;) {
        const struct store_clock *c = &s->clock.at[i];
        uint64_t time_ns = wall_ns - (uint64_t)c->ahead_ms * MS_NS, end_ns = stretch_end(s, i);
        bool after = (int64_t)(time_ns - c->time_ms * MS_NS) >= 0;
        if (after && time_ns < end_ns)
            return time_ns;
        if (found || (!after && i))
            continue;
        found = true;
        nearest = after && i + 1 < s->clock.n ? end_ns : time_ns;
    }
    return nearest;
}
