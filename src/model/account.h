/* The account: every resident byte of a process and who owns it. Plain data.
 *
 * Owners form a tree by their paths; only leaves are kept, and they partition the resident pages:
 *   v8/main/old/objects   v8/ISOLATE/SPACE/{objects,free,allocation-area,header,unused,unwalked}
 *   v8/read-only/...      v8/pool (pages in no space)   v8/pages (of a V8 we cannot read)
 *   arraybuffers/{malloc,mmap,shared}   strings/external   wasm/memory
 *   malloc/arena-3/{in-use,free,top,tcached,metadata,...}   malloc/mmapped/in-use
 *   stacks/NAME   code/NAME (the binary)   code/jit   libraries/NAME   file/PATH
 *   shared-memory/NAME   device/NAME   kernel/NAME   unknown */
#ifndef MEMWHY_MODEL_ACCOUNT_H
#define MEMWHY_MODEL_ACCOUNT_H

#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>

struct owner {
    char *path;
    uint64_t resident_bytes, virtual_bytes;
    uint64_t pss_bytes, swap_bytes; /* apportioned from the kernel's figures per region */
};

struct unknown_range {
    uint64_t start, end, resident_bytes;
};

/* A stretch of one region with one claimant, in address order: what `map` prints. */
struct account_piece {
    uint64_t start, end, resident_bytes;
    uint32_t region; /* index in the regions the account was made of */
    uint32_t owner;  /* index in `labels` */
};

struct account {
    uint64_t rss_bytes;        /* the kernel's, for the moment of the stop; 0 unknown (a core) */
    uint64_t attributed_bytes; /* sum over owners */
    bool has_pss;
    VEC(struct owner) owners; /* sorted by path */
    VEC(struct unknown_range) unknown;
    VEC(struct account_piece) pieces;
    VEC(char *) labels; /* of pieces: "v8/main/old", "malloc/arena-1", "stacks/node", ... */
};

void account_done(struct account *a);

/* The owner of exactly this path, made if it is not there. Valid until the next call. */
struct owner *account_owner(struct account *a, const char *path);
/* The same of labels: an index. */
uint32_t account_label(struct account *a, const char *label);
/* Sum of resident bytes of all owners whose path is `prefix` or begins with `prefix` + '/'. */
uint64_t account_sum(const struct account *a, const char *prefix);
/* Resident bytes of all owners whose path begins with `prefix`/ and ends in /`leaf`. */
uint64_t account_sum_leaf(const struct account *a, const char *prefix, const char *leaf);
/* Sort owners, drop those with neither resident nor virtual bytes, and sum up. */
void account_finish(struct account *a);

#endif
