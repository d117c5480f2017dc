#include "collect/handles.h"

#include "base/demangle.h"
#include "collect/handle_owner.h"
#include "image/capture.h"
#include "image/code.h"
#include "kernel/descriptors.h"
#include "uv/uv.h"
#include "v8/heap.h"
#include "v8/v8.h"
#include <errno.h>
#include <string.h>

struct handle_reader {
    struct image *img;
    const struct v8_layout *layout;
    struct code_map *code;
    struct uv_symbols symbols;
};

struct handle_reader *handle_reader_new(struct image *img, const struct v8_layout *l) {
    struct handle_reader *r = mem_zalloc(sizeof *r);
    r->img = img;
    r->layout = l;
    r->code = code_map_new(img);
    uv_symbols_find(img, &r->symbols);
    return r;
}

void handle_reader_free(struct handle_reader *r) {
    if (!r)
        return;
    code_map_free(r->code);
    free(r);
}

/* A copy has the files of its process, which runs on: what it has queued is read at once. */
static void take_descriptors(const struct handle_reader *r, struct uv_census *c) {
    size_t n;
    if (image_kind(r->img) == IMAGE_STOPPED || image_kind(r->img) == IMAGE_FROZEN) {
        c->has_descriptors = descriptors_read("", image_pid(r->img), &c->descriptors) == 0;
    } else if (image_kind(r->img) == IMAGE_CORE) {
        const char *text = capture_text(r->img, "descriptors", &n);
        c->has_descriptors = text && descriptors_of_text(text, n, &c->descriptors) == 0;
    }
    for (size_t i = 0; c->has_descriptors && i < c->handles.n; i++)
        if (c->handles.at[i].fd >= 0)
            c->handles.at[i].file = descriptor_find(&c->descriptors, c->handles.at[i].fd);
}

static void take_scripts(const struct handle_reader *r, const struct v8_heap *heap,
                         struct uv_census *c) {
    struct v8_objects o;
    uint64_t wrap;
    if (v8_objects_open(r->img, r->layout, &heap->pages, &o) < 0)
        return;
    c->has_scripts = true;
    for (size_t i = 0; i < c->handles.n; i++) {
        struct uv_handle *h = &c->handles.at[i];
        if (h->slot && image_read_u64(r->img, h->slot, &wrap) == 0)
            handle_owner_read(&o, wrap, h->object, &h->script);
        if (h->listener && h->script.wrap)
            handle_owner_over(&o, h->listener, &h->script);
    }
    v8_objects_done(&o);
}

static bool is_whole(const struct uv_census *c) {
    for (size_t i = 0; i < c->loops.n; i++)
        if (c->loops.at[i].cut)
            return false;
    return true;
}

/* -EAGAIN: objects are being moved. */
static int take_v8(const struct handle_reader *r, unsigned accept, struct uv_census *c) {
    struct v8_heap heap = {0};
    int rc = 0;
    if (!r->layout || !r->layout->explained)
        return 0;
    v8_heap_find(r->img, r->layout, &heap);
    if (v8_heap_in_collection(&heap) && !(accept & V8_ACCEPT_COLLECTION))
        rc = -EAGAIN;
    else
        take_scripts(r, &heap, c);
    v8_heap_done(&heap);
    return rc;
}

int handle_reader_take(struct handle_reader *r, unsigned accept, struct uv_census *ret) {
    struct uv_census c;
    uv_census_take(r->img, &r->symbols, &c);
    int rc = is_whole(&c) || accept & V8_ACCEPT_UNWALKED ? 0 : -EBUSY;
    take_descriptors(r, &c);
    if (rc == 0)
        rc = take_v8(r, accept, &c);
    if (rc < 0)
        uv_census_done(&c);
    else
        *ret = c;
    return rc;
}

static char *name_of(struct handle_reader *r, uint64_t addr) {
    struct elf_symbol s;
    if (!addr || code_map_symbol(r->code, addr, &s) < 0)
        return NULL;
    cleanup_free char *whole = demangle(s.name);
    return demangle_short(whole);
}

/* "vtable for node::TCPWrap"; the pointer goes behind what the table begins with. */
static char *class_of(struct handle_reader *r, uint64_t vtable) {
    static const char before[] = "vtable for ";
    struct elf_symbol s;
    if (!vtable || code_map_symbol(r->code, vtable, &s) < 0)
        return NULL;
    cleanup_free char *name = demangle(s.name);
    return strncmp(name, before, strlen(before)) == 0 ? mem_strdup(name + strlen(before)) : NULL;
}

void handle_reader_name(struct handle_reader *r, struct uv_census *c) {
    for (size_t i = 0; i < c->handles.n; i++) {
        c->handles.at[i].callback_name = name_of(r, c->handles.at[i].callback);
        c->handles.at[i].object_class = class_of(r, c->handles.at[i].vtable);
    }
    for (size_t i = 0; i < c->works.n; i++)
        c->works.at[i].function_name = name_of(r, c->works.at[i].function);
}
