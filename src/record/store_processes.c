#include "record/store_inside.h"

#include "base/search.h"
#include "record/round.h"
#include <limits.h>
#include <string.h>

static char *text_or_empty(sqlite3_stmt *q, int column) {
    char *text = db_text(q, column);
    return text ? text : mem_strdup("");
}

static int small(sqlite3_stmt *q, int column) {
    int64_t v = sqlite3_column_int64(q, column);
    return v > INT_MAX || v < 0 ? 0 : (int)v;
}

static void add_process(sqlite3_stmt *q, void *arg) {
    struct store_processes *to = arg;
    struct store_process p = {.id.pid = small(q, 1), .ppid = small(q, 3), .status = small(q, 13)};
    uint64_t began = 0, first, last;
    int64_t end = sqlite3_column_int64(q, 12);
    const char *name = (const char *)sqlite3_column_text(q, 4);
    const char *version = (const char *)sqlite3_column_text(q, 5);
    if (!db_u64(q, 0, &p.key) || !db_u64(q, 2, &p.id.started_ns) ||
        !store_column_time(q, 9, &began) || !store_column_time(q, 10, &first) ||
        !store_column_time(q, 11, &last) || !db_u64(q, 14, &p.oom_kills))
        return;
    snprintf(p.name, sizeof p.name, "%s", name ? name : "");
    snprintf(p.version, sizeof p.version, "%s", version ? version : "");
    p.command = text_or_empty(q, 6);
    p.cgroup = db_text(q, 7);
    p.no_v8 = db_text(q, 8);
    p.started_ns = began * MS_NS;
    p.first_ns = first * MS_NS;
    p.last_ns = last * MS_NS;
    p.end = end > STORE_END_NONE && end <= STORE_END_SIGNAL ? (enum store_end)end : STORE_END_NONE;
    vec_push(&to->list, p);
}

/* The rows of processes say until when they were there as of the last full minute; the rounds since
 * say the rest. */
static void add_round(sqlite3_stmt *q, void *arg) {
    struct store_processes *all = arg;
    struct round_entry entry;
    uint64_t time;
    struct unpacking u =
        unpacking_of(sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1));
    if (!store_column_time(q, 0, &time))
        return;
    while (round_next(&u, &entry)) {
        size_t i = first_where(all->list.n, k, all->list.at[k].key >= entry.process_key);
        if (i == all->list.n || all->list.at[i].key != entry.process_key)
            continue;
        struct store_process *p = &all->list.at[i];
        p->last_ns = time * MS_NS > p->last_ns ? time * MS_NS : p->last_ns;
    }
}

int store_processes(struct store *s, struct store_processes *ret, struct err *e) {
    struct err own = {0};
    int rc = store_each(
        s,
        db_query(&s->db, &own,
                 "SELECT key, pid, started, ppid, name, version, command, cgroup, no_v8, "
                 "ifnull(began, 0), first, last, end, status, oom_kills FROM processes "
                 "ORDER BY key",
                 ""),
        add_process, ret, &own);
    if (rc == 0)
        rc = store_each(
            s, db_query(&s->db, &own, "SELECT time, samples FROM rounds ORDER BY time", ""),
            add_round, ret, &own);
    if (rc < 0 && e)
        *e = own;
    return rc;
}

void store_processes_done(struct store_processes *p) {
    for (size_t i = 0; i < p->list.n; i++) {
        free(p->list.at[i].command);
        free(p->list.at[i].cgroup);
        free(p->list.at[i].no_v8);
    }
    vec_free(&p->list);
}
