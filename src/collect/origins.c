#include "collect/origins.h"

#include "v8/functions.h"
#include <string.h>

struct origins origins_open(struct heap_look *look) {
    return (struct origins){.sources = {.look = look}};
}

void origins_done(struct origins *o) {
    v8_scripts_done(&o->scripts);
    vec_free(&o->list);
    sources_done(&o->sources);
}

static uint32_t index_of(struct origins *o, const char *script, uint32_t line) {
    for (uint32_t i = 0; i < o->list.n; i++)
        if (o->list.at[i].line == line && strcmp(o->list.at[i].script, script) == 0)
            return i;
    vec_push(&o->list, (struct origin){script, line});
    return (uint32_t)o->list.n - 1;
}

static uint32_t find(void *origins, uint64_t shared) {
    struct origins *o = origins;
    struct v8_objects *objects = &o->sources.look->objects;
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

uint32_t origins_of(struct origins *o, uint32_t node) {
    return sources_of(&o->sources, node, find, o);
}
