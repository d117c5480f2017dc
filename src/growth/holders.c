#include "growth/holders.h"

#include <string.h>

static void done(struct holder *h) {
    free(h->class);
    free(h->line);
    free(h->link);
    free(h->member_class);
    free(h->script);
    free(h->bound_name);
    for (size_t i = 0; i < h->steps.n; i++)
        free(h->steps.at[i]);
    vec_free(&h->steps);
    sketch_done(&h->sketch);
    sketch_done(&h->young);
}

void holders_done(struct holders *h) {
    for (size_t i = 0; i < h->list.n; i++)
        done(&h->list.at[i]);
    vec_free(&h->list);
    sketch_done(&h->young);
}

static bool is_alike(const struct holder *a, const struct holder *b) {
    return a->kind == b->kind && strcmp(a->class, b->class) == 0;
}

static uint64_t distance(const struct holder *a, const struct holder *b) {
    return a->members > b->members ? a->members - b->members : b->members - a->members;
}

const struct holder *holders_same(const struct holders *in, const struct holder *like,
                                  bool same_process) {
    const struct holder *by_path = NULL;
    for (size_t i = 0; i < in->list.n; i++) {
        const struct holder *h = &in->list.at[i];
        if (!is_alike(h, like))
            continue;
        if (same_process && h->addr == like->addr && !h->is_moving && !like->is_moving)
            return h;
        /* Several may be reached in the same words: that which is most like it. */
        if (h->line && like->line && strcmp(h->line, like->line) == 0 &&
            (!by_path || distance(h, like) < distance(by_path, like)))
            by_path = h;
    }
    return by_path;
}
