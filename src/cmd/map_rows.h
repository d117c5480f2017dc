/* What `memwhy map` shows: regions with their owners, and how large anonymous mappings are. Made
 * from evidence; prints nothing. */
#ifndef MEMWHY_CMD_MAP_ROWS_H
#define MEMWHY_CMD_MAP_ROWS_H

#include "base/vec.h"
#include "model/evidence.h"

/* A stretch of address space of one owner and one protection. */
struct map_row {
    uint64_t start, end, resident_bytes;
    uint32_t pieces;             /* it was merged of */
    const struct region *region; /* the first it lies in */
    const char *owner;           /* NULL unknown; "reserved": nothing can be there */
};

struct map_rows {
    VEC(struct map_row) list;
    bool has_resident; /* false: a target without residency, such as a core cut off */
};

enum map_order { MAP_BY_ADDRESS, MAP_BY_SIZE, MAP_BY_RESIDENT };

struct map_choice {
    bool all;          /* inaccessible reservations too, and nothing merged */
    const char *owner; /* only owners that begin so; NULL: all */
    enum map_order order;
};

/* Rows point into the evidence. */
void map_rows_collect(const struct evidence *ev, const struct map_choice *choice,
                      struct map_rows *ret);
void map_rows_done(struct map_rows *rows);

/* The owner with most of [start, end) in memory, or of its size where nothing is; and how many
 * others there are. NULL when it has none. */
const char *map_main_owner(const struct evidence *ev, uint64_t start, uint64_t end,
                           unsigned *ret_others);

/* "rwxp", as /proc/PID/maps writes it. */
void map_perms(const struct region *r, char ret[5]);

/* Anonymous mappings of one exact size. */
struct map_size {
    uint64_t size_bytes, count, resident_bytes;
    char owner[64]; /* of most of them */
};

enum { MAP_SMALL, MAP_MIDDLE, MAP_LARGE, MAP_BINS };
#define MAP_SMALL_BYTES (64ull << 10) /* up to here, excluded */
#define MAP_MIDDLE_BYTES (1ull << 20) /* up to here, included */

struct map_sizes {
    struct map_size bins[MAP_BINS];
    VEC(struct map_size) exact; /* most mappings first */
};

/* Anonymous mappings that can be read or written: what one counts in smaps. */
void map_sizes_collect(const struct evidence *ev, struct map_sizes *ret);
void map_sizes_done(struct map_sizes *s);

#endif
