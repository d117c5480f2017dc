/* The screen and the JSON of `memwhy explain`. Prints; computes nothing. */
#ifndef MEMWHY_REPORT_EXPLAIN_H
#define MEMWHY_REPORT_EXPLAIN_H

#include "model/finding.h"
#include <jansson.h>
#include <stdio.h>

struct report_style {
    bool colour, unicode;
    unsigned width; /* columns; 0: not a terminal, 80 is used */
};

void report_explain(FILE *out, const struct evidence *ev, const struct diagnosis *d,
                    const struct report_style *style);
/* Adds account, facts, verdict, findings and undecided to the document. */
void report_explain_json(json_t *doc, const struct evidence *ev, const struct diagnosis *d);

#endif
