/* The chunks that `memwhy malloc` lists: --chunks each by itself, --class one class by content. */
#ifndef MEMWHY_CMD_MALLOC_CHUNKS_H
#define MEMWHY_CMD_MALLOC_CHUNKS_H

#include "cmd/cmd.h"
#include "native/chunk_list.h"

/* False when neither was asked for. -EINVAL with r->err filled. */
int malloc_chunks_wanted(struct run *r, struct chunk_list *ret, bool *ret_wanted);
/* Into the document, or as a table. */
void malloc_chunks_print(struct run *r, const struct chunk_list *l);

#endif
