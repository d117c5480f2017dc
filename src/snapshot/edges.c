#include "snapshot/edges.h"

#include "base/bits.h"
#include "base/parallel.h"
#include "v8/roots.h"
#include "v8/strings.h"
#include <stdio.h>
#include <string.h>

/* Objects of one piece of work; pieces that are read while as many read before are told. */
enum { PIECE = 4096, PIECES = 4, ITEMS_KEPT = 1 << 15 };

struct item {
    struct v8_edge edge;
    uint32_t from, to; /* ordinals */
};

/* One piece, with a reader of its own. */
struct piece {
    struct snapshot_edges *all;
    struct v8_objects objects;
    struct v8_edge_reader *reader;
    uint32_t first; /* node */
    VEC(struct item) items;
    VEC(uint32_t) numbers; /* hashes of first numbers */
};

struct snapshot_edges {
    struct heap_look *look;
    const struct snapshot_plan *plan;
    struct snapshot_names *names;
    struct map64 by_pointer; /* texts of edges -> name */
    struct piece pieces[2][PIECES];
    size_t n[2];   /* of them hold something */
    unsigned read; /* which are being read; the others are told */
    snapshot_edge_fn *tell;
    void *arg;
    uint64_t secret;
    struct snapshot_contents *contents;
};

struct snapshot_edges *snapshot_edges_new(struct heap_look *look, const struct snapshot_plan *plan,
                                          struct snapshot_names *names, uint64_t secret,
                                          struct snapshot_contents *contents) {
    struct snapshot_edges *s = mem_zalloc(sizeof *s);
    s->secret = secret;
    s->contents = contents;
    s->look = look;
    s->plan = plan;
    s->names = names;
    for (size_t i = 0; i < 2 * PIECES; i++) {
        struct piece *p = &s->pieces[i / PIECES][i % PIECES];
        if (v8_objects_open(look->view->img, look->view->l, &look->view->heap->pages, &p->objects) <
            0) {
            snapshot_edges_free(s);
            return NULL;
        }
        p->all = s;
        p->reader = v8_edge_reader_new(&p->objects, look->view->nodes);
    }
    return s;
}

void snapshot_edges_free(struct snapshot_edges *s) {
    if (!s)
        return;
    for (size_t i = 0; i < 2 * PIECES; i++) {
        struct piece *p = &s->pieces[i / PIECES][i % PIECES];
        if (!p->reader)
            break;
        v8_edge_reader_free(p->reader);
        v8_objects_done(&p->objects);
        vec_free(&p->items);
        vec_free(&p->numbers);
    }
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
static void add_item(struct piece *piece, uint32_t node, uint32_t from, const struct v8_edge *e) {
    const struct snapshot_plan *p = piece->all->plan;
    struct item item = {*e, from, ordinal_of(p, e)};
    if (item.to == SNAPSHOT_NOT)
        return;
    if (p->garbage != SNAPSHOT_NOT && !e->is_outside &&
        bits_get(p->view->live, e->node) != bits_get(p->view->live, node))
        item.edge.kind = EDGE_WEAK;
    vec_push(&piece->items, item);
}

static void add_ephemeron(struct piece *piece, uint32_t node, uint32_t from, uint32_t i) {
    const struct snapshot_plan *p = piece->all->plan;
    struct v8_edge e = {.node = p->ephemerons.at[i].value,
                        .kind = EDGE_INTERNAL,
                        .form = EDGE_EPHEMERON,
                        .index = i + 1};
    add_item(piece, node, from, &e);
}

/* The value hangs on the key, with the name by which DevTools knows such edges. V8 has the same one
 * from the table, which DevTools leaves out when it looks for dominators, but not when it looks for
 * what belongs to the program: values of keys that do not would be held by nothing. */
static void read_ephemerons(struct piece *piece, uint32_t node, uint32_t from) {
    const struct snapshot_plan *p = piece->all->plan;
    for (size_t i = snapshot_first_by_key(p, node); i < p->by_key.n && p->by_key.at[i].key == node;
         i++)
        add_ephemeron(piece, node, from, p->by_key.at[i].index);
}

static void read_content(struct piece *piece, uint32_t node, uint32_t *of) {
    const struct snapshot_edges *s = piece->all;
    if (*of) /* a string's */
        return;
    struct snapshot_content c =
        snapshot_content(&piece->objects, s->secret, heap_look_addr(s->look, node),
                         v8_node_bytes(s->plan->view->nodes, node));
    *of = c.first ? c.all | SNAPSHOT_HAS_FIRST : c.all;
    if (c.first)
        vec_push(&piece->numbers, c.first);
}

static void read_node(struct piece *piece, uint32_t node, uint32_t from) {
    size_t n;
    const struct v8_edge *e = v8_edges_of(piece->reader, node, 0, &n);
    for (size_t i = 0; i < n; i++)
        if (!e[i].is_ours && e[i].form != EDGE_EPHEMERON)
            add_item(piece, node, from, &e[i]);
    if (piece->all->plan->ephemerons.n)
        read_ephemerons(piece, node, from);
    read_content(piece, node, &piece->all->contents->of[from]);
}

static void read_piece(struct snapshot_edges *s, struct piece *piece) {
    uint32_t end = v8_nodes_count(s->plan->view->nodes);
    end = end - piece->first < PIECE ? end : piece->first + PIECE;
    uint32_t from = s->plan->first_heap + snapshot_rank(s->plan, piece->first);
    piece->items.n = piece->numbers.n = 0;
    for (uint32_t node = piece->first; node < end; node++)
        if (bits_get(s->plan->in, node))
            read_node(piece, node, from++);
}

/* --- names --- */

static uint32_t name_of_text(struct snapshot_edges *s, const char *text) {
    uint64_t number;
    if (!map64_get(&s->by_pointer, (uintptr_t)text, &number)) {
        number = snapshot_name_text(s->names, text);
        map64_put(&s->by_pointer, (uintptr_t)text, number);
    }
    return (uint32_t)number;
}

static uint32_t name_of(struct snapshot_edges *s, const struct v8_edge *e) {
    bool by_number = e->kind == EDGE_ELEMENT || e->kind == EDGE_HIDDEN;
    if (e->form == EDGE_BY_INDEX)
        return by_number ? e->index : snapshot_name_index(s->names, e->index);
    if (e->form == EDGE_EPHEMERON)
        return e->index;
    if (e->form == EDGE_BY_TEXT)
        return name_of_text(s, e->text);
    if (e->form == EDGE_BY_KEY && v8_kind(&s->look->objects, e->key) == KIND_STRING)
        return snapshot_name_string(s->names, e->key, true);
    cleanup_free char *text = v8_edge_name(&s->look->objects, e);
    return snapshot_name_text(s->names, text);
}

char *snapshot_ephemeron_text(struct snapshot_edges *s, size_t i) {
    const struct snapshot_plan *p = s->plan;
    const struct v8_ephemeron *e = &p->ephemerons.at[i];
    struct v8_classes *c = heap_look_classes(s->look);
    return mem_printf("%zu / part of key (%s @%u) -> value (%s @%u) pair in WeakMap (table @%u)",
                      i + 1, v8_class_name(c, v8_class_of(c, e->key)), snapshot_number(p, e->key),
                      v8_class_name(c, v8_class_of(c, e->value)), snapshot_number(p, e->value),
                      snapshot_number(p, e->table));
}

/* --- telling, in order --- */

static void tell_roots(struct snapshot_edges *s) {
    const struct snapshot_plan *p = s->plan;
    uint32_t n = 1;
    char number[16];
    s->tell(s->arg, SNAPSHOT_ROOT, EDGE_ELEMENT, n++, SNAPSHOT_GC_ROOTS);
    for (size_t i = 0; i < p->globals.n; i++)
        s->tell(s->arg, SNAPSHOT_ROOT, EDGE_SHORTCUT, snapshot_name_index(s->names, n++),
                snapshot_ordinal(p, p->globals.at[i]));
    if (p->garbage != SNAPSHOT_NOT)
        s->tell(s->arg, SNAPSHOT_ROOT, EDGE_ELEMENT, n, p->garbage);
    for (uint32_t i = 0; i < p->n_subroots; i++)
        s->tell(s->arg, SNAPSHOT_GC_ROOTS, EDGE_ELEMENT, i + 1, SNAPSHOT_FIRST_SUBROOT + i);
    for (size_t i = 0, k = 0; i < p->roots.n; i++) {
        const struct snapshot_root *r = &p->roots.at[i];
        const struct v8_layout *l = p->view->l;
        k = i && r[-1].subroot == r->subroot ? k + 1 : 1;
        snprintf(number, sizeof number, "%zu", k);
        s->tell(
            s->arg, SNAPSHOT_FIRST_SUBROOT + r->subroot, r->weak ? EDGE_WEAK : EDGE_INTERNAL,
            snapshot_name_text(s->names, r->entry < l->n_roots ? l->root_names[r->entry] : number),
            snapshot_ordinal(p, r->node));
    }
    for (size_t i = 0; i < p->heads.n; i++)
        s->tell(s->arg, p->garbage, EDGE_ELEMENT, (uint32_t)i + 1,
                snapshot_ordinal(p, p->heads.at[i]));
}

static void tell_pieces(struct snapshot_edges *s, unsigned which) {
    for (size_t i = 0; i < s->n[which]; i++) {
        struct piece *p = &s->pieces[which][i];
        for (size_t j = 0; j < p->numbers.n; j++)
            vec_push(&s->contents->first, p->numbers.at[j]);
        for (size_t j = 0; j < p->items.n; j++) {
            const struct item *item = &p->items.at[j];
            s->tell(s->arg, item->from, (enum v8_edge_kind)item->edge.kind, name_of(s, &item->edge),
                    item->to);
        }
        if (p->items.cap > ITEMS_KEPT) /* of a large array */
            vec_free(&p->items);
    }
}

/* The first job tells what was read before, the others read. */
static void job(void *edges, size_t i) {
    struct snapshot_edges *s = edges;
    if (i == 0)
        tell_pieces(s, !s->read);
    else
        read_piece(s, &s->pieces[s->read][i - 1]);
}

void snapshot_edges_tell(struct snapshot_edges *s, snapshot_edge_fn *tell, void *arg,
                         const int *stop) {
    uint32_t n = v8_nodes_count(s->plan->view->nodes), at = 0;
    s->tell = tell;
    s->arg = arg;
    s->n[0] = s->n[1] = 0;
    tell_roots(s);
    do {
        size_t k = 0;
        s->read = !s->read;
        for (; k < PIECES && at < n; k++, at = n - at < PIECE ? n : at + PIECE)
            s->pieces[s->read][k].first = at;
        s->n[s->read] = k;
        parallel_for(1 + k, job, s);
    } while (s->n[s->read] && !*stop);
}
