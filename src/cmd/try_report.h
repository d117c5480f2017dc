/* What a trial says: the table of settings, what of it is more than noise, and what to ship. */
#ifndef MEMWHY_CMD_TRY_REPORT_H
#define MEMWHY_CMD_TRY_REPORT_H

#include "cmd/cmd.h"
#include "trial/verdict.h"

void try_report_text(struct run *r, const struct trial *t, const struct verdict *v,
                     const struct trial_how *how);
void try_report_json(struct run *r, const struct trial *t, const struct verdict *v,
                     const struct trial_how *how);

/* What to ship, in a sentence or two; the caller frees it. */
char *try_report_advice(const struct trial *t, const struct verdict *v);

#endif
