/* Ways from a root as text and as JSON, of a process and of a file. */
#ifndef MEMWHY_CMD_PATH_ROWS_H
#define MEMWHY_CMD_PATH_ROWS_H

#include "cmd/cmd.h"
#include "cmd/object_ref.h"
#include "collect/paths.h"

json_t *path_rows_json(const struct paths *p, enum object_ref how);
void path_rows_print(struct run *r, const struct paths *p, enum object_ref how);

#endif
