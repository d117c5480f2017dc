/* What every result says besides its own answer: the target, what looking cost, and what is not
 * known. As JSON fields of the document, and as the last lines of a text. */
#ifndef MEMWHY_REPORT_DOCUMENT_H
#define MEMWHY_REPORT_DOCUMENT_H

#include "model/evidence.h"
#include <jansson.h>
#include <stdio.h>

/* Set "target", "cost" and "coverage". What is unknown is absent. */
void document_common(json_t *doc, const struct evidence *ev);

/* The account, for a document that has more than one of its own. The caller owns it. */
json_t *document_account(const struct account *a);

/* A number in an object of the document. */
static inline void document_u64(json_t *o, const char *key, uint64_t n) {
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

/* "Paused 12.3 ms (1 stop), read in 48 ms, memwhy used 31.2 MiB." and one "note: ..." each. */
void document_footer(FILE *out, const struct evidence *ev);

#endif
