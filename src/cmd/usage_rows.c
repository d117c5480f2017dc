#include "cmd/usage_rows.h"

#include "model/budget.h"
#include "model/groups.h"
#include <string.h>

const char usage_expression[] =
    "(() => {"
    "  const v8 = require('v8'), has = (f) => typeof f === 'function';"
    "  const memory = process.memoryUsage();" /* first: the rest allocates */
    "  return {"
    "    memory, heap: v8.getHeapStatistics(), spaces: v8.getHeapSpaceStatistics(),"
    "    code: v8.getHeapCodeStatistics(),"
    "    resources: has(process.resourceUsage) ? process.resourceUsage() : null,"
    "    constrained: has(process.constrainedMemory) ? process.constrainedMemory() : null,"
    "    uptime: process.uptime(), versions: process.versions, execArgv: process.execArgv,"
    "    nodeOptions: process.env.NODE_OPTIONS || null,"
    "  };"
    "})()";

enum { U_NAME, U_SAYS, U_SEES, U_DELTA, U_WHY, U_COLUMNS };

static bool number(const json_t *o, const char *key, uint64_t *ret) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v) || json_number_value(v) < 0)
        return false;
    *ret = json_is_integer(v) ? (uint64_t)json_integer_value(v) : (uint64_t)json_number_value(v);
    return true;
}

/* `why` explains a difference; NULL: there is none to be expected. */
static void add(struct table *t, const char *name, const json_t *says, const char *key,
                const uint64_t *sees, const char *why) {
    uint64_t v;
    table_row(t);
    table_text(t, U_NAME, name);
    bool said = number(says, key, &v);
    if (said)
        table_u64(t, U_SAYS, v);
    if (sees)
        table_u64(t, U_SEES, *sees);
    if (said && sees)
        table_i64(t, U_DELTA, (int64_t)(*sees - v));
    if (why && (!said || !sees || *sees != v))
        table_text(t, U_WHY, why);
}

static void add_peak(struct table *t, const json_t *said, const struct evidence *seen) {
    uint64_t kib, peak, bytes;
    if (!number(json_object_get(said, "resources"), "maxRSS", &kib))
        return;
    bool has_peak = process_size_get(&seen->process, PROCESS_RSS_PEAK, &peak);
    json_t *in_bytes = json_pack("{s:I}", "maxRSS", (json_int_t)kib * 1024);
    bytes = has_peak ? peak : 0;
    add(t, "maxRSS", in_bytes, "maxRSS", has_peak ? &bytes : NULL,
        "the kernel counts in batches, and the peak may have come since");
    json_decref(in_bytes);
}

struct table *usage_rows(const json_t *said, const struct evidence *seen) {
    static const struct column columns[U_COLUMNS] = {
        {"name", "FIGURE", COL_TEXT},       {"says", "IT SAYS", COL_BYTES},
        {"sees", "MEMWHY SEES", COL_BYTES}, {"difference", "DIFFERENCE", COL_DELTA},
        {"why", "WHY", COL_TEXT},
    };
    static const char moved[] = "what answering took, and what ran since";
    struct table *t = table_new(columns, U_COLUMNS);
    const json_t *memory = json_object_get(said, "memory"), *heap = json_object_get(said, "heap");
    const struct v8_isolate_census *iso =
        seen->has_v8 && seen->v8.isolates.n ? &seen->v8.isolates.at[0] : NULL;
    uint64_t total = iso ? v8_heap_total(iso) : 0, used = iso ? v8_heap_used(iso) : 0;
    uint64_t buffers = iso ? iso->array_buffer_bytes : 0, limit = iso ? v8_heap_limit(iso) : 0;
    uint64_t rss = seen->account.rss_bytes;
    add(t, "rss", memory, "rss", rss ? &rss : NULL,
        "what answering took; the kernel's counter may lag behind");
    add(t, "heapTotal", memory, "heapTotal", iso ? &total : NULL, moved);
    add(t, "heapUsed", memory, "heapUsed", iso ? &used : NULL, moved);
    add(t, "arrayBuffers", memory, "arrayBuffers", iso ? &buffers : NULL, moved);
    add(t, "external", memory, "external", NULL,
        "what native code has told V8 of itself: no memory that could be found");
    add(t, "heap_size_limit", heap, "heap_size_limit", limit ? &limit : NULL, NULL);
    add(t, "malloced_memory", heap, "malloced_memory", NULL,
        "zones of V8's compilers: in malloc's memory here");
    add_peak(t, said, seen);
    if (seen->has_cgroup && seen->cgroup.effective_max.state == CGROUP_LIMIT_SET)
        add(t, "constrainedMemory", said, "constrained", &seen->cgroup.effective_max.bytes,
            "libuv and memwhy do not look at the same cgroups");
    return t;
}

/* --- spaces --- */

static uint64_t resident_of(const struct v8_space_census *s) {
    uint64_t sum = 0;
    for (int p = 0; p < V8_PARTS; p++)
        sum += s->part[p].resident;
    return sum;
}

/* "old_space" is V8_OLD; "new_large_object_space" is called "new_large" in accounts. */
static const struct v8_space_census *space_of(const struct evidence *ev, const char *name) {
    static const char suffix[] = "_space";
    size_t n = strlen(name);
    if (!ev->has_v8 || !ev->v8.isolates.n || n < sizeof suffix)
        return NULL;
    for (int s = 0; s < V8_SPACES; s++) {
        const char *own = v8_space_name((enum v8_space)s);
        size_t len = strlen(own);
        if (strncmp(name, own, len) != 0 ||
            (strcmp(name + len, suffix) != 0 && strcmp(name + len, "_object_space") != 0))
            continue;
        return s == V8_READ_ONLY && ev->v8.read_only.pages ? &ev->v8.read_only
                                                           : &ev->v8.isolates.at[0].space[s];
    }
    return NULL;
}

struct table *usage_space_rows(const json_t *said, const struct evidence *seen) {
    static const struct column columns[] = {
        {"name", "SPACE", COL_TEXT},
        {"size_says", "SIZE SAID", COL_BYTES},
        {"size_sees", "SEEN", COL_BYTES},
        {"used_says", "USED SAID", COL_BYTES},
        {"used_sees", "SEEN", COL_BYTES},
        {"physical_says", "PHYSICAL SAID", COL_BYTES},
        {"resident_sees", "RESIDENT", COL_BYTES},
    };
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    const json_t *space;
    size_t i;
    json_array_foreach((json_t *)json_object_get(said, "spaces"), i, space) {
        const char *name = json_string_value(json_object_get(space, "space_name"));
        const struct v8_space_census *s = name ? space_of(seen, name) : NULL;
        uint64_t size, used, physical;
        if (!name || !number(space, "space_size", &size) ||
            !number(space, "space_used_size", &used) ||
            !number(space, "physical_space_size", &physical) || (!size && !(s && s->committed)))
            continue;
        table_row(t);
        table_text(t, 0, name);
        table_u64(t, 1, size);
        table_u64(t, 3, used);
        table_u64(t, 5, physical);
        if (!s)
            continue;
        table_u64(t, 2, s->committed);
        table_u64(t, 4, s->used);
        if (seen->has_residency)
            table_u64(t, 6, resident_of(s));
    }
    return t;
}

/* --- flags --- */

static void add_flag(struct table *t, const char *word, const struct evidence *seen) {
    const struct flag *f = strncmp(word, "--", 2) == 0 ? flags_find(&seen->flags, word) : NULL;
    if (!f)
        return;
    table_row(t);
    table_text(t, 0, word);
    table_text(t, 1, f->name);
    if (f->value)
        table_text(t, 2, f->value);
    if (f->otherwise)
        table_text(t, 3, f->otherwise);
}

struct table *usage_flag_rows(const json_t *said, const struct evidence *seen) {
    static const struct column columns[] = {
        {"given", "GIVEN", COL_TEXT},
        {"name", "FLAG", COL_TEXT},
        {"value", "IS NOW", COL_TEXT},
        {"default", "DEFAULT", COL_TEXT},
    };
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    const char *env = json_string_value(json_object_get(said, "nodeOptions"));
    cleanup_free char *words = mem_strdup(env ? env : "");
    char *rest = NULL;
    const json_t *word;
    size_t i;
    json_array_foreach((json_t *)json_object_get(said, "execArgv"), i,
                       word) if (json_is_string(word)) add_flag(t, json_string_value(word), seen);
    for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
        add_flag(t, w, seen);
    return t;
}
