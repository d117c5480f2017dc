/* Evidence as JSON, to be kept and judged later as if it had just been seen: all of it but what is
 * as large as the heap (chunks, stacks, handles, V8's pages and stores) and smaps. */
#ifndef MEMWHY_MODEL_EVIDENCE_KEEP_H
#define MEMWHY_MODEL_EVIDENCE_KEEP_H

#include "base/err.h"
#include "model/evidence.h"

json_t *evidence_to_json(const struct evidence *ev);

/* What stands there may come from anywhere: everything that is taken for granted of evidence is
 * checked. -EBADMSG; `ret` is valid only on success. */
int evidence_of_json(const json_t *j, struct evidence *ret, struct err *e);

#endif
