/* What is not known of malloc, for every command that shows it. */
#ifndef MEMWHY_CMD_MALLOC_NOTES_H
#define MEMWHY_CMD_MALLOC_NOTES_H

#include "cmd/cmd.h"
#include "model/evidence.h"

/* Each gap of ev->malloc as a note. */
void malloc_notes_add(struct evidence *ev);

/* For commands that need glibc's chunks, where there are none: fills r->err, ends `ev`, gives the
 * code to return. */
int malloc_refuse(struct run *r, struct evidence *ev);

#endif
