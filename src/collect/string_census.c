#include "collect/string_census.h"

#include "base/bits.h"
#include "base/map64.h"
#include "collect/string_contents.h"
#include "v8/nodes.h"
#include "v8/roots.h"

enum { SHOWN = 60 }; /* characters of a value */

const char *string_form_name(enum v8_string_form f) {
    static const char *const names[STRING_FORMS] = {
        [STRING_SEQUENTIAL] = "sequential",
        [STRING_CONS] = "concatenated",
        [STRING_SLICED] = "sliced",
        [STRING_EXTERNAL] = "external",
        [STRING_THIN] = "thin",
    };
    return names[f];
}

struct counting {
    struct string_census *c;
    struct heap_look *look;
    const struct heap_outside *outside;
    uint64_t *strings;   /* those that fit the query */
    uint64_t least;      /* of bytes: what is smaller is not among the largest */
    struct map64 slices; /* node of a parent + 1 -> index in c->parents */
};

static enum v8_string_form form_of(struct counting *k, uint32_t node) {
    return v8_string_form(k->look->view->l, heap_look_instance_type(k->look, node));
}

static struct string_row row_of(struct counting *k, uint32_t node) {
    struct v8_objects *o = &k->look->objects;
    uint64_t addr = heap_look_addr(k->look, node);
    int64_t length = v8_string_length(o, addr);
    return (struct string_row){.addr = addr,
                               .length = length < 0 ? 0 : (uint64_t)length,
                               .bytes = v8_node_bytes(k->look->view->nodes, node) +
                                        heap_outside_of(k->outside, node),
                               .form = form_of(k, node)};
}

/* Only of what is shown. */
static void add_values(struct counting *k, struct string_rows *rows) {
    for (size_t i = 0; i < rows->list.n; i++) {
        struct string_row *row = &rows->list.at[i];
        char *value = v8_string_utf8(&k->look->objects, row->addr, SHOWN);
        row->value = value ? value : mem_strdup("");
    }
}

static int largest_first(const void *a, const void *b) {
    const struct string_row *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void keep_largest(struct string_rows *rows, uint64_t most) {
    vec_sort(&rows->list, largest_first);
    if (most && rows->list.n > most)
        rows->list.n = (size_t)most;
}

/* How much of which parent is used by this one. */
static void add_slice(struct counting *k, uint32_t node) {
    struct v8_objects *o = &k->look->objects;
    uint64_t addr = heap_look_addr(k->look, node), index;
    int64_t length = v8_string_length(o, addr);
    uint32_t parent = v8_node_at(k->look->view->nodes, v8_field_or_0(o, addr, V8_STRING_PARENT));
    if (parent == V8_NO_NODE || length < 0)
        return;
    if (!map64_get(&k->slices, parent + 1ull, &index)) {
        index = k->c->parents.list.n;
        map64_put(&k->slices, parent + 1ull, index);
        vec_push(&k->c->parents.list, row_of(k, parent));
    }
    k->c->parents.list.at[index].count++;
    k->c->parents.list.at[index].part += (uint64_t)length;
}

static void count(struct counting *k, struct query_run *query) {
    struct string_census *c = k->c;
    const struct v8_nodes *nodes = k->look->view->nodes;
    uint32_t n = v8_nodes_count(nodes);
    for (uint32_t node = 0; node < n; node++) {
        enum v8_string_form form = form_of(k, node);
        if (form == STRING_FORMS || !query_matches(query, node))
            continue;
        uint64_t bytes = v8_node_bytes(nodes, node);
        bits_set(k->strings, node);
        c->of_form[form].count++;
        c->of_form[form].bytes += bytes;
        if (form == STRING_EXTERNAL)
            c->of_form[form].off_heap += heap_outside_of(k->outside, node);
        if (form == STRING_SLICED)
            add_slice(k, node);
        if (bytes >= k->least || form == STRING_EXTERNAL)
            vec_push(&c->largest.list, row_of(k, node));
        if (c->most && c->largest.list.n > 4 * c->most) {
            keep_largest(&c->largest, c->most);
            k->least = c->largest.list.at[c->most - 1].bytes;
        }
    }
    keep_largest(&c->largest, c->most);
}

/* Does anything but slices keep them? */
static void find_other_holders(struct counting *k) {
    const struct v8_nodes *nodes = k->look->view->nodes;
    uint32_t count = k->slices.n ? v8_nodes_count(nodes) : 0;
    for (uint32_t node = 0; node < count; node++) {
        size_t n;
        uint64_t index;
        if (!heap_look_is_live(k->look, node) || form_of(k, node) == STRING_SLICED)
            continue;
        const uint32_t *refs = v8_node_refs(nodes, node, &n);
        for (size_t i = 0; i < n; i++)
            if (!(refs[i] & V8_REF_WEAK) && map64_get(&k->slices, refs[i] + 1ull, &index))
                k->c->parents.list.at[index].otherwise = true;
    }
    const struct v8_root_list *roots = k->look->view->roots;
    uint64_t index;
    for (size_t i = 0; i < roots->list.n; i++)
        if (V8_STRONG_ROOTS >> roots->list.at[i].kind & 1 &&
            map64_get(&k->slices, roots->list.at[i].node + 1ull, &index))
            k->c->parents.list.at[index].otherwise = true;
    for (size_t i = 0; i < k->c->parents.list.n; i++)
        if (!k->c->parents.list.at[i].otherwise)
            k->c->kept += k->c->parents.list.at[i].bytes;
}

static void find_copies(struct counting *k) {
    struct string_census *c = k->c;
    struct string_copies_list copies;
    string_copies_find(k->look, k->strings, c->most, &copies);
    c->wasted = copies.wasted;
    c->contents = copies.contents;
    for (size_t i = 0; i < copies.list.n; i++) {
        struct string_row row = row_of(k, copies.list.at[i].node);
        row.count = copies.list.at[i].count;
        row.bytes = copies.list.at[i].bytes;
        row.part = copies.list.at[i].wasted;
        vec_push(&c->copies.list, row);
    }
    vec_free(&copies.list);
}

static int take(struct counting *k, struct origins *origins, struct err *e) {
    struct query_run query;
    int r = query_open(&k->c->query, k->look, origins, &query, e);
    if (r < 0)
        return r;
    k->strings = bits_new(v8_nodes_count(k->look->view->nodes));
    count(k, &query);
    query_done(&query);
    find_copies(k);
    find_other_holders(k);
    keep_largest(&k->c->parents, k->c->most);
    add_values(k, &k->c->copies);
    add_values(k, &k->c->largest);
    add_values(k, &k->c->parents);
    free(k->strings);
    map64_done(&k->slices);
    return 0;
}

int string_census_see(void *census, const struct v8_view *view, struct err *e) {
    struct string_census *c = census;
    struct heap_look look;
    string_census_done(c); /* of a look that was given up */
    int r = heap_look_open(view, &look, e);
    if (r < 0)
        return r;
    struct origins origins = origins_open(&look);
    struct counting k = {.c = c, .look = &look, .outside = heap_look_outside(&look)};
    r = take(&k, &origins, e);
    origins_done(&origins);
    heap_look_done(&look);
    return r;
}

static void forget(struct string_rows *rows) {
    for (size_t i = 0; i < rows->list.n; i++)
        free(rows->list.at[i].value);
    vec_free(&rows->list);
}

void string_census_done(struct string_census *c) {
    forget(&c->copies);
    forget(&c->largest);
    forget(&c->parents);
    *c = (struct string_census){.query = c->query, .most = c->most};
}
