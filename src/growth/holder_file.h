/* Holders of a .heapsnapshot file. Objects are told by their ids, which V8 keeps as they move, and
 * memwhy as long as they do not. */
#ifndef MEMWHY_GROWTH_HOLDER_FILE_H
#define MEMWHY_GROWTH_HOLDER_FILE_H

#include "growth/holder_search.h"
#include "suspects/opened.h"

/* As holder_search(). -EIO: what was put aside of the file cannot be read again. */
int holder_file_search(struct opened *o, const struct holders *earlier, struct holders *ret,
                       struct err *e);

#endif
