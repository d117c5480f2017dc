/* The open files of a process, and of its sockets both ends and what is queued: /proc/PID/fd and
 * /proc/PID/net, which is of the process's own network. */
#ifndef MEMWHY_KERNEL_DESCRIPTORS_H
#define MEMWHY_KERNEL_DESCRIPTORS_H

#include "model/descriptor.h"
#include <stddef.h>
#include <sys/types.h>

/* `root` as in procfs.h. The caller ends `ret` with descriptors_done(). */
int descriptors_read(const char *root, pid_t pid, struct descriptor_list *ret);

/* One table of /proc/net ("tcp", "tcp6", "udp", "udp6", "unix"), of which those sockets are kept
 * that are in the list. Lines that are none are passed over. */
void descriptors_add_table(struct descriptor_list *l, const char *kind, const char *text);

/* As text, for a capture, and back: a line each. The caller frees the text. */
char *descriptors_to_text(const struct descriptor_list *l);
int descriptors_of_text(const char *text, size_t len, struct descriptor_list *ret);

#endif
