#include "collect/inspect.h"

#include "base/limits.h"
#include "collect/heap_look.h"
#include "v8/contexts.h"
#include "v8/heap.h"
#include "v8/nodes.h"
#include "v8/strings.h"
#include "v8/values.h"
#include <errno.h>
#include <string.h>

/* Still to be opened. */
struct pending {
    struct inspected *of;
    unsigned depth;
};

struct inspector {
    struct inspection *s;
    struct heap_look look;
    struct v8_decoder decoder;
    VEC(struct pending) queue;
    size_t next;
};

/* Not undefined, true and their like: everybody has the same. */
static bool is_object(struct v8_objects *o, uint64_t value) {
    enum v8_kind k = v8_is_smi(value) ? KIND_NONE : v8_kind(o, value);
    return k != KIND_NONE && k != KIND_ODDBALL && k != KIND_HOLE;
}

/* Of V8's own objects what they are. */
static char *describe(struct inspector *k, uint64_t value) {
    struct v8_objects *o = &k->look.objects;
    if (v8_kind(o, value) == KIND_STRING) {
        int64_t n = v8_string_length(o, value);
        cleanup_free char *s = v8_string_utf8(o, value, k->s->text_max);
        return s ? mem_printf("\"%s%s\"", s, n > (int64_t)k->s->text_max ? "..." : "")
                 : mem_strdup("?");
    }
    char *s = v8_value_summary(o, value);
    if (strcmp(s, "?") != 0)
        return s;
    free(s);
    if (v8_is_hole(o, value))
        return mem_strdup("(hole)");
    if (!is_object(o, value))
        return mem_strdup("?");
    if (v8_is_context(o, value))
        return mem_strdup("(context)");
    int64_t n = v8_array_length(o, value);
    if (n >= 0)
        return mem_printf("(array)(%lld)", (long long)n);
    const char *type = v8_type_class(v8_type(o, value));
    return type ? mem_printf("(%s)", type) : mem_printf("(type %d)", v8_instance_type(o, value));
}

static struct inspected *add(struct inspector *k, uint64_t value) {
    struct inspected *node = mem_zalloc(sizeof *node);
    vec_push(&k->s->all, node);
    node->summary = describe(k, value);
    node->addr = is_object(&k->look.objects, value) ? v8_strong(value) : 0;
    return node;
}

static void set_function(struct inspector *k, uint64_t value, char **ret, uint64_t *ret_addr) {
    if (v8_kind(&k->look.objects, value) != KIND_FUNCTION)
        return;
    *ret = describe(k, value);
    *ret_addr = value;
}

/* Takes over the member's texts. */
static struct inspected *add_member(struct inspector *k, struct v8_member *m) {
    struct v8_objects *o = &k->look.objects;
    struct inspected *node = mem_zalloc(sizeof *node);
    vec_push(&k->s->all, node);
    node->kind = m->kind;
    node->name = m->name;
    node->scope = m->scope;
    node->is_accessor = m->is_accessor;
    node->is_hidden = m->is_hidden;
    node->is_weak = m->is_weak;
    node->summary = m->text;
    if (!m->name) {
        node->key = describe(k, m->key);
        node->key_addr = is_object(o, m->key) ? v8_strong(m->key) : 0;
    }
    set_function(k, m->getter, &node->getter, &node->getter_addr);
    set_function(k, m->setter, &node->setter, &node->setter_addr);
    if (!m->text && !m->is_accessor) {
        node->summary = describe(k, m->value);
        node->addr = is_object(o, m->value) ? v8_strong(m->value) : 0;
    }
    m->name = m->scope = m->text = NULL;
    return node;
}

/* Prototypes are named but not opened: they are the same for all objects of a class. */
static bool is_worth_opening(const struct inspected *n) {
    return n->addr && !(n->name && strcmp(n->name, "[[Prototype]]") == 0);
}

static void open_node(struct inspector *k, struct pending p) {
    struct v8_members m;
    v8_members_of(&k->decoder, p.of->addr, &m);
    memcpy(p.of->more, m.more, sizeof m.more);
    p.of->is_open = true;
    for (size_t i = 0; i < m.list.n; i++) {
        if (k->s->all.n >= LIMIT_INSPECTED) {
            p.of->more[m.list.at[i].kind]++;
            k->s->is_cut = true;
            continue;
        }
        struct inspected *node = add_member(k, &m.list.at[i]);
        vec_push(&p.of->members, node);
        if (p.depth > 1 && is_worth_opening(node))
            vec_push(&k->queue, (struct pending){node, p.depth - 1});
    }
    v8_members_done(&m);
}

static void set_place(struct inspector *k, uint32_t node, struct inspected_object *ret) {
    const struct v8_view *view = k->look.view;
    struct v8_objects *o = &k->look.objects;
    uint64_t addr = heap_look_addr(&k->look, node);
    const struct v8_page *page = v8_pages_at(&view->heap->pages, addr);
    if (page) {
        ret->page = page->addr;
        ret->space = page->space >= 0 ? v8_space_name((enum v8_space)page->space) : NULL;
        if (page->isolate >= 0 && (size_t)page->isolate < view->census->isolates.n)
            snprintf(ret->isolate, sizeof ret->isolate, "%s",
                     view->census->isolates.at[page->isolate].name);
    }
    ret->map = v8_field_or_0(o, addr, 0);
    ret->shallow = v8_node_bytes(view->nodes, node);
    ret->instance_type = v8_instance_type(o, addr);
    ret->type = v8_type_class(v8_type(o, addr));
    ret->is_live = heap_look_is_live(&k->look, node);
    struct v8_classes *classes = heap_look_classes(&k->look);
    ret->class = mem_strdup(v8_class_name(classes, v8_class_of(classes, node)));
}

static int set_retained(struct inspector *k, uint32_t node, struct inspected_object *ret,
                        struct err *e) {
    const struct heap_graph *g;
    int r = heap_look_graph(&k->look, &g, e);
    if (r < 0 || !ret->is_live)
        return r;
    uint32_t above = graph_tree_dominator(g->tree, node);
    ret->has_retained = true;
    ret->retained = graph_tree_retained(g->tree, node);
    if (above < v8_nodes_count(k->look.view->nodes)) {
        ret->dominator = heap_look_addr(&k->look, above);
        ret->dominator_summary = heap_look_summary(&k->look, above);
    }
    return 0;
}

static int look_at(struct inspector *k, uint32_t node, struct err *e) {
    struct inspected_object object = {.tree = add(k, heap_look_addr(&k->look, node))};
    object.details = v8_value_details(&k->look.objects, object.tree->addr);
    set_place(k, node, &object);
    int r = k->s->with_retained ? set_retained(k, node, &object, e) : 0;
    if (k->s->depth)
        vec_push(&k->queue, (struct pending){object.tree, k->s->depth});
    vec_push(&k->s->objects, object);
    return r;
}

static int find_class(struct inspector *k, struct err *e) {
    struct v8_classes *classes = heap_look_classes(&k->look);
    uint32_t n = v8_nodes_count(k->look.view->nodes);
    int r = 0;
    for (uint32_t node = 0; node < n && r == 0; node++) {
        if (!heap_look_is_live(&k->look, node) ||
            strcmp(v8_class_name(classes, v8_class_of(classes, node)), k->s->class) != 0)
            continue;
        if (k->s->objects.n < k->s->limit)
            r = look_at(k, node, e);
        else
            k->s->more_objects++;
    }
    if (r == 0 && !k->s->objects.n)
        return err_set(e, -EINVAL, "`memwhy objects` lists the classes there are.",
                       "no live object is of the class %s", k->s->class);
    return r;
}

static void forget(struct inspection *s) {
    for (size_t i = 0; i < s->all.n; i++) {
        struct inspected *n = s->all.at[i];
        free(n->name);
        free(n->key);
        free(n->summary);
        free(n->getter);
        free(n->setter);
        free(n->scope);
        vec_free(&n->members);
        free(n);
    }
    for (size_t i = 0; i < s->objects.n; i++) {
        free(s->objects.at[i].class);
        free(s->objects.at[i].details);
        free(s->objects.at[i].dominator_summary);
    }
    vec_free(&s->all);
    vec_free(&s->objects);
    s->more_objects = 0;
    s->is_cut = false;
}

int inspection_see(void *inspection, const struct v8_view *view, struct err *e) {
    struct inspection *s = inspection;
    struct inspector k = {.s = s};
    forget(s);
    int r = heap_look_open(view, &k.look, e);
    if (r < 0)
        return r;
    v8_decoder_open(&k.look.objects, s->limit, s->text_max, &k.decoder);
    k.decoder.raw = s->raw;
    if (s->class)
        r = find_class(&k, e);
    for (size_t i = 0; i < s->addrs.n && r == 0; i++) {
        uint32_t node;
        r = heap_look_find(&k.look, s->addrs.at[i], &node, e);
        if (r == 0)
            r = look_at(&k, node, e);
    }
    while (r == 0 && k.next < k.queue.n)
        open_node(&k, k.queue.at[k.next++]);
    vec_free(&k.queue);
    v8_decoder_done(&k.decoder);
    heap_look_done(&k.look);
    return r;
}

void inspection_done(struct inspection *s) {
    forget(s);
    vec_free(&s->addrs);
}
