/* A full collection between two looks, for the commands that have one made. */
#ifndef MEMWHY_CMD_COLLECTING_H
#define MEMWHY_CMD_COLLECTING_H

#include "cmd/inspecting.h"
#include "model/collection.h"

struct collecting {
    struct evidence before, after;
    bool foretold; /* else it was not known what lives */
    struct collection before_says;
    uint64_t took_ns; /* from the request to the answer; the main thread stood still for less */
};

/* Only the collection, and the sweeping after it. */
int collecting_collect(struct run *r, struct inspecting *i, uint64_t *ret_ns);

/* Looks, collects, looks. The caller ends `ret` with collecting_done(). */
int collecting_run(struct run *r, struct inspecting *i, const char *pid, struct collecting *ret);
void collecting_done(struct collecting *c);

/* By how much RSS fell; 0 when it rose. */
uint64_t collecting_freed(const struct collecting *c);
/* What was foretold beside what came of it; nothing where nothing was. */
void collecting_print(FILE *out, const struct collecting *c, unsigned width);
/* before, after, predicted_bytes, freed_bytes, pause_ns, ... */
void collecting_json(json_t *doc, const struct collecting *c);

#endif
