#include "model/descriptor.h"

void descriptors_done(struct descriptor_list *l) {
    for (size_t i = 0; i < l->list.n; i++) {
        free(l->list.at[i].target);
        free(l->list.at[i].local);
        free(l->list.at[i].peer);
    }
    vec_free(&l->list);
}

const struct descriptor *descriptor_find(const struct descriptor_list *l, int fd) {
    size_t lo = 0, hi = l->list.n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (l->list.at[mid].fd < fd)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < l->list.n && l->list.at[lo].fd == fd ? &l->list.at[lo] : NULL;
}
