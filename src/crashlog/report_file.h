/* Node's diagnostic report (--report-on-fatalerror, process.report, from Node 11.8 on): what a
 * crash needs of it. */
#ifndef MEMWHY_CRASHLOG_REPORT_FILE_H
#define MEMWHY_CRASHLOG_REPORT_FILE_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crash_report {
    char *event, *trigger; /* "Allocation failed - JavaScript heap out of memory", "OOMError" */
    char *node_version, *js_frame, *native_stack; /* frames, one a line */
    uint64_t pid, thread_id;                      /* 0: the main thread, or not said */
    uint64_t flag_old_mib; /* of command line and NODE_OPTIONS; 0: not given */
    bool has_heap;
    uint64_t heap_used, heap_total, heap_limit, external, malloced, large_objects, old_objects;
    bool has_rss;
    uint64_t rss, constrained; /* 0: no limit, not said */
    char *error_message;
};

/* Is a text that begins so likely to be one? */
bool crash_report_begins(const char *text, size_t n);
/* -EBADMSG: no such report. */
int crash_report_parse(const char *text, size_t n, struct crash_report **ret, struct err *e);
void crash_report_free(struct crash_report *r);

/* The value of --max-old-space-size=N (or _) in a text, MiB; 0: not in it. */
uint64_t crash_flag_mib(const char *text, const char *flag);

#endif
