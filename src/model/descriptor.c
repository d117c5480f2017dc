#include "model/descriptor.h"

#include "base/search.h"

void descriptors_done(struct descriptor_list *l) {
    for (size_t i = 0; i < l->list.n; i++) {
        free(l->list.at[i].target);
        free(l->list.at[i].local);
        free(l->list.at[i].peer);
    }
    vec_free(&l->list);
}

const struct descriptor *descriptor_find(const struct descriptor_list *l, int fd) {
    size_t lo = first_where(l->list.n, i, l->list.at[i].fd >= fd);
    return lo < l->list.n && l->list.at[lo].fd == fd ? &l->list.at[lo] : NULL;
}
