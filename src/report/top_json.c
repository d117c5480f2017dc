#include "report/top_json.h"

#include "base/text.h"

static void set_text(json_t *o, const char *key, const char *text) {
    if (text && *text)
        json_object_set_new(o, key, text_json(text));
}

static json_t *integer(uint64_t v) {
    return json_integer((json_int_t)v);
}

static json_t *owners_json(const struct top_parts *p) {
    json_t *o = json_object();
    for (int i = 0; i < TOP_PARTS; i++)
        if (p->known >> i & 1)
            json_object_set_new(o, top_part_info((enum top_part)i)->key, integer(p->bytes[i]));
    return o;
}

static json_t *spaces_json(const struct sample *s) {
    json_t *o = json_object();
    for (int i = 0; i < V8_SPACES; i++)
        if (s->known_spaces >> i & 1)
            json_object_set_new(o, v8_space_name((enum v8_space)i),
                                json_pack("{s:o, s:o}", "used", integer(s->space[i].used), "total",
                                          integer(s->space[i].total)));
    return o;
}

json_t *top_process_json(const struct top_process *p) {
    static const enum top_column figures[] = {TOP_CPU, TOP_GC_RATE, TOP_GC_TIME, TOP_ROOM};
    json_t *o =
        json_pack("{s:i, s:o}", "pid", (int)p->id.pid, "started_ns", integer(p->id.started_ns));
    struct top_parts parts;
    uint64_t v;
    double d;
    if (p->parent)
        json_object_set_new(o, "parent", json_integer(p->parent));
    set_text(o, "command", p->command);
    set_text(o, "cgroup", p->cgroup);
    set_text(o, "node_version", p->version);
    set_text(o, "no_v8", p->no_v8);
    if (p->gone)
        json_object_set_new(o, "gone", json_true());
    for (int f = 0; f < SAMPLE_FIELDS; f++)
        if (sample_get(&p->now, (enum sample_field)f, &v))
            json_object_set_new(o, sample_field_info((enum sample_field)f)->name, integer(v));
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (top_figure(p, figures[i], &d))
            json_object_set_new(o, top_column_info(figures[i])->key, json_real(d));
    if (p->slope.known) {
        json_object_set_new(o, top_column_info(TOP_SLOPE)->key, json_real(p->slope.bytes));
        json_object_set_new(o, "slope_interval_bytes_per_minute",
                            json_pack("[f, f]", p->slope.low, p->slope.high));
    }
    if (p->now.known_spaces)
        json_object_set_new(o, "spaces", spaces_json(&p->now));
    if (top_parts_of(&p->now, &parts))
        json_object_set_new(o, "owners", owners_json(&parts));
    return o;
}
