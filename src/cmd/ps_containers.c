#include "cmd/ps_containers.h"
#include "base/mem.h"
#include "base/table.h"
#include "base/text.h"

enum { C_NAME, C_PROCESSES, C_RSS, C_PSS, C_CURRENT, C_WORKING_SET, C_PEAK, C_MAX, C_KILLS };

static const struct column columns[] = {
    [C_NAME] = {"path", "CONTAINER", COL_TEXT},
    [C_PROCESSES] = {"processes", "PROCESSES", COL_COUNT},
    [C_RSS] = {"rss_bytes", "RSS", COL_BYTES},
    [C_PSS] = {"pss_bytes", "PSS", COL_BYTES},
    [C_CURRENT] = {"current_bytes", "CHARGED", COL_BYTES},
    [C_WORKING_SET] = {"working_set_bytes", "WORKING SET", COL_BYTES},
    [C_PEAK] = {"peak_bytes", "PEAK", COL_BYTES},
    [C_MAX] = {"max_bytes", "LIMIT", COL_BYTES},
    [C_KILLS] = {"oom_kills", "OOM KILLS", COL_COUNT},
};

static void set_if_known(struct table *t, size_t column, const struct cgroup *c,
                         enum cgroup_field field) {
    uint64_t v;
    if (cgroup_get(c, field, &v))
        table_u64(t, column, v);
}

void ps_containers_print(const struct containers *all, FILE *out, unsigned width) {
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < all->n; i++) {
        const struct container *c = &all->at[i];
        cleanup_free char *label = cgroup_label(c->path);
        uint64_t working_set;
        table_row(t);
        if (*label)
            table_text(t, C_NAME, label);
        table_u64(t, C_PROCESSES, c->n_processes);
        table_u64(t, C_RSS, c->rss_bytes);
        if (c->pss_known)
            table_u64(t, C_PSS, c->pss_bytes);
        set_if_known(t, C_CURRENT, &c->cgroup, CGROUP_CURRENT);
        set_if_known(t, C_PEAK, &c->cgroup, CGROUP_PEAK);
        set_if_known(t, C_KILLS, &c->cgroup, CGROUP_EVENTS_OOM_KILL);
        if (cgroup_working_set(&c->cgroup, &working_set))
            table_u64(t, C_WORKING_SET, working_set);
        if (c->cgroup.effective_max.state == CGROUP_LIMIT_SET)
            table_u64(t, C_MAX, c->cgroup.effective_max.bytes);
        else if (c->cgroup.effective_max.state == CGROUP_LIMIT_NONE)
            table_text(t, C_MAX, "none");
    }
    table_print(t, out, width);
    table_free(t);
}

static void add_size(json_t *to, const char *stem, const char *tail, uint64_t v) {
    cleanup_free char *key = mem_printf("%s%s", stem, tail);
    json_object_set_new(to, key, json_integer((json_int_t)v));
}

/* A number, "none", or nothing when it is unknown. */
static void add_limit(json_t *to, const char *key, struct cgroup_limit limit) {
    if (limit.state == CGROUP_LIMIT_SET)
        json_object_set_new(to, key, json_integer((json_int_t)limit.bytes));
    else if (limit.state == CGROUP_LIMIT_NONE)
        json_object_set_new(to, key, json_string("none"));
}

static void add_pressure_line(json_t *to, const char *key, const struct pressure_line *l) {
    if (l->known)
        json_object_set_new(to, key,
                            json_pack("{s:f, s:f, s:f, s:I}", "avg10_percent", l->avg10_percent,
                                      "avg60_percent", l->avg60_percent, "avg300_percent",
                                      l->avg300_percent, "total_ns", (json_int_t)l->total_ns));
}

static json_t *pressure_json(const struct pressure *p) {
    json_t *o = json_object();
    add_pressure_line(o, "some", &p->some);
    add_pressure_line(o, "full", &p->full);
    return o;
}

static void add_cgroup(json_t *o, const struct cgroup *c) {
    uint64_t v;
    json_object_set_new(o, "version", json_integer(c->version));
    json_object_set_new(o, "dir", text_json(c->dir));
    for (size_t f = 0; f < CGROUP_FIELDS; f++)
        if (cgroup_get(c, f, &v))
            add_size(o, cgroup_field_name(f), cgroup_field_is_bytes(f) ? "_bytes" : "", v);
    if (cgroup_working_set(c, &v))
        add_size(o, "working_set", "_bytes", v);
    add_limit(o, "max_bytes", c->max);
    add_limit(o, "high_bytes", c->high);
    add_limit(o, "swap_max_bytes", c->swap_max);
    add_limit(o, "effective_max_bytes", c->effective_max);
    if (c->effective_path)
        json_object_set_new(o, "effective_max_dir", text_json(c->effective_path));
    json_object_set_new(o, "ancestors_hidden", json_boolean(c->ancestors_hidden));
    if (c->pressure.some.known || c->pressure.full.known)
        json_object_set_new(o, "pressure", pressure_json(&c->pressure));
}

json_t *ps_containers_json(const struct containers *all) {
    json_t *array = json_array();
    for (size_t i = 0; i < all->n; i++) {
        const struct container *c = &all->at[i];
        json_t *o = json_object();
        if (*c->path)
            json_object_set_new(o, "path", text_json(c->path));
        add_size(o, "processes", "", c->n_processes);
        add_size(o, "rss", "_bytes", c->rss_bytes);
        if (c->pss_known)
            add_size(o, "pss", "_bytes", c->pss_bytes);
        if (c->has_cgroup)
            add_cgroup(o, &c->cgroup);
        json_array_append_new(array, o);
    }
    return array;
}
