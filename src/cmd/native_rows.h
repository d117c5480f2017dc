/* What lies outside V8's heap, as the commands about single addresses show it. */
#ifndef MEMWHY_CMD_NATIVE_ROWS_H
#define MEMWHY_CMD_NATIVE_ROWS_H

#include "base/table.h"
#include "cmd/cmd.h"
#include "native/spot.h"

/* What a look must have for addresses of both kinds. */
#define NATIVE_NEEDS (NEED_V8 | NEED_LIVENESS | NEED_MALLOC | NEED_PIECES)

/* -EINVAL with `e` filled: nothing is mapped there. */
int native_check_addr(const struct whole *whole, uint64_t addr, struct err *e);

/* Rows of who refers to `to` (0: it is not told). The caller frees the table. */
struct table *keeper_rows(const struct keepers *h, uint64_t to);
/* Rows of what it refers to itself. */
struct table *word_rows(const struct spot *s);

void spot_print(struct run *r, const struct spot *s);
json_t *spot_json(const struct spot *s);

/* Notes on what of malloc is not known; false: something that the answer needs is not. */
bool native_note_gaps(struct evidence *ev, uint64_t unread_bytes);

#endif
