/* The rounds of a minute become a block for each process. */
#ifndef MEMWHY_RECORD_FOLD_MINUTE_H
#define MEMWHY_RECORD_FOLD_MINUTE_H

#include "record/db.h"

struct fold_minute {
    uint64_t start_ms;
    uint64_t damaged; /* counted up */
};

/* For db_transaction(). */
int fold_minute(struct db *d, void *minute, struct err *e);

#endif
