/* Every object of the heap by number, and what each refers to.
 *
 * A node's number is its rank: objects in the order of their pages and addresses. References are
 * what the words of an object's body say: a tagged pointer to where the walk found an object to
 * begin. Raw data that happens to read so is practically never met, because of the exact starts;
 * bodies without tagged words (strings, numbers, byte arrays) are not looked at. The hole is
 * nothing to refer to: it always lives, and arrays made in advance hold millions of it.
 *
 * Made in two steps: the walk fills it, page by page, from several threads; v8_nodes_settle numbers
 * the objects and turns addresses into numbers. Then it needs no image any more. */
#ifndef MEMWHY_V8_NODES_H
#define MEMWHY_V8_NODES_H

#include "v8/pages.h"
#include "v8/walk.h"

struct v8_nodes;

#define V8_NO_NODE UINT32_MAX
#define V8_REF_WEAK 0x80000000u /* does not keep its target */
#define V8_REF_NODE(r) ((r) & ~V8_REF_WEAK)

/* An entry of an ephemeron table: while both live, the key keeps the value. */
struct v8_ephemeron {
    uint32_t table, key, value;
};

/* Pages and layout are borrowed until the settling and beyond. -E2BIG: more pages than can be
 * numbered (16 GiB of heap). */
int v8_nodes_new(const struct image *img, const struct v8_layout *l, const struct v8_pages *pages,
                 struct v8_nodes **ret);
void v8_nodes_free(struct v8_nodes *n);
/* What the walk shall tell of each object. */
struct v8_walk_sink v8_nodes_sink(struct v8_nodes *n);
void v8_nodes_settle(struct v8_nodes *n);

uint32_t v8_nodes_count(const struct v8_nodes *n);
/* The object that begins at a tagged address (of either strength), or V8_NO_NODE. */
uint32_t v8_node_at(const struct v8_nodes *n, uint64_t tagged);
/* Where it begins (not tagged). */
uint64_t v8_node_addr(const struct v8_nodes *n, uint32_t node);
uint64_t v8_node_bytes(const struct v8_nodes *n, uint32_t node);
/* False: a page claims more references than it can hold, so that some were left out. */
bool v8_nodes_are_whole(const struct v8_nodes *n);
/* What it refers to, its map first; V8_REF_WEAK may be set. Not in it: values of ephemeron tables.
 */
const uint32_t *v8_node_refs(const struct v8_nodes *n, uint32_t node, size_t *ret_n);
static inline uint32_t v8_node_map(const struct v8_nodes *n, uint32_t node) {
    size_t count;
    return V8_REF_NODE(v8_node_refs(n, node, &count)[0]);
}
/* Is it a map? Its map's map is itself (the meta map). */
static inline bool v8_node_is_map(const struct v8_nodes *n, uint32_t node) {
    uint32_t meta = v8_node_map(n, node);
    return v8_node_map(n, meta) == meta;
}
/* Make weak what it refers to, but for its map, where lets_go() says so of an object's address (not
 * tagged). */
void v8_node_weaken(struct v8_nodes *n, uint32_t node, bool (*lets_go)(void *ctx, uint64_t addr),
                    void *ctx);
/* Its references will be asked for soon. */
void v8_node_prefetch(const struct v8_nodes *n, uint32_t node);
const struct v8_ephemeron *v8_nodes_ephemerons(const struct v8_nodes *n, size_t *ret_n);
/* Maps that V8 keeps for some collections although nothing needs them, as long as their constructor
 * lives (Heap::AddRetainedMap). */
const uint32_t *v8_nodes_retained_maps(const struct v8_nodes *n, size_t *ret_n);
/* Forget what nodes refer to but for their maps, which v8_node_refs() gives from then on: most of
 * all the memory, for who has the references elsewhere. */
void v8_nodes_keep_maps(struct v8_nodes *n);
size_t v8_nodes_pages(const struct v8_nodes *n);
/* The nodes of one page (index): [*ret_first, *ret_end). */
void v8_nodes_of_page(const struct v8_nodes *n, size_t page, uint32_t *ret_first,
                      uint32_t *ret_end);

#endif
