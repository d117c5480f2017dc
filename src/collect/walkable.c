#include "collect/walkable.h"

#include "v8/heap.h"
#include <errno.h>

struct walkable {
    struct v8_layout *layout; /* NULL: no V8 we can read */
};

static int look(void *arg, struct image *img, bool last, struct err *e) {
    const struct walkable *w = arg;
    (void)e;
    if (!w->layout || !w->layout->explained || last)
        return 0;
    struct v8_heap heap = {0};
    v8_heap_find(img, w->layout, &heap);
    bool collecting = v8_heap_in_collection(&heap);
    v8_heap_done(&heap);
    return collecting ? -EAGAIN : 0;
}

struct walkable *walkable_new(struct image *img) {
    struct walkable *w = mem_zalloc(sizeof *w);
    v8_layout_open(img, &w->layout, NULL);
    return w;
}

void walkable_free(struct walkable *w) {
    if (!w)
        return;
    v8_layout_free(w->layout);
    free(w);
}

struct capture_hooks walkable_hooks(struct walkable *w) {
    return (struct capture_hooks){.arg = w, .look = look};
}
