#include "snapshot/snapshot.h"

#include "base/bits.h"
#include "snapshot/earlier.h"
#include "snapshot/edges.h"
#include "snapshot/hashes.h"
#include "snapshot/kinds.h"
#include "snapshot/places.h"
#include "snapshot/spool.h"
#include "snapshot/text.h"
#include "snapshot/trail.h"
#include "v8/nodes.h"
#include "v8/strings.h"

struct writing {
    struct snapshot *snapshot;
    struct heap_look *look;
    struct snapshot_plan plan;
    struct snapshot_names names;
    struct snapshot_kinds kinds;
    struct snapshot_edges *edges;
    struct snapshot_text *text;
    struct snapshot_spool *spool;
    uint64_t secret;               /* of the process */
    uint32_t *name;                /* by ordinal */
    struct snapshot_counts counts; /* of edges */
    struct snapshot_contents contents;
    uint32_t elements, properties; /* names */
    uint32_t object_elements, object_properties;
    uint32_t unnamed, width;
};

/* --- names and counts --- */

/* Returns the ordinal behind the last. */
static uint32_t name_objects(struct writing *w) {
    const struct snapshot_plan *p = &w->plan;
    uint32_t n = v8_nodes_count(p->view->nodes), ordinal = p->first_heap;
    struct snapshot_hashes *hashes = snapshot_hashes_new(w->look, p->in);
    const uint64_t *hash = NULL;
    for (uint32_t node = 0; node < n; node++) {
        if (node % SNAPSHOT_HASHES == 0)
            hash = snapshot_hashes_of(hashes, node);
        if (!bits_get(p->in, node))
            continue;
        uint64_t h = hash[node % SNAPSHOT_HASHES];
        w->name[ordinal] = snapshot_name(&w->kinds, node, h);
        if (h)
            w->contents.of[ordinal] = snapshot_content_of_string(w->secret, h);
        ordinal++;
    }
    snapshot_hashes_free(hashes);
    return ordinal;
}

static void name_nodes(struct writing *w) {
    const struct snapshot_plan *p = &w->plan;
    w->unnamed = snapshot_name_text(&w->names, "");
    w->name[SNAPSHOT_ROOT] = w->unnamed;
    w->name[SNAPSHOT_GC_ROOTS] = snapshot_name_text(&w->names, "(GC roots)");
    for (uint32_t i = 0; i < p->n_subroots; i++)
        w->name[SNAPSHOT_FIRST_SUBROOT + i] = snapshot_name_text(&w->names, p->form->subroots[i]);
    if (p->garbage != SNAPSHOT_NOT)
        w->name[p->garbage] = snapshot_name_text(&w->names, "(Garbage)");
    uint32_t ordinal = name_objects(w);
    for (size_t i = 0; i < p->stores.n; i++)
        w->name[ordinal++] = snapshot_name_text(&w->names, "system / JSArrayBufferData");
}

/* Arrays that objects keep their elements and properties in are called so (V8HeapExplorer::
 * TagObject). */
static void see_edge(void *writing, uint32_t from, enum v8_edge_kind kind, uint32_t name,
                     uint32_t to) {
    struct writing *w = writing;
    snapshot_count_one(&w->counts, from);
    w->snapshot->edges++;
    snapshot_spool_put(w->spool, kind, name, to);
    if (kind != EDGE_INTERNAL || w->name[to] != w->unnamed)
        return;
    if (name == w->elements)
        w->name[to] = w->object_elements;
    else if (name == w->properties)
        w->name[to] = w->object_properties;
}

static void find_edges(struct writing *w) {
    w->elements = snapshot_name_text(&w->names, "elements");
    w->properties = snapshot_name_text(&w->names, "properties");
    w->object_elements = snapshot_name_text(&w->names, "(object elements)");
    w->object_properties = snapshot_name_text(&w->names, "(object properties)");
    snapshot_edges_tell(w->edges, see_edge, w, &w->spool->error);
}

/* --- sections --- */

static void put_head(struct writing *w) {
    struct snapshot_text *t = w->text;
    cleanup_free char *meta = v8_snapshot_meta(w->plan.form);
    snapshot_text_put(t, "{\"snapshot\":{\"meta\":");
    snapshot_text_put(t, meta);
    snapshot_text_put(t, ",\"node_count\":");
    snapshot_text_number(t, w->plan.n);
    snapshot_text_put(t, ",\"edge_count\":");
    snapshot_text_number(t, w->snapshot->edges);
    snapshot_text_put(t, ",\"trace_function_count\":0");
    if (w->plan.form->has_extra_native)
        snapshot_text_put(t, ",\"extra_native_bytes\":0");
    snapshot_text_put(t, "},\n");
}

static void put_node(struct writing *w, uint32_t ordinal, enum v8_node_kind kind, uint32_t id,
                     uint64_t bytes) {
    struct snapshot_text *t = w->text;
    if (ordinal)
        snapshot_text_char(t, ',');
    snapshot_text_number(t, kind);
    snapshot_text_char(t, ',');
    snapshot_text_number(t, w->name[ordinal]);
    snapshot_text_char(t, ',');
    snapshot_text_number(t, id);
    snapshot_text_char(t, ',');
    snapshot_text_number(t, bytes);
    snapshot_text_char(t, ',');
    snapshot_text_number(t, snapshot_count(&w->counts, ordinal));
    snapshot_text_put(t, w->plan.form->has_trace_node_id ? ",0,0\n" : ",0\n");
}

static void put_nodes(struct writing *w) {
    const struct snapshot_plan *p = &w->plan;
    uint32_t n = v8_nodes_count(p->view->nodes), ordinal = 0;
    snapshot_text_put(w->text, "\"nodes\":[");
    for (; ordinal < p->first_heap; ordinal++) /* 1, 3, 5: V8's own */
        put_node(w, ordinal, V8_NODE_SYNTHETIC, 2 * ordinal + 1, 0);
    for (uint32_t node = 0; node < n && !w->text->error; node++) {
        if (!bits_get(p->in, node))
            continue;
        enum v8_node_kind kind = snapshot_kind(&w->kinds, node);
        put_node(w, ordinal++, kind, snapshot_number(p, node),
                 snapshot_bytes(p, w->look, node, kind));
    }
    for (size_t i = 0; i < p->stores.n; i++, ordinal++)
        put_node(w, ordinal, V8_NODE_NATIVE, p->given ? p->given[ordinal] : p->stores.at[i].id,
                 p->stores.at[i].bytes);
    snapshot_text_put(w->text, "],\n");
}

static void put_edges(struct writing *w) {
    struct snapshot_text *t = w->text;
    unsigned kind;
    uint32_t name, to;
    bool first = true;
    snapshot_text_put(t, "\"edges\":[");
    snapshot_spool_rewind(w->spool);
    while (!t->error && snapshot_spool_get(w->spool, &kind, &name, &to)) {
        if (!first)
            snapshot_text_char(t, ',');
        first = false;
        snapshot_text_number(t, kind);
        snapshot_text_char(t, ',');
        snapshot_text_number(t, name);
        snapshot_text_char(t, ',');
        snapshot_text_number(t, (uint64_t)to * w->width);
        snapshot_text_char(t, '\n');
    }
    snapshot_text_put(t, "],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n"
                         "\"samples\":[],\n");
}

static void put_places(struct writing *w) {
    const struct snapshot_plan *p = &w->plan;
    struct snapshot_text *t = w->text;
    struct snapshot_places places = {.sources = {.look = w->look}};
    uint32_t n = v8_nodes_count(p->view->nodes), ordinal = p->first_heap;
    bool first = true;
    snapshot_text_put(t, "\"locations\":[");
    for (uint32_t node = 0; node < n && !t->error; node++) {
        struct snapshot_place place;
        if (!bits_get(p->in, node))
            continue;
        uint32_t at = ordinal++;
        if (!snapshot_place_of(&places, node, &place))
            continue;
        if (!first)
            snapshot_text_char(t, ',');
        first = false;
        snapshot_text_number(t, (uint64_t)at * w->width);
        snapshot_text_char(t, ',');
        snapshot_text_number(t, place.script_id);
        snapshot_text_char(t, ',');
        snapshot_text_number(t, place.line);
        snapshot_text_char(t, ',');
        snapshot_text_number(t, place.column);
        snapshot_text_char(t, '\n');
    }
    snapshot_text_put(t, "],\n");
    snapshot_places_done(&places);
}

static void put_strings(struct writing *w) {
    struct snapshot_text *t = w->text;
    snapshot_text_put(t, "\"strings\":[\"<dummy>\"");
    for (size_t i = 0; i < w->plan.ephemerons.n; i++) {
        cleanup_free char *text = snapshot_ephemeron_text(w->edges, i);
        snapshot_text_put(t, ",\n");
        snapshot_text_quote(t, text);
    }
    for (size_t i = 0; i < w->names.list.n && !t->error; i++) {
        uint64_t string;
        struct v8_text units = {0};
        const char *text = snapshot_name_at(&w->names, i, &string);
        snapshot_text_put(t, ",\n");
        if (text)
            snapshot_text_quote(t, text);
        else if (v8_string_read(&w->look->objects, string, SNAPSHOT_STRING_MAX, &units) == 0)
            snapshot_text_quote_units(t, units.units, units.n);
        else
            snapshot_text_put(t, "\"\"");
        v8_text_done(&units);
    }
    snapshot_text_put(t, "]}");
}

static int put_all(struct writing *w) {
    put_head(w);
    put_nodes(w);
    put_edges(w);
    put_places(w);
    snapshot_trail_put(w->text, &w->plan, w->secret, &w->contents);
    put_strings(w);
    snapshot_text_flush(w->text);
    return w->spool->error ? w->spool->error : w->text->error;
}

/* --- all of it --- */

static void prepare(struct writing *w) {
    w->names = (struct snapshot_names){.o = &w->look->objects,
                                       .first = 1 + (uint32_t)w->plan.ephemerons.n};
    snapshot_kinds_open(w->look, &w->names, w->plan.form, w->snapshot->redact, &w->kinds);
    w->name = mem_zalloc(w->plan.n * sizeof *w->name);
    w->counts.few = mem_zalloc(w->plan.n);
    w->contents.of = mem_zalloc(w->plan.n * sizeof *w->contents.of);
    w->edges = snapshot_edges_new(w->look, &w->plan, &w->names, w->secret, &w->contents);
    w->width = v8_snapshot_fields(w->plan.form);
    w->snapshot->edges = 0;
    name_nodes(w);
    find_edges(w);
}

static void tell_result(struct writing *w) {
    struct snapshot *s = w->snapshot;
    uint32_t n = v8_nodes_count(w->plan.view->nodes);
    s->nodes = w->plan.n;
    s->objects = w->plan.n_heap;
    s->strings = w->names.list.n + w->plan.ephemerons.n;
    s->file_bytes = w->text->written;
    s->garbage = 0;
    for (uint32_t i = 0; i <= n / 64; i++)
        s->garbage += (uint64_t)__builtin_popcountll(w->plan.in[i] & ~w->plan.view->live[i]);
}

/* From here on only the maps of nodes are asked for. */
static int keep_numbers(struct writing *w, struct err *e) {
    struct snapshot *s = w->snapshot;
    struct snapshot_later later = {w->look,    &w->plan,     &w->kinds, &w->names, w->name,
                                   &w->counts, &w->contents, w->spool,  w->secret};
    v8_nodes_keep_maps(w->plan.view->nodes);
    return s->earlier ? snapshot_earlier_match(s->earlier, &later, &s->kept, &s->before, e) : 0;
}

static int fill_file(struct writing *w, struct capture_sink *sink, struct err *e) {
    w->spool = mem_alloc(sizeof *w->spool);
    int r = snapshot_spool_open(w->snapshot->path, w->snapshot->cancelled, w->spool);
    if (r < 0)
        return r;
    prepare(w);
    w->text = mem_alloc(sizeof *w->text);
    w->text->sink = sink;
    w->text->cancelled = w->snapshot->cancelled;
    w->text->n = 0;
    w->text->written = 0;
    w->text->error = 0;
    r = w->spool->error;
    if (r == 0)
        r = keep_numbers(w, e);
    if (r == 0)
        r = put_all(w);
    snapshot_spool_done(w->spool);
    return r;
}

static int write_file(struct writing *w, struct err *e) {
    struct capture_sink *sink;
    int r = capture_sink_open(w->snapshot->path, w->snapshot->form, &sink, e);
    if (r < 0)
        return r;
    r = fill_file(w, sink, e);
    if (r == 0)
        r = capture_sink_finish(sink, &w->snapshot->disk_bytes);
    if (r < 0 && !e->code)
        r = capture_sink_explain(sink, r, e);
    else if (r == 0)
        tell_result(w);
    capture_sink_free(sink);
    return r;
}

int snapshot_see(void *snapshot, const struct v8_view *view, struct err *e) {
    struct heap_look look;
    int r = heap_look_open(view, &look, e);
    if (r < 0)
        return r;
    struct writing w = {.snapshot = snapshot, .look = &look};
    int isolate = 0;
    r = snapshot_isolate(view, w.snapshot->isolate, &isolate, e);
    if (r == 0)
        r = snapshot_plan_make(&look, isolate, w.snapshot->with_garbage, &w.plan, e);
    if (r == 0) {
        w.secret = snapshot_secret(&look, isolate);
        r = write_file(&w, e);
        snapshot_edges_free(w.edges);
        snapshot_kinds_done(&w.kinds);
        snapshot_names_done(&w.names);
        snapshot_plan_done(&w.plan);
        free(w.text);
        free(w.spool);
        free(w.name);
        free(w.counts.few);
        map64_done(&w.counts.more);
        free(w.contents.of);
        vec_free(&w.contents.first);
    }
    heap_look_done(&look);
    return r;
}
