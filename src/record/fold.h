/* The thinning out of a store: rounds become blocks of a minute, blocks are summed up into those of
 * the next tier as soon as its span is over, and what is older than its tier keeps goes. Everything
 * is made from what the store has, so being killed between two steps loses nothing. */
#ifndef MEMWHY_RECORD_FOLD_H
#define MEMWHY_RECORD_FOLD_H

#include "record/db.h"

struct fold {
    uint64_t now_ms;    /* in: the last round's time */
    uint64_t max_bytes; /* in: of the file; 0: any */
    uint64_t damaged;   /* counted up: blocks and rounds that could not be read */
};

/* All that is due; some of it, when it is much. */
int fold_due(struct db *d, struct fold *f, struct err *e);

#endif
