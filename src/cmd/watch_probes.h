/* The endpoints of all rules, asked again and again beside the watching, and which of the processes
 * that are watched answers there. */
#ifndef MEMWHY_CMD_WATCH_PROBES_H
#define MEMWHY_CMD_WATCH_PROBES_H

#include "cmd/watch_exchange.h"
#include "collect/sampler.h"
#include "watch/judge.h"

struct probe_point {
    struct web_address to;
    uint64_t timeout_ns;
    struct exchange web;
    struct watch_probe last;
    struct process_id owner; /* pid 0: not known */
    uint64_t owner_at_ns;    /* when it was looked for */
};

struct probes {
    VEC(struct probe_point) list; /* as watch_rules.endpoints */
};

int probes_new(const struct watch_rules *rules, struct probes *ret, struct err *e);
/* Asks those that are not being asked. */
void probes_ask(struct probes *p);
void probes_step(struct probes *p);
void probes_poll(const struct probes *p, struct poll_list *l);
/* Who listens there, of these: with `one` the one that is watched, else the first that has such a
 * socket, of a loopback address. */
void probes_find_owners(struct probes *p, const struct sampler_round *round, bool one);
void probes_done(struct probes *p);

#endif
