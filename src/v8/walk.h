/* The walk: every page object by object, exactly as V8 laid it out, by several threads, each with
 * one page in hand. Runs while the target is stopped. */
#ifndef MEMWHY_V8_WALK_H
#define MEMWHY_V8_WALK_H

#include "v8/isolates.h"
#include "v8/sizes.h"

/* Where a walk got stuck: no object can begin at `at`. */
struct v8_stuck {
    size_t page; /* index */
    uint64_t at;
};

/* Who wants to see each object while the walk has it in hand. Called from several threads, for one
 * page from one at a time. `page` is an index. */
struct v8_walk_sink {
    void *arg; /* NULL: nobody */
    /* A page is begun, perhaps anew: what was told of it before is void. */
    void (*begin)(void *arg, size_t page);
    /* Not for free space and fillers. `have` bytes of it are there, fewer than its size only in
     * large objects; what is not in memory reads as zeros. */
    void (*object)(void *arg, size_t page, uint64_t at, uint64_t size, const struct v8_map_info *m,
                   const uint8_t *bytes, uint64_t have);
    /* The rest of that large object, in order. NULL: not wanted. */
    void (*more)(void *arg, size_t page, uint64_t offset, const uint8_t *bytes, uint64_t have);
    /* Free space, a filler, or words between two objects that belong to neither; its first `have`
     * bytes. May be NULL. */
    void (*free)(void *arg, size_t page, uint64_t at, uint64_t size, const uint8_t *bytes,
                 uint64_t have);
    /* Where objects are and what their maps say is enough: `object` gets no bytes (NULL, 0), and
     * the rest of large objects is not read. */
    bool heads_only;
};

struct v8_walk {
    struct v8_walk_sink sink; /* set by the caller */
    /* Per isolate (index n_isolates: pages of no isolate, that is read-only). */
    struct v8_space_census (*space)[V8_SPACES];
    VEC(struct v8_store) stores; /* as found: not sorted, not distinct */
    VEC(struct v8_stuck) stuck;
    uint64_t swapped_bytes;
};

/* Walk pages `which[0..n)`; adds to `ret`, whose `space` has n_isolates + 1 rows. A page that got
 * stuck adds nothing but an entry to `stuck`, so that it can be walked again with more areas known;
 * with `last`, its rest is counted as V8_UNWALKED instead. */
void v8_walk_pages(const struct image *img, const struct v8_layout *l, const struct v8_pages *pages,
                   const struct v8_lab_list *labs, size_t n_isolates, const size_t *which, size_t n,
                   bool last, struct v8_walk *ret);
void v8_walk_done(struct v8_walk *w);

/* One object at the start of the area, however large. */
bool v8_page_is_large(const struct v8_page *g);

/* Single pages again, once all areas are known. Not for several threads. */
struct v8_page_walker;
struct v8_page_walker *v8_page_walker_new(const struct image *img, const struct v8_layout *l,
                                          const struct v8_pages *pages,
                                          const struct v8_lab_list *labs, size_t n_isolates,
                                          const struct v8_walk_sink *sink);
void v8_page_walker_walk(struct v8_page_walker *w, size_t page);
void v8_page_walker_free(struct v8_page_walker *w);

#endif
