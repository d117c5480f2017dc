#include "v8/dispatch.h"

#include <string.h>

enum {
    RESERVED = 256 << 20, /* kJSDispatchTableReservationSize */
    SEGMENT = 64 << 10,   /* kSegmentSize, src/sandbox/external-entity-table.h */
    HANDLE_SHIFT = 8,     /* kJSDispatchHandleShift: 2^24 entries of 16 bytes */
    OBJECT_SHIFT = 16,    /* JSDispatchEntry::kObjectPointerShift */
};

static uint64_t code_of(uint64_t word) {
    return word >> OBJECT_SHIFT | 1; /* the lowest bit is the mark of a collection */
}

static bool is_anonymous(const struct region *r, unsigned prot) {
    return (r->prot & (REGION_R | REGION_W | REGION_X)) == prot && !r->name[0];
}

/* Do most entries of the writable part point into V8's pages? Free ones hold a link. */
static bool explains(const struct v8_pages *pages, const uint64_t *words, size_t n) {
    size_t good = 0, used = 0;
    for (size_t i = 0; i < n; i++) {
        if (!words[2 * i + 1])
            continue;
        used++;
        good += v8_pages_at(pages, code_of(words[2 * i + 1])) != NULL;
    }
    return good >= 16 && good >= used / 4;
}

/* The reservation that begins with region `i`: its used segments, with unused ones among them where
 * all functions of a segment are gone, and the rest. In *ret_end, where the last used one ends. */
static bool is_reservation(const struct region_list *l, size_t i, uint64_t *ret_end) {
    const uint64_t start = l->at[i].start;
    uint64_t end = start;
    bool writable = false;
    if (!is_anonymous(&l->at[i], REGION_R) || (l->at[i].end - start) % SEGMENT)
        return false;
    for (; i < l->n && l->at[i].start == end && end - start < RESERVED; i++) {
        const struct region *r = &l->at[i];
        bool used = is_anonymous(r, REGION_R | REGION_W) || is_anonymous(r, REGION_R);
        if (!used && !is_anonymous(r, 0))
            return false;
        end = r->end;
        if (used)
            *ret_end = end;
        writable = writable || (used && r->prot & REGION_W);
    }
    uint64_t used =
        *ret_end - start; /* other memory may lie like this: only whole segments are read */
    return writable && end - start >= RESERVED && used <= RESERVED && used % SEGMENT == 0;
}

static bool load_at(const struct image *img, const struct v8_pages *pages, size_t i,
                    struct v8_dispatch *ret) {
    const struct region *first = &image_regions(img)->at[i];
    uint64_t end;
    if (!is_reservation(image_regions(img), i, &end))
        return false;
    uint64_t size = end - first->start;
    uint64_t *words = mem_zalloc(size);
    for (uint64_t at = 0; at < size; at += SEGMENT)
        if (image_read(img, first->start + at, (char *)words + at, SEGMENT) < 0)
            memset((char *)words + at, 0, SEGMENT);
    if (!explains(pages, words, size / 16)) {
        free(words);
        return false;
    }
    *ret = (struct v8_dispatch){words, size / 16};
    return true;
}

void v8_dispatch_load(const struct image *img, const struct v8_pages *pages,
                      struct v8_dispatch *ret) {
    size_t n = image_regions(img)->n;
    *ret = (struct v8_dispatch){0};
    for (size_t i = 0; i < n; i++)
        if (load_at(img, pages, i, ret))
            return;
}

void v8_dispatch_done(struct v8_dispatch *d) {
    free(d->words);
    *d = (struct v8_dispatch){0};
}

uint64_t v8_dispatch_code(const struct v8_dispatch *d, uint32_t handle) {
    size_t i = handle >> HANDLE_SHIFT;
    return i && i < d->n ? code_of(d->words[2 * i + 1]) : 0;
}
