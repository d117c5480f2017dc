/* A heap's summary as JSON, to be compared with later ones. */
#ifndef MEMWHY_GROWTH_SUMMARY_KEEP_H
#define MEMWHY_GROWTH_SUMMARY_KEEP_H

#include "growth/heap_summary.h"
#include <jansson.h>

json_t *heap_summary_to_json(const struct heap_summary *s);
/* -EBADMSG: it does not hold together. `ret` is valid only on success, and keeps its `earlier`. */
int heap_summary_of_json(const json_t *j, struct heap_summary *ret, struct err *e);

#endif
