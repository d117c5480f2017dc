#include "heapfile/rows.h"

#include "base/hash.h"
#include <errno.h>

enum { EVERY = 1 << 16, BATCH = 1 << 12, NO_KIND = 0xff };

static int refuse_at(struct reading *r, uint64_t at, const char *what) {
    return err_set(r->scan.e, -EBADMSG, "", "this is no heap snapshot: %s at byte %llu, in %s",
                   what, (unsigned long long)at, r->scan.where);
}

static int refuse(struct reading *r, const char *what) {
    return refuse_at(r, scan_offset(&r->scan), what);
}

static int too_many(struct reading *r, const char *what) {
    return err_set(r->scan.e, -E2BIG, "", "over 4,294,967,292 %s cannot be numbered", what);
}

static void say(struct reading *r) {
    if (++r->told % EVERY == 0)
        progress_say(r->progress, "reading the file", input_file_read(r->scan.in),
                     r->f->file_bytes);
}

/* A row of `width` numbers, or the end of the array. */
static inline int next_row(struct reading *r, bool first, int width, uint64_t *row,
                           bool *ret_more) {
    struct scan *s = &r->scan;
    if (s->end - s->p >= 2 && s->p[*s->p == '\n'] == ',' && !first) {
        *ret_more = true; /* as V8 writes them; scan_number() takes the comma */
    } else {
        int rc = scan_more(s, first, ']', ret_more);
        if (rc < 0 || !*ret_more)
            return rc;
    }
    for (int i = 0; i < width; i++) {
        int rc = scan_number(s, &row[i]);
        if (rc < 0)
            return rc;
    }
    say(r);
    return 0;
}

static void note_name(struct reading *r, uint64_t name) {
    if (name > r->largest_name.name)
        r->largest_name = (struct largest_name){(uint32_t)name, scan_offset(&r->scan)};
}

/* --- nodes --- */

static void reserve_nodes(struct heapfile *f, uint32_t *cap) {
    if (f->nodes < *cap)
        return;
    *cap = *cap < UINT32_MAX / 3 ? *cap + *cap / 2 + 1024 : UINT32_MAX;
    f->kind = mem_grow(f->kind, *cap, sizeof(*f->kind));
    f->name = mem_grow(f->name, *cap, sizeof(*f->name));
    f->id = mem_grow(f->id, *cap, sizeof(*f->id));
    f->self = mem_grow(f->self, *cap, sizeof(*f->self));
    f->first_edge = mem_grow(f->first_edge, *cap + 1ull, sizeof(*f->first_edge));
    if (f->detachedness)
        f->detachedness = mem_grow(f->detachedness, *cap, sizeof(*f->detachedness));
}

static void put_detachedness(struct heapfile *f, uint64_t value, uint32_t cap) {
    if (!value && !f->detachedness)
        return;
    if (!f->detachedness)
        f->detachedness = mem_zalloc(cap);
    f->detachedness[f->nodes] = value <= 2 ? (uint8_t)value : 0;
}

static int put_node(struct reading *r, const uint64_t *row, uint64_t *edges) {
    const struct meta *m = &r->meta;
    struct heapfile *f = r->f;
    uint32_t node = f->nodes;
    if (row[m->type] >= sizeof m->kinds || m->kinds[row[m->type]] == NO_KIND)
        return refuse(r, "a node is of a type that its meta does not have");
    if (row[m->name] > UINT32_MAX)
        return refuse(r, "a node's name is no string of it");
    if (row[m->id] > UINT32_MAX)
        return refuse(r, "a node's id is over 2^32");
    if (row[m->edge_count_at] > UINT32_MAX || *edges + row[m->edge_count_at] > UINT32_MAX)
        return too_many(r, "edges");
    note_name(r, row[m->name]);
    f->kind[node] = m->kinds[row[m->type]];
    f->name[node] = (uint32_t)row[m->name];
    f->id[node] = (uint32_t)row[m->id];
    f->self[node] = row[m->self_size] < UINT32_MAX ? (uint32_t)row[m->self_size] : UINT32_MAX;
    if (f->self[node] == UINT32_MAX)
        map64_put(&f->large, node + 1ull, row[m->self_size]);
    f->first_edge[node] = (uint32_t)*edges;
    *edges += row[m->edge_count_at];
    f->nodes++;
    return 0;
}

int rows_nodes(struct reading *r) {
    uint64_t row[META_FIELDS_MAX], edges = 0;
    uint32_t cap = 0;
    bool more = true;
    r->scan.where = "its nodes";
    int rc = scan_expect(&r->scan, '[');
    for (bool first = true; rc == 0; first = false) {
        rc = next_row(r, first, r->meta.node_width, row, &more);
        if (rc < 0 || !more)
            break;
        if (r->f->nodes == r->meta.node_count)
            return refuse(r, "there are more than it says");
        if (r->f->nodes >= UINT32_MAX - 3)
            return too_many(r, "nodes");
        reserve_nodes(r->f, &cap);
        if (r->meta.detachedness >= 0)
            put_detachedness(r->f, row[r->meta.detachedness], cap);
        else if (r->f->detachedness)
            r->f->detachedness[r->f->nodes] = 0;
        rc = put_node(r, row, &edges);
    }
    if (rc < 0)
        return rc;
    if (!r->f->nodes)
        return refuse(r, "there is none");
    r->f->first_edge[r->f->nodes] = (uint32_t)edges;
    if (r->f->nodes != r->meta.node_count)
        return err_set(r->scan.e, -EBADMSG, "Is the copy complete?",
                       "this is no heap snapshot: it says that it has %llu nodes, and has %u",
                       (unsigned long long)r->meta.node_count, r->f->nodes);
    return 0;
}

/* --- edges --- */

/* From a position in the array of nodes to the number of a node. */
struct divider {
    uint64_t width, inverse; /* 2^64 / width, rounded up */
    uint64_t nodes;
};

/* UINT32_MAX: none begins there. */
static uint32_t node_at(const struct divider *d, uint64_t position) {
    uint64_t node = (uint64_t)(((unsigned __int128)position * d->inverse) >> 64);
    return node < d->nodes && node * d->width == position ? (uint32_t)node : UINT32_MAX;
}

static struct divider divider_of(const struct reading *r) {
    uint64_t width = (uint64_t)r->meta.node_width;
    return (struct divider){width, UINT64_MAX / width + 1, r->f->nodes};
}

static int take_edge(struct reading *r, const struct divider *d, const uint64_t *row,
                     struct heapfile_edge *ret) {
    const struct meta *m = &r->meta;
    if (row[m->edge_type] >= sizeof m->edge_kinds || m->edge_kinds[row[m->edge_type]] == NO_KIND)
        return refuse(r, "an edge is of a type that its meta does not have");
    if (row[m->name_or_index] > UINT32_MAX)
        return refuse(r, "an edge's name or index is over 2^32");
    if ((ret->to = node_at(d, row[m->to_node])) == UINT32_MAX)
        return refuse(r, "an edge leads to where no node begins");
    ret->kind = m->edge_kinds[row[m->edge_type]];
    ret->name = (uint32_t)row[m->name_or_index];
    if (heapfile_edge_is_named(ret))
        note_name(r, ret->name);
    return 0;
}

int rows_edges(struct reading *r) {
    struct heapfile_edge batch[BATCH];
    uint64_t row[META_FIELDS_MAX];
    struct divider d = divider_of(r);
    uint32_t expected = r->f->first_edge[r->f->nodes];
    size_t n = 0;
    bool more = true;
    r->scan.where = "its edges";
    int rc = scan_expect(&r->scan, '[');
    for (bool first = true; rc == 0; first = false) {
        rc = next_row(r, first, r->meta.edge_width, row, &more);
        if (rc < 0 || !more)
            break;
        if (r->f->edges == expected)
            return refuse(r, "there are more than its nodes have");
        rc = take_edge(r, &d, row, &batch[n]);
        r->f->edges++;
        if (++n == BATCH) {
            spool_put(&r->f->edge_spool, batch, n * sizeof *batch);
            n = 0;
        }
    }
    spool_put(&r->f->edge_spool, batch, n * sizeof *batch);
    if (rc < 0)
        return rc;
    if (r->f->edges != expected || expected != r->meta.edge_count)
        return err_set(
            r->scan.e, -EBADMSG, "Is the copy complete?",
            "this is no heap snapshot: it says that it has %llu edges, its nodes say %u, "
            "and there are %u",
            (unsigned long long)r->meta.edge_count, expected, r->f->edges);
    return spool_end(&r->f->edge_spool, r->scan.e);
}

/* --- locations --- */

int rows_locations(struct reading *r) {
    const struct meta *m = &r->meta;
    struct divider d = divider_of(r);
    uint64_t row[META_FIELDS_MAX];
    bool more = true;
    if (m->object_index < 0 || m->script_id < 0 || m->line < 0 || m->column < 0)
        return scan_skip(&r->scan);
    r->scan.where = "its locations";
    int rc = scan_expect(&r->scan, '[');
    for (bool first = true; rc == 0; first = false) {
        rc = next_row(r, first, m->location_width, row, &more);
        if (rc < 0 || !more)
            break;
        struct heapfile_location l = {.node = node_at(&d, row[m->object_index]),
                                      .script_id = (uint32_t)row[m->script_id],
                                      .line = (uint32_t)row[m->line],
                                      .column = (uint32_t)row[m->column]};
        if (l.node == UINT32_MAX)
            return refuse(r, "a location is of where no node begins");
        if (r->f->locations == UINT32_MAX)
            return too_many(r, "locations");
        spool_put(&r->f->location_spool, &l, sizeof l);
        r->f->locations++;
    }
    return rc < 0 ? rc : spool_end(&r->f->location_spool, r->scan.e);
}

/* --- strings --- */

static void take_text(void *ctx, const char *text, size_t n) {
    spool_put(ctx, text, n);
}

/* V8's "12 / part of key (Key @3) -> value (Object @5) pair in WeakMap (table @7)", of which the
 * number in front differs between the two edges of a pair. */
static void note_ephemeron(struct heapfile *f, uint32_t string, uint64_t begin) {
    enum { LONGEST = 8192, SHORTEST = 40 };
    static const char middle[] = " pair in WeakMap (table @", start[] = " / part of key (";
    const struct spool *t = &f->text;
    char text[LONGEST];
    size_t n = (size_t)(t->n - begin);
    if (n < SHORTEST || n >= LONGEST || (t->in_hand && t->buf[t->in_hand - 1] != ')') ||
        spool_read(t, begin, text, n) < 0)
        return;
    size_t digits = n - 1;
    while (digits && text[digits - 1] >= '0' && text[digits - 1] <= '9')
        digits--;
    if (text[n - 1] != ')' || digits == n - 1 || digits < sizeof middle - 1 ||
        memcmp(text + digits - (sizeof middle - 1), middle, sizeof middle - 1) != 0)
        return;
    size_t number = 0;
    while (text[number] >= '0' && text[number] <= '9')
        number++;
    if (!number || n - number < sizeof start || memcmp(text + number, start, sizeof start - 1) != 0)
        return;
    struct heapfile_ephemeron x = {.string = string,
                                   .pair = hash_add(1, text + number, n - number)};
    for (size_t i = digits; i < n - 1; i++)
        x.table_id = x.table_id * 10 + (uint32_t)(text[i] - '0');
    vec_push(&f->ephemerons, x);
}

static void note_known(struct heapfile *f, uint32_t string, uint64_t begin) {
    static const char *const known[HEAPFILE_KNOWN] = {
        [HEAPFILE_MAP_DESCRIPTORS] = "(map descriptors)",
        [HEAPFILE_NATIVE_CONTEXT] = "system / NativeContext",
        [HEAPFILE_SLOPPY_FUNCTION_MAP] = "sloppy_function_map",
    };
    char text[32];
    uint64_t n = f->text.n - begin;
    for (size_t i = 0; i < HEAPFILE_KNOWN; i++)
        if (n == strlen(known[i]) && spool_read(&f->text, begin, text, (size_t)n) == 0 &&
            memcmp(text, known[i], (size_t)n) == 0)
            f->known[i] = string;
}

int rows_strings(struct reading *r) {
    struct heapfile *f = r->f;
    VEC(uint64_t) ends = {0};
    bool more = true;
    memset(f->known, 0xff, sizeof f->known); /* UINT32_MAX */
    r->scan.where = "its strings";
    int rc = scan_expect(&r->scan, '[');
    for (bool first = true; rc == 0; first = false) {
        rc = scan_more(&r->scan, first, ']', &more);
        if (rc < 0 || !more)
            break;
        uint64_t begin = f->text.n;
        rc = scan_string(&r->scan, take_text, &f->text);
        if (rc < 0)
            break;
        note_ephemeron(f, (uint32_t)ends.n, begin);
        note_known(f, (uint32_t)ends.n, begin);
        vec_push(&ends, f->text.n);
        say(r);
        if (ends.n == UINT32_MAX) {
            rc = too_many(r, "strings");
            break;
        }
    }
    f->text_end = ends.at;
    f->strings = (uint32_t)ends.n;
    return rc < 0 ? rc : spool_end(&f->text, r->scan.e);
}
