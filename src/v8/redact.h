/* Blanks what V8's heap says, and leaves how it is built.
 *
 * Content, which is blanked: the characters of strings, numbers on the heap (HeapNumber, BigInt,
 * arrays of doubles, dates), byte arrays, operands of bytecode and instructions of machine code
 * (they are the source once more), WebAssembly's structs and arrays, and everything that is no
 * object: free space, allocation areas, pages that hold nothing, pages left over. Structure, which
 * stays: maps, references, lengths, hashes, small integers (a Smi is a length or a flag as often as
 * a number), line ends (a stack's line numbers are counted by them), and names: property keys,
 * names of variables, functions (their own `name` too), classes and scripts, descriptions of
 * symbols, and what V8 itself names in its roots. A string is a name by who refers to it, not by
 * being internalized: literals are that too. */
#ifndef MEMWHY_V8_REDACT_H
#define MEMWHY_V8_REDACT_H

#include "v8/heap.h"

struct v8_redaction;

/* From a picture that does not move; the layout and the image are borrowed. -EAGAIN: a collection
 * is under way; -EBUSY: part of the heap could not be walked; either unless `accept` says so
 * (v8.h). -ENODATA: no isolate. */
int v8_redaction_new(const struct image *img, const struct v8_layout *l, unsigned accept,
                     struct v8_redaction **ret);
void v8_redaction_free(struct v8_redaction *r);

/* The first page that ends after `addr`, and where it begins and ends; false when there is none. */
bool v8_redaction_page(const struct v8_redaction *r, uint64_t addr, uint64_t *ret_start,
                       uint64_t *ret_end);
/* Blank [addr, addr + len), which lies in one of those pages. */
void v8_redact(struct v8_redaction *r, uint64_t addr, uint8_t *bytes, size_t len);

/* Ranges outside the pages that readers of this heap need as they are: the page headers there, the
 * spaces, the isolates, V8's and Node's versions. */
void v8_redaction_kept(const struct v8_redaction *r,
                       void (*keep)(void *arg, uint64_t start, uint64_t end), void *arg);
/* Is this word an entry of the table by which functions find their code? */
bool v8_redaction_is_entry(const struct v8_redaction *r, uint64_t word);
/* Memory outside the heap that holds the characters of strings; as the walk found it: not sorted.
 */
const struct v8_store *v8_redaction_stores(const struct v8_redaction *r, size_t *ret_n);

/* Characters become 'x'; line ends stay. */
void v8_blank_text(uint8_t *text, size_t n, bool two_byte);

#endif
