#include "snapshot/places.h"

#include "v8/functions.h"

enum { NO_PLACE };

static uint32_t find(void *places, uint64_t shared) {
    enum { SCRIPT_ID = 64 }; /* src/objects/script.tq, 9.4 to 14.6 */
    struct snapshot_places *p = places;
    struct v8_objects *o = &p->sources.look->objects;
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

bool snapshot_place_of(struct snapshot_places *p, uint32_t node, struct snapshot_place *ret) {
    uint32_t i = sources_of(&p->sources, node, find, p);
    if (i != NO_PLACE)
        *ret = p->list.at[i - 1];
    return i != NO_PLACE;
}

void snapshot_places_done(struct snapshot_places *p) {
    v8_scripts_done(&p->scripts);
    vec_free(&p->list);
    sources_done(&p->sources);
}
