/* What `memwhy compare` and `memwhy growth` show of their looks. */
#ifndef MEMWHY_CMD_GROWTH_REPORT_H
#define MEMWHY_CMD_GROWTH_REPORT_H

#include "cmd/cmd.h"
#include "growth/growth.h"
#include "growth/heap_summary.h"
#include "model/evidence.h"

struct growth_side {
    const char *target;
    struct evidence ev;
    struct heap_summary summary;
    double seconds;   /* since the look before; 0: not known */
    uint64_t wall_ns; /* of a recorded one: when it was taken; 0: see the target */
};

struct growth_report {
    struct growth_side side[GROWTH_LOOKS_MAX];
    size_t n;
    bool same_process; /* all of one process */
    bool is_watched;   /* `growth` took them */
    struct growth_list list;
};

/* Do both show one process? `ret_why_not`: a part of a sentence. */
bool growth_same_process(const struct evidence *a, const struct evidence *b,
                         const char **ret_why_not);

/* Print it, or fill the document; returns the exit code. */
int growth_report_show(struct run *r, const struct growth_report *g);
/* Only what holds what has grown, and what may have: nothing when nothing has. */
void growth_report_print_holders(struct run *r, const struct growth_report *g);
/* The same as `containers` and `undecided` of that object. */
void growth_report_put_holders(json_t *to, const struct growth_report *g);
void growth_report_done(struct growth_report *g);

#endif
