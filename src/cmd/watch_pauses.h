/* The pauses of collections of the processes that are watched, where a rule asks for them: what the
 * kernel is told of each collection (trace/gc_events.h), added up. */
#ifndef MEMWHY_CMD_WATCH_PAUSES_H
#define MEMWHY_CMD_WATCH_PAUSES_H

#include "base/vec.h"
#include "model/sample.h"
#include "watch/rule.h"

struct gc_events;

struct watch_pauses_row {
    struct process_id id;
    uint64_t pause_ns; /* since it is watched */
    bool traced;
    char why[200]; /* not traced */
};

struct watch_pauses {
    bool wanted;              /* by any rule */
    struct gc_events *events; /* NULL: none to be had, and `why` */
    char why[200];
    VEC(struct watch_pauses_row) rows;
};

void watch_pauses_begin(const struct watch_rules *rules, struct watch_pauses *ret);
void watch_pauses_welcome(struct watch_pauses *g, struct process_id id);
void watch_pauses_part(struct watch_pauses *g, struct process_id id);
/* What happened since the last time. */
void watch_pauses_fetch(struct watch_pauses *g);
/* Sets SAMPLE_GC_PAUSE_NS, unless the sample has it. Why it is not known, or NULL. */
const char *watch_pauses_sample(const struct watch_pauses *g, struct process_id id,
                                struct sample *s);
void watch_pauses_done(struct watch_pauses *g);

#endif
