/* Reading /proc: the files of one process, whole. Knows nothing of what stands in them, except for
 * the few forms they share (decimal numbers, "12 kB").
 *
 * `root` is put before "/proc": "" for this machine, a directory laid out like one in tests.
 * Return contract: 0 (or a descriptor) or a negative errno; -ESRCH when the process is gone,
 * -EACCES when the kernel does not let us look. */
#ifndef MEMWHY_KERNEL_PROCFS_H
#define MEMWHY_KERNEL_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* "ROOT/proc/PID/NAME", or "ROOT/proc/NAME" for pid 0. The caller frees it. */
char *procfs_path(const char *root, pid_t pid, const char *name);
/* Open for reading, O_CLOEXEC. */
int procfs_open(const char *root, pid_t pid, const char *name);
/* The whole file, with a NUL after its last byte; the caller frees it. -E2BIG past `max` bytes. */
int procfs_read(const char *root, pid_t pid, const char *name, size_t max, char **ret,
                size_t *ret_len);
/* The same for any path. */
int procfs_read_path(const char *path, size_t max, char **ret, size_t *ret_len);
/* Where a symbolic link points; the caller frees it. */
int procfs_link(const char *root, pid_t pid, const char *name, char **ret);

/* A decimal number at `*p`, which moves behind it. False when there is none or it does not fit. */
bool procfs_number(const char **p, const char *end, uint64_t *ret);
/* "   1234 kB": blanks, a number, the unit, nothing more. In bytes. */
bool procfs_kib(const char *p, const char *end, uint64_t *ret_bytes);

#endif
