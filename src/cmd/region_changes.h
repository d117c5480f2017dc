/* Regions of one process at two moments: those that came, grew, shrank and went. */
#ifndef MEMWHY_CMD_REGION_CHANGES_H
#define MEMWHY_CMD_REGION_CHANGES_H

#include "base/vec.h"
#include "model/evidence.h"

enum region_change_kind { REGION_CAME, REGION_GREW, REGION_SHRANK, REGION_WENT };

struct region_change {
    enum region_change_kind kind;
    const struct region *a, *b; /* before, after; NULL: it was not there */
    uint64_t resident_a, resident_b;
    const char *owner; /* of most of it, in the later of the two that it is in; NULL unknown */
};

struct region_changes {
    VEC(struct region_change) list; /* that changed most in memory first, then in size */
    bool has_resident;              /* of both moments */
};

/* A region is the same while it keeps its start or its end, its protection and its name. Borrows
 * both. */
void region_changes_find(const struct evidence *a, const struct evidence *b,
                         struct region_changes *ret);
void region_changes_done(struct region_changes *c);
const char *region_change_word(enum region_change_kind k); /* "came", ... */

#endif
