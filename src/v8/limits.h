/* How large V8 lets a heap become, as it stands in the isolate at this moment: not what flags say,
 * which is the default, or what it was made of.
 *
 * Sources: Heap::MaxReserved and Heap::CanExpandOldGeneration in src/heap/heap.cc (V8 7.8 to 14.6);
 * v8.getHeapStatistics().heap_size_limit is MaxReserved. Both numbers are members of the heap; from
 * 14 on that of the old generation is in an object of its own (src/heap/heap-limits.h). */
#ifndef MEMWHY_V8_LIMITS_H
#define MEMWHY_V8_LIMITS_H

#include "v8/layout.h"

struct v8_limit_offsets {
    int32_t semi, old; /* in bytes */
    int32_t limits;    /* of the pointer to what holds `old`; -1: the heap itself */
};

/* Where the code of Heap::MaxReserved finds them. -ENODATA: the binary does not name that function,
 * or it is of another shape. */
int v8_limits_from_code(struct elf_file *elf, struct v8_limit_offsets *ret);

/* How many times the semi-space counts in the limit: its two halves and the large objects that are
 * new; one half less with --minor-ms. */
unsigned v8_limits_semi_spaces(const struct image *img, const struct v8_layout *l);

/* Where the limit of the old generation stands. -ENODATA as below. */
int v8_limits_place(const struct image *img, const struct v8_layout *l, uint64_t heap,
                    uint64_t *ret);

/* The limits of the isolate with this heap. -ENODATA: not known; -EBADMSG: what stands there cannot
 * be limits. */
int v8_limits_read(const struct image *img, const struct v8_layout *l, uint64_t heap,
                   unsigned semi_spaces, struct v8_limits *ret);

#endif
