#include "record/db.h"

#include "base/limits.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 300, STATEMENTS_MOST = 64 };

struct db_statement {
    const char *sql;
    sqlite3_stmt *prepared;
};

int db_failed(struct db *d, int code, struct err *e) {
    const char *what = d->sqlite ? sqlite3_errmsg(d->sqlite) : sqlite3_errstr(code);
    switch (code & 0xff) {
    case SQLITE_FULL:
        return err_set(e, -EAGAIN, "", "The disk of %s is full", d->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(e, -EAGAIN, "", "%s is being written by another program", d->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(e, -EBADMSG, "sqlite3's .recover saves what can still be read.",
                       "The recording %s is damaged (%s)", d->path, what);
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_ERROR: /* such as a column that is not there */
        return err_set(e, -EBADMSG, "", "The recording %s is not as memwhy writes it (%s)", d->path,
                       what);
    default:
        return err_set(e, -EAGAIN, "", "%s cannot be written or read (%s)", d->path, what);
    }
}

static void make_safe(sqlite3 *sqlite) {
    sqlite3_extended_result_codes(sqlite, 1);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_limit(sqlite, SQLITE_LIMIT_LENGTH, LIMIT_RECORD_BLOB);
    sqlite3_busy_timeout(sqlite, BUSY_MS);
}

int db_open(const char *path, int flags, struct db *ret, struct err *e) {
    struct db d = {.path = mem_strdup(path)};
    int code = sqlite3_open_v2(path, &d.sqlite, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        int rc = db_failed(&d, code, e);
        db_close(&d);
        return rc;
    }
    make_safe(d.sqlite);
    d.statements = mem_zalloc(STATEMENTS_MOST * sizeof *d.statements);
    *ret = d;
    return 0;
}

void db_close(struct db *d) {
    for (size_t i = 0; i < d->n_statements; i++)
        sqlite3_finalize(d->statements[i].prepared);
    sqlite3_close(d->sqlite);
    free(d->statements);
    free(d->path);
    *d = (struct db){0};
}

static int not_one(const char *path, struct err *e) {
    return err_set(e, -ENOTDIR, "memwhy record -o FILE.db makes one.", "%s is no recording", path);
}

/* https://www.sqlite.org/fileformat.html#the_database_header */
int db_sniff(const char *path, struct err *e) {
    enum { HEADER = 100, APPLICATION_ID = 68 };
    uint8_t head[HEADER], *id = head + APPLICATION_ID;
    struct stat st;
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(e, -errno, "", "%s cannot be opened (%s)", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return not_one(path, e);
    if (st.st_size == 0)
        return err_set(e, -ENODATA, "", "%s is empty", path);
    if (pread(fd, head, sizeof head, 0) != sizeof head || memcmp(head, "SQLite format 3", 16) != 0)
        return not_one(path, e);
    uint32_t found =
        (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | (uint32_t)id[3];
    return found == RECORD_APPLICATION_ID ? 0 : not_one(path, e);
}

int db_check(struct db *d, struct err *e) {
    int64_t id = 0, version = 0, things = 0, others = 0;
    int rc = db_number(d, 0, &id, e, "PRAGMA application_id", "");
    if (rc == 0)
        rc = db_number(d, 0, &version, e, "PRAGMA user_version", "");
    if (rc == 0)
        rc = db_number(d, 0, &things, e, "SELECT count(*) FROM sqlite_schema", "");
    if (rc == 0)
        rc = db_number(d, 0, &others, e,
                       "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index') "
                       "OR sql LIKE 'CREATE VIRTUAL%'",
                       "");
    if (rc < 0)
        return rc;
    if (!id && !things)
        return -ENODATA;
    if (id != RECORD_APPLICATION_ID)
        return not_one(d->path, e);
    if (version > RECORD_VERSION)
        return err_set(e, -ENOTSUP, "Read it with that one.",
                       "%s was written by a newer memwhy (its version is %lld, ours %d)", d->path,
                       (long long)version, RECORD_VERSION);
    if (others)
        return err_set(e, -EBADMSG, "", "%s has views or triggers, which no recording has",
                       d->path);
    return 0;
}

static int bind(sqlite3_stmt *q, const char *types, va_list values) {
    int code = SQLITE_OK;
    for (int i = 1; *types && code == SQLITE_OK; i++, types++) {
        if (*types == 'i') {
            code = sqlite3_bind_int64(q, i, va_arg(values, int64_t));
        } else if (*types == 't') {
            code = sqlite3_bind_text(q, i, va_arg(values, const char *), -1, SQLITE_STATIC);
        } else {
            const void *bytes = va_arg(values, const void *);
            code = sqlite3_bind_blob64(q, i, bytes, va_arg(values, size_t), SQLITE_STATIC);
        }
    }
    return code;
}

static int prepare(struct db *d, const char *sql, sqlite3_stmt **ret) {
    for (size_t i = 0; i < d->n_statements; i++)
        if (d->statements[i].sql == sql) {
            *ret = d->statements[i].prepared;
            return SQLITE_OK;
        }
    if (d->n_statements == STATEMENTS_MOST) /* more literals than this module has */
        return SQLITE_ERROR;
    int code = sqlite3_prepare_v3(d->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    if (code == SQLITE_OK)
        d->statements[d->n_statements++] = (struct db_statement){sql, *ret};
    return code;
}

static sqlite3_stmt *query(struct db *d, struct err *e, const char *sql, const char *types,
                           va_list values) {
    sqlite3_stmt *q = NULL;
    int code = prepare(d, sql, &q);
    if (code == SQLITE_OK) {
        sqlite3_reset(q);
        code = bind(q, types, values);
    }
    if (code == SQLITE_OK)
        return q;
    db_failed(d, code, e);
    return NULL;
}

sqlite3_stmt *db_query(struct db *d, struct err *e, const char *sql, const char *types, ...) {
    va_list values;
    va_start(values, types);
    sqlite3_stmt *q = query(d, e, sql, types, values);
    va_end(values);
    return q;
}

int db_next(struct db *d, sqlite3_stmt *q, struct err *e) {
    int code = sqlite3_step(q);
    if (code == SQLITE_ROW)
        return 1;
    int rc = code == SQLITE_DONE ? 0 : db_failed(d, code, e);
    sqlite3_reset(q);
    return rc;
}

/* Of a query that could not be prepared. */
static int code_of(const struct err *e) {
    return e->code ? e->code : -EBADMSG;
}

static int run(struct db *d, sqlite3_stmt *q, struct err *e) {
    int rc;
    while ((rc = db_next(d, q, e)) > 0)
        continue;
    return rc;
}

int db_do(struct db *d, struct err *e, const char *sql, const char *types, ...) {
    struct err own = {0};
    va_list values;
    va_start(values, types);
    sqlite3_stmt *q = query(d, &own, sql, types, values);
    va_end(values);
    int rc = q ? run(d, q, &own) : code_of(&own);
    if (rc < 0 && e)
        *e = own;
    return rc;
}

int db_number(struct db *d, int64_t otherwise, int64_t *ret, struct err *e, const char *sql,
              const char *types, ...) {
    struct err own = {0};
    va_list values;
    va_start(values, types);
    sqlite3_stmt *q = query(d, &own, sql, types, values);
    va_end(values);
    int rc = q ? db_next(d, q, &own) : code_of(&own);
    if (rc < 0) {
        if (e)
            *e = own;
        return rc;
    }
    bool there = rc > 0 && sqlite3_column_type(q, 0) != SQLITE_NULL;
    *ret = there ? sqlite3_column_int64(q, 0) : otherwise;
    sqlite3_reset(q);
    return 0;
}

int db_exec(struct db *d, const char *sql, struct err *e) {
    int code = sqlite3_exec(d->sqlite, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : db_failed(d, code, e);
}

int db_transaction(struct db *d, int (*change)(struct db *d, void *arg, struct err *e), void *arg,
                   struct err *e) {
    int rc = db_exec(d, "BEGIN IMMEDIATE", e);
    if (rc < 0)
        return rc;
    rc = change(d, arg, e);
    if (rc == 0)
        rc = db_exec(d, "COMMIT", e);
    if (rc < 0 && !sqlite3_get_autocommit(d->sqlite)) /* some errors have rolled it back already */
        db_exec(d, "ROLLBACK", NULL);
    return rc;
}

char *db_text(sqlite3_stmt *q, int column) {
    const unsigned char *text = sqlite3_column_text(q, column);
    return text ? mem_strdup((const char *)text) : NULL;
}

bool db_u64(sqlite3_stmt *q, int column, uint64_t *ret) {
    int64_t v = sqlite3_column_int64(q, column);
    if (v < 0)
        return false;
    *ret = (uint64_t)v;
    return true;
}
