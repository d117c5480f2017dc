#include "record/writer.h"

#include "base/limits.h"
#include "record/fold.h"
#include "record/gcs.h"
#include "record/known.h"
#include "record/round.h"
#include "record/tiers.h"
#include "record/writer_file.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum { CLOCK_STEP_MS = 500, DEEP_LEVEL = 3 };

/* A round that is not written yet. */
struct held {
    uint64_t time_ms;
    struct packed samples, gcs;
    size_t n_samples, n_gcs;
};

struct clock_row {
    uint64_t time_ms;
    int64_t ahead_ms; /* of the wall clock */
};

struct gap_row {
    uint64_t first_ms, last_ms;
    enum store_gap_why why;
};

struct cost_row {
    uint64_t time_ms, span_ms, cpu_ns, rss_bytes, rounds, longest_ns;
};

struct writer {
    struct writer_file file;
    char *boot, *what;
    uint64_t every_ms;
    struct fold fold;
    /* The store's time is base_ms, and what the monotonic clock has gone on since base_at_ns. */
    uint64_t base_ms, base_at_ns;
    int64_t ahead_ms;
    uint64_t now_ms, before_ms; /* the round under way, and the one before; 0: none */
    uint64_t before_at_ns;      /* likewise, by the monotonic clock */
    uint64_t written_ms;        /* the last one written; 0: none */
    uint64_t folded_minute;
    int64_t recording; /* its row's id */
    bool has_row;
    uint64_t next_key;
    struct known_processes known;
    VEC(struct held) held;
    VEC(struct clock_row) clock; /* rows to be written, as are these: */
    VEC(struct gap_row) gaps;
    VEC(struct cost_row) costs;
    VEC(char *) reasons; /* of collections; number i + 1 */
    size_t n_reasons_written;
    uint64_t lost_from_ms;          /* since when rounds were lost; 0: none were */
    struct cost_row cost;           /* of this minute so far */
    uint64_t cpu_before_ns, cpu_ns; /* at the end of the minute before, and by now */
    struct writer_state state;
};

static void held_done(struct held *h) {
    packed_done(&h->samples);
    packed_done(&h->gcs);
}

static void writer_free(struct writer *w) {
    writer_file_close(&w->file);
    known_done(&w->known);
    for (size_t i = 0; i < w->held.n; i++)
        held_done(&w->held.at[i]);
    for (size_t i = 0; i < w->reasons.n; i++)
        free(w->reasons.at[i]);
    vec_free(&w->held);
    vec_free(&w->reasons);
    vec_free(&w->clock);
    vec_free(&w->gaps);
    vec_free(&w->costs);
    free(w->boot);
    free(w->what);
    free(w);
}

static int read_reasons(struct writer *w, struct err *e) {
    int rc;
    sqlite3_stmt *q = db_query(&w->file.db, e, "SELECT text FROM reasons ORDER BY number LIMIT ?",
                               "i", (int64_t)LIMIT_RECORD_REASONS);
    if (!q)
        return e->code;
    while ((rc = db_next(&w->file.db, q, e)) > 0) {
        char *text = db_text(q, 0);
        vec_push(&w->reasons, text ? text : mem_strdup(""));
    }
    w->n_reasons_written = w->reasons.n;
    return rc;
}

/* What the store has so far: where its time stands, and how the last recording ended. */
static int read_past(struct writer *w, int64_t *ret_last, int64_t *ret_closed, struct err *e) {
    struct db *d = &w->file.db;
    int64_t last_row = 0, key = 0, recording = 0;
    int rc = db_number(d, 0, ret_last, e, "SELECT max(time) FROM rounds", "");
    if (rc == 0)
        rc = db_number(d, 0, &last_row, e, "SELECT max(last) FROM recordings", "");
    if (rc == 0)
        rc = db_number(d, 1, ret_closed, e,
                       "SELECT closed FROM recordings ORDER BY id DESC LIMIT 1", "");
    if (rc == 0)
        rc = db_number(d, 0, &recording, e, "SELECT max(id) FROM recordings", "");
    if (rc == 0)
        rc = db_number(d, 0, &key, e, "SELECT max(key) FROM processes", "");
    if (rc == 0)
        rc = db_number(d, 0, &w->ahead_ms, e, "SELECT ahead FROM clock ORDER BY time DESC LIMIT 1",
                       "");
    *ret_last = last_row > *ret_last ? last_row : *ret_last;
    if (rc == 0 && *ret_last > (int64_t)STORE_TIME_MOST_MS)
        rc = err_set(e, -EBADMSG, "", "The recording %s is damaged: no time can follow its last",
                     d->path);
    w->recording = recording + 1;
    w->next_key = (uint64_t)key + 1;
    return rc < 0 ? rc : read_reasons(w, e);
}

/* Where the wall clock stands beside the store's time, whenever that changes. */
static void note_clock(struct writer *w, uint64_t time_ms, uint64_t wall_ns, bool first) {
    int64_t ahead = (int64_t)(wall_ns / MS_NS) - (int64_t)time_ms;
    int64_t moved = ahead - w->ahead_ms;
    if (!first && moved < CLOCK_STEP_MS && moved > -CLOCK_STEP_MS)
        return;
    w->ahead_ms = ahead;
    vec_push(&w->clock, (struct clock_row){time_ms, ahead});
}

static void note_gap(struct writer *w, uint64_t first_ms, enum store_gap_why why) {
    vec_push(&w->gaps, (struct gap_row){first_ms, 0, why}); /* its end is the next round */
}

int writer_open(const struct writer_how *how, struct writer **ret, struct err *e) {
    struct err own = {0};
    struct writer *w = mem_zalloc(sizeof *w);
    int64_t last = 0, closed = 1;
    int rc = writer_file_open(how->path, &w->file, &own);
    if (rc < 0) {
        free(w);
        *e = own;
        return rc;
    }
    w->boot = mem_strdup(how->boot);
    w->what = mem_strdup(how->what);
    w->every_ms = how->every_ns / MS_NS ? how->every_ns / MS_NS : 1;
    w->fold.max_bytes = how->max_bytes;
    rc = read_past(w, &last, &closed, &own);
    if (rc < 0) {
        writer_free(w);
        *e = own;
        return rc == -EAGAIN ? -EIO : rc;
    }
    w->base_ms = how->time_ns / MS_NS;
    w->base_at_ns = how->at_ns;
    if (last > 0 && w->base_ms <= (uint64_t)last)
        w->base_ms = (uint64_t)last + 1; /* the wall clock was set back */
    note_clock(w, w->base_ms, how->time_ns, true);
    if (last > 0)
        note_gap(w, (uint64_t)last, closed ? STORE_GAP_STOPPED : STORE_GAP_KILLED);
    *ret = w;
    return 0;
}

/* Rounds that are further apart than chance makes them. */
static bool is_late(const struct writer *w, uint64_t from_ms, uint64_t to_ms) {
    return to_ms - from_ms > 2 * w->every_ms + SECOND_MS / 2;
}

static void end_gaps(struct writer *w) {
    size_t kept = 0;
    for (size_t i = 0; i < w->gaps.n; i++) {
        struct gap_row *g = &w->gaps.at[i];
        g->last_ms = g->last_ms ? g->last_ms : w->now_ms;
        if (is_late(w, g->first_ms, g->last_ms))
            w->gaps.at[kept++] = *g;
    }
    w->gaps.n = kept;
}

int writer_begin(struct writer *w, uint64_t time_ns, uint64_t at_ns, struct err *e) {
    uint64_t now_ms = w->base_ms + (at_ns - w->base_at_ns) / MS_NS;
    if (at_ns < w->base_at_ns || at_ns < w->before_at_ns)
        return err_set(e, -EINVAL, "", "A round is before the one before");
    if (w->before_ms && now_ms <= w->before_ms) /* within the same millisecond */
        now_ms = w->before_ms + 1;
    w->now_ms = now_ms;
    w->before_at_ns = at_ns;
    if (w->before_ms && is_late(w, w->before_ms, now_ms))
        note_gap(w, w->before_ms, STORE_GAP_LATE);
    end_gaps(w);
    note_clock(w, now_ms, time_ns, false);
    vec_push(&w->held, (struct held){.time_ms = now_ms});
    return 0;
}

void writer_sample(struct writer *w, const struct writer_process *p, const struct sample *s) {
    struct held *h = &w->held.at[w->held.n - 1];
    struct known_process *known = known_find(&w->known, p->id);
    if (!known) {
        known = known_add(&w->known, &w->file.db, w->boot, p, w->next_key, w->now_ms);
        w->next_key += known->key == w->next_key;
        w->state.processes++;
    }
    known_describe(known, p);
    known_note_sample(known, s, w->now_ms);
    round_put_sample(&h->samples, known->key, s);
    h->n_samples++;
}

void writer_gone(struct writer *w, struct process_id id, bool oom_kills_known, uint64_t oom_kills) {
    struct known_process *known = known_find(&w->known, id);
    if (known)
        known_note_end(known, oom_kills_known, oom_kills);
}

void writer_ended(struct writer *w, struct process_id id, enum store_end end, int status) {
    struct known_process *known = known_find(&w->known, id);
    if (!known)
        return;
    known->end = end;
    known->status = status;
    known->dirty = true;
}

static uint32_t reason_number(struct writer *w, const char *reason) {
    if (!reason)
        return 0;
    for (size_t i = 0; i < w->reasons.n; i++)
        if (!strcmp(w->reasons.at[i], reason))
            return (uint32_t)i + 1;
    if (w->reasons.n == LIMIT_RECORD_REASONS)
        return 0;
    vec_push(&w->reasons, mem_strdup(reason));
    return (uint32_t)w->reasons.n;
}

void writer_gc(struct writer *w, const struct gc_event *event) {
    struct held *h = &w->held.at[w->held.n - 1];
    const struct known_process *known = known_find(&w->known, event->process);
    if (!known || event->at_ns < w->base_at_ns)
        return;
    gcs_put(&h->gcs, &(struct gc){
                         .process_key = known->key,
                         .time_us = w->base_ms * 1000 + (event->at_ns - w->base_at_ns) / 1000,
                         .pause_ns = event->pause_ns,
                         .isolate = event->isolate,
                         .kind = event->kind,
                         .reason = reason_number(w, event->reason),
                         .before_bytes = event->before_bytes,
                         .after_bytes = event->after_bytes,
                     });
    h->n_gcs++;
}

void writer_cost(struct writer *w, uint64_t cpu_ns, uint64_t rss_bytes, uint64_t round_cpu_ns) {
    w->cpu_ns = cpu_ns;
    w->cost.rss_bytes = rss_bytes;
    if (round_cpu_ns > w->cost.longest_ns)
        w->cost.longest_ns = round_cpu_ns;
}

/* A minute is over, or all of it: what it cost. */
static void end_cost(struct writer *w) {
    if (w->cost.rounds && w->cpu_ns >= w->cpu_before_ns && w->costs.n < LIMIT_RECORD_HELD) {
        w->cost.span_ms = w->now_ms - w->cost.time_ms;
        w->cost.cpu_ns = w->cpu_ns - w->cpu_before_ns;
        vec_push(&w->costs, w->cost);
    }
    if (w->cost.time_ms) /* how memwhy was started belongs to the first minute */
        w->cpu_before_ns = w->cpu_ns;
    w->cost = (struct cost_row){.time_ms = w->now_ms, .rss_bytes = w->cost.rss_bytes};
}

static int write_recording(struct writer *w, struct db *d, struct err *e) {
    if (w->has_row)
        return 0;
    return db_do(d, e,
                 "INSERT INTO recordings (id, first, last, every, closed, version, what) "
                 "VALUES (?, ?, ?, ?, 0, ?, ?)",
                 "iiiitt", w->recording, w->held.at[0].time_ms, w->held.at[0].time_ms, w->every_ms,
                 MEMWHY_VERSION, w->what);
}

static int write_small_rows(struct writer *w, struct db *d, struct err *e) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < w->clock.n; i++)
        rc = db_do(d, e, "INSERT OR REPLACE INTO clock (time, ahead) VALUES (?, ?)", "ii",
                   w->clock.at[i].time_ms, w->clock.at[i].ahead_ms);
    for (size_t i = 0; rc == 0 && i < w->gaps.n; i++)
        rc = db_do(d, e, "INSERT OR REPLACE INTO gaps (first, last, why) VALUES (?, ?, ?)", "iii",
                   w->gaps.at[i].first_ms, w->gaps.at[i].last_ms, (int64_t)w->gaps.at[i].why);
    for (size_t i = 0; rc == 0 && i < w->costs.n; i++) {
        const struct cost_row *c = &w->costs.at[i];
        rc = db_do(d, e,
                   "INSERT OR REPLACE INTO costs (time, span, cpu, rss, rounds, longest) "
                   "VALUES (?, ?, ?, ?, ?, ?)",
                   "iiiiii", c->time_ms, c->span_ms, c->cpu_ns, c->rss_bytes, c->rounds,
                   c->longest_ns);
    }
    for (size_t i = w->n_reasons_written; rc == 0 && i < w->reasons.n; i++)
        rc = db_do(d, e, "INSERT OR REPLACE INTO reasons (number, text) VALUES (?, ?)", "it",
                   (int64_t)i + 1, w->reasons.at[i]);
    return rc;
}

/* From the last round that was written to the first that was kept. */
static int write_lost(struct writer *w, struct db *d, struct err *e) {
    if (!w->lost_from_ms || !w->held.n)
        return 0;
    return db_do(d, e, "INSERT OR REPLACE INTO gaps (first, last, why) VALUES (?, ?, ?)", "iii",
                 w->lost_from_ms, w->held.at[0].time_ms, (int64_t)STORE_GAP_FULL);
}

/* For db_transaction(): all that is held. */
static int write_held(struct db *d, void *arg, struct err *e) {
    struct writer *w = arg;
    int rc = write_recording(w, d, e);
    if (rc == 0)
        rc = write_small_rows(w, d, e);
    if (rc == 0)
        rc = write_lost(w, d, e);
    for (size_t i = 0; rc == 0 && i < w->known.list.n; i++)
        if (w->known.list.at[i]->dirty)
            rc = known_write(w->known.list.at[i], d, w->boot, e);
    for (size_t i = 0; rc == 0 && i < w->held.n; i++) {
        const struct held *h = &w->held.at[i];
        rc = db_do(d, e, "INSERT INTO rounds (time, samples, collections) VALUES (?, ?, ?)", "ibb",
                   h->time_ms, h->samples.bytes.n ? (const void *)h->samples.bytes.at : "",
                   h->samples.bytes.n, (const void *)h->gcs.bytes.at, h->gcs.bytes.n);
    }
    return rc;
}

static void forget_held(struct writer *w) {
    for (size_t i = 0; i < w->held.n; i++) {
        struct held *h = &w->held.at[i];
        w->state.rounds++;
        w->state.samples += h->n_samples;
        w->state.gcs += h->n_gcs;
        w->written_ms = h->time_ms;
        held_done(h);
    }
    w->held.n = w->clock.n = w->gaps.n = w->costs.n = 0;
    w->n_reasons_written = w->reasons.n;
    w->has_row = true;
    w->lost_from_ms = 0;
    known_written(&w->known);
}

static void lose_oldest(struct writer *w) {
    if (w->held.n <= LIMIT_RECORD_HELD)
        return;
    if (!w->lost_from_ms)
        w->lost_from_ms = w->written_ms ? w->written_ms : w->held.at[0].time_ms;
    held_done(&w->held.at[0]);
    memmove(w->held.at, w->held.at + 1, (w->held.n - 1) * sizeof *w->held.at);
    w->held.n--;
    w->state.lost++;
}

/* Once a minute. What cannot be done now is done in the next. */
static int maintain(struct writer *w, struct err *e) {
    uint64_t minute = w->now_ms / MINUTE_MS;
    if (minute == w->folded_minute)
        return 0;
    int rc = writer_file_check(&w->file, e);
    if (rc < 0)
        return rc;
    w->folded_minute = minute;
    w->fold.now_ms = w->now_ms;
    rc = fold_due(&w->file.db, &w->fold, e);
    return rc == -EAGAIN ? 0 : rc;
}

int writer_commit(struct writer *w, struct err *e) {
    w->before_ms = w->now_ms;
    if (w->now_ms / MINUTE_MS != w->cost.time_ms / MINUTE_MS)
        end_cost(w);
    w->cost.rounds++;
    lose_oldest(w);
    int rc = db_transaction(&w->file.db, write_held, w, e);
    if (rc < 0)
        return rc;
    forget_held(w);
    return maintain(w, e);
}

static int write_deep(struct writer *w, uint64_t key, const char *kind, const void *packed,
                      size_t n, struct err *e) {
    return db_do(&w->file.db, e,
                 "INSERT INTO deep_looks (process, kind, time, data) VALUES (?, ?, ?, ?)", "itib",
                 key, kind, w->before_ms, packed, n);
}

int writer_deep(struct writer *w, struct process_id id, const char *kind, const char *json,
                size_t n, struct err *e) {
    const struct known_process *known = known_find(&w->known, id);
    if (!known)
        return err_set(e, -ENODATA, "", "Process %d is not recorded", (int)id.pid);
    if (n > LIMIT_RECORD_DEEP)
        return err_set(e, -E2BIG, "", "A deep look of %zu bytes is too large for a recording", n);
    size_t room = ZSTD_compressBound(n);
    cleanup_free void *packed = mem_alloc(room);
    size_t size = ZSTD_compress(packed, room, json, n, DEEP_LEVEL);
    if (ZSTD_isError(size) || size > LIMIT_RECORD_BLOB)
        return err_set(e, -E2BIG, "", "A deep look of %zu bytes is too large for a recording", n);
    return write_deep(w, known->key, kind, packed, size, e);
}

void writer_state(const struct writer *w, struct writer_state *ret) {
    int64_t pages = 0, size = 0;
    struct db *d = (struct db *)&w->file.db; /* statements are prepared when first used */
    *ret = w->state;
    ret->held = w->held.n;
    ret->damaged = w->fold.damaged;
    db_number(d, 0, &pages, NULL, "PRAGMA page_count", "");
    db_number(d, 0, &size, NULL, "PRAGMA page_size", "");
    ret->bytes = (uint64_t)(pages * size);
}

static int write_end(struct db *d, void *arg, struct err *e) {
    const struct writer *w = arg;
    return db_do(d, e, "UPDATE recordings SET closed = 1, last = ? WHERE id = ?", "ii",
                 w->written_ms, w->recording);
}

int writer_close(struct writer *w, struct err *e) {
    if (!w)
        return 0;
    struct db *d = &w->file.db;
    int rc = 0;
    end_cost(w);
    if (w->has_row || w->held.n)
        rc = db_transaction(d, write_held, w, e);
    if (rc == 0 && (w->has_row || w->held.n)) {
        forget_held(w);
        rc = db_transaction(d, write_end, w, e);
    }
    if (w->file.made && !w->has_row) /* nothing came of it */
        unlink(d->path);
    writer_free(w);
    return rc;
}
