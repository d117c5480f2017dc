/* A mapping of the target, as /proc/PID/maps or a core's notes name it. Plain data. */
#ifndef MEMWHY_MODEL_REGION_H
#define MEMWHY_MODEL_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum region_kind {
    REGION_ANON,   /* private anonymous, no name (or [anon:...]) */
    REGION_HEAP,   /* [heap], the brk area */
    REGION_STACK,  /* [stack] of the main thread */
    REGION_FILE,   /* a file of a real file system */
    REGION_SHMEM,  /* tmpfs, memfd, SysV, shared anonymous: counted in RssShmem */
    REGION_KERNEL, /* [vdso], [vvar], [vsyscall], ... */
    REGION_DEVICE, /* anon_inode:, /dev/... other than zero: rings, perf buffers */
};

enum { REGION_R = 1, REGION_W = 2, REGION_X = 4 };

struct region {
    uint64_t start, end; /* [start, end) */
    uint64_t offset;     /* file offset of start */
    uint64_t inode;
    uint32_t dev_major, dev_minor;
    uint8_t prot; /* REGION_R | REGION_W | REGION_X */
    bool shared;  /* MAP_SHARED */
    bool deleted; /* the file's name ended in " (deleted)"; `name` is without it */
    enum region_kind kind;
    const char *name; /* "" when it has none; owned by the list */
};

struct region_list {
    struct region *at; /* sorted by start, not overlapping */
    size_t n, cap;
    char **names;
    size_t n_names, cap_names;
};

/* Append the region of one line of maps or smaps. -EBADMSG if the line is none (so a smaps parser
 * can try each line), -E2BIG past LIMIT_REGIONS. */
int region_list_parse(struct region_list *l, const char *line);
/* Append a region whose name is copied into the list. Keeps nothing of `r->name` itself. */
int region_list_add(struct region_list *l, const struct region *r);
void region_list_done(struct region_list *l);

/* The region that holds `addr`, or NULL. */
const struct region *region_find(const struct region_list *l, uint64_t addr);
/* Index of the first region with end > addr (== n when there is none). */
size_t region_lower_bound(const struct region_list *l, uint64_t addr);

/* True when region i is followed by at least a gigabyte of inaccessible reservation. V8 surrounds
 * each WebAssembly memory so (src/objects/backing-store.cc, kFullGuardSize); nothing else in a Node
 * process looks like that. */
bool region_is_guarded(const struct region_list *l, size_t i);

const char *region_kind_name(enum region_kind k);

#endif
