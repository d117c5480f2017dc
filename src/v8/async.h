/* What waits for a job of the microtask queue: the async functions that Error().stack shows behind
 * "at async". */
#ifndef MEMWHY_V8_ASYNC_H
#define MEMWHY_V8_ASYNC_H

#include "v8/isolates.h"
#include "v8/places.h"

/* Append them to the frames of the thread that runs the isolate, if it is in such a job. Follows
 * the chain of promises as long as each has one reaction, as V8 does. */
void v8_async_frames(struct v8_places *p, const struct v8_isolate *isolate,
                     struct thread_stack *ret);

#endif
