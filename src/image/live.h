/* What a running process's image is made of, for the two files that fill it. Private to src/image/.
 */
#ifndef MEMWHY_IMAGE_LIVE_H
#define MEMWHY_IMAGE_LIVE_H

#include "image/backend.h"
#include "image/hold.h"
#include <stdio.h>

struct frozen;

struct live {
    struct image img;
    int proc_fd; /* /proc/PID, so that a recycled pid is noticed */
    int mem_fd;  /* /proc/PID/mem; -1 when process_vm_readv is all we have */
    int read_fd; /* the mem file that is read: that one, or the frozen copy's */
    struct hold hold;
    uint64_t stopped_at_ns;
    int priority;                     /* before the stop */
    struct region_list first_regions; /* of the first look: modules point into its names */
    bool stopped_once;
    struct frozen *frozen; /* NULL unless frozen */
    struct err no_fork;    /* code 0: it may be forked */
};

FILE *live_open_proc(const struct live *l, const char *name);
void live_read_thread_name(const struct live *l, pid_t tid, char name[16]);
/* A "Name: N kB" line of a file of /proc/PID, in bytes; 0 when it has none. */
uint64_t live_read_kib(const struct live *l, const char *file, const char *format);
/* The same of an open file; NULL has none. */
uint64_t live_kib_in(FILE *f, const char *format);
/* Does its main thread run under seccomp? */
bool live_is_filtered(const struct live *l);
int live_stop(struct image *img, struct err *e);
/* The regions of this moment, without residency; the process must stand still. */
int live_take_regions(struct live *l, struct err *e);
/* Those, residency and RSS. */
int live_take_picture(struct live *l, struct err *e);

#endif
