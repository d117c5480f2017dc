/* What a rule of `memwhy watch` says: conditions on what is known of a process, and what is to be
 * done when they hold. The language, with ... for "and so on", [ ] for what may be left out:
 *
 *     rule      = when CONDITION [and CONDITION ...] [for TIME | for N of M]
 *                 then ACTION [, ACTION ...] [once] [cooldown TIME] [budget SIZE]
 *     CONDITION = WHAT (> | >= | < | <=) LIMIT [over TIME | within TIME]
 *               | http URL fails
 *     WHAT      = FIELD | rate(FIELD) | slope(FIELD) | floor(FIELD) | FIELD step | gc_time
 *               | headroom(LIMIT_FIELD) | time_to(LIMIT_FIELD) | http URL latency
 *     LIMIT     = 500MB | 1MB/min | 20% | 500ms | 12 | 90% of FIELD
 *     ACTION    = print | run "COMMAND" [timeout TIME] | capture "DIR" [redact]
 *               | snapshot "DIR" [redact] | growth [for TIME] | webhook URL
 *
 * FIELD is a name of model/sample.h, LIMIT_FIELD heap_limit or cgroup_limit. A rule begins with its
 * `when` and ends where the next begins; # begins a comment. Sizes are powers of two, as in
 * options. */
#ifndef MEMWHY_WATCH_RULE_H
#define MEMWHY_WATCH_RULE_H

#include "base/vec.h"
#include "model/sample.h"

enum watch_measure {
    WATCH_VALUE,
    WATCH_RATE,  /* of a cumulative field, by the second */
    WATCH_SLOPE, /* by the second, with its interval */
    WATCH_FLOOR, /* the least in the window: below the saw of collections */
    WATCH_STEP,  /* how far it rose within the window */
    WATCH_HEADROOM,
    WATCH_TIME_TO, /* the limit, at the present slope */
    WATCH_LATENCY, /* of an endpoint */
    WATCH_FAILS,   /* the endpoint gives no answer, or one of 500 and above */
    WATCH_MEASURES
};

enum watch_unit {
    WATCH_BYTES,
    WATCH_COUNT,
    WATCH_TIME, /* nanoseconds */
    WATCH_BYTES_PER_S,
    WATCH_COUNT_PER_S,
    WATCH_SHARE, /* of time: 1 is all of it */
    WATCH_UNITS
};

enum watch_compare { WATCH_OVER, WATCH_AT_LEAST, WATCH_UNDER, WATCH_AT_MOST };

struct watch_term {
    enum watch_measure measure;
    enum sample_field field; /* of WATCH_HEADROOM and WATCH_TIME_TO what fills the limit */
    enum sample_field bound; /* of those two: the limit */
    size_t endpoint;         /* of WATCH_LATENCY and WATCH_FAILS: in watch_rules.endpoints */
    enum watch_compare compare;
    enum watch_unit unit;
    double limit; /* in that unit; with is_part the part of `of` that counts: 0.9 */
    bool is_part;
    enum sample_field of;
    uint64_t window_ns; /* 0: has none */
};

enum watch_deed {
    WATCH_PRINT,
    WATCH_RUN,
    WATCH_CAPTURE,
    WATCH_SNAPSHOT,
    WATCH_GROWTH,
    WATCH_WEBHOOK,
    WATCH_DEEDS
};

struct watch_action {
    enum watch_deed deed;
    char *text; /* a command, a folder or a URL; NULL without */
    bool redact;
    uint64_t time_ns; /* run: its time limit; growth: for how long it looks */
};

struct watch_rule {
    unsigned line;
    char *text; /* as written, on one line, without comments */
    VEC(struct watch_term) terms;
    uint64_t for_ns;     /* 0: at once */
    unsigned of_n, of_m; /* N of the last M observations; 0: not so */
    VEC(struct watch_action) actions;
    bool once;
    bool has_cooldown; /* it was given: then what still holds after it fires again */
    uint64_t cooldown_ns;
    uint64_t budget_bytes; /* of files in a folder it writes to */
};

struct watch_rules {
    VEC(struct watch_rule) list;
    VEC(char *) endpoints; /* URLs, each once */
};

void watch_rules_done(struct watch_rules *r);

/* It writes a file or takes a look, which costs the process something. */
bool watch_action_is_heavy(const struct watch_action *a);
bool watch_rule_is_heavy(const struct watch_rule *r);
/* It asks an endpoint. */
bool watch_rule_asks(const struct watch_rule *r, size_t *ret_endpoint);
/* The measure needs what was before, not only the last sample. */
bool watch_term_has_window(const struct watch_term *t);

const char *watch_deed_name(enum watch_deed d);       /* "snapshot" */
const char *watch_compare_sign(enum watch_compare c); /* ">" */
/* "bytes", "count", "ns", "bytes_per_second", "count_per_second", "share": in JSON. */
const char *watch_unit_name(enum watch_unit u);

#endif
