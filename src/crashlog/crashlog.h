/* A log, read as a stream and in constant memory: which processes of Node are in it, what V8 said
 * of their heaps, and what ended them. It gathers facts; verdict.h judges them.
 *
 * Processes are told apart by the label that others put before their lines (prefix.h), by pid and
 * isolate, and by time: where the clock of an isolate goes back, another one began. */
#ifndef MEMWHY_CRASHLOG_CRASHLOG_H
#define MEMWHY_CRASHLOG_CRASHLOG_H

#include "base/err.h"
#include "base/progress.h"
#include "base/vec.h"
#include "crashlog/fatal.h"
#include "crashlog/gc_line.h"
#include "crashlog/kernel_kill.h"
#include "crashlog/prefix.h"
#include "crashlog/report_file.h"
#include "crashlog/series.h"
#include "crashlog/stack.h"

enum { CRASH_RECENT = 8, CRASH_NONE = -1, CRASH_MESSAGE = 320 };

/* A collection, and where it stands. */
struct crash_gc {
    uint64_t line;
    struct gc_line gc;
};

/* One isolate of one process. */
struct crash_process {
    int stream;
    uint64_t pid, isolate; /* 0: not said */
    uint64_t first_line, last_line;
    double first_ms, last_ms;   /* of the isolate's clock */
    uint64_t full, young;       /* collections */
    double paused_ms, steps_ms; /* for all of them together */
    double first_pause_ms;      /* of the first one, which lies before first_ms */
    struct series live;         /* after full collections, or after those that were full enough */
    struct crash_gc recent[CRASH_RECENT]; /* a ring; the last one at (recents - 1) % CRASH_RECENT */
    uint64_t recents;
    struct gc_line last_full;
    uint64_t last_full_line;
    bool in_block; /* "Last few GCs" was seen, and no FATAL ERROR yet */
    bool died;
    uint64_t seen; /* when it was last added to, for forgetting */
};

/* What comes under one label. */
struct crash_stream {
    char label[PREFIX_LABEL];
    uint64_t pid;         /* of the label */
    int process;          /* the last one that collected; CRASH_NONE */
    int death;            /* the last one, for what follows it */
    uint64_t death_until; /* a stack is looked for up to here */
    int kill;             /* a report of the kernel that is not over; CRASH_NONE */
    uint64_t kill_until;
    uint64_t block_line;  /* of "Last few GCs" whose FATAL ERROR has not come; 0 */
    uint64_t watch_until; /* every line up to here is looked at */
    bool caret; /* its last line was nothing but "^": so Node shows where an exception was thrown */
    uint64_t flag_old_mib, flag_line; /* --max-old-space-size, last seen */
    char node_version[24];
    uint64_t version_line;
    char js_frame[352]; /* of the stack before a FATAL ERROR */
    uint64_t js_line;
};

enum death_of {
    DEATH_FATAL,  /* it said so itself: fatal */
    DEATH_KERNEL, /* kill */
    DEATH_EXIT,   /* only its end is known: exit */
    DEATH_REPORT, /* a diagnostic report: report */
};

struct crash_death {
    enum death_of of;
    int stream, process, kill; /* CRASH_NONE: none */
    enum fatal_kind fatal;
    enum exit_kind exit;
    bool throws, uncaught; /* an exception; that nobody caught it is known */
    uint64_t line, times;  /* the same said again counts as the same */
    char message[CRASH_MESSAGE];
    struct stack_doing doing;
    char js_frame[352]; /* "" none */
    uint64_t js_line;
    uint64_t exit_line; /* another line tells its end, too; 0 */
};

struct crashlog {
    VEC(struct crash_stream) streams;
    VEC(struct crash_process) processes;
    VEC(struct crash_death) deaths;
    VEC(struct kernel_kill) kills;
    struct crash_report *report; /* the file is one; NULL */
    uint64_t lines, bytes, cut_lines;
    uint64_t forgotten;     /* processes beyond LIMIT_LOG_PROCESSES */
    uint64_t more_deaths;   /* beyond LIMIT_LOG_DEATHS */
    bool mixed_labels;      /* beyond LIMIT_LOG_STREAMS */
    uint64_t snapshot_line; /* "Wrote snapshot to": --heapsnapshot-near-heap-limit at work */
    uint64_t flag_old_mib, flag_line; /* seen anywhere */
    char node_version[24];
    uint64_t version_line;
};

/* Reads all of `fd`, which it takes, plain or packed. Negative errno as input_next(), or -EBADMSG
 * for a report that is none. */
int crashlog_read(int fd, struct progress *p, struct crashlog *ret, struct err *e);
void crashlog_done(struct crashlog *c);

/* The last collections, oldest first: i below the count. */
size_t crash_recent_count(const struct crash_process *p);
const struct crash_gc *crash_recent(const struct crash_process *p, size_t i);

#endif
