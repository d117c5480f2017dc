/* What is older than its tier keeps goes, and when the file may not be so large, what is oldest. */
#ifndef MEMWHY_RECORD_EXPIRE_H
#define MEMWHY_RECORD_EXPIRE_H

#include "record/db.h"

/* `max_bytes` 0: any size. */
int expire(struct db *d, uint64_t now_ms, uint64_t max_bytes, struct err *e);

#endif
