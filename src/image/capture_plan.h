/* What a capture will hold: the segments and the bytes before them. Private to src/image/. */
#ifndef MEMWHY_IMAGE_CAPTURE_PLAN_H
#define MEMWHY_IMAGE_CAPTURE_PLAN_H

#include "base/vec.h"
#include "image/capture.h"
#include "image/capture_note.h"

/* One PT_LOAD: a region or a part of one. */
struct capture_piece {
    uint64_t start, end;
    uint64_t offset; /* in the core */
    uint8_t prot;
    bool held;  /* the core has its bytes */
    bool whole; /* all pages, not only those in memory */
};

struct capture_plan {
    VEC(struct capture_piece) pieces; /* ascending */
    VEC(uint8_t) head;                /* ELF header, program headers, notes, padding */
    uint64_t core_bytes;
    uint64_t memory_bytes; /* that will be read */
};

/* From a stopped image. */
void capture_plan_make(struct image *img, const struct capture_options *o,
                       struct capture_plan *ret);
void capture_plan_done(struct capture_plan *p);

/* The note of the gaps, CAPTURE_GAPS_BYTES of zeros before. Past as many as it holds the last one
 * reaches to the end of all. */
void capture_notes_gaps(const struct capture_gap *gaps, size_t n, uint8_t *note);
/* Those of memwhy alone. */
void capture_notes_add_own(const struct image *img, const struct capture_options *o,
                           struct capture_plan *ret);
/* The notes of the core, appended to `ret`'s head. */
void capture_notes_add(const struct image *img, const struct capture_options *o,
                       struct capture_plan *ret);

#endif
