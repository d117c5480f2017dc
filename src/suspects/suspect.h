/* What the finders of suspects share; for src/suspects/ alone. A finder is a function that
 * looks through the heap for one kind of holder and adds what it finds. */
#ifndef MEMWHY_SUSPECTS_SUSPECT_H
#define MEMWHY_SUSPECTS_SUSPECT_H

#include "base/fmt.h"
#include "base/limits.h"
#include "collect/heap_look.h"
#include "suspects/suspects.h"
#include "v8/nodes.h"
#include "v8/properties.h"

struct suspect_search {
    struct heap_look look;
    const struct heap_graph *graph;
    const struct graph_tree *tree;
    const struct v8_nodes *nodes;
    uint64_t least;
    struct suspects *ret;
};

/* Add one; the strings become the list's. Valid until the next is added. */
struct suspect *suspect_add(struct suspect_search *s, struct suspect found);
void suspect_part_add(struct suspect *to, char *text, uint64_t addr, uint64_t count,
                      uint64_t bytes);

/* Is there one with this holder already? */
bool suspect_is_told(const struct suspect_search *s, uint64_t addr);

/* Live nodes that belong together: those with the same key (never 0). */
struct suspect_group {
    uint64_t key;
    uint32_t first;        /* a node */
    uint64_t count, bytes; /* what goes with all of them */
};
struct suspect_groups {
    VEC(struct suspect_group) list; /* those that hold most first */
};
/* `key_of` is asked for each live node; 0 leaves it out. */
void suspect_groups_find(const struct suspect_search *s,
                         uint64_t (*key_of)(void *ctx, uint32_t node), void *ctx,
                         struct suspect_groups *ret);
void suspect_groups_done(struct suspect_groups *g);

/* Add "COUNT WORDS SIZE" when the nodes of a set are at least so many and hold enough. */
void suspect_set_tell(struct suspect_search *s, const uint64_t *set, uint64_t least_count,
                      const char *kind, const char *words);

/* An own property that some objects have: shapes that lack it are known after the first look. */
struct suspect_property {
    const char *name;
    struct map64 shapes; /* number of a map's node + 1 -> its objects may have it + 1 */
};
/* False too for what is no plain object, is garbage, or has an accessor there. */
bool suspect_property_of(struct suspect_search *s, struct suspect_property *p, uint32_t node,
                         struct v8_property *ret);

/* The objects of one class; which class that is is looked up once. */
struct suspect_class {
    const char *name;
    struct map64 known; /* class + 1 -> it is this one + 1 */
};
bool suspect_is_a(struct suspect_search *s, struct suspect_class *c, uint32_t node);

/* "foo (/app/server.js:12:7)" of a tagged SharedFunctionInfo; the caller frees. */
char *suspect_function_text(struct suspect_search *s, uint64_t shared);

void suspect_collections(struct suspect_search *s);
void suspect_functions(struct suspect_search *s);
void suspect_strings(struct suspect_search *s);
void suspect_buffers(struct suspect_search *s);
void suspect_realms(struct suspect_search *s);
void suspect_roots(struct suspect_search *s);
void suspect_listeners(struct suspect_search *s);
void suspect_async(struct suspect_search *s);
void suspect_finalizers(struct suspect_search *s);
void suspect_streams(struct suspect_search *s);

#endif
