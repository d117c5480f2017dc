#include "suspects/suspect.h"

#include "base/bits.h"
#include "collect/heap_outside.h"
#include "collect/paths.h"
#include "graph/classes.h"
#include "v8/places.h"
#include "v8/strings.h"
#include <string.h>

struct suspect *suspect_add(struct suspect_search *s, struct suspect found) {
    vec_push(&s->ret->list, found);
    return &s->ret->list.at[s->ret->list.n - 1];
}

void suspect_part_add(struct suspect *to, char *text, uint64_t addr, uint64_t count,
                      uint64_t bytes) {
    vec_push(&to->parts, (struct suspect_part){text, addr, count, bytes});
}

bool suspect_is_told(const struct suspect_search *s, uint64_t addr) {
    for (size_t i = 0; i < s->ret->list.n; i++)
        if (s->ret->list.at[i].addr == addr)
            return true;
    return false;
}

/* Objects of one shape have the same properties, unless these are in a dictionary of their own. */
bool suspect_property_of(struct suspect_search *s, struct suspect_property *p, uint32_t node,
                         struct v8_property *ret) {
    struct v8_properties all;
    uint32_t map = v8_node_map(s->nodes, node);
    uint64_t known = 0, addr;
    int type = heap_look_instance_type(&s->look, node);
    if (type < 0 || s->look.objects.kinds[type] != KIND_RECEIVER ||
        !heap_look_is_live(&s->look, node) ||
        (map64_get(&p->shapes, map + 1ull, &known) && known == 1))
        return false;
    addr = heap_look_addr(&s->look, node);
    bool found = v8_property_own(&s->look.objects, addr, p->name, ret);
    v8_properties_open(&s->look.objects, addr, &all);
    if (!known && all.is_fast)
        map64_put(&p->shapes, map + 1ull, found ? 2 : 1);
    return found && !ret->is_accessor;
}

bool suspect_is_a(struct suspect_search *s, struct suspect_class *c, uint32_t node) {
    struct v8_classes *classes = heap_look_classes(&s->look);
    uint32_t class = v8_class_of(classes, node);
    uint64_t known;
    if (!map64_get(&c->known, class + 1ull, &known)) {
        known = strcmp(v8_class_name(classes, class), c->name) == 0 ? 2 : 1;
        map64_put(&c->known, class + 1ull, known);
    }
    return known == 2;
}

char *suspect_function_text(struct suspect_search *s, uint64_t shared) {
    struct v8_objects *o = &s->look.objects;
    struct v8_shared f;
    struct v8_places places = {.o = o};
    struct stack_frame frame = {0};
    if (v8_shared_read(o, shared, &f) < 0)
        return mem_strdup("a function");
    cleanup_free char *name = v8_string_utf8(o, v8_shared_debug_name(o, &f), LIMIT_V8_NAME);
    const char *shown = name && *name ? name : "<anonymous>";
    v8_place_set(&places, &f, 0, PLACE_FUNCTION, &frame);
    char *text = frame.script && frame.line
                     ? mem_printf("%s (%s:%u:%u)", shown, frame.script, frame.line, frame.column)
                 : frame.script ? mem_printf("%s (%s)", shown, frame.script)
                                : mem_printf("%s (V8's or Node's own)", shown);
    free(frame.script);
    v8_scripts_done(&places.scripts);
    return text;
}

/* --- groups --- */

struct keyed {
    uint32_t *group_of; /* by node; GRAPH_NONE: none */
};

static uint32_t group_of(void *ctx, uint32_t node) {
    const struct keyed *k = ctx;
    return k->group_of[node];
}

static int by_bytes(const void *a, const void *b) {
    const struct suspect_group *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes > y->bytes ? -1 : 1)
                                : (x->first > y->first) - (x->first < y->first);
}

static uint64_t is_in_set(void *ctx, uint32_t node) {
    return bits_get(ctx, node);
}

void suspect_set_tell(struct suspect_search *s, const uint64_t *set, uint64_t least_count,
                      const char *kind, const char *words) {
    struct suspect_groups all;
    suspect_groups_find(s, is_in_set, (void *)set, &all);
    const struct suspect_group *g = all.list.at;
    if (all.list.n && g->count >= least_count && g->bytes >= s->least) {
        char size[FMT_MAX], count[FMT_MAX];
        suspect_add(s, (struct suspect){.kind = kind,
                                        .text = mem_printf("%s %s %s", fmt_count(count, g->count),
                                                           words, fmt_bytes(size, g->bytes)),
                                        .sample = heap_look_addr(&s->look, g->first),
                                        .count = g->count,
                                        .bytes = g->bytes});
    }
    suspect_groups_done(&all);
}

void suspect_groups_find(const struct suspect_search *s,
                         uint64_t (*key_of)(void *ctx, uint32_t node), void *ctx,
                         struct suspect_groups *ret) {
    uint32_t n = v8_nodes_count(s->nodes);
    cleanup_free uint32_t *number = mem_alloc((n + 1ull) * sizeof *number);
    struct map64 seen = {0};
    struct suspect_groups g = {0};
    for (uint32_t node = 0; node < n; node++) {
        uint64_t key = bits_get(s->look.view->live, node) ? key_of(ctx, node) : 0, at;
        number[node] = GRAPH_NONE;
        if (!key)
            continue;
        if (!map64_get(&seen, key, &at)) {
            at = g.list.n;
            map64_put(&seen, key, at);
            vec_push(&g.list, (struct suspect_group){.key = key, .first = node});
        }
        number[node] = (uint32_t)at;
    }
    map64_done(&seen);
    struct keyed keyed = {number};
    cleanup_free struct graph_class *sums = mem_zalloc((g.list.n + 1) * sizeof *sums);
    graph_classes(s->tree, (uint32_t)g.list.n, group_of, &keyed, sums);
    for (size_t i = 0; i < g.list.n; i++) {
        g.list.at[i].count = sums[i].count;
        g.list.at[i].bytes = sums[i].retained;
    }
    vec_sort(&g.list, by_bytes);
    *ret = g;
}

void suspect_groups_done(struct suspect_groups *g) {
    vec_free(&g->list);
}

/* --- all of them --- */

static void (*const finders[])(struct suspect_search *s) = {
    suspect_listeners, suspect_collections, suspect_functions, suspect_strings,    suspect_buffers,
    suspect_realms,    suspect_roots,       suspect_async,     suspect_finalizers, suspect_streams,
};

static int most_first(const void *a, const void *b) {
    const struct suspect *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes > y->bytes ? -1 : 1)
                                : (x->addr > y->addr) - (x->addr < y->addr);
}

/* --- what was found twice --- */

/* Which word says more, where two finders came upon the same objects: the first. */
static int rank_of(const struct suspect *x) {
    static const char *const general[] = {"large-object", "closure-leak", "collection-leak"};
    int rank = 0;
    for (size_t i = 0; i < sizeof general / sizeof *general; i++)
        if (strcmp(x->kind, general[i]) == 0)
            rank = (int)i + 1;
    return rank;
}

static bool near(uint64_t a, uint64_t b, unsigned percent) {
    uint64_t less = a < b ? a : b, more = a < b ? b : a;
    return more - less <= more / 100 * percent + 2;
}

static bool dominates(const struct suspect_search *s, uint64_t above, uint64_t addr) {
    uint32_t a = v8_node_at(s->nodes, above), node = v8_node_at(s->nodes, addr);
    return a != V8_NO_NODE && node != V8_NO_NODE && graph_tree_dominates(s->tree, a, node);
}

static uint64_t of(const struct suspect *x) {
    return x->addr ? x->addr : x->sample;
}

/* As many objects with as much, told once by what they are and once by what holds them. The one
 * that was drawn as a sample may be kept by a word of the stack as well, so that the holder does
 * not dominate it. */
static bool are_same_set(const struct suspect *a, const struct suspect *b) {
    return !a->addr != !b->addr && a->count >= 10 && near(a->count, b->count, 1) &&
           near(a->bytes, b->bytes, 5);
}

/* One holds the other and hardly more, or as many of one are held by as many of the other: an array
 * of closures, and the closures of one function. */
static bool are_same(const struct suspect_search *s, const struct suspect *a,
                     const struct suspect *b) {
    bool alike = near(a->bytes, b->bytes, 10) ||
                 (a->count > 1 && near(a->count, b->count, 5) && near(a->bytes, b->bytes, 25));
    return are_same_set(a, b) ||
           (alike && (dominates(s, of(a), of(b)) || dominates(s, of(b), of(a)) ||
                      dominates(s, of(a), b->sample) || dominates(s, of(b), a->sample)));
}

static void join(struct suspects *all, size_t kept, size_t gone) {
    struct suspect *to = &all->list.at[kept], *x = &all->list.at[gone];
    suspect_part_add(to, x->text, x->addr, 0, 0);
    for (size_t i = 0; i < x->parts.n; i++)
        vec_push(&to->parts, x->parts.at[i]);
    vec_free(&x->parts);
    free(x->path);
    if (!to->addr)
        to->addr = x->addr;
    if (x->bytes > to->bytes)
        to->bytes = x->bytes;
    memmove(x, x + 1, (all->list.n - gone - 1) * sizeof *x);
    all->list.n--;
}

static void join_same(const struct suspect_search *s) {
    struct suspects *all = s->ret;
    for (size_t i = 0; i < all->list.n; i++)
        for (size_t k = i + 1; k < all->list.n;) {
            struct suspect *a = &all->list.at[i], *b = &all->list.at[k];
            if (!are_same(s, a, b)) {
                k++;
                continue;
            }
            if (rank_of(b) < rank_of(a) || (rank_of(b) == rank_of(a) && b->addr && !a->addr)) {
                struct suspect swap = *a;
                *a = *b;
                *b = swap;
            }
            join(all, i, k);
            k = i + 1;
        }
}

/* Each is compared with each: of many, which only a least of next to nothing brings, those that
 * hold most are enough. */
static void keep_most(struct suspects *all) {
    enum { MOST = 300 };
    if (all->list.n <= MOST)
        return;
    vec_sort(&all->list, most_first);
    while (all->list.n > MOST)
        suspect_done(&all->list.at[--all->list.n]);
}

/* --- how they are reached --- */

static void find_path(struct suspect_search *s, const struct ways *w, struct path_namer *namer,
                      struct suspect *x) {
    struct way_nodes way = {0};
    uint32_t node = v8_node_at(s->nodes, of(x));
    if (node == V8_NO_NODE)
        return;
    const char *worker = path_worker(&s->look, of(x));
    ways_to(w, node, 1, &way);
    if (way.ends.n) {
        struct path path = path_name(namer, w, way.nodes.at, way.ends.at[0]);
        x->path = mem_printf("%s%s%s", path.line, worker ? " in " : "", worker ? worker : "");
        path_done(&path);
    }
    way_nodes_done(&way);
}

static void find_paths(struct suspect_search *s) {
    if (!s->ret->list.n)
        return;
    struct ways w = ways_open(&s->look);
    struct path_namer namer = {&s->look, v8_edge_reader_new(&s->look.objects, s->nodes)};
    for (size_t i = 0; i < s->ret->list.n; i++)
        find_path(s, &w, &namer, &s->ret->list.at[i]);
    v8_edge_reader_free(namer.reader);
    ways_done(&w);
}

/* --- what of it is outside the heap --- */

static void weigh_outside(struct suspect_search *s) {
    const struct heap_outside *held = heap_look_outside(&s->look);
    for (size_t i = 0; i < s->ret->list.n; i++) {
        struct suspect *x = &s->ret->list.at[i];
        uint32_t holder = x->addr ? v8_node_at(s->nodes, x->addr) : V8_NO_NODE;
        for (size_t k = 0; holder != V8_NO_NODE && k < held->list.n; k++)
            if (graph_tree_dominates(s->tree, holder, held->list.at[k].node))
                x->outside += held->list.at[k].bytes;
    }
}

int suspects_see(void *suspects, const struct v8_view *view, struct err *e) {
    struct suspects *ret = suspects;
    struct suspect_search s = {.ret = ret, .nodes = view->nodes};
    suspects_done(ret); /* of a look that was given up */
    int r = heap_look_open(view, &s.look, e);
    if (r < 0)
        return r;
    r = heap_look_graph(&s.look, &s.graph, e);
    if (r == 0) {
        s.tree = s.graph->tree;
        ret->live_bytes = graph_tree_retained(s.tree, graph_root_id(s.graph->graph));
        s.least = ret->least ? ret->least : ret->live_bytes / 20;
        for (size_t i = 0; i < sizeof finders / sizeof *finders; i++)
            finders[i](&s);
        keep_most(ret);
        join_same(&s);
        find_paths(&s);
        weigh_outside(&s);
        vec_sort(&ret->list, most_first);
    }
    heap_look_done(&s.look);
    return r;
}
