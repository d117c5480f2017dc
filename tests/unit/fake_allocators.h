/* Small heaps of other allocators built by hand: what their tests and fuzzer read. Layouts as told
 * in src/malloc/. */
#ifndef MEMWHY_TESTS_FAKE_ALLOCATORS_H
#define MEMWHY_TESTS_FAKE_ALLOCATORS_H

#include "base/mem.h"
#include "image/fake.h"
#include "malloc/malloc.h"
#include <string.h>

enum { FAKE_HEAP_PARTS = 5 };

struct fake_heap {
    enum malloc_kind kind;
    struct fake_heap_part {
        uint64_t addr;
        uint32_t bytes;
        enum region_kind kind;
        uint8_t *at;
    } part[FAKE_HEAP_PARTS]; /* ascending addresses */
    int parts;
    uint64_t fs;                    /* of the one thread */
    uint64_t in_use, tcached, free; /* blocks */
};

static uint8_t *fake_part(struct fake_heap *h, uint64_t addr, uint32_t bytes,
                          enum region_kind kind) {
    h->part[h->parts] = (struct fake_heap_part){addr, bytes, kind, mem_zalloc(bytes)};
    return h->part[h->parts++].at;
}

static void fake_put(uint8_t *part, size_t at, uint64_t v) {
    memcpy(part + at, &v, sizeof v);
}

/* A page of metadata with two groups, one of which lies in a slot of the other. */
static void fake_musl(struct fake_heap *h) {
    enum { CONTEXT = 0x100, SECRET = 0x5ec7e7, META = 24, META_BYTES = 40 };
    const uint64_t area = 0x7f0000100000, outer = 0x7f0000200000, inner = outer + 16 + 1008;
    uint8_t *data = fake_part(h, 0x7f0000000000, 4096, REGION_FILE);
    uint8_t *meta = fake_part(h, area, 4096, REGION_ANON);
    uint8_t *group = fake_part(h, outer, 4096, REGION_ANON);
    fake_put(data, CONTEXT, SECRET);
    fake_put(data, CONTEXT + 8, 1);
    fake_put(data, CONTEXT + 56, area);
    fake_put(meta, 0, SECRET);
    fake_put(meta, 16, 101);
    /* Four slots of 63 units in a page: slot 1 is the inner group, slot 3 is free. */
    fake_put(meta, META + 16, outer);
    fake_put(meta, META + 24, 1ull << 3);
    fake_put(meta, META + 32, 3 | 19 << 6 | 1 << 12);
    fake_put(group, 0, area + META);
    /* Five slots of 10 units: two are free, one of them to be handed out next. */
    fake_put(meta, META + META_BYTES + 16, inner);
    fake_put(meta, META + META_BYTES + 24, 1 | 1ull << 36);
    fake_put(meta, META + META_BYTES + 32, 4 | 9 << 6);
    fake_put(group, inner - outer, area + META + META_BYTES);
    h->in_use = 2 + 3;
    h->free = 1 + 2;
}

/* A segment of three slices: a page of eight blocks of 4 KiB, and a free one. */
static void fake_mimalloc(struct fake_heap *h) {
    enum { SLICE = 65536, USED = 216, SLICES = 248, PAGES = 288, PAGE = 96, SIZE = 4096 };
    const uint64_t at = 0x10000000000, page = at + SLICE;
    uint8_t *s = fake_part(h, at, 3 * SLICE, REGION_ANON), *p = s + PAGES + PAGE;
    fake_put(s, USED, 1);
    fake_put(s, USED + 8, at ^ 0xc001e);
    fake_put(s, SLICES, 3);
    fake_put(s, SLICES + 8, 1);
    fake_put(s, SLICES + 16, 1);
    fake_put(s, SLICES + 24, 3);
    fake_put(s, PAGES, 1);
    fake_put(p, 0, 1);
    fake_put(p, 8, 8ull << 16 | 16ull << 32); /* capacity, reserved */
    fake_put(p, 16, page + SIZE);
    fake_put(p, 24, page + 2 * SIZE);
    fake_put(p, 32, 6);
    fake_put(p, 40, SIZE);
    fake_put(p, 48, page);
    fake_put(p, 56, page + 3 * SIZE); /* freed by another thread */
    fake_put(s + PAGES + 2 * PAGE, 0, 1);
    h->in_use = 5;
    h->free = 3;
}

/* A slab of eight blocks of 512 bytes, a large extent, a dirty one, and the caches of a thread. */
static void fake_jemalloc(struct fake_heap *h) {
    enum { HUGE = 2 << 20, BINS = 36, SLAB = 16, LARGE = 36, NONE = 232 };
    const uint64_t base = 0x7f0000200000, leaf = base + 1024, edata = base + HUGE + 4096;
    const uint64_t extents = 0x7f0040000000, tls = 0x7f0080000000, stack = base + HUGE + 8192;
    uint8_t *data = fake_part(h, 0x7f0000000000 - 4096, 4096, REGION_FILE);
    uint8_t *root = fake_part(h, 0x7f0000000000, HUGE, REGION_ANON);
    uint8_t *meta = fake_part(h, base, 2 * HUGE, REGION_ANON), *e = meta + (edata - base);
    fake_part(h, extents, 1 << 16, REGION_ANON);
    uint8_t *bins = fake_part(h, tls, 4096, REGION_ANON);
    (void)data;
    fake_put(root, (extents >> 30) * 8, leaf);
    fake_put(meta, 0, 2 * HUGE);
    fake_put(meta, 24, base + 3 * 1048576);
    fake_put(meta, 32, 1048576);
    fake_put(e, 0, 1 << 12 | (uint64_t)SLAB << 20 | 2ull << 28);
    fake_put(e, 8, extents);
    fake_put(e, 16, 4096);
    fake_put(e, 64, 0x81); /* the first and the last are free */
    fake_put(e, 128, (uint64_t)LARGE << 20);
    fake_put(e, 136, extents + 4096 + 64);
    fake_put(e, 144, 5 * 4096);
    fake_put(e, 256, 1 << 17 | (uint64_t)NONE << 20);
    fake_put(e, 264, extents + 6 * 4096);
    fake_put(e, 272, 10 * 4096);
    fake_put(meta + 1024, 0, edata | 1 | (uint64_t)SLAB << 48);
    fake_put(meta + 1024, 8, (edata + 128) | (uint64_t)LARGE << 48);
    fake_put(meta + 1024, 40, (edata + 128) | (uint64_t)LARGE << 48);
    fake_put(meta + 1024, 48, (edata + 256) | 1 << 2 | (uint64_t)NONE << 48);
    fake_put(meta + 1024, 120, (edata + 256) | 1 << 2 | (uint64_t)NONE << 48);
    for (uint64_t i = 0; i < BINS; i++) { /* each has room for one, one holds a block */
        uint64_t low = stack + i * 8, full = low & 0xffff, empty = (low + 8) & 0xffff;
        fake_put(bins, 1024 + i * 24, i == SLAB ? low : low + 8);
        fake_put(bins, 1024 + i * 24 + 16, empty | full << 16 | empty << 32);
    }
    fake_put(meta, stack - base + SLAB * 8, extents + 512);
    h->fs = tls + 4096 - 64;
    h->in_use = 5 + 1;
    h->tcached = 1;
    h->free = 2;
}

/* A span of sixteen objects of 512 bytes, a large one and a free one. */
static void fake_tcmalloc(struct fake_heap *h) {
    enum { ROOT = 1 << 20, LEAF = 2 << 20, CLASS = 7, PAGE = 8192, STRIDE = 1216, CLASSES = 16 };
    const uint64_t heap = 0x555555600000, leaf = heap, spans = heap + LEAF, cache = spans + 4096;
    const uint64_t small = heap + LEAF + 65536;
    uint8_t *brk = fake_part(h, heap, LEAF + 2 * 65536, REGION_HEAP);
    uint8_t *data = fake_part(h, 0x7f0000000000, 65536, REGION_FILE);
    uint8_t *root = fake_part(h, 0x7f0000010000, ROOT, REGION_ANON);
    uint32_t sizes[128] = {0};
    for (int i = 1; i <= CLASSES; i++)
        sizes[i] = 8u << (i - 1); /* to 256 KiB */
    memcpy(data + 4, sizes, sizeof sizes);
    fake_put(data, 520 + 1024, CLASSES + 1);
    for (uint64_t i = 0; i <= CLASSES; i++)
        fake_put(data, 8192 + i * STRIDE + 8, i);
    fake_put(data, 4096, cache);
    for (int i = 1; i <= CLASSES; i++)
        fake_put(brk, cache - heap + (size_t)i * 32 + 24, sizes[i]);
    fake_put(root, (heap >> 31) * 8, leaf);
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t page = (small >> 13) + i;
        fake_put(brk, (page & 0x3ffff) * 8, spans + i * 64);
        fake_put(brk, spans - heap + i * 64, page);
        fake_put(brk, spans - heap + i * 64 + 8, 1);
    }
    fake_put(brk, spans - heap + 32, small + 512); /* one in the span's list */
    fake_put(brk, spans - heap + 40, 15 | CLASS << 16);
    fake_put(brk, spans - heap + 2 * 64 + 40, 1 << 24);
    fake_put(brk, cache - heap + CLASS * 32, small + 1024); /* two in the thread's */
    fake_put(brk, cache - heap + CLASS * 32 + 8, 2);
    fake_put(brk, small - heap + 1024, small + 1536);
    fake_put(data, 8192 + CLASS * STRIDE + 128, small + 2048); /* one in the central cache's */
    fake_put(data, 8192 + CLASS * STRIDE + 1152, 1);
    h->in_use = 12 + 1;
    h->tcached = 2;
    h->free = 2;
}

static const struct {
    enum malloc_kind kind;
    void (*build)(struct fake_heap *h);
} fake_heaps[] = {
    {MALLOC_MUSL, fake_musl},
    {MALLOC_MIMALLOC, fake_mimalloc},
    {MALLOC_JEMALLOC, fake_jemalloc},
    {MALLOC_TCMALLOC, fake_tcmalloc},
};
enum { FAKE_HEAPS = sizeof fake_heaps / sizeof *fake_heaps };

static void fake_heap_build(struct fake_heap *h, size_t i) {
    *h = (struct fake_heap){.kind = fake_heaps[i].kind};
    fake_heaps[i].build(h);
}

static struct image *fake_heap_image(const struct fake_heap *h) {
    struct image *img = image_fake_new();
    uint64_t regs[IMAGE_REGS] = {[IMAGE_FS_BASE] = h->fs};
    for (int i = 0; i < h->parts; i++)
        image_fake_add(img, h->part[i].addr, h->part[i].at, h->part[i].bytes, h->part[i].kind,
                       REGION_R | REGION_W, h->part[i].kind == REGION_FILE ? "/lib/malloc.so" : "");
    image_fake_add_thread(img, 100, "main", regs);
    return img;
}

static inline void fake_heap_done(struct fake_heap *h) {
    for (int i = 0; i < h->parts; i++)
        free(h->part[i].at);
}

#endif
