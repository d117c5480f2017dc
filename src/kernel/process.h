/* Processes as /proc shows them: facts about one, and which there are. Reads only; knows nothing of
 * runtimes. `root` and errors are as in kernel/procfs.h. */
#ifndef MEMWHY_KERNEL_PROCESS_H
#define MEMWHY_KERNEL_PROCESS_H

#include "model/process.h"

/* Fill in the asked parts (enum process_part). What cannot be read is left out of ret->parts, and
 * noted in ret->denied when the kernel refused it; only -ESRCH (gone) and the failure to read its
 * stat are errors. The caller ends it with process_done(). */
int process_read(const char *root, pid_t pid, unsigned parts, struct process *ret);

/* All pids that /proc shows us, ascending; the caller frees the array. With hidepid these are only
 * our own. */
int process_list(const char *root, pid_t **ret, size_t *ret_n);

/* The value of a variable in the environment the process was started with; the caller frees it.
 * -ENODATA when it is not set. */
int process_env(const char *root, pid_t pid, const char *name, char **ret);

/* Parsers of single files, for texts from elsewhere (captures, tests). Texts end in a NUL. */
int process_parse_stat(const char *text, struct process *ret);
void process_parse_status(const char *text, struct process *ret);

/* /proc/PID/statm. */
struct process_statm {
    uint64_t size_bytes, resident_bytes, shared_bytes, text_bytes, data_bytes;
};
int process_parse_statm(const char *text, struct process_statm *ret);
int process_statm(const char *root, pid_t pid, struct process_statm *ret);

#endif
