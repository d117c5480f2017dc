#include "snapshot/sections.h"

#include "base/bits.h"
#include "base/parallel.h"
#include "snapshot/places.h"
#include "v8/nodes.h"
#include "v8/strings.h"

/* Nodes, strings and bytes of one piece. */
enum { NODES = 8192, STRINGS = 4096, BYTES = 1 << 19, TEXT_KEPT = 1 << 21 };

struct slot {
    struct snapshot_text text;
    struct snapshot_block *block;
    struct v8_objects *objects;
    int error;
};

struct putting;
typedef void fill_fn(struct putting *p, size_t i, struct slot *to);

struct putting {
    const struct snapshot_sections *s;
    struct snapshot_out *out;
    uint32_t width; /* fields of a node */
    struct slot slot[PARALLEL_SLOTS];
    fill_fn *fill;
};

/* --- pieces --- */

static void make(void *putting, size_t i, size_t slot) {
    struct putting *p = putting;
    p->fill(p, i, &p->slot[slot]);
}

static bool take(void *putting, size_t i, size_t slot) {
    struct putting *p = putting;
    struct slot *from = &p->slot[slot];
    (void)i;
    if (from->error && !p->out->error)
        p->out->error = from->error;
    bool goes_on = snapshot_out_put(p->out, &from->text);
    if (from->text.cap > TEXT_KEPT) { /* of long strings */
        snapshot_text_done(&from->text);
        from->text = (struct snapshot_text){0};
    }
    return goes_on;
}

static void put_pieces(struct putting *p, size_t n, fill_fn *fill) {
    p->fill = fill;
    if (!p->out->error)
        parallel_in_order(n, make, take, p);
}

/* Of what is short the text is made in the first slot. */
static struct snapshot_text *text_of(struct putting *p) {
    return &p->slot[0].text;
}

static void put(struct putting *p, const char *text) {
    snapshot_text_put(text_of(p), text);
    snapshot_out_put(p->out, text_of(p));
}

/* --- nodes --- */

static void put_head(struct putting *p) {
    const struct v8_snapshot_form *form = p->s->plan->form;
    struct snapshot_text *t = text_of(p);
    cleanup_free char *meta = v8_snapshot_meta(form);
    snapshot_text_put(t, "{\"snapshot\":{\"meta\":");
    snapshot_text_put(t, meta);
    snapshot_text_put(t, ",\"node_count\":");
    snapshot_text_number(t, p->s->plan->n);
    snapshot_text_put(t, ",\"edge_count\":");
    snapshot_text_number(t, p->s->spool->edges);
    snapshot_text_put(t, ",\"trace_function_count\":0");
    if (form->has_extra_native)
        snapshot_text_put(t, ",\"extra_native_bytes\":0");
    put(p, "},\n");
}

static void put_node(const struct snapshot_sections *s, struct snapshot_text *t, uint32_t ordinal,
                     enum v8_node_kind kind, uint32_t id, uint64_t bytes) {
    const char *rest = s->plan->form->has_trace_node_id ? ",0,0\n" : ",0\n";
    char *p = snapshot_text_line(t);
    *p = ',';
    p = snapshot_put_number(p + (ordinal != 0), kind);
    *p++ = ',';
    p = snapshot_put_number(p, s->name[ordinal]);
    *p++ = ',';
    p = snapshot_put_number(p, id);
    *p++ = ',';
    p = snapshot_put_number(p, bytes);
    *p++ = ',';
    p = snapshot_put_number(p, snapshot_count(s->counts, ordinal));
    while (*rest)
        *p++ = *rest++;
    snapshot_text_add(t, p);
}

static void fill_nodes(struct putting *p, size_t i, struct slot *to) {
    const struct snapshot_plan *plan = p->s->plan;
    uint32_t n = v8_nodes_count(plan->view->nodes), node = (uint32_t)i * NODES;
    uint32_t end = n - node < NODES ? n : node + NODES;
    uint32_t ordinal = plan->first_heap + snapshot_rank(plan, node);
    for (; node < end; node++) {
        if (!bits_get(plan->in, node))
            continue;
        enum v8_node_kind kind = snapshot_kind(p->s->kinds, node);
        put_node(p->s, &to->text, ordinal, kind, snapshot_number(plan, node),
                 snapshot_bytes(plan, p->s->look, node, kind));
        ordinal++;
    }
}

static void put_nodes(struct putting *p) {
    const struct snapshot_plan *plan = p->s->plan;
    uint32_t n = v8_nodes_count(plan->view->nodes), ordinal = 0;
    heap_look_outside(p->s->look); /* several threads will ask for it */
    put(p, "\"nodes\":[");
    for (; ordinal < plan->first_heap; ordinal++) /* 1, 3, 5: V8's own */
        put_node(p->s, text_of(p), ordinal, V8_NODE_SYNTHETIC, 2 * ordinal + 1, 0);
    put(p, "");
    put_pieces(p, ((size_t)n + NODES - 1) / NODES, fill_nodes);
    ordinal = plan->first_store;
    for (size_t i = 0; i < plan->stores.n; i++, ordinal++)
        put_node(p->s, text_of(p), ordinal, V8_NODE_NATIVE,
                 plan->given ? plan->given[ordinal] : plan->stores.at[i].id,
                 plan->stores.at[i].bytes);
    put(p, "],\n");
}

/* --- edges --- */

static void fill_edges(struct putting *p, size_t i, struct slot *to) {
    unsigned kind;
    uint32_t name, node;
    if (!to->block)
        to->block = mem_alloc(sizeof *to->block);
    to->error = snapshot_block_read(p->s->spool, i, to->block);
    for (bool first = i == 0; !to->error && snapshot_block_next(to->block, &kind, &name, &node);
         first = false) {
        char *at = snapshot_text_line(&to->text);
        *at = ',';
        at = snapshot_put_number(at + !first, kind);
        *at++ = ',';
        at = snapshot_put_number(at, name);
        *at++ = ',';
        at = snapshot_put_number(at, (uint64_t)node * p->width);
        *at++ = '\n';
        snapshot_text_add(&to->text, at);
    }
}

static void put_edges(struct putting *p) {
    put(p, "\"edges\":[");
    put_pieces(p, p->s->spool->block.n, fill_edges);
    for (size_t i = 0; i < PARALLEL_SLOTS; i++) {
        free(p->slot[i].block);
        p->slot[i].block = NULL;
    }
    put(p, "],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n");
}

/* --- places --- */

static void put_place(struct putting *p, uint64_t ordinal, const struct snapshot_place *place) {
    struct snapshot_text *t = text_of(p);
    snapshot_text_number(t, ordinal * p->width);
    snapshot_text_char(t, ',');
    snapshot_text_number(t, place->script_id);
    snapshot_text_char(t, ',');
    snapshot_text_number(t, place->line);
    snapshot_text_char(t, ',');
    snapshot_text_number(t, place->column);
    snapshot_text_char(t, '\n');
}

static void put_places(struct putting *p) {
    const struct snapshot_plan *plan = p->s->plan;
    struct snapshot_places places = {.sources = {.look = p->s->look}};
    uint32_t n = v8_nodes_count(plan->view->nodes), ordinal = plan->first_heap;
    bool first = true;
    put(p, "\"locations\":[");
    for (uint32_t node = 0; node < n && !p->out->error; node++) {
        struct snapshot_place place;
        if (!bits_get(plan->in, node))
            continue;
        uint32_t at = ordinal++;
        if (!snapshot_place_of(&places, node, &place))
            continue;
        if (!first)
            snapshot_text_char(text_of(p), ',');
        first = false;
        put_place(p, at, &place);
        if (text_of(p)->n > BYTES)
            put(p, "");
    }
    put(p, "],\n");
    snapshot_places_done(&places);
}

/* --- what the next one needs --- */

static void fill_trail(struct putting *p, size_t i, struct slot *to) {
    uint64_t from = (uint64_t)i * BYTES, left = p->s->trail->n - from;
    while (to->text.cap < BYTES)
        snapshot_text_grow(&to->text);
    to->text.n = left < BYTES ? (size_t)left : BYTES;
    to->error = spool_read(p->s->trail, from, to->text.at, to->text.n);
}

static void put_trail(struct putting *p) {
    snapshot_trail_head(text_of(p), p->s->plan, p->s->secret);
    put(p, "");
    put_pieces(p, (size_t)((p->s->trail->n + BYTES - 1) / BYTES), fill_trail);
    put(p, "\",\n");
}

/* --- strings --- */

static void put_string(const struct snapshot_sections *s, struct slot *to, size_t i) {
    uint64_t string;
    struct v8_text units = {0};
    const char *text = snapshot_name_at(s->names, i, &string);
    if (text)
        snapshot_text_quote(&to->text, text);
    else if (v8_string_read(to->objects, string, SNAPSHOT_STRING_MAX, &units) == 0)
        snapshot_text_quote_units(&to->text, units.units, units.n);
    else
        snapshot_text_put(&to->text, "\"\"");
    v8_text_done(&units);
}

static size_t count_strings(const struct snapshot_sections *s) {
    return s->plan->ephemerons.n + s->names->list.n;
}

static void fill_strings(struct putting *p, size_t i, struct slot *to) {
    size_t at = i * STRINGS, n = count_strings(p->s), ephemerons = p->s->plan->ephemerons.n;
    for (size_t end = n - at < STRINGS ? n : at + STRINGS; at < end; at++) {
        snapshot_text_put(&to->text, ",\n");
        if (at < ephemerons) {
            cleanup_free char *text = snapshot_ephemeron_text(p->s->edges, at);
            snapshot_text_quote(&to->text, text);
        } else {
            put_string(p->s, to, at - ephemerons);
        }
    }
}

static void put_strings(struct putting *p) {
    put(p, "\"strings\":[\"<dummy>\"");
    put_pieces(p, (count_strings(p->s) + STRINGS - 1) / STRINGS, fill_strings);
    put(p, "]}");
}

/* --- all --- */

int snapshot_sections_put(const struct snapshot_sections *s, struct snapshot_out *out) {
    struct putting p = {.s = s, .out = out, .width = v8_snapshot_fields(s->plan->form)};
    for (size_t i = 0; i < PARALLEL_SLOTS; i++)
        p.slot[i].objects = &s->objects[i];
    put_head(&p);
    put_nodes(&p);
    put_edges(&p);
    put_places(&p);
    put_trail(&p);
    put_strings(&p);
    for (size_t i = 0; i < PARALLEL_SLOTS; i++)
        snapshot_text_done(&p.slot[i].text);
    return out->error;
}
