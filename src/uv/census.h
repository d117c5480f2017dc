/* The parts of uv_census_take(). Private to src/uv/. */
#ifndef MEMWHY_UV_CENSUS_H
#define MEMWHY_UV_CENSUS_H

#include "base/map64.h"
#include "uv/uv.h"

struct uv_reader {
    const struct image *img;
    const struct uv_symbols *symbols;
    struct uv_census *c;
    struct map64 loops; /* address -> index + 1 of c->loops */
    struct map64 seen;  /* addresses that were looked at */
    uint64_t requests_left;
};

/* Add the loop at this address if there is one; true when it is a loop (known already or not). */
bool uv_loop_try(struct uv_reader *r, uint64_t addr, uint32_t *ret_index);
void uv_loops_find(struct uv_reader *r);
/* All handles of a loop. */
void uv_handles_walk(struct uv_reader *r, uint32_t loop);
/* What of a handle of this type is read: at least that, in all of 1.x. */
uint32_t uv_handle_bytes(enum uv_type t);
/* What the pool of threads has to do, does, and has done. */
void uv_works_find(struct uv_reader *r);
/* Node's object behind handle->data. */
void uv_wrap_find(const struct uv_reader *r, struct uv_handle *h);

/* The words of a thread's registers and of the outer end of its stack. The caller frees `at`. */
struct uv_words {
    uint64_t *at;
    size_t n;
};
void uv_words_read(const struct image *img, const struct image_thread *t, struct uv_words *ret);

#endif
