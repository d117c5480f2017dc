/* What is said of a series: a sentence, and JSON. Prints nothing; judges nothing. */
#ifndef MEMWHY_REPORT_TREND_H
#define MEMWHY_REPORT_TREND_H

#include "model/trend.h"
#include <jansson.h>

/* "growing 3.1 MiB/h (95 %: 2.7 to 3.4), reaches V8's limit of 2.0 GiB on Tuesday"; the caller
 * frees it. `end_ns`: when the series ended, since 1970. */
char *report_trend_text(const struct trend_row *row, uint64_t end_ns);
json_t *report_trend_json(const struct trend_row *row, uint64_t end_ns);
/* All of them, with what they rest on. */
json_t *report_trends_json(const struct trends *t);

#endif
