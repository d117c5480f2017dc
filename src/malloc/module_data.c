#include "malloc/module_data.h"

#include "base/limits.h"

typedef bool see_fn(void *arg, const struct module_data *d, uint64_t at, uint64_t word);

static bool search(struct tally *t, const struct module_data *d, see_fn *see, void *arg) {
    const struct residency *res = image_residency(t->img);
    uint64_t words[PAGE_BYTES / 8];
    for (uint64_t at = d->start; at < d->end; at += PAGE_BYTES) {
        if (!page_is_readable(res, at, NULL) ||
            mem_pages_read(&t->pages, at, words, sizeof words) < 0)
            continue;
        for (size_t i = 0; i < PAGE_BYTES / 8; i++)
            if (words[i] && see(arg, d, at + i * 8, words[i]))
                return true;
    }
    return false;
}

bool module_data_search(struct tally *t, uint64_t bytes, see_fn *see, void *arg) {
    const struct region_list *l = image_regions(t->img);
    for (size_t i = 0; i < l->n; i++) {
        const struct region *r = &l->at[i];
        struct module_data d = {r->start, r->end};
        if (r->kind != REGION_FILE || r->shared || !(r->prot & REGION_W))
            continue;
        if (i + 1 < l->n && l->at[i + 1].start == d.end && l->at[i + 1].kind == REGION_ANON)
            d.end = l->at[i + 1].end;
        if (d.end - d.start >= bytes && d.end - d.start <= LIMIT_SEARCH_BYTES &&
            search(t, &d, see, arg))
            return true;
    }
    return false;
}
