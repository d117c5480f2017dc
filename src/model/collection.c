#include "model/collection.h"

#include "model/malloc_census.h"

/* What goes back to the kernel with a store: all of it where it is a mapping of its own. A chunk in
 * an arena stays with malloc. */
static uint64_t resident_alone(const struct evidence *ev, const struct v8_store *s) {
    size_t span;
    if (!ev->has_malloc || !malloc_census_owner(&ev->malloc, s->addr, &span))
        return residency_bytes(&ev->residency, s->addr, s->addr + s->bytes);
    const struct malloc_span *m = &ev->malloc.spans.at[span];
    return m->arena == MALLOC_SPAN_MMAPPED ? m->resident : 0;
}

uint64_t collection_heap_bytes(const struct evidence *ev) {
    return account_sum(&ev->account, "v8/main") + account_sum(&ev->account, "v8/pool");
}

uint64_t collection_mapped_bytes(const struct evidence *ev) {
    return account_sum(&ev->account, "arraybuffers/mmap");
}

bool collection_foretell(const struct evidence *before, struct collection *ret) {
    const struct v8_census *c = &before->v8;
    if (!before->has_v8 || !c->has_liveness || !c->isolates.n || !before->has_account)
        return false;
    const struct v8_isolate_census *iso = &c->isolates.at[0];
    struct collection k = {.buffer_bytes = iso->array_buffer_garbage};
    for (int s = 0; s < V8_SPACES; s++) {
        k.live_bytes += iso->space[s].live;
        k.garbage_bytes += iso->space[s].part[V8_OBJECTS].bytes - iso->space[s].live;
    }
    for (size_t i = 0; i < c->stores.n; i++)
        if (c->stores.at[i].garbage && c->stores.at[i].isolate == 0)
            k.mapped_bytes += resident_alone(before, &c->stores.at[i]);
    uint64_t heap = collection_heap_bytes(before);
    k.heap_bytes = heap > k.live_bytes ? heap - k.live_bytes : 0;
    *ret = k;
    return true;
}
