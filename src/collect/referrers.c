#include "collect/referrers.h"

#include "base/bits.h"
#include "collect/edge_text.h"
#include "collect/heap_look.h"
#include "v8/heap.h"
#include "v8/properties.h"
#include "v8/referrers.h"
#include "v8/roots.h"
#include "v8/strings.h"
#include "v8/values.h"
#include <errno.h>
#include <math.h>
#include <string.h>

/* Objects that may have the edge; looking at one takes a microsecond. */
enum { CANDIDATES_MAX = 4 << 20, STEPS_MAX = 5, FEW = 16 };

struct node_list {
    VEC(uint32_t) list;
};

struct finder {
    struct heap_look look;
    struct v8_edge_reader *reader;
    struct referrers *r;
    uint64_t *targets;    /* a set of nodes */
    struct node_list few; /* the same, in a list */
    uint64_t smi;         /* the value itself, when it is one; else 0 */
    uint64_t *seen;       /* candidates, a set */
    struct node_list candidates;
};

static uint64_t addr_of(const struct finder *f, uint32_t node) {
    return heap_look_addr(&f->look, node);
}

/* --- what is looked for --- */

static void add_target(struct finder *f, uint32_t node) {
    if (bits_get(f->targets, node))
        return;
    bits_set(f->targets, node);
    vec_push(&f->few.list, node);
}

/* v8_string_is() knows ASCII only. */
static bool reads(struct finder *f, uint64_t string) {
    const char *text = f->r->text;
    size_t bytes = strlen(text);
    int64_t units = v8_string_length(&f->look.objects, string);
    bool is_ascii = true;
    for (size_t i = 0; i < bytes; i++)
        is_ascii = is_ascii && !(text[i] & 0x80);
    if (is_ascii || units < 0 || (size_t)units > bytes)
        return is_ascii && v8_string_is(&f->look.objects, string, text);
    cleanup_free char *s = v8_string_utf8(&f->look.objects, string, bytes);
    return s && strcmp(s, text) == 0;
}

/* Names are symbols too, private ones among them. */
static void find_strings(struct finder *f) {
    enum { SYMBOL_DESCRIPTION = 16 };
    uint32_t n = v8_nodes_count(f->look.view->nodes);
    for (uint32_t node = 0; node < n; node++) {
        uint64_t text = addr_of(f, node);
        enum v8_kind k = v8_kind(&f->look.objects, text);
        if (k == KIND_SYMBOL && f->r->of == REFERRERS_BY_NAME)
            text = v8_field_or_0(&f->look.objects, text, SYMBOL_DESCRIPTION);
        else if (k != KIND_STRING)
            continue;
        if (reads(f, text))
            add_target(f, node);
    }
}

static bool is_number(struct finder *f, uint64_t object) {
    enum { VALUE = 8 };
    double d;
    return v8_kind(&f->look.objects, object) == KIND_HEAP_NUMBER &&
           v8_objects_read(&f->look.objects, (object & ~3ull) + VALUE, &d, sizeof d) == 0 &&
           (d == f->r->number || (isnan(d) && isnan(f->r->number)));
}

static void find_numbers(struct finder *f) {
    double d = f->r->number;
    uint32_t n = v8_nodes_count(f->look.view->nodes);
    if (d == floor(d) && fabs(d) <= INT32_MAX && !(d == 0 && signbit(d)))
        f->smi = (uint64_t)(uint32_t)(int32_t)d << 32;
    for (uint32_t node = 0; node < n; node++)
        if (is_number(f, addr_of(f, node)))
            add_target(f, node);
}

/* --- who may refer to it --- */

static bool add_candidate(struct finder *f, uint32_t node) {
    if (bits_get(f->seen, node))
        return false;
    if (f->candidates.list.n >= CANDIDATES_MAX) {
        f->r->cut = true;
        return false;
    }
    bits_set(f->seen, node);
    vec_push(&f->candidates.list, node);
    return true;
}

/* A map leads on to its objects where it says what they inherit or what properties they have;
 * descriptors with a property's name only where names are asked for. */
static bool map_leads_on(struct finder *f, uint64_t map, uint64_t to) {
    enum { PROTOTYPE = 24, DESCRIPTORS = 40 };
    return v8_field_or_0(&f->look.objects, map, PROTOTYPE) == to ||
           v8_field_or_0(&f->look.objects, map, DESCRIPTORS) == to;
}

static bool is_value_in(struct finder *f, uint64_t descriptors, uint64_t to) {
    int32_t at = f->look.objects.l->facts.descriptor_array_header + 16;
    uint64_t value;
    uint32_t n = 0;
    v8_field_u32(&f->look.objects, descriptors, 8, &n); /* number_of_all_descriptors, 16 bits */
    for (n &= 0xffff; n--; at += 24)
        if (v8_field(&f->look.objects, descriptors, at, &value) && v8_strong(value) == to)
            return true;
    return false;
}

static bool leads_on(struct finder *f, const struct v8_referrer *e) {
    uint64_t from = addr_of(f, e->from), to = addr_of(f, e->to);
    if (v8_kind(&f->look.objects, from) == KIND_MAP)
        return !e->is_map && map_leads_on(f, from, to);
    if (e->is_map || !v8_edge_is_storage(f->reader, from))
        return false;
    return f->r->of == REFERRERS_BY_NAME || v8_kind(&f->look.objects, to) != KIND_STRING ||
           !v8_edge_is_descriptors(f->reader, from) || is_value_in(f, from, to);
}

/* What refers to a map for its own sake has no edge to what the map leads to. */
static bool counts(struct finder *f, const struct v8_referrer *e) {
    if (bits_get(f->targets, e->to) || v8_kind(&f->look.objects, addr_of(f, e->to)) != KIND_MAP)
        return true;
    return e->is_map || v8_kind(&f->look.objects, addr_of(f, e->from)) == KIND_FUNCTION;
}

/* Backwards from `wanted`, through where objects keep what they refer to. */
static void find_candidates(struct finder *f, const uint64_t *wanted) {
    const struct v8_view *view = f->look.view;
    uint32_t n = v8_nodes_count(view->nodes);
    uint64_t *now = bits_new(n), *next = bits_new(n);
    memcpy(now, wanted, (n / 64 + 1) * sizeof *now);
    for (int step = 0; step < STEPS_MAX; step++) {
        struct v8_referrer_list found = {0};
        bool more = false;
        v8_referrers_find(view->nodes, &view->heap->pages, now, &found);
        memset(next, 0, (n / 64 + 1) * sizeof *next);
        for (size_t i = 0; i < found.list.n; i++) {
            const struct v8_referrer *e = &found.list.at[i];
            if (!counts(f, e))
                continue;
            bool is_new = add_candidate(f, e->from);
            if (is_new && leads_on(f, e)) {
                bits_set(next, e->from);
                more = true;
            }
        }
        v8_referrers_done(&found);
        uint64_t *swap = now;
        now = next;
        next = swap;
        if (!more)
            break;
    }
    free(now);
    free(next);
}

/* The object that the word at `at` of a page is part of. */
static uint32_t node_around(const struct v8_nodes *nodes, const struct v8_page *g, uint64_t at) {
    uint32_t node = V8_NO_NODE;
    for (; node == V8_NO_NODE && at >= g->area_start; at -= 8)
        node = v8_node_at(nodes, at | 1);
    return node;
}

/* Smis are in no list of references: all memory is looked through. */
static void find_smi(struct finder *f) {
    const struct v8_view *view = f->look.view;
    uint64_t *holders = bits_new(v8_nodes_count(view->nodes));
    uint64_t words[512];
    for (size_t i = 0; i < view->heap->pages.list.n && !f->r->cut; i++) {
        const struct v8_page *g = &view->heap->pages.list.at[i];
        for (uint64_t at = g->area_start; g->in_use && at < g->area_end; at += sizeof words) {
            size_t n = g->area_end - at < sizeof words ? g->area_end - at : sizeof words;
            n = image_read_prefix(view->img, at, words, n) / 8;
            for (size_t k = 0; k < n; k++) {
                uint32_t node =
                    words[k] == f->smi ? node_around(view->nodes, g, at + 8 * k) : V8_NO_NODE;
                if (node == V8_NO_NODE || !add_candidate(f, node))
                    continue;
                if (v8_edge_is_storage(f->reader, addr_of(f, node)))
                    bits_set(holders, node);
            }
        }
    }
    find_candidates(f, holders);
    free(holders);
}

/* --- the answer --- */

static void add(struct finder *f, uint32_t from, const struct v8_edge *e) {
    struct v8_objects *o = &f->look.objects;
    bool live = heap_look_is_live(&f->look, from);
    if (!live && !f->r->garbage) {
        f->r->garbage_count++;
        return;
    }
    struct referrer one = {.from = addr_of(f, from),
                           .to = v8_is_smi(e->to) ? 0 : e->to,
                           .name = v8_edge_name(o, e),
                           .text = edge_text(o, e),
                           .kind = v8_edge_kind_name((enum v8_edge_kind)e->kind),
                           .live = live,
                           .is_own = edge_is_own(e),
                           .is_ours = e->is_ours,
                           .order = f->r->list.n};
    vec_push(&f->r->list, one);
}

static void look_at(struct finder *f, uint32_t from, uint64_t only) {
    size_t n;
    const struct v8_edge *e = v8_edges_of(f->reader, from, only, &n);
    for (size_t i = 0; i < n; i++) {
        uint32_t to = only ? V8_NO_NODE : v8_node_at(f->look.view->nodes, e[i].to);
        if (only || (to != V8_NO_NODE && bits_get(f->targets, to)))
            add(f, from, &e[i]);
    }
}

static void look_at_names(struct finder *f, uint32_t from) {
    struct v8_properties all;
    struct v8_property p;
    v8_properties_open(&f->look.objects, addr_of(f, from), &all);
    while (v8_properties_next(&all, &p)) {
        uint32_t key = v8_node_at(f->look.view->nodes, p.key);
        struct v8_edge e = {
            .to = v8_strong(p.value), .kind = EDGE_PROPERTY, .form = EDGE_BY_KEY, .key = p.key};
        if (key != V8_NO_NODE && bits_get(f->targets, key))
            add(f, from, &e);
    }
}

static void look_at_all(struct finder *f) {
    for (size_t i = 0; i < f->candidates.list.n; i++) {
        uint32_t from = f->candidates.list.at[i];
        if (f->r->of == REFERRERS_BY_NAME) {
            look_at_names(f, from);
            continue;
        }
        if (f->smi)
            look_at(f, from, f->smi);
        for (size_t k = 0; f->few.list.n <= FEW && k < f->few.list.n; k++)
            look_at(f, from, addr_of(f, f->few.list.at[k]));
        if (f->few.list.n > FEW)
            look_at(f, from, 0);
    }
}

/* A value of a WeakMap lives by its key: the edge is the key's. */
static void look_at_ephemerons(struct finder *f) {
    size_t n;
    const struct v8_ephemeron *e = v8_nodes_ephemerons(f->look.view->nodes, &n);
    for (size_t i = 0; i < n && f->r->of != REFERRERS_BY_NAME; i++) {
        struct v8_edge edge = {.kind = EDGE_INTERNAL, .form = EDGE_EPHEMERON};
        if (!bits_get(f->targets, e[i].value))
            continue;
        edge.to = addr_of(f, e[i].value);
        edge.key = addr_of(f, e[i].key);
        add(f, e[i].key, &edge);
    }
}

static void look_at_roots(struct finder *f) {
    const struct v8_root_list *roots = f->look.view->roots;
    for (size_t i = 0; i < roots->list.n && f->r->of != REFERRERS_BY_NAME; i++) {
        const struct v8_root *root = &roots->list.at[i];
        if (!bits_get(f->targets, root->node))
            continue;
        char *name = v8_root_name(f->look.view->l, root);
        struct referrer one = {.to = addr_of(f, root->node),
                               .from_summary = mem_strdup("(root)"),
                               .text = mem_printf(" (%s)", name),
                               .name = name,
                               .kind = root->kind == ROOT_WEAK ? "weak" : "root",
                               .live = true,
                               .is_own = true,
                               .order = f->r->list.n};
        vec_push(&f->r->list, one);
    }
}

static int by_worth(const void *a, const void *b) {
    const struct referrer *x = a, *y = b;
    if (x->live != y->live)
        return y->live - x->live;
    if (x->is_own != y->is_own)
        return y->is_own - x->is_own;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void referrer_done(struct referrer *one) {
    free(one->from_summary);
    free(one->to_summary);
    free(one->from_class);
    free(one->name);
    free(one->text);
}

/* V8's own edges are left out where the program's own say it; the rest gets its summaries. */
static void finish(struct finder *f) {
    struct referrers *r = f->r;
    size_t keep = 0;
    bool own = false;
    vec_sort(&r->list, by_worth);
    for (size_t i = 0; i < r->list.n; i++) {
        struct referrer *one = &r->list.at[i];
        own = own || (one->is_own && one->from);
        bool storage = !one->is_own && own && v8_edge_is_storage(f->reader, one->from);
        if ((storage && !r->internal) || (r->limit && keep >= r->limit)) {
            r->left_out += !(storage && !r->internal);
            referrer_done(one);
            continue;
        }
        r->list.at[keep++] = *one;
    }
    r->list.n = keep;
    struct v8_classes *classes = heap_look_classes(&f->look);
    for (size_t i = 0; i < keep; i++) {
        struct referrer *one = &r->list.at[i];
        uint32_t from = v8_node_at(f->look.view->nodes, one->from);
        uint32_t to = v8_node_at(f->look.view->nodes, one->to);
        if (from != V8_NO_NODE) {
            one->from_summary = heap_look_summary(&f->look, from);
            one->from_class = mem_strdup(v8_class_name(classes, v8_class_of(classes, from)));
        }
        if (to != V8_NO_NODE)
            one->to_summary = heap_look_summary(&f->look, to);
    }
}

static int find_objects(struct finder *f, struct err *e) {
    for (size_t i = 0; i < f->r->n_addrs; i++) {
        uint32_t node;
        int r = heap_look_find(&f->look, f->r->addrs[i], &node, e);
        if (r < 0)
            return r;
        add_target(f, node);
    }
    if (f->r->n_addrs == 1)
        f->r->summary = heap_look_summary(&f->look, f->few.list.at[0]);
    return 0;
}

static void look_outwards(struct finder *f) {
    for (size_t i = 0; i < f->few.list.n; i++) {
        size_t n;
        const struct v8_edge *edges = v8_edges_of(f->reader, f->few.list.at[i], 0, &n);
        for (size_t k = 0; k < n; k++)
            add(f, f->few.list.at[i], &edges[k]);
    }
}

static void look_inwards(struct finder *f) {
    find_candidates(f, f->targets);
    if (f->smi)
        find_smi(f);
    look_at_all(f);
    look_at_ephemerons(f);
    look_at_roots(f);
}

static int find(struct finder *f, struct err *e) {
    int r = 0;
    f->targets = bits_new(v8_nodes_count(f->look.view->nodes));
    f->seen = bits_new(v8_nodes_count(f->look.view->nodes));
    if (f->r->of == REFERRERS_OF_STRING || f->r->of == REFERRERS_BY_NAME)
        find_strings(f);
    else if (f->r->of == REFERRERS_OF_NUMBER)
        find_numbers(f);
    else
        r = find_objects(f, e);
    if (r < 0)
        return r;
    f->r->found = f->few.list.n;
    if (f->r->of == REFERRERS_FROM)
        look_outwards(f);
    else
        look_inwards(f);
    finish(f);
    return 0;
}

int referrers_see(void *referrers, const struct v8_view *view, struct err *e) {
    struct finder f = {.r = referrers};
    referrers_done(f.r);
    int r = heap_look_open(view, &f.look, e);
    if (r < 0)
        return r;
    f.reader = v8_edge_reader_new(&f.look.objects, view->nodes);
    r = find(&f, e);
    v8_edge_reader_free(f.reader);
    heap_look_done(&f.look);
    free(f.targets);
    free(f.seen);
    vec_free(&f.few.list);
    vec_free(&f.candidates.list);
    return r;
}

void referrers_done(struct referrers *r) {
    for (size_t i = 0; i < r->list.n; i++)
        referrer_done(&r->list.at[i]);
    vec_free(&r->list);
    free(r->summary);
    r->summary = NULL;
    r->found = r->left_out = r->garbage_count = 0;
    r->cut = false;
}
