/* Promises: their state, and what waits for it. */
#ifndef MEMWHY_V8_PROMISES_H
#define MEMWHY_V8_PROMISES_H

#include "v8/objects.h"

struct v8_promise {
    enum { PROMISE_PENDING, PROMISE_FULFILLED, PROMISE_REJECTED } state;
    uint64_t result;    /* of a settled one */
    uint64_t reactions; /* of a pending one: the first; a Smi when there are none */
    bool is_handled;
};

/* -EBADMSG when it is none. */
int v8_promise_read(struct v8_objects *o, uint64_t promise, struct v8_promise *ret);
const char *v8_promise_state(const struct v8_promise *p); /* "pending" */

/* What happens when it is settled: handlers are functions or undefined. */
struct v8_reaction {
    uint64_t next; /* the one added before it; a Smi at the end */
    uint64_t on_rejected, on_fulfilled, target;
    uint64_t generator; /* the async function or generator that awaits it, or 0 */
};
/* -EBADMSG when it is none. */
int v8_reaction_read(struct v8_objects *o, uint64_t reaction, struct v8_reaction *ret);

#endif
