#include "snapshot/snapshot.h"

#include "base/bits.h"
#include "base/parallel.h"
#include "snapshot/earlier.h"
#include "snapshot/edges.h"
#include "snapshot/kinds.h"
#include "snapshot/sections.h"
#include "v8/nodes.h"
#include <errno.h>

struct writing {
    struct snapshot *snapshot;
    struct heap_look *look;
    struct v8_objects objects[PARALLEL_SLOTS];
    struct snapshot_plan plan;
    struct snapshot_names names;
    struct snapshot_kinds kinds;
    struct snapshot_edges *edges;
    struct snapshot_spool *spool;
    struct spool trail;
    struct snapshot_out out;
    uint64_t secret;                       /* of the process */
    uint32_t *name;                        /* by ordinal */
    struct snapshot_counts counts;         /* of edges */
    uint32_t elements, properties;         /* names of edges */
    uint64_t *in_elements, *in_properties; /* ordinals of what such an edge leads to */
};

/* --- names and edges --- */

static void name_others(struct writing *w) {
    const struct snapshot_plan *p = &w->plan;
    w->name[SNAPSHOT_ROOT] = snapshot_name_text(&w->names, "");
    w->name[SNAPSHOT_GC_ROOTS] = snapshot_name_text(&w->names, "(GC roots)");
    for (uint32_t i = 0; i < p->n_subroots; i++)
        w->name[SNAPSHOT_FIRST_SUBROOT + i] = snapshot_name_text(&w->names, p->form->subroots[i]);
    if (p->garbage != SNAPSHOT_NOT)
        w->name[p->garbage] = snapshot_name_text(&w->names, "(Garbage)");
    for (size_t i = 0; i < p->stores.n; i++)
        w->name[p->first_store + i] = snapshot_name_text(&w->names, "system / JSArrayBufferData");
}

static void see_object(void *writing, uint32_t node, uint32_t ordinal, uint64_t hash) {
    struct writing *w = writing;
    w->name[ordinal] = snapshot_name(&w->kinds, node, hash);
}

/* The first of both says what it is. */
static void see_edge(void *writing, uint32_t from, enum v8_edge_kind kind, uint32_t name,
                     uint32_t to) {
    struct writing *w = writing;
    snapshot_count_one(&w->counts, from);
    snapshot_spool_put(w->spool, kind, name, to);
    if (kind != EDGE_INTERNAL || (name != w->elements && name != w->properties))
        return;
    if (name == w->elements && !bits_get(w->in_properties, to))
        bits_set(w->in_elements, to);
    else if (name == w->properties && !bits_get(w->in_elements, to))
        bits_set(w->in_properties, to);
}

static bool see_trail(void *writing, const struct snapshot_text *objects) {
    struct writing *w = writing;
    spool_put(&w->trail, objects->at, objects->n);
    return !w->spool->bytes.error && !w->trail.error && !atomic_load(w->snapshot->cancelled);
}

/* Arrays that objects keep their elements and properties in are called so (V8HeapExplorer::
 * TagObject). */
static void name_arrays(struct writing *w) {
    uint32_t unnamed = snapshot_name_text(&w->names, "");
    uint32_t elements = snapshot_name_text(&w->names, "(object elements)");
    uint32_t properties = snapshot_name_text(&w->names, "(object properties)");
    for (uint32_t i = 0; i < w->plan.n; i++)
        if (w->name[i] == unnamed && (w->in_elements[i / 64] | w->in_properties[i / 64]))
            w->name[i] = bits_get(w->in_elements, i)     ? elements
                         : bits_get(w->in_properties, i) ? properties
                                                         : unnamed;
}

static int find_all(struct writing *w) {
    const struct snapshot_listener to = {w, see_object, see_edge, see_trail};
    w->names = (struct snapshot_names){.o = &w->look->objects,
                                       .first = 1 + (uint32_t)w->plan.ephemerons.n};
    snapshot_kinds_open(w->look, &w->names, w->plan.form, w->snapshot->redact, &w->kinds);
    w->name = mem_zalloc(w->plan.n * sizeof *w->name);
    w->counts.few = mem_zalloc(w->plan.n);
    w->in_elements = bits_new(w->plan.n);
    w->in_properties = bits_new(w->plan.n);
    w->edges = snapshot_edges_new(w->look, &w->plan, &w->names, w->secret, w->objects);
    name_others(w);
    w->elements = snapshot_name_text(&w->names, "elements");
    w->properties = snapshot_name_text(&w->names, "properties");
    snapshot_edges_tell(w->edges, &to);
    name_arrays(w);
    int r = snapshot_spool_end(w->spool), r2 = spool_end(&w->trail, NULL);
    return atomic_load(w->snapshot->cancelled) ? -EINTR : r ? r : r2;
}

/* --- all of it --- */

static void tell_result(struct writing *w) {
    struct snapshot *s = w->snapshot;
    uint32_t n = v8_nodes_count(w->plan.view->nodes);
    s->nodes = w->plan.n;
    s->edges = w->spool->edges;
    s->objects = w->plan.n_heap;
    s->strings = w->names.list.n + w->plan.ephemerons.n;
    s->file_bytes = w->out.written;
    s->garbage = 0;
    for (uint32_t i = 0; i <= n / 64; i++)
        s->garbage += (uint64_t)__builtin_popcountll(w->plan.in[i] & ~w->plan.view->live[i]);
}

/* From here on only the maps of nodes are asked for. */
static int keep_numbers(struct writing *w, struct err *e) {
    struct snapshot *s = w->snapshot;
    struct snapshot_later later = {w->look,    &w->plan,  &w->kinds, &w->names, w->name,
                                   &w->counts, &w->trail, w->spool,  w->secret};
    v8_nodes_keep_maps(w->plan.view->nodes);
    return s->earlier ? snapshot_earlier_match(s->earlier, &later, &s->kept, &s->before, e) : 0;
}

static int put_all(struct writing *w, struct capture_sink *sink) {
    struct snapshot_sections sections = {w->look,    &w->plan,   &w->kinds, &w->names,
                                         w->edges,   w->spool,   &w->trail, w->name,
                                         &w->counts, w->objects, w->secret};
    w->out = (struct snapshot_out){.sink = sink, .cancelled = w->snapshot->cancelled};
    return snapshot_sections_put(&sections, &w->out);
}

static int fill_file(struct writing *w, struct capture_sink *sink, struct err *e) {
    int r = find_all(w);
    if (r == 0)
        r = keep_numbers(w, e);
    return r == 0 ? put_all(w, sink) : r;
}

static int open_spools(struct writing *w) {
    w->spool = mem_alloc(sizeof *w->spool);
    int r = snapshot_spool_open(w->snapshot->path, w->spool);
    if (r < 0) {
        free(w->spool);
        w->spool = NULL;
        return r;
    }
    return spool_open_beside(w->snapshot->path, &w->trail);
}

static int write_file(struct writing *w, struct err *e) {
    struct snapshot *s = w->snapshot;
    int r = capture_sink_open(s->path, s->form, &s->sink, e);
    if (r < 0)
        return r;
    r = open_spools(w);
    if (r == 0)
        r = fill_file(w, s->sink, e);
    if (r < 0 && !e->code)
        r = capture_sink_explain(s->sink, r, e);
    else if (r == 0)
        tell_result(w);
    return r;
}

int snapshot_finish(struct snapshot *s, struct err *e) {
    int r = s->sink ? capture_sink_finish(s->sink, &s->disk_bytes) : 0;
    return r < 0 ? capture_sink_explain(s->sink, r, e) : 0;
}

void snapshot_drop(struct snapshot *s) {
    capture_sink_free(s->sink);
    s->sink = NULL;
}

static void writing_done(struct writing *w) {
    snapshot_edges_free(w->edges);
    snapshot_kinds_done(&w->kinds);
    snapshot_names_done(&w->names);
    snapshot_plan_done(&w->plan);
    if (w->spool)
        snapshot_spool_done(w->spool);
    spool_close(&w->trail);
    free(w->spool);
    free(w->name);
    free(w->in_elements);
    free(w->in_properties);
    free(w->counts.few);
    map64_done(&w->counts.more);
}

/* As the look has one for itself: there is no other reason to fail. */
static int open_objects(struct writing *w, struct err *e) {
    const struct v8_view *v = w->look->view;
    for (size_t i = 0; i < PARALLEL_SLOTS; i++)
        if (v8_objects_open(v->img, v->l, &v->heap->pages, &w->objects[i]) < 0)
            return err_set(e, -ENOTSUP, NULL, "its objects cannot be told apart");
    return 0;
}

int snapshot_see(void *snapshot, const struct v8_view *view, struct err *e) {
    struct heap_look look;
    snapshot_drop(snapshot); /* of a look before */
    int isolate = 0, r = heap_look_open(view, &look, e);
    if (r < 0)
        return r;
    struct writing w = {.snapshot = snapshot, .look = &look, .trail = {.fd = -1}};
    r = open_objects(&w, e);
    if (r == 0)
        r = snapshot_isolate(view, w.snapshot->isolate, &isolate, e);
    if (r == 0)
        r = snapshot_plan_make(&look, isolate, w.snapshot->with_garbage, &w.plan, e);
    if (r == 0) {
        w.secret = snapshot_secret(&look, isolate);
        r = write_file(&w, e);
        writing_done(&w);
    }
    for (size_t i = 0; i < PARALLEL_SLOTS; i++)
        v8_objects_done(&w.objects[i]);
    heap_look_done(&look);
    return r;
}
