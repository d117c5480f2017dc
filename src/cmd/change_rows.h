/* Two looks at one process side by side: who owns more, and who less. */
#ifndef MEMWHY_CMD_CHANGE_ROWS_H
#define MEMWHY_CMD_CHANGE_ROWS_H

#include "base/table.h"
#include "model/evidence.h"

/* All that is resident, then the owners that changed most. The caller frees the table; paths are
 * copied. */
struct table *change_rows(const struct evidence *before, const struct evidence *after);

#endif
