/* Collections as a store keeps them: each one of a round; of a process and a minute, with sums by
 * kind and each one up to a number; sums of the minutes of an hour. */
#ifndef MEMWHY_RECORD_GCS_H
#define MEMWHY_RECORD_GCS_H

#include "model/sample.h"
#include "record/packed.h"

struct gc {
    uint64_t process_key;
    uint64_t time_us; /* of the store */
    uint64_t pause_ns;
    uint64_t isolate;
    enum gc_kind kind;
    uint32_t reason; /* its number in the store; 0 unknown */
    uint64_t before_bytes, after_bytes;
};
struct gcs {
    VEC(struct gc) list;
};

/* All of one kind in a minute. */
struct gc_sum {
    uint64_t minute_ms; /* its beginning */
    enum gc_kind kind;
    uint64_t count, pause_ns, longest_ns, freed_bytes;
    uint64_t before_bytes, after_bytes; /* of the last; 0 unknown */
};
struct gc_sums {
    VEC(struct gc_sum) list;
};

/* One of a round, appended; and all of them, appended. */
void gcs_put(struct packed *round, const struct gc *gc);
int gcs_unpack_round(const void *bytes, size_t n, struct gcs *ret);

/* By kind: of those of one minute. */
void gcs_sum(const struct gcs *of_a_minute, uint64_t minute_ms, struct gc_sums *ret);

/* The block of a minute of one process: its sums, and the first LIMIT_RECORD_GCS one by one. */
void gcs_pack(const struct gcs *g, uint64_t minute_ms, struct packed *ret);
/* Either may be NULL. -EBADMSG when it is none; what was appended is taken away again. */
int gcs_unpack(const void *bytes, size_t n, uint64_t minute_ms, struct gcs *ret,
               struct gc_sums *ret_sums);

/* The block of an hour: sums alone. */
void gc_sums_pack(const struct gc_sums *s, uint64_t start_ms, struct packed *ret);
int gc_sums_unpack(const void *bytes, size_t n, uint64_t start_ms, struct gc_sums *ret);

void gcs_done(struct gcs *g);
void gc_sums_done(struct gc_sums *s);

#endif
