/* What no object of the program's keeps: handles of native code, V8's compilation cache. */
#include "suspects/suspect.h"

#include "base/bits.h"
#include "v8/mark.h"
#include <string.h>

enum { MANY = 64 };

struct handles {
    struct suspect_search *s;
    uint64_t *held; /* nodes that a strong global handle refers to, and no object does */
};

static uint64_t class_of_held(void *ctx, uint32_t node) {
    struct handles *h = ctx;
    return bits_get(h->held, node) ? v8_class_of(heap_look_classes(&h->s->look), node) + 1ull : 0;
}

static void find_handles(struct suspect_search *s) {
    const struct v8_root_list *roots = s->look.view->roots;
    uint32_t n = v8_nodes_count(s->nodes);
    struct handles h = {s, bits_new(n)};
    struct suspect_groups g;
    for (size_t i = 0; i < roots->list.n; i++)
        if (roots->list.at[i].kind == ROOT_GLOBAL)
            bits_set(h.held, roots->list.at[i].node);
    for (uint32_t node = 0; node < n; node++) {
        size_t n_refs;
        const uint32_t *refs = v8_node_refs(s->nodes, node, &n_refs);
        for (size_t i = 0; i < n_refs && heap_look_is_live(&s->look, node); i++)
            if (!(refs[i] & V8_REF_WEAK) && refs[i] != node)
                bits_clear(h.held, refs[i]);
    }
    suspect_groups_find(s, class_of_held, &h, &g);
    for (size_t i = 0; i < g.list.n && g.list.at[i].bytes >= s->least; i++) {
        const struct suspect_group *all = &g.list.at[i];
        char size[FMT_MAX], count[FMT_MAX];
        if (all->count < MANY)
            continue;
        suspect_add(s, (struct suspect){
                           .kind = "handle-leak",
                           .text = mem_printf(
                               "%s × %s that only handles of native code keep hold %s",
                               fmt_count(count, all->count),
                               v8_class_name(heap_look_classes(&s->look), (uint32_t)(all->key - 1)),
                               fmt_bytes(size, all->bytes)),
                           .sample = heap_look_addr(&s->look, all->first),
                           .count = all->count,
                           .bytes = all->bytes});
    }
    suspect_groups_done(&g);
    free(h.held);
}

/* What would die with the cache. */
static void find_cached(struct suspect_search *s) {
    const struct v8_view *v = s->look.view;
    struct v8_marks *m = v8_marks_new(s->nodes);
    uint32_t n = v8_nodes_count(s->nodes);
    uint64_t bytes = 0, count = 0, largest = 0, sample = 0;
    v8_mark(m, v->roots, V8_STRONG_ROOTS & ~(1u << ROOT_COMPILED));
    for (uint32_t node = 0; node < n; node++) {
        if (!bits_get(v->live, node) || bits_get(v8_marks(m), node))
            continue;
        uint64_t size =
            v8_node_bytes(s->nodes, node) + heap_outside_of(heap_look_outside(&s->look), node);
        sample = size > largest ? heap_look_addr(&s->look, node) : sample;
        largest = size > largest ? size : largest;
        bytes += size;
        count++;
    }
    v8_marks_free(m);
    if (bytes < s->least)
        return;
    char size[FMT_MAX];
    suspect_add(s, (struct suspect){.kind = "code-or-script-leak",
                                    .text = mem_printf("%s is kept by V8's compilation cache alone",
                                                       fmt_bytes(size, bytes)),
                                    .sample = sample,
                                    .count = count,
                                    .bytes = bytes});
}

void suspect_roots(struct suspect_search *s) {
    find_handles(s);
    find_cached(s);
}
