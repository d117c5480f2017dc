/* Which form of text a client wants, by the Accept header of its request (RFC 9110, 12.5.1). */
#ifndef MEMWHY_SERVE_ACCEPT_H
#define MEMWHY_SERVE_ACCEPT_H

#include "report/openmetrics.h"

/* OpenMetrics where version 1.0.0 of it, or any, is asked for by name and nothing else is liked
 * better; else Prometheus' own. NULL: no such header. */
enum metric_form accept_form(const char *accept);

#endif
