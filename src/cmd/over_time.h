/* A process watched for a while, for `explain --for`: its counters all the time, and looks that
 * tell what lives from garbage, so many that they take less than a tenth of memwhy's time. */
#ifndef MEMWHY_CMD_OVER_TIME_H
#define MEMWHY_CMD_OVER_TIME_H

#include "cmd/cmd.h"
#include "cmd/growth_report.h"

/* Fills `g` with the looks at the beginning, in the middle and at the end that tell what holds
 * what; the evidence of the last of them is a whole one and has the trends. `needs`: of that one.
 * On success the caller ends it with growth_report_done(). -EINVAL for what does not run. */
int over_time_watch(struct run *r, const char *target, uint64_t for_ns, unsigned needs,
                    struct growth_report *g);

#endif
