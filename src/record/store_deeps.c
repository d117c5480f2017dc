#include "record/store_inside.h"

#include <errno.h>
#include <string.h>
#include <zstd.h>

static void add_deep(sqlite3_stmt *q, void *arg) {
    struct store_deeps *to = arg;
    struct store_deep d = {0};
    uint64_t time;
    const char *kind = (const char *)sqlite3_column_text(q, 2);
    if (!db_u64(q, 0, &d.key) || !db_u64(q, 1, &d.process_key) || !store_column_time(q, 3, &time) ||
        !db_u64(q, 4, &d.packed_bytes))
        return;
    snprintf(d.kind, sizeof d.kind, "%s", kind ? kind : "");
    d.time_ns = time * MS_NS;
    vec_push(&to->list, d);
}

int store_deeps(struct store *s, uint64_t process_key, const char *kind, uint64_t from, uint64_t to,
                struct store_deeps *ret, struct err *e) {
    struct err own = {0};
    int rc = store_each(s,
                        db_query(&s->db, &own,
                                 "SELECT id, process, kind, time, length(data) FROM deep_looks "
                                 "WHERE time >= ? AND time <= ? AND (? = 0 OR process = ?) "
                                 "AND (? IS NULL OR kind = ?) ORDER BY time, id",
                                 "iiiitt", store_ms(from), store_ms(to), process_key, process_key,
                                 kind, kind),
                        add_deep, ret, &own);
    if (rc < 0 && e)
        *e = own;
    return rc;
}

void store_deeps_done(struct store_deeps *d) {
    vec_free(&d->list);
}

static int unpack_deep(const struct store *s, const void *packed, size_t n, char **ret,
                       size_t *ret_n, struct err *e) {
    unsigned long long size = packed ? ZSTD_getFrameContentSize(packed, n) : 0;
    if (size > LIMIT_RECORD_DEEP) /* or unknown, which is no number */
        return err_set(e, -EBADMSG, "", "A deep look of %s is damaged", s->db.path);
    char *text = mem_alloc((size_t)size + 1);
    size_t got = packed ? ZSTD_decompress(text, (size_t)size, packed, n) : 0;
    if (ZSTD_isError(got) || got != size) {
        free(text);
        return err_set(e, -EBADMSG, "", "A deep look of %s is damaged", s->db.path);
    }
    text[size] = '\0';
    *ret = text;
    *ret_n = (size_t)size;
    return 0;
}

int store_read_deep(struct store *s, uint64_t key, char **ret, size_t *ret_n, struct err *e) {
    struct err own = {0};
    sqlite3_stmt *q = db_query(&s->db, &own, "SELECT data FROM deep_looks WHERE id = ?", "i", key);
    int rc = q ? db_next(&s->db, q, &own) : own.code;
    if (rc > 0) {
        rc = unpack_deep(s, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0), ret,
                         ret_n, &own);
        sqlite3_reset(q);
    } else if (rc == 0) {
        rc = err_set(&own, -ENODATA, "", "There is no such deep look in %s", s->db.path);
    }
    if (rc < 0 && e)
        *e = own;
    return rc;
}
