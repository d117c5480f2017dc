/* Collections on their way into a recording, where they can be had one by one. */
#ifndef MEMWHY_CMD_RECORD_GCS_H
#define MEMWHY_CMD_RECORD_GCS_H

#include "record/writer.h"
#include "trace/gc_events.h"

struct record_traced {
    struct process_id id;
    uint64_t pause_ns; /* of all its collections so far */
};
struct record_gcs {
    struct gc_events *events; /* NULL: none are to be had, and `why` */
    struct err why;
    VEC(struct record_traced) traced;
};

void record_gcs_open(struct record_gcs *g);
void record_gcs_close(struct record_gcs *g);
void record_gcs_came(struct record_gcs *g, struct process_id id);
void record_gcs_went(struct record_gcs *g, struct process_id id);
/* All there are, into the round that has been begun. */
void record_gcs_take(struct record_gcs *g, struct writer *w);
/* What only they tell of a process. */
void record_gcs_add_to(const struct record_gcs *g, struct process_id id, struct sample *s);
/* Those that were not fetched in time, or not understood. */
uint64_t record_gcs_lost(const struct record_gcs *g);

#endif
