/* What the kernel writes when it kills a process for memory (mm/oom_kill.c, mm/memcontrol.c, 3.10
 * to 6.14): from "invoked oom-killer" over the cgroup's numbers and the table of tasks to "Killed
 * process". Sizes in bytes; 0 and has_... false where the log does not say. */
#ifndef MEMWHY_CRASHLOG_KERNEL_KILL_H
#define MEMWHY_CRASHLOG_KERNEL_KILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KERNEL_NAME = 32, KERNEL_CGROUP = 256 };

struct kernel_task {
    uint64_t pid, rss_bytes, swap_bytes;
    char name[KERNEL_NAME];
};

struct kernel_kill {
    uint64_t first_line, line; /* where it begins; where the victim is named (0: not yet) */
    bool cgroup, host;         /* whose limit: a cgroup's, or the machine's */
    char cgroup_path[KERNEL_CGROUP];
    uint64_t pid, anon, file, shmem;
    bool has_rss, has_file, has_shmem;
    char name[KERNEL_NAME];
    uint64_t usage, limit, failcnt; /* of the cgroup */
    bool has_usage, has_limit;
    uint64_t usage_line;
    uint64_t cg_anon, cg_cache, cg_shmem; /* of the cgroup's usage; cache with shmem */
    bool has_cg_stats;
    struct kernel_task largest; /* of the table of tasks, by resident memory */
    uint64_t tasks, table_line;
    bool in_table;
    int rss_column, swap_column, name_column;
};

/* Takes what one line says. True: it belongs to such a report. */
bool kernel_kill_line(struct kernel_kill *k, const char *line, uint64_t number);
/* Of files, without what is shared memory. */
uint64_t kernel_kill_page_cache(const struct kernel_kill *k);
/* Only the kernel writes so: such a line may be the first of a report, of which the log may lack
 * the beginning. */
bool kernel_kill_opens(const char *line);
/* The line is the first of a whole report. */
bool kernel_kill_begins(const char *line);

#endif
