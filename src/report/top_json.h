/* A process of `memwhy top` as JSON. */
#ifndef MEMWHY_REPORT_TOP_JSON_H
#define MEMWHY_REPORT_TOP_JSON_H

#include "report/top_figures.h"
#include <jansson.h>

/* All that is known of it: the fields of its sample by their names, and what two samples say
 * together. The caller owns it. */
json_t *top_process_json(const struct top_process *p);

#endif
