/* A round as it is written at once: a sample of each process, each to be found without reading the
 * others. After a minute rounds become blocks (record/fold.h). */
#ifndef MEMWHY_RECORD_ROUND_H
#define MEMWHY_RECORD_ROUND_H

#include "record/points.h"

void round_put_sample(struct packed *round, uint64_t process_key, const struct sample *s);

/* The samples of a round, one after the other: `*u` begins as all its bytes. */
struct round_entry {
    uint64_t process_key;
    struct unpacking sample; /* for round_read_sample() */
};
/* False at the end, and when the rest is bad (u->bad). */
bool round_next(struct unpacking *u, struct round_entry *ret);
/* -EBADMSG when it is no sample. Space sizes are not kept. */
int round_read_sample(const struct round_entry *e, struct sample *ret);

#endif
