#include "record/expire.h"

#include "record/tiers.h"

/* A 32nd of the time that is in the store goes at once, and again until it fits. */
enum { PART = 32, CUTS_MOST = 256 };

static int64_t before(uint64_t now_ms, uint64_t ms) {
    return now_ms > ms ? (int64_t)(now_ms - ms) : 0;
}

static int expire_samples(struct db *d, uint64_t now_ms, struct err *e) {
    int rc = 0;
    for (unsigned t = 0; rc == 0 && t < STORE_TIERS; t++)
        rc = db_do(d, e, "DELETE FROM samples WHERE tier = ? AND keep = 0 AND start < ?", "ii",
                   (int64_t)t, before(now_ms, record_tiers[t].kept_ms + record_tiers[t].block_ms));
    for (unsigned t = 0; rc == 0 && t < GC_TIERS; t++)
        rc = db_do(d, e, "DELETE FROM collections WHERE tier = ? AND start < ?", "ii", (int64_t)t,
                   before(now_ms, record_gc_tiers[t].kept_ms + record_gc_tiers[t].block_ms));
    return rc;
}

/* Everything that is older, of all kinds; the row of the clock that holds at `cut`, and the
 * recording under way, stay. */
static int drop_before(struct db *d, int64_t cut, struct err *e) {
    static const char *const statements[] = {
        "DELETE FROM samples WHERE tier IN (0, 1, 2) AND keep IN (0, 1) AND start < ?",
        "DELETE FROM collections WHERE tier IN (0, 1) AND start < ?",
        "DELETE FROM deep_looks WHERE time < ?",
        "DELETE FROM costs WHERE time < ?",
        "DELETE FROM gaps WHERE last < ?",
        "DELETE FROM processes WHERE last < ?",
        "DELETE FROM recordings WHERE last < ? AND id < (SELECT max(id) FROM recordings)",
        "DELETE FROM clock WHERE time < (SELECT max(time) FROM clock WHERE time < ?)",
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof statements / sizeof *statements; i++)
        rc = db_do(d, e, statements[i], "i", cut);
    return rc;
}

static int expire_all(struct db *d, void *arg, struct err *e) {
    uint64_t now_ms = *(uint64_t *)arg;
    int rc = expire_samples(d, now_ms, e);
    return rc < 0 ? rc : drop_before(d, before(now_ms, RECORD_KEPT_MS + HOUR_MS), e);
}

static int bytes_used(struct db *d, uint64_t *ret_used, uint64_t *ret_file, struct err *e) {
    int64_t pages = 0, of_none = 0, size = 0;
    int rc = db_number(d, 0, &pages, e, "PRAGMA page_count", "");
    if (rc == 0)
        rc = db_number(d, 0, &of_none, e, "PRAGMA freelist_count", "");
    if (rc == 0)
        rc = db_number(d, 0, &size, e, "PRAGMA page_size", "");
    *ret_file = (uint64_t)(pages * size);
    *ret_used = (uint64_t)((pages - of_none) * size);
    return rc;
}

static int oldest(struct db *d, uint64_t now_ms, int64_t *ret, struct err *e) {
    return db_number(d, (int64_t)now_ms, ret, e,
                     "SELECT min(t) FROM (SELECT min(start) AS t FROM samples "
                     "UNION ALL SELECT min(start) FROM collections "
                     "UNION ALL SELECT min(time) FROM deep_looks "
                     "UNION ALL SELECT min(last) FROM processes WHERE end <> 0)",
                     "");
}

static int cut_oldest(struct db *d, void *arg, struct err *e) {
    uint64_t now_ms = *(uint64_t *)arg;
    int64_t from;
    int rc = oldest(d, now_ms, &from, e);
    if (rc < 0 || from >= (int64_t)now_ms)
        return rc;
    return drop_before(d, from + ((int64_t)now_ms - from) / PART + 1, e);
}

static int fit(struct db *d, uint64_t now_ms, uint64_t max_bytes, struct err *e) {
    uint64_t used, file, room = max_bytes / PART; /* so that it is not to be done every minute */
    int rc = bytes_used(d, &used, &file, e);
    if (rc < 0 || used + room / 2 <= max_bytes)
        return rc;
    for (unsigned i = 0; rc == 0 && i < CUTS_MOST && used + room > max_bytes; i++) {
        rc = db_transaction(d, cut_oldest, &now_ms, e);
        if (rc == 0)
            rc = bytes_used(d, &used, &file, e);
    }
    if (rc == 0 && file > max_bytes)
        rc = db_exec(d, "PRAGMA incremental_vacuum", e);
    return rc;
}

int expire(struct db *d, uint64_t now_ms, uint64_t max_bytes, struct err *e) {
    int rc = db_transaction(d, expire_all, &now_ms, e);
    return rc == 0 && max_bytes ? fit(d, now_ms, max_bytes, e) : rc;
}
