/* What the kernel counts of one process, read again and again at little cost: its files stay open
 * and are parsed where they lie. Nothing here walks a page table. */
#ifndef MEMWHY_KERNEL_PROCESS_SAMPLE_H
#define MEMWHY_KERNEL_PROCESS_SAMPLE_H

#include "model/sample.h"

/* The files of one process; they belong to this process even when its pid is given anew. */
struct process_files {
    int dir, stat, status; /* -1: not kept open */
};

/* Open them, or with `keep` false only the directory. -ESRCH; -EMFILE and whatever open() says. */
int process_files_open(const char *root, pid_t pid, bool keep, struct process_files *ret);
void process_files_close(struct process_files *f);

/* RSS and the other sizes, faults, CPU, switches of the main thread, threads, descriptors. -ESRCH
 * when it has ended, even if its parent has not asked yet. */
int process_files_sample(const struct process_files *f, struct sample *ret);

/* How many descriptors it has open, one by one: for kernels before 6.2, where the sample lacks
 * them. */
int process_files_count_fds(const struct process_files *f, uint64_t *ret);

/* Of texts, which need not end in a NUL. -EBADMSG: it is none; -ESRCH: of a process that has
 * ended. */
int sample_parse_stat(const char *text, size_t len, struct sample *ret);
void sample_parse_status(const char *text, size_t len, struct sample *ret);

#endif
