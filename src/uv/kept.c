#include "uv/census.h"
#include "uv/layout.h"

#include <string.h>

void uv_each_kept(const struct uv_census *c, void (*keep)(void *arg, uint64_t start, uint64_t end),
                  void *arg) {
    for (size_t i = 0; i < c->loops.n; i++)
        keep(arg, c->loops.at[i].addr, c->loops.at[i].addr + LOOP_BYTES);
    for (size_t i = 0; i < c->handles.n; i++) {
        const struct uv_handle *h = &c->handles.at[i];
        keep(arg, h->addr, h->addr + uv_handle_bytes(h->type));
    }
    for (size_t i = 0; i < c->works.n; i++) {
        const struct uv_work *w = &c->works.at[i];
        uint64_t type = w->addr - FS_WORK + FS_TYPE;
        if (w->kind && strcmp(w->kind, "getaddrinfo") != 0)
            keep(arg, type, type + 8);
    }
}
