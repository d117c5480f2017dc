#include "model/account_diff.h"

#include <string.h>

static uint64_t magnitude(const struct owner_delta *d) {
    return d->a > d->b ? d->a - d->b : d->b - d->a;
}

static int by_magnitude(const void *x, const void *y) {
    uint64_t a = magnitude(x), b = magnitude(y);
    if (a != b)
        return a > b ? -1 : 1;
    return strcmp(((const struct owner_delta *)x)->path, ((const struct owner_delta *)y)->path);
}

void account_diff(const struct account *a, const struct account *b, struct account_diff *ret) {
    size_t i = 0, k = 0;
    while (i < a->owners.n || k < b->owners.n) {
        const struct owner *x = i < a->owners.n ? &a->owners.at[i] : NULL;
        const struct owner *y = k < b->owners.n ? &b->owners.at[k] : NULL;
        int order = !x ? 1 : !y ? -1 : strcmp(x->path, y->path);
        struct owner_delta d = {order <= 0 ? x->path : y->path, order <= 0 ? x->resident_bytes : 0,
                                order >= 0 ? y->resident_bytes : 0};
        vec_push(&ret->owners, d);
        i += order <= 0;
        k += order >= 0;
    }
    vec_sort(&ret->owners, by_magnitude);
}

void account_diff_done(struct account_diff *d) {
    vec_free(&d->owners);
}
