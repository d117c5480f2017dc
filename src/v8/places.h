/* Places in source text: script, line and column of a bytecode, as Error().stack prints them. */
#ifndef MEMWHY_V8_PLACES_H
#define MEMWHY_V8_PLACES_H

#include "model/stack.h"
#include "v8/functions.h"
#include "v8/positions.h"
#include "v8/scripts.h"

struct v8_places {
    struct v8_objects *o;
    const struct v8_bytecode_sizes *sizes;
    struct v8_scripts scripts;
    int positions_format; /* of a build between two that are known; 0 until a table has shown it */
};

/* Where a function is that has no line of its own (`offset` PLACE_FUNCTION), or where the bytecode
 * at `offset` of `bytecode` came from. Sets script, line_kind, line and column of `ret`; V8 keeps a
 * table of positions only of functions that were on a stack that was printed, so that a line may be
 * known of the function only. */
enum { PLACE_FUNCTION = INT32_MIN };
void v8_place_set(struct v8_places *p, const struct v8_shared *s, uint64_t bytecode, int32_t offset,
                  struct stack_frame *ret);
/* "/app/server.js:12:3" of a position in a script; NULL: not known. The caller frees. */
char *v8_place_at(struct v8_places *p, uint64_t script, uint32_t position);

#endif
