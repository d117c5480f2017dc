/* What came of an action, for people and as JSON. */
#ifndef MEMWHY_CMD_WATCH_OUTCOME_H
#define MEMWHY_CMD_WATCH_OUTCOME_H

#include "cmd/watch_child.h"
#include "cmd/watch_files.h"
#include "watch/rule.h"
#include <jansson.h>

struct outcome {
    const char *kind; /* "done", "refused", "failed", "timed-out", "dry-run" */
    char *why, *hint; /* sentences; NULL or "": none */
    char *file;       /* that was written; NULL: none */
    uint64_t file_bytes;
    uint64_t took_ns;
    uint64_t pause_ns; /* the process was held; with has_pause */
    bool has_pause, partial, has_code;
    int code; /* of a command: its exit code; of a webhook: the status */
    unsigned removed;
    uint64_t removed_bytes;
    unsigned tries;
    char *output;   /* of a command */
    json_t *growth; /* of that look: what grows */
};

/* Of a child that has ended; `place` is where its file was to go. */
void outcome_of_child(const struct child *c, enum watch_deed deed, const struct watch_place *place,
                      struct outcome *ret);
void outcome_of_exchange(const struct exchange *x, unsigned tries, struct outcome *ret);
void outcome_done(struct outcome *o);

json_t *outcome_json(const struct outcome *o, const char *deed);
/* `text` is the action's, NULL without; the caller frees what is returned. */
char *outcome_words(const struct outcome *o, const char *text);

#endif
