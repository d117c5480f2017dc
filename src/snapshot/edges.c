#include "snapshot/edges.h"

#include "base/bits.h"
#include "base/parallel.h"
#include "v8/roots.h"
#include "v8/strings.h"
#include <stdio.h>
#include <string.h>

/* Nodes of one piece of work. */
enum { PIECE = 2048, ITEMS_KEPT = 1 << 15, AHEAD = 16 };

/* What is told of an edge: see struct v8_edge. */
struct item {
    uint64_t key;       /* or the text */
    uint32_t index, to; /* ordinal */
    uint8_t kind, form;
};

struct object {
    uint64_t hash;
    uint32_t node, items;
};

/* One piece, with a reader of its own. */
struct piece {
    struct snapshot_edges *all;
    struct v8_objects *objects;
    struct v8_edge_reader *reader;
    uint32_t from;   /* ordinal of the first object */
    uint64_t before; /* the object read last, where it stands; 0: none */
    VEC(struct object) list;
    VEC(struct item) items;
    struct snapshot_text trail;
};

struct snapshot_edges {
    struct heap_look *look;
    const struct snapshot_plan *plan;
    struct snapshot_names *names;
    struct map64 by_pointer; /* texts of edges -> name */
    struct piece pieces[PARALLEL_SLOTS];
    const struct snapshot_listener *to;
    uint64_t secret;
};

struct snapshot_edges *snapshot_edges_new(struct heap_look *look, const struct snapshot_plan *plan,
                                          struct snapshot_names *names, uint64_t secret,
                                          struct v8_objects *objects) {
    struct snapshot_edges *s = mem_zalloc(sizeof *s);
    s->secret = secret;
    s->look = look;
    s->plan = plan;
    s->names = names;
    heap_look_classes(look); /* for the texts of ephemerons */
    for (size_t i = 0; i < PARALLEL_SLOTS; i++) {
        s->pieces[i].all = s;
        s->pieces[i].objects = &objects[i];
    }
    return s;
}

static void forget_pieces(struct snapshot_edges *s) {
    for (size_t i = 0; i < PARALLEL_SLOTS; i++) {
        struct piece *p = &s->pieces[i];
        v8_edge_reader_free(p->reader);
        p->reader = NULL;
        vec_free(&p->list);
        vec_free(&p->items);
        snapshot_text_done(&p->trail);
        p->trail = (struct snapshot_text){0};
    }
}

void snapshot_edges_free(struct snapshot_edges *s) {
    if (!s)
        return;
    forget_pieces(s);
    map64_done(&s->by_pointer);
    free(s);
}

/* --- reading, in several threads --- */

static uint32_t ordinal_of(const struct snapshot_plan *p, const struct v8_edge *e) {
    uint64_t i;
    if (!e->is_outside)
        return e->node == V8_NO_NODE ? SNAPSHOT_NOT : snapshot_ordinal(p, e->node);
    return map64_get(&p->store_at, e->to, &i) ? p->first_store + (uint32_t)i - 1 : SNAPSHOT_NOT;
}

/* What is not strong to us is not to DevTools: garbage retains nothing that lives, nor is retained
 * by it. */
static void add_item(struct piece *piece, uint32_t node, const struct v8_edge *e) {
    const struct snapshot_plan *p = piece->all->plan;
    uint32_t to = ordinal_of(p, e);
    uint8_t kind = e->kind;
    if (to == SNAPSHOT_NOT)
        return;
    if (p->garbage != SNAPSHOT_NOT && !e->is_outside &&
        bits_get(p->view->live, e->node) != bits_get(p->view->live, node))
        kind = EDGE_WEAK;
    vec_push(&piece->items,
             (struct item){.key = e->form == EDGE_BY_TEXT ? (uintptr_t)e->text : e->key,
                           .index = e->index,
                           .to = to,
                           .kind = kind,
                           .form = e->form});
}

static void add_ephemeron(struct piece *piece, uint32_t node, uint32_t i) {
    const struct snapshot_plan *p = piece->all->plan;
    struct v8_edge e = {.node = p->ephemerons.at[i].value,
                        .kind = EDGE_INTERNAL,
                        .form = EDGE_EPHEMERON,
                        .index = i + 1};
    add_item(piece, node, &e);
}

/* The value hangs on the key, with the name by which DevTools knows such edges. V8 has the same one
 * from the table, which DevTools leaves out when it looks for dominators, but not when it looks for
 * what belongs to the program: values of keys that do not would be held by nothing. */
static void read_ephemerons(struct piece *piece, uint32_t node) {
    const struct snapshot_plan *p = piece->all->plan;
    for (size_t i = snapshot_first_by_key(p, node); i < p->by_key.n && p->by_key.at[i].key == node;
         i++)
        add_ephemeron(piece, node, p->by_key.at[i].index);
}

static void read_edges(struct piece *piece, uint32_t node) {
    size_t n;
    const struct v8_edge *e = v8_edges_of(piece->reader, node, 0, &n);
    for (size_t i = 0; i < n; i++)
        if (!e[i].is_ours && e[i].form != EDGE_EPHEMERON)
            add_item(piece, node, &e[i]);
    if (piece->all->plan->ephemerons.n)
        read_ephemerons(piece, node);
}

static void read_object(struct piece *piece, uint32_t node) {
    const struct snapshot_edges *s = piece->all;
    uint64_t addr = v8_node_addr(s->plan->view->nodes, node);
    struct object o = {.hash = snapshot_whole_string_hash(piece->objects, addr | 1), .node = node};
    struct snapshot_content content =
        o.hash ? (struct snapshot_content){snapshot_content_of_string(s->secret, o.hash), 0}
               : snapshot_content(piece->objects, s->secret, addr | 1,
                                  v8_node_bytes(s->plan->view->nodes, node));
    size_t before = piece->items.n;
    read_edges(piece, node);
    o.items = (uint32_t)(piece->items.n - before);
    vec_push(&piece->list, o);
    snapshot_trail_object(&piece->trail, s->plan, piece->before, addr, content);
    piece->before = addr;
}

/* Where the last object before `node` stands; 0: there is none. */
static uint64_t addr_before(const struct snapshot_plan *p, uint32_t node) {
    while (node && !bits_get(p->in, node - 1))
        node--;
    return node ? v8_node_addr(p->view->nodes, node - 1) : 0;
}

static void read_piece(void *edges, size_t i, size_t slot) {
    struct snapshot_edges *s = edges;
    struct piece *piece = &s->pieces[slot];
    uint32_t n = v8_nodes_count(s->plan->view->nodes), node = (uint32_t)i * PIECE;
    uint32_t end = n - node < PIECE ? n : node + PIECE;
    if (!piece->reader)
        piece->reader = v8_edge_reader_new(piece->objects, s->plan->view->nodes);
    piece->from = s->plan->first_heap + snapshot_rank(s->plan, node);
    piece->before = addr_before(s->plan, node);
    piece->list.n = piece->items.n = piece->trail.n = 0;
    for (; node < end; node++)
        if (bits_get(s->plan->in, node))
            read_object(piece, node);
}

/* --- names --- */

static uint32_t name_of_text(struct snapshot_edges *s, uintptr_t text) {
    uint64_t number;
    if (!map64_get(&s->by_pointer, text, &number)) {
        number = snapshot_name_text(s->names, (const char *)text);
        map64_put(&s->by_pointer, text, number);
    }
    return (uint32_t)number;
}

static uint32_t name_of(struct snapshot_edges *s, const struct item *i) {
    bool by_number = i->kind == EDGE_ELEMENT || i->kind == EDGE_HIDDEN;
    uint32_t number = i->form == EDGE_BY_KEY ? snapshot_name_kept(s->names, i->key) : 0;
    if (number)
        return number;
    if (i->form == EDGE_BY_INDEX)
        return by_number ? i->index : snapshot_name_index(s->names, i->index);
    if (i->form == EDGE_EPHEMERON)
        return i->index;
    if (i->form == EDGE_BY_TEXT)
        return name_of_text(s, (uintptr_t)i->key);
    if (i->form == EDGE_BY_KEY && v8_kind(&s->look->objects, i->key) == KIND_STRING)
        return snapshot_name_string(s->names, i->key, true);
    struct v8_edge e = {.kind = i->kind, .form = i->form, .index = i->index, .key = i->key};
    cleanup_free char *text = v8_edge_name(&s->look->objects, &e);
    return snapshot_name_text(s->names, text);
}

char *snapshot_ephemeron_text(const struct snapshot_edges *s, size_t i) {
    const struct snapshot_plan *p = s->plan;
    const struct v8_ephemeron *e = &p->ephemerons.at[i];
    struct v8_classes *c = heap_look_classes(s->look);
    return mem_printf("%zu / part of key (%s @%u) -> value (%s @%u) pair in WeakMap (table @%u)",
                      i + 1, v8_class_name(c, v8_class_of(c, e->key)), snapshot_number(p, e->key),
                      v8_class_name(c, v8_class_of(c, e->value)), snapshot_number(p, e->value),
                      snapshot_number(p, e->table));
}

/* --- telling, in order --- */

static void tell(struct snapshot_edges *s, uint32_t from, enum v8_edge_kind kind, uint32_t name,
                 uint32_t to) {
    s->to->edge(s->to->arg, from, kind, name, to);
}

static void tell_roots(struct snapshot_edges *s) {
    const struct snapshot_plan *p = s->plan;
    uint32_t n = 1;
    char number[16];
    tell(s, SNAPSHOT_ROOT, EDGE_ELEMENT, n++, SNAPSHOT_GC_ROOTS);
    for (size_t i = 0; i < p->globals.n; i++)
        tell(s, SNAPSHOT_ROOT, EDGE_SHORTCUT, snapshot_name_index(s->names, n++),
             snapshot_ordinal(p, p->globals.at[i]));
    if (p->garbage != SNAPSHOT_NOT)
        tell(s, SNAPSHOT_ROOT, EDGE_ELEMENT, n, p->garbage);
    for (uint32_t i = 0; i < p->n_subroots; i++)
        tell(s, SNAPSHOT_GC_ROOTS, EDGE_ELEMENT, i + 1, SNAPSHOT_FIRST_SUBROOT + i);
    for (size_t i = 0, k = 0; i < p->roots.n; i++) {
        const struct snapshot_root *r = &p->roots.at[i];
        const struct v8_layout *l = p->view->l;
        k = i && r[-1].subroot == r->subroot ? k + 1 : 1;
        snprintf(number, sizeof number, "%zu", k);
        tell(s, SNAPSHOT_FIRST_SUBROOT + r->subroot, r->weak ? EDGE_WEAK : EDGE_INTERNAL,
             snapshot_name_text(s->names, r->entry < l->n_roots ? l->root_names[r->entry] : number),
             snapshot_ordinal(p, r->node));
    }
    for (size_t i = 0; i < p->heads.n; i++)
        tell(s, p->garbage, EDGE_ELEMENT, (uint32_t)i + 1, snapshot_ordinal(p, p->heads.at[i]));
}

static bool tell_piece(void *edges, size_t i, size_t slot) {
    struct snapshot_edges *s = edges;
    struct piece *p = &s->pieces[slot];
    const struct item *item = p->items.at;
    (void)i;
    for (size_t k = 0; k < p->list.n; k++) {
        const struct object *o = &p->list.at[k];
        uint32_t ordinal = p->from + (uint32_t)k;
        if (k + AHEAD < p->list.n && o[AHEAD].hash)
            snapshot_name_prefetch(s->names, o[AHEAD].hash);
        s->to->object(s->to->arg, o->node, ordinal, o->hash);
        for (uint32_t left = o->items; left; left--, item++)
            tell(s, ordinal, (enum v8_edge_kind)item->kind, name_of(s, item), item->to);
    }
    if (p->items.cap > ITEMS_KEPT) /* of a large array */
        vec_free(&p->items);
    return s->to->trail(s->to->arg, &p->trail);
}

void snapshot_edges_tell(struct snapshot_edges *s, const struct snapshot_listener *to) {
    uint32_t n = v8_nodes_count(s->plan->view->nodes);
    s->to = to;
    tell_roots(s);
    parallel_in_order(((size_t)n + PIECE - 1) / PIECE, read_piece, tell_piece, s);
    forget_pieces(s);
}
