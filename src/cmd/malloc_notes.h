/* What is not known of malloc, for every command that shows it. */
#ifndef MEMWHY_CMD_MALLOC_NOTES_H
#define MEMWHY_CMD_MALLOC_NOTES_H

#include "model/evidence.h"

/* Each gap of ev->malloc as a note. */
void malloc_notes_add(struct evidence *ev);

#endif
