/* What a watching says, as it happens: a line of text or of JSON for each event. */
#ifndef MEMWHY_CMD_WATCH_EVENTS_H
#define MEMWHY_CMD_WATCH_EVENTS_H

#include "cmd/cmd.h"
#include "collect/sampler.h"
#include "watch/process.h"

/* "alarm", "action", ...: with the time, now. The caller fills it and gives it to event_say(). */
json_t *event_new(const char *kind);
/* Prints the event, or the text that says the same behind the time. Takes both over; what is of a
 * process is made printable here. */
void event_say(struct run *r, json_t *event, char *text);

/* Who it is; all of it may be absent. */
struct watch_who {
    struct process_id id; /* pid 0: no process */
    char *name, *command, *version;
};
void watch_who_of(const struct sampled_process *p, struct watch_who *ret);
void watch_who_copy(const struct watch_who *w, struct watch_who *ret);
void watch_who_done(struct watch_who *w);
json_t *watch_who_json(const struct watch_who *w);

/* What is known of it, by the fields' names, and when. */
json_t *sample_json(const struct sample *s);
/* "rss 62.1 MiB, heap 5.2 of 40.0 MiB, limit 4.1 GiB"; the caller frees it. */
char *sample_words(const struct sample *s);

json_t *rule_json(const struct watch_rules *rules, size_t rule);
/* One for each term: what was read, what it was compared with. */
json_t *readings_json(const struct watch_rules *rules, size_t rule,
                      const struct watch_reading *readings);
/* All of them in words, with "; " between; only those that are `only`, unless that is -1. */
char *readings_words(const struct watch_rules *rules, size_t rule,
                     const struct watch_reading *readings, int only);

#endif
