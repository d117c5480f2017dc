/* What `memwhy malloc` says of an allocator that is not glibc's. */
#ifndef MEMWHY_CMD_MALLOC_OWN_H
#define MEMWHY_CMD_MALLOC_OWN_H

#include "cmd/cmd.h"
#include "model/malloc_census.h"

void malloc_own_print(struct run *r, const struct malloc_census *c);
/* An object per state that has memory; NULL when the allocator was not walked. */
json_t *malloc_own_json(const struct malloc_census *c);

#endif
