#include "snapshot/places.h"

#include "v8/functions.h"
#include "v8/nodes.h"
#include "v8/properties.h"

enum { NO_PLACE, FUNCTION = UINT32_MAX }; /* many functions have one map */

static uint32_t find(struct snapshot_places *p, uint64_t shared) {
    enum { SCRIPT_ID = 64 }; /* src/objects/script.tq, 9.4 to 14.6 */
    struct v8_objects *o = &p->look->objects;
    struct v8_shared s;
    uint32_t start, end, line, column;
    if (!shared || v8_shared_read(o, shared, &s) < 0 || !s.script)
        return NO_PLACE;
    uint64_t id = v8_field_or_0(o, s.script, SCRIPT_ID);
    const struct v8_script *script = v8_scripts_get(&p->scripts, o, s.script);
    if (!script || !v8_is_smi(id) || v8_smi(id) < 0 || !v8_shared_range(o, &s, &start, &end) ||
        !v8_script_line(script, start, &line, &column))
        return NO_PLACE;
    vec_push(&p->list, (struct snapshot_place){(uint32_t)v8_smi(id), line - 1, column - 1});
    return (uint32_t)p->list.n;
}

static uint32_t known_or_found(struct snapshot_places *p, uint64_t key, uint64_t shared) {
    uint64_t place;
    if (!map64_get(&p->by_source, key, &place)) {
        place = find(p, shared);
        map64_put(&p->by_source, key, place);
    }
    return (uint32_t)place;
}

static uint32_t place_of(struct snapshot_places *p, uint32_t node) {
    struct v8_objects *o = &p->look->objects;
    uint64_t place;
    uint64_t by_map = v8_node_map(p->look->view->nodes, node) + 1ull;
    bool known = map64_get(&p->by_source, by_map, &place);
    if (known && place != FUNCTION)
        return (uint32_t)place;
    uint64_t addr = heap_look_addr(p->look, node);
    enum v8_kind kind = v8_kind(o, addr);
    if (!known && kind != KIND_FUNCTION)
        return known_or_found(p, by_map,
                              v8_is_receiver(kind) ? v8_shared_of(o, v8_constructor(o, addr)) : 0);
    if (!known)
        map64_put(&p->by_source, by_map, FUNCTION);
    uint64_t shared = v8_shared_of(o, addr);
    return shared ? known_or_found(p, shared, shared) : NO_PLACE;
}

bool snapshot_place_of(struct snapshot_places *p, uint32_t node, struct snapshot_place *ret) {
    uint32_t i = place_of(p, node);
    if (i != NO_PLACE)
        *ret = p->list.at[i - 1];
    return i != NO_PLACE;
}

void snapshot_places_done(struct snapshot_places *p) {
    v8_scripts_done(&p->scripts);
    vec_free(&p->list);
    map64_done(&p->by_source);
}
