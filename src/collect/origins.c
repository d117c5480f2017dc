#include "collect/origins.h"

#include "v8/functions.h"
#include "v8/nodes.h"
#include "v8/properties.h"
#include <string.h>

struct origins origins_open(struct heap_look *look) {
    return (struct origins){.look = look};
}

void origins_done(struct origins *o) {
    v8_scripts_done(&o->scripts);
    vec_free(&o->list);
    map64_done(&o->by_source);
}

static uint32_t index_of(struct origins *o, const char *script, uint32_t line) {
    for (uint32_t i = 0; i < o->list.n; i++)
        if (o->list.at[i].line == line && strcmp(o->list.at[i].script, script) == 0)
            return i;
    vec_push(&o->list, (struct origin){script, line});
    return (uint32_t)o->list.n - 1;
}

static uint32_t find(struct origins *o, uint64_t shared) {
    struct v8_objects *objects = &o->look->objects;
    struct v8_shared s;
    uint32_t start, end, line = 0, column;
    const struct v8_script *script = NULL;
    if (shared && v8_shared_read(objects, shared, &s) == 0 && s.script)
        script = v8_scripts_get(&o->scripts, objects, s.script);
    if (!script || !script->name)
        return ORIGIN_NONE;
    if (!v8_shared_range(objects, &s, &start, &end) ||
        !v8_script_line(script, start, &line, &column))
        line = 0;
    return index_of(o, script->name, line);
}

static uint32_t known_or_found(struct origins *o, uint64_t key, uint64_t shared) {
    uint64_t origin;
    if (!map64_get(&o->by_source, key, &origin)) {
        origin = find(o, shared);
        map64_put(&o->by_source, key, origin);
    }
    return (uint32_t)origin;
}

uint32_t origins_of(struct origins *o, uint32_t node) {
    const uint64_t is_function = ORIGIN_NONE + 1ull; /* many functions have one map */
    struct v8_objects *objects = &o->look->objects;
    uint64_t origin;
    uint64_t by_map = v8_node_map(o->look->view->nodes, node) + 1ull;
    bool known = map64_get(&o->by_source, by_map, &origin);
    if (known && origin != is_function)
        return (uint32_t)origin;
    uint64_t addr = heap_look_addr(o->look, node);
    if (!known && v8_kind(objects, addr) != KIND_FUNCTION)
        return known_or_found(o, by_map, v8_shared_of(objects, v8_constructor(objects, addr)));
    if (!known)
        map64_put(&o->by_source, by_map, is_function);
    uint64_t shared = v8_shared_of(objects, addr);
    return shared ? known_or_found(o, shared, shared) : ORIGIN_NONE;
}
