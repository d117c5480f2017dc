/* SQLite as a store uses it: statements that are prepared once, and its errors in our words. */
#ifndef MEMWHY_RECORD_DB_H
#define MEMWHY_RECORD_DB_H

#include "base/err.h"
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_APPLICATION_ID 0x6d777279 /* "mwry" */
enum { RECORD_VERSION = 1 };

struct db {
    sqlite3 *sqlite;
    char *path;
    struct db_statement *statements; /* prepared so far */
    size_t n_statements;
};

/* `flags` are sqlite3_open_v2()'s. What a hostile schema could do is switched off. */
int db_open(const char *path, int flags, struct db *ret, struct err *e);
void db_close(struct db *d);

/* The file's first page says that a recording is in it. -ENOTDIR: it is another file; -ENODATA: it
 * is empty. No descriptor is left, but locks that this process has on the file are lost with it. */
int db_sniff(const char *path, struct err *e);
/* What it says by SQLite. -ENODATA: there is nothing in it yet. */
int db_check(struct db *d, struct err *e);

/* Prepare (once; `sql` is a literal) and bind: 'i' int64_t, 't' const char * (may be NULL), 'b'
 * const void * and size_t. NULL, with `e` filled, when it cannot be. */
sqlite3_stmt *db_query(struct db *d, struct err *e, const char *sql, const char *types, ...);
/* 1: there is a row; 0: no more; or a negative errno, and the statement is reset. */
int db_next(struct db *d, sqlite3_stmt *q, struct err *e);
/* A query to its end; its rows are of no interest. */
int db_do(struct db *d, struct err *e, const char *sql, const char *types, ...);
/* The first column of its first row; `otherwise` where that is NULL or there is none. */
int db_number(struct db *d, int64_t otherwise, int64_t *ret, struct err *e, const char *sql,
              const char *types, ...);
/* Several statements without parameters. */
int db_exec(struct db *d, const char *sql, struct err *e);
/* All that `change` does, or nothing of it. */
int db_transaction(struct db *d, int (*change)(struct db *d, void *arg, struct err *e), void *arg,
                   struct err *e);
/* What SQLite said last, as `e`: -EAGAIN where it may work later (the disk is full, somebody is
 * writing), -EBADMSG where it is damaged. */
int db_failed(struct db *d, int code, struct err *e);

/* A column as text of ours: NULL where it is NULL. The caller frees it. */
char *db_text(sqlite3_stmt *q, int column);
/* A column as a number that cannot be negative; false when it is. */
bool db_u64(sqlite3_stmt *q, int column, uint64_t *ret);

#endif
