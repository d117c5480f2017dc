/* What the parts of reading a store share. */
#ifndef MEMWHY_RECORD_STORE_INSIDE_H
#define MEMWHY_RECORD_STORE_INSIDE_H

#include "base/limits.h"
#include "record/db.h"
#include "record/store.h"
#include "record/tiers.h"

struct store_clock {
    uint64_t time_ms;
    int64_t ahead_ms;
};

struct store {
    struct db db;
    VEC(struct store_clock) clock;           /* ascending by time */
    uint64_t end_ms;                         /* of what was in it when it was opened */
    char *reasons[LIMIT_RECORD_REASONS + 1]; /* by number; NULL unknown */
};

/* A column that is a time; false when it cannot be one. */
bool store_column_time(sqlite3_stmt *q, int column, uint64_t *ret_ms);
/* Milliseconds of a time that is asked for, as SQLite wants it. */
int64_t store_ms(uint64_t time_ns);
/* A row of what is called `what`, of a query that goes on. */
int store_each(struct store *s, sqlite3_stmt *q, void (*row)(sqlite3_stmt *q, void *arg), void *arg,
               struct err *e);

#endif
