/* Suspects as text and as JSON, of a process and of a file. */
#ifndef MEMWHY_CMD_SUSPECT_ROWS_H
#define MEMWHY_CMD_SUSPECT_ROWS_H

#include "cmd/cmd.h"
#include "cmd/object_ref.h"
#include "suspects/suspects.h"

json_t *suspect_rows_json(const struct suspects *s, enum object_ref how);
/* One after the other; that there is none, when there is none. */
void suspect_rows_print(struct run *r, const struct suspects *s, enum object_ref how);

#endif
