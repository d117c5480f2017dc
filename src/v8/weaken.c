#include "v8/weaken.h"

#include "v8/bodies.h"
#include "v8/contexts.h"

static bool all(void *ctx, uint64_t addr) {
    (void)ctx, (void)addr;
    return true;
}

/* Code::IsWeakObjectInOptimizedCode, src/objects/code-inl.h, 7.8 to 14.6; Map::CanTransition: the
 * maps of JSObjects. Code of other kinds embeds nothing of these. */
static bool is_weak_in_code(void *ctx, uint64_t addr) {
    struct v8_objects *o = ctx;
    enum v8_kind k = v8_kind(o, addr | 1);
    if (k == KIND_MAP)
        return v8_is_receiver(v8_kind_of_map(o, addr | 1));
    return v8_is_receiver(k) || k == KIND_PROPERTY_CELL || v8_is_context(o, addr | 1);
}

static void weaken_code(struct v8_objects *o, const struct v8_pages *pages,
                        struct v8_nodes *nodes) {
    for (size_t i = 0; i < pages->list.n; i++) {
        uint32_t node, end;
        if (pages->list.at[i].space != V8_CODE && pages->list.at[i].space != V8_CODE_LARGE)
            continue;
        for (v8_nodes_of_page(nodes, i, &node, &end); node < end; node++) {
            int type = v8_instance_type(o, v8_node_addr(nodes, node) | 1);
            if (type >= 0 && o->l->body[type] == BODY_BYTES)
                v8_node_weaken(nodes, node, is_weak_in_code, o);
        }
    }
}

void v8_weaken(const struct image *img, const struct v8_layout *l, const struct v8_pages *pages,
               const struct v8_root_list *roots, struct v8_nodes *nodes) {
    struct v8_objects o;
    for (size_t i = 0; i < roots->list.n; i++)
        if (v8_root_is_emptied(l, &roots->list.at[i]))
            v8_node_weaken(nodes, roots->list.at[i].node, all, NULL);
    if (v8_objects_open(img, l, pages, &o) < 0)
        return; /* the objects of this version cannot be told apart */
    weaken_code(&o, pages, nodes);
    v8_objects_done(&o);
}
