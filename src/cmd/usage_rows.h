/* What a process says of its memory beside what memwhy sees of it. */
#ifndef MEMWHY_CMD_USAGE_ROWS_H
#define MEMWHY_CMD_USAGE_ROWS_H

#include "base/table.h"
#include "model/evidence.h"

/* An expression of JavaScript that gives all the process knows, as one object: memory, heap,
 * spaces, resources, cpu, versions, arguments, ... On Node 12 and later. */
extern const char usage_expression[];

/* `said`: what that gave. Hostile: any member may be missing or of another kind; its row then has
 * no figure. The caller frees the tables. */
struct table *usage_rows(const json_t *said, const struct evidence *seen);
struct table *usage_space_rows(const json_t *said, const struct evidence *seen);

/* Options on its command line and in NODE_OPTIONS that are V8's flags, with their values now. */
struct table *usage_flag_rows(const json_t *said, const struct evidence *seen);

#endif
