#include "collect/walkable.h"

#include "v8/heap.h"
#include <errno.h>

struct walkable {
    struct v8_layout *layout; /* NULL: no V8 we can read */
    bool collecting;          /* the last time, too */
};

static int look(void *arg, struct image *img, bool last, struct err *e) {
    struct walkable *w = arg;
    (void)e;
    if (!w->layout || !w->layout->explained)
        return 0;
    struct v8_heap heap = {0};
    v8_heap_find(img, w->layout, &heap);
    w->collecting = v8_heap_in_collection(&heap);
    v8_heap_done(&heap);
    return w->collecting && !last ? -EAGAIN : 0;
}

const char *walkable_note(const struct walkable *w) {
    return w->collecting ? "a collection was under way at every moment that was tried: part of the "
                           "JavaScript heap in the file may not be walked"
                         : NULL;
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
