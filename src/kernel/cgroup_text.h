/* What cgroup_read() found, as text, for a capture: there its files cannot be read again. One
 * "key value" a line; what is unknown has no line. */
#ifndef MEMWHY_KERNEL_CGROUP_TEXT_H
#define MEMWHY_KERNEL_CGROUP_TEXT_H

#include "model/cgroup.h"
#include <stddef.h>

/* The caller frees it. */
char *cgroup_to_text(const struct cgroup *c, size_t *ret_len);
/* The text need not end in a NUL; keys it does not know are passed over. -EBADMSG when it does not
 * tell the version. The caller ends `ret` with cgroup_done(). */
int cgroup_of_text(const char *text, size_t len, struct cgroup *ret);

#endif
