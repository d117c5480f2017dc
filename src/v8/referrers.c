#include "v8/referrers.h"

#include "base/bits.h"
#include "base/parallel.h"

struct search {
    const struct v8_nodes *nodes;
    const uint64_t *wanted;
    struct v8_referrer_list *found; /* per page */
};

static void search_page(void *arg, size_t page) {
    const struct search *s = arg;
    uint32_t node, end;
    v8_nodes_of_page(s->nodes, page, &node, &end);
    for (; node < end; node++) {
        size_t n;
        const uint32_t *refs = v8_node_refs(s->nodes, node, &n);
        for (size_t i = 0; i < n; i++) {
            uint32_t to = V8_REF_NODE(refs[i]);
            if (s->wanted[to / 64] >> (to % 64) & 1)
                vec_push(&s->found[page].list,
                         (struct v8_referrer){node, to, i == 0, (refs[i] & V8_REF_WEAK) != 0});
        }
    }
}

static int by_from(const void *a, const void *b) {
    const struct v8_referrer *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

void v8_referrers_find(const struct v8_nodes *n, const struct v8_pages *pages,
                       const uint64_t *wanted, struct v8_referrer_list *ret) {
    size_t n_pages = pages->list.n, n_ephemerons, before = ret->list.n;
    struct search s = {n, wanted, mem_zalloc((n_pages + 1) * sizeof *s.found)};
    parallel_for(n_pages, search_page, &s);
    for (size_t p = 0; p < n_pages; p++) {
        for (size_t i = 0; i < s.found[p].list.n; i++)
            vec_push(&ret->list, s.found[p].list.at[i]);
        vec_free(&s.found[p].list);
    }
    free(s.found);
    const struct v8_ephemeron *e = v8_nodes_ephemerons(n, &n_ephemerons);
    size_t walked = ret->list.n;
    for (size_t i = 0; i < n_ephemerons; i++)
        if (bits_get(wanted, e[i].value)) {
            vec_push(&ret->list, (struct v8_referrer){e[i].key, e[i].value, false, true});
            vec_push(&ret->list, (struct v8_referrer){e[i].table, e[i].value, false, true});
        }
    if (ret->list.n > walked || before)
        vec_sort(&ret->list, by_from);
}

void v8_referrers_done(struct v8_referrer_list *r) {
    vec_free(&r->list);
}
