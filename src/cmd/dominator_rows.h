/* A dominator tree as a table, of a process and of a file. */
#ifndef MEMWHY_CMD_DOMINATOR_ROWS_H
#define MEMWHY_CMD_DOMINATOR_ROWS_H

#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/object_ref.h"
#include "collect/dominators.h"

struct table *dominator_rows(const struct run *r, const struct dominators *d, enum object_ref how);

#endif
