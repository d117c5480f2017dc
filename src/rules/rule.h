/* A rule: one file src/rules/NAME.c that defines `const struct rule rule_NAME` (dashes as
 * underscores), a pure function from evidence to findings. The build lists the folder, so adding a
 * rule touches one file and its tests.
 *
 * A rule sees plain data only. It adds a finding when the evidence shows its cause to explain a
 * part of the memory worth saying (rule_worth_saying), and is silent otherwise. It never guesses:
 * what one look cannot decide goes to `undecided`, with the command that decides it. */
#ifndef MEMWHY_RULES_RULE_H
#define MEMWHY_RULES_RULE_H

#include "model/finding.h"

struct rule {
    const char *id;    /* the cause */
    const char *title; /* one line */
    void (*check)(const struct evidence *ev, struct diagnosis *ret);
};

extern const struct rule *const rules[]; /* made by the build; ends with NULL */

/* Run all rules, rank what they found by the bytes it explains, and word the verdict. */
void rules_run(const struct evidence *ev, struct diagnosis *ret);

/* Is this much worth a finding? At least 8 MiB and a tenth of what is resident. */
bool rule_worth_saying(const struct evidence *ev, uint64_t bytes);

/* RSS of the account: the kernel's, or for a core the sum of what it holds. */
uint64_t rule_rss(const struct evidence *ev);

/* The TARGET of commands that the evidence suggests to the user ("1234", "core.1234"). */
const char *rule_target(const struct evidence *ev, char buf[32]);

#endif
