/* Names the owner of memory that no census claimed, by what its mapping is and what surrounds it.
 * Each rule cites who makes such mappings. What no rule knows is "unknown". */
#ifndef MEMWHY_COLLECT_UNCLAIMED_H
#define MEMWHY_COLLECT_UNCLAIMED_H

#include "image/image.h"
#include "model/evidence.h"

struct unclaimed {
    const struct image *img;
    const struct evidence *ev;
    VEC(uint64_t) linker; /* addresses in the dynamic linker's own memory */
    VEC(char *) strings;
};

/* Does a block of Abseil's LowLevelAlloc begin at `at`, with these words? It maps its own memory
 * and cuts it into blocks: {size, magic xor address, arena, ...}, the magic inverted in free ones
 * (absl/base/internal/low_level_alloc.cc). V8 13 and later use it for the lock-order graph of
 * absl::Mutex. */
bool unclaimed_is_abseil(const uint64_t head[2], uint64_t at);

void unclaimed_init(struct unclaimed *u, const struct image *img, const struct evidence *ev);
void unclaimed_done(struct unclaimed *u);

/* The owner of [at, *end) in region `i` of the image, valid until unclaimed_done(); `*end` is
 * lowered where another one begins there. */
const char *unclaimed_label(struct unclaimed *u, size_t i, uint64_t at, uint64_t *end);

#endif
