/* A rule that fired, and its actions, done one after the other beside the watching. */
#ifndef MEMWHY_CMD_WATCH_ALARM_H
#define MEMWHY_CMD_WATCH_ALARM_H

#include "cmd/watch_child.h"
#include "cmd/watch_events.h"
#include "cmd/watch_files.h"

/* What takes a look at a process is done by one memwhy of this host at a time (of this network
 * namespace, strictly: a name that goes away with who has it). */
struct heavy_turn {
    int fd; /* -1: it is nobody's of ours */
};

struct alarm {
    const struct watch_rules *rules;
    size_t rule;
    uint64_t number;
    struct watch_who who; /* pid 0: no process is known for it */
    struct sample sample;
    json_t *event;              /* what was said, and is posted */
    struct watch_reading first; /* of the first condition: what a command is told */
    size_t next;                /* the action under way, or to come */
    bool going;
    struct child child;
    struct exchange web;
    unsigned tries;
    uint64_t again_ns; /* the next try, by the monotonic clock */
    uint64_t waits_ns; /* since when it waits for its turn; 0: it does not */
    struct watch_place place;
    char *file; /* the last one that was written */
    bool has_turn;
    bool hurried;
};

struct alarm_how {
    struct run *run;
    bool dry;
    struct heavy_turn *turn;
    const struct web_book *book; /* of all webhooks */
};

/* Takes `event` and `who` over. */
struct alarm *alarm_new(const struct watch_rules *rules, size_t rule, uint64_t number,
                        struct watch_who *who, const struct sample *s, json_t *event,
                        const struct watch_reading *first);
/* As far as it goes without waiting; true when all is done. */
bool alarm_step(struct alarm *a, const struct alarm_how *how);
/* What runs is told to end, and what has not begun is not done. */
void alarm_hurry(struct alarm *a);
void alarm_poll(const struct alarm *a, struct poll_list *l);
/* A child of it is running: nothing wakes us when it ends. */
bool alarm_has_child(const struct alarm *a);
void alarm_free(struct alarm *a, const struct alarm_how *how);

#endif
