#include "record/known.h"

#include "base/search.h"
#include "record/tiers.h"
#include <signal.h>
#include <string.h>

enum { OOM_BEFORE_MS = 5 * SECOND_MS };

static bool not_before(struct process_id a, struct process_id b) {
    return a.pid != b.pid ? a.pid > b.pid : a.started_ns >= b.started_ns;
}

static size_t place_of(const struct known_processes *k, struct process_id id) {
    return first_where(k->list.n, i, not_before(k->list.at[i]->id, id));
}

struct known_process *known_find(const struct known_processes *k, struct process_id id) {
    size_t i = place_of(k, id);
    struct known_process *p = i < k->list.n ? k->list.at[i] : NULL;
    return p && p->id.pid == id.pid && p->id.started_ns == id.started_ns ? p : NULL;
}

static char *copy(const char *s) {
    return s && *s ? mem_strdup(s) : NULL;
}

static void take_stored(struct known_process *p, struct db *d, const char *boot) {
    sqlite3_stmt *q = db_query(d, NULL,
                               "SELECT key, first, ifnull(began, 0) FROM processes WHERE boot = ? "
                               "AND pid = ? AND started = ?",
                               "tii", boot, (int64_t)p->id.pid, p->id.started_ns);
    if (q && db_next(d, q, NULL) > 0) {
        p->key = (uint64_t)sqlite3_column_int64(q, 0);
        p->first_ms = (uint64_t)sqlite3_column_int64(q, 1);
        p->began_ms = (uint64_t)sqlite3_column_int64(q, 2);
        sqlite3_reset(q);
    }
}

struct known_process *known_add(struct known_processes *k, struct db *d, const char *boot,
                                const struct writer_process *p, uint64_t key, uint64_t now_ms) {
    struct known_process *x = mem_zalloc(sizeof *x);
    *x = (struct known_process){
        .key = key,
        .id = p->id,
        .ppid = p->ppid,
        .first_ms = now_ms,
        .dirty = true,
    };
    if (p->age_ns && p->age_ns / MS_NS < now_ms)
        x->began_ms = now_ms - p->age_ns / MS_NS;
    take_stored(x, d, boot);
    size_t at = place_of(k, p->id);
    vec_push(&k->list, x);
    memmove(&k->list.at[at + 1], &k->list.at[at], (k->list.n - 1 - at) * sizeof *k->list.at);
    k->list.at[at] = x;
    return x;
}

static void describe(char **known, const char *now, bool *dirty) {
    if (!strcmp(*known ? *known : "", now ? now : ""))
        return;
    free(*known);
    *known = copy(now);
    *dirty = true;
}

void known_describe(struct known_process *k, const struct writer_process *p) {
    describe(&k->name, p->name, &k->dirty);
    describe(&k->command, p->command, &k->dirty);
    describe(&k->version, p->version, &k->dirty);
    describe(&k->cgroup, p->cgroup, &k->dirty);
    describe(&k->no_v8, p->no_v8, &k->dirty);
}

void known_note_sample(struct known_process *p, const struct sample *s, uint64_t now_ms) {
    uint64_t kills;
    p->last_ms = now_ms;
    if (p->end) { /* it was said to be gone, and is not */
        p->end = STORE_END_NONE;
        p->gone = false;
        p->dirty = true;
    }
    if (!sample_get(s, SAMPLE_CGROUP_OOM_KILLS, &kills))
        return;
    p->last = (struct oom_before){true, now_ms, kills};
    if (!p->newer.known || now_ms - p->newer.time_ms >= OOM_BEFORE_MS) {
        p->older = p->newer.known ? p->newer : p->last;
        p->newer = p->last;
    }
}

void known_note_end(struct known_process *p, bool oom_kills_known, uint64_t oom_kills) {
    uint64_t now = oom_kills_known ? oom_kills : p->last.count;
    p->gone = p->dirty = true;
    if (p->older.known && (oom_kills_known || p->last.known) && now > p->older.count)
        p->oom_kills = now - p->older.count;
    if (p->end == STORE_END_NONE)
        p->end = STORE_END_GONE;
    bool killed = p->end == STORE_END_GONE || (p->end == STORE_END_SIGNAL && p->status == SIGKILL);
    if (p->oom_kills && killed)
        p->end = STORE_END_OOM_KILL;
}

int known_write(const struct known_process *p, struct db *d, const char *boot, struct err *e) {
    int rc = db_do(
        d, e,
        "INSERT OR REPLACE INTO processes (key, boot, pid, started, ppid, name, version, "
        "command, cgroup, no_v8, began, first, last, end, status, oom_kills) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?, ?, ?, ?, ?)",
        "itiiitttttiiiiii", p->key, boot, (int64_t)p->id.pid, p->id.started_ns, (int64_t)p->ppid,
        p->name ? p->name : "", p->version, p->command, p->cgroup, p->no_v8, p->began_ms,
        p->first_ms, p->last_ms, (int64_t)p->end, (int64_t)p->status, p->oom_kills);
    if (rc == 0 && p->end)
        rc = db_do(d, e, "UPDATE samples SET keep = 1 WHERE process = ? AND tier = 0 AND start > ?",
                   "ii", p->key, (int64_t)p->last_ms - 2 * MINUTE_MS);
    return rc;
}

static void known_free(struct known_process *p) {
    free(p->name);
    free(p->command);
    free(p->version);
    free(p->cgroup);
    free(p->no_v8);
    free(p);
}

void known_written(struct known_processes *k) {
    size_t kept = 0;
    for (size_t i = 0; i < k->list.n; i++) {
        struct known_process *p = k->list.at[i];
        p->dirty = false;
        if (p->gone)
            known_free(p);
        else
            k->list.at[kept++] = p;
    }
    k->list.n = kept;
}

void known_done(struct known_processes *k) {
    for (size_t i = 0; i < k->list.n; i++)
        known_free(k->list.at[i]);
    vec_free(&k->list);
}
