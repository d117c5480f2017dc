/* What of a process may be shown to others: its structure without its content. V8's heap is blanked
 * object by object (v8/redact.h). Of all other memory a word stays only if it points into the
 * process, if malloc or V8 need it to be read, or if it stands in the file it was mapped from; on
 * stacks small integers stay too, which mark frames. Everything else becomes zeros: what the
 * program wrote, freed memory, Buffers, arguments, environment. */
#ifndef MEMWHY_COLLECT_REDACT_H
#define MEMWHY_COLLECT_REDACT_H

#include "image/capture.h"

struct redaction;

/* While the process runs. Without V8, or with one whose layout is not known, its heap is memory
 * like any other: then `note` (owned by the redaction) says so, else it is NULL. */
struct redaction *redaction_new(struct image *img);
void redaction_free(struct redaction *r);
const char *redaction_note(const struct redaction *r);

/* For capture_write(). */
struct capture_hooks redaction_hooks(struct redaction *r);

/* The arguments of a process, ended by NULs: all but the first are blanked, in place. */
void redact_arguments(char *text, size_t len);

#endif
