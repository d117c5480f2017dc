#include "collect/sources.h"

#include "v8/functions.h"
#include "v8/nodes.h"
#include "v8/properties.h"

#define IS_FUNCTION (1ull << 32) /* many functions have one map */

static uint32_t known_or_found(struct sources *s, uint64_t key, uint64_t shared, sources_find *find,
                               void *ctx) {
    uint64_t found;
    if (!map64_get(&s->known, key, &found)) {
        found = find(ctx, shared);
        map64_put(&s->known, key, found);
    }
    return (uint32_t)found;
}

uint32_t sources_of(struct sources *s, uint32_t node, sources_find *find, void *ctx) {
    struct v8_objects *o = &s->look->objects;
    uint64_t by_map = v8_node_map(s->look->view->nodes, node) + 1ull, found;
    bool known = map64_get(&s->known, by_map, &found);
    if (known && found != IS_FUNCTION)
        return (uint32_t)found;
    uint64_t addr = heap_look_addr(s->look, node);
    enum v8_kind kind = v8_kind(o, addr);
    if (!known && kind != KIND_FUNCTION) {
        uint64_t shared = v8_is_receiver(kind) ? v8_shared_of(o, v8_constructor(o, addr)) : 0;
        return known_or_found(s, by_map, shared, find, ctx);
    }
    if (!known)
        map64_put(&s->known, by_map, IS_FUNCTION);
    uint64_t shared = v8_shared_of(o, addr);
    return shared ? known_or_found(s, shared, shared, find, ctx) : find(ctx, 0);
}

void sources_done(struct sources *s) {
    map64_done(&s->known);
}
