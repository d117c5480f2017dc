/* A glibc heap built by hand, in the form of any release: what malloc's tests and fuzzer read. */
#ifndef MEMWHY_TESTS_FAKE_GLIBC_H
#define MEMWHY_TESTS_FAKE_GLIBC_H

#include "base/mem.h"
#include "image/fake.h"
#include "malloc/glibc_layout.h"
#include "model/malloc_census.h"
#include <string.h>

struct fake_form {
    const char *release;
    uint32_t bins_at;
    bool attached, fastbins, mangled;
    int tcache; /* index of tcache_layouts, -1: none */
    uint32_t heap_info;
    int par; /* index of par_layouts */
    uint32_t mmap_header;
};

static const struct fake_form fake_forms[] = {
    {"2.17", 0x68, false, true, false, -1, 0x20, 4, 0},
    {"2.23", 0x68, true, true, false, -1, 0x20, 4, 0},
    {"2.25", 0x68, true, true, false, -1, 0x20, 3, 0},
    {"2.26", 0x68, true, true, false, 0, 0x20, 2, 0},
    {"2.29", 0x70, true, true, false, 0, 0x20, 2, 0},
    {"2.31", 0x70, true, true, false, 1, 0x20, 2, 0},
    {"2.34", 0x70, true, true, true, 1, 0x20, 2, 0},
    {"2.36", 0x70, true, true, true, 1, 0x30, 1, 0},
    {"2.42", 0x70, true, true, true, 2, 0x30, 1, 0},
    {"2.43", 0x18, true, false, true, 2, 0x30, 0, 16},
};
enum { FAKE_FORMS = sizeof fake_forms / sizeof *fake_forms };

enum { FAKE_HEAP_BYTES = 0x21000, FAKE_MAP_BYTES = 0x40000, FAKE_SMALL = 0x2000, FAKE_PARTS = 6 };
enum { FAKE_TCACHE_COUNT = 7, FAKE_TCACHE_TLS = 0x168, FAKE_ARENA_TLS = 0x170, FAKE_TID = 100 };

struct fake_part {
    uint64_t addr;
    uint32_t bytes;
    enum region_kind kind;
    const char *name;
    uint8_t *at;
};

struct fake_glibc {
    const struct fake_form *form;
    struct fake_part part[FAKE_PARTS]; /* ascending addresses */
    uint64_t bins[2];                  /* of the main and of the thread arena */
    uint64_t tcache;                   /* of the main thread; 0: none */
    struct malloc_share want[2][MALLOC_STATES];
    uint64_t cursor;
    bool prev_free;
    uint32_t n_bins_used;
};
enum { PART_HEAP, PART_ARENA, PART_ARENA2, PART_MAP, PART_DATA, PART_TLS };

static uint8_t *fake_at(struct fake_glibc *f, uint64_t addr) {
    for (int i = 0; i < FAKE_PARTS; i++)
        if (addr >= f->part[i].addr && addr < f->part[i].addr + f->part[i].bytes)
            return f->part[i].at + (addr - f->part[i].addr);
    abort();
}

static void fake_put(struct fake_glibc *f, uint64_t addr, uint64_t v) {
    memcpy(fake_at(f, addr), &v, sizeof v);
}

static uint64_t fake_get(struct fake_glibc *f, uint64_t addr) {
    uint64_t v;
    memcpy(&v, fake_at(f, addr), sizeof v);
    return v;
}

static void fake_put32(struct fake_glibc *f, uint64_t addr, uint32_t v) {
    memcpy(fake_at(f, addr), &v, sizeof v);
}

static void fake_begin_chunks(struct fake_glibc *f, uint64_t at) {
    f->cursor = at;
    f->prev_free = false;
}

static void fake_push(struct fake_glibc *f, uint64_t slot, uint64_t entry, uint64_t link) {
    fake_put(f, link, glibc_reveal(link, fake_get(f, slot), f->form->mangled));
    fake_put(f, slot, entry);
}

static void fake_tcache_push(struct fake_glibc *f, uint64_t chunk, uint64_t size) {
    const struct tcache_layout *l = &tcache_layouts[f->form->tcache];
    unsigned bin = (unsigned)(size / 16 - 2);
    uint64_t counter = f->tcache + (uint64_t)l->count_bytes * bin;
    uint16_t n = 0;
    memcpy(&n, fake_at(f, counter), l->count_bytes);
    n = (uint16_t)(l->slots_left ? n - 1 : n + 1);
    memcpy(fake_at(f, counter), &n, l->count_bytes);
    fake_push(f, f->tcache + l->entries + 8 * bin, chunk + 16, chunk + 16);
}

/* The next chunk of an arena. A state this release does not have becomes in use. */
static uint64_t fake_chunk(struct fake_glibc *f, int arena, uint64_t size, enum malloc_state s) {
    uint64_t chunk = f->cursor, bins = f->bins[arena];
    if ((s == MALLOC_TCACHED && f->form->tcache < 0) || (s == MALLOC_FAST && !f->form->fastbins))
        s = MALLOC_IN_USE;
    fake_put(f, chunk + 8, size | (f->prev_free ? 0 : 1) | (arena && s != MALLOC_TOP ? 4 : 0));
    f->cursor += size;
    f->prev_free = false;
    f->want[arena][s].bytes += size;
    f->want[arena][s].count++;
    if (s == MALLOC_FAST)
        fake_push(f, bins - 0x60 + 8 * (size / 16 - 2), chunk, chunk + 16);
    if (s == MALLOC_TCACHED)
        fake_tcache_push(f, chunk, size);
    if (s == MALLOC_TOP)
        fake_put(f, bins - 0x10, chunk);
    if (s == MALLOC_BINNED) { /* each in a bin of its own */
        uint64_t bin = bins + 16 * (f->n_bins_used++ % 100);
        fake_put(f, bin, chunk);
        fake_put(f, bin + 8, chunk);
        fake_put(f, chunk + 16, bin - 16);
        fake_put(f, chunk + 24, bin - 16);
        fake_put(f, f->cursor, size); /* prev_size */
        f->prev_free = true;
    }
    return chunk;
}

static void fake_arena(struct fake_glibc *f, int i, uint64_t addr, uint64_t next, uint64_t system) {
    uint64_t bins = f->bins[i] = addr + f->form->bins_at, at = bins + BINS_ATTACHED;
    for (int k = 0; k < BINS_COUNT; k++) {
        fake_put(f, bins + 16 * (uint64_t)k, bins + 16 * (uint64_t)k - 16);
        fake_put(f, bins + 16 * (uint64_t)k + 8, bins + 16 * (uint64_t)k - 16);
    }
    fake_put(f, bins + BINS_NEXT, next);
    if (f->form->attached) {
        fake_put(f, at, 1);
        at += 8;
    }
    fake_put(f, at, system);
    fake_put(f, at + 8, system);
}

static void fake_par(struct fake_glibc *f, uint64_t base) {
    const struct par_layout *l = &par_layouts[f->form->par];
    fake_put(f, base, f->part[PART_HEAP].addr);
    fake_put(f, base + (uint64_t)(int64_t)l->mmap_threshold, 0x40000);
    fake_put(f, base + (uint64_t)(int64_t)l->trim_threshold, 0x80000);
    fake_put(f, base + (uint64_t)(int64_t)l->arena_test, 8);
    fake_put32(f, base + (uint64_t)(int64_t)l->n_mmaps, 2);
    fake_put32(f, base + (uint64_t)(int64_t)l->n_mmaps_max, 65536);
    fake_put32(f, base + (uint64_t)(int64_t)l->max_n_mmaps, 3);
    fake_put(f, base + (uint64_t)(int64_t)l->mmapped_mem, 0x30000);
    fake_put(f, base + (uint64_t)(int64_t)l->max_mmapped_mem, 0x50000);
    if (l->tcache) {
        fake_put(f, base + 8, 64);
        fake_put(f, base + 16, 1032);
        fake_put(f, base + 24, FAKE_TCACHE_COUNT);
    }
}

static void fake_main_heap(struct fake_glibc *f) {
    fake_begin_chunks(f, f->part[PART_HEAP].addr);
    if (f->form->tcache >= 0) {
        const struct tcache_layout *l = &tcache_layouts[f->form->tcache];
        f->tcache = fake_chunk(f, 0, l->chunk, MALLOC_IN_USE) + 16;
        for (unsigned b = 0; l->slots_left && b < l->bins; b++) {
            uint16_t n = FAKE_TCACHE_COUNT;
            memcpy(fake_at(f, f->tcache + 2 * b), &n, 2);
        }
    }
    for (int i = 0; i < 40; i++) {
        fake_chunk(f, 0, 0x40, MALLOC_IN_USE);
        if (i < 5)
            fake_chunk(f, 0, 0x60, MALLOC_TCACHED);
        if (i < 6)
            fake_chunk(f, 0, 0x30, MALLOC_FAST);
        if (i % 10 == 0)
            fake_chunk(f, 0, 0x2000 + 0x10 * (uint64_t)i, MALLOC_BINNED);
        fake_chunk(f, 0, 0x20 + 0x10 * (uint64_t)i, MALLOC_IN_USE);
    }
    fake_chunk(f, 0, f->part[PART_HEAP].addr + FAKE_HEAP_BYTES - f->cursor, MALLOC_TOP);
}

static void fake_heap_info(struct fake_glibc *f, uint64_t heap, uint64_t arena, uint64_t prev) {
    fake_put(f, heap, arena);
    fake_put(f, heap + 8, prev);
    fake_put(f, heap + 16, FAKE_HEAP_BYTES);
    fake_put(f, heap + 24, FAKE_HEAP_BYTES);
}

/* Two heaps; the older one is closed by fenceposts. */
static void fake_thread_arena(struct fake_glibc *f, uint64_t main_arena) {
    uint64_t heap = f->part[PART_ARENA].addr, heap2 = f->part[PART_ARENA2].addr;
    uint64_t arena = heap + f->form->heap_info, first, end = heap + FAKE_HEAP_BYTES;
    fake_heap_info(f, heap, arena, 0);
    fake_heap_info(f, heap2, arena, heap);
    fake_arena(f, 1, arena, main_arena, 2 * FAKE_HEAP_BYTES);
    first = f->bins[1] + BINS_END - (f->form->attached ? 0 : 8);
    fake_begin_chunks(f, (first + 15) & ~15ull);
    f->want[1][MALLOC_METADATA].bytes += f->cursor - heap + f->form->heap_info + 32;
    for (int i = 0; i < 20; i++) {
        fake_chunk(f, 1, 0x100, MALLOC_IN_USE);
        fake_chunk(f, 1, 0x500, i % 3 ? MALLOC_IN_USE : MALLOC_BINNED);
    }
    fake_chunk(f, 1, 0x70, MALLOC_FAST);
    fake_chunk(f, 1, end - 32 - f->cursor, MALLOC_BINNED);
    fake_put(f, f->cursor + 8, 0x10);
    fake_put(f, f->cursor + 24, 1);
    fake_begin_chunks(f, heap2 + f->form->heap_info);
    fake_chunk(f, 1, 0x4000, MALLOC_IN_USE);
    fake_chunk(f, 1, heap2 + FAKE_HEAP_BYTES - f->cursor, MALLOC_TOP);
}

/* A plain mmapped chunk, and behind it one whose memory is aligned to 4096. */
static void fake_mmapped(struct fake_glibc *f) {
    uint64_t map = f->part[PART_MAP].addr + 0x1000, header = f->form->mmap_header;
    fake_put(f, map + 8, (0x10000 - header) | 2);
    fake_put(f, map + 0x10000 + 0xff0, 0xff0);
    fake_put(f, map + 0x10000 + 0xff8, (0x20000 - 0xff0 - header) | 2);
}

/* The caller ends it with fake_glibc_done(). */
static void fake_glibc_build(struct fake_glibc *f, const struct fake_form *form) {
    static const struct fake_part parts[FAKE_PARTS] = {
        [PART_HEAP] = {0x555555600000, FAKE_HEAP_BYTES, REGION_HEAP, "[heap]", NULL},
        [PART_ARENA] = {0x7e0000000000, FAKE_HEAP_BYTES, REGION_ANON, "", NULL},
        [PART_ARENA2] = {0x7e0004000000, FAKE_HEAP_BYTES, REGION_ANON, "", NULL},
        [PART_MAP] = {0x7e8000000000, FAKE_MAP_BYTES, REGION_ANON, "", NULL},
        [PART_DATA] = {0x7f0000000000, FAKE_SMALL, REGION_FILE, "/lib/libc.so.6", NULL},
        [PART_TLS] = {0x7f1000000000, FAKE_SMALL, REGION_ANON, "", NULL},
    };
    memset(f, 0, sizeof *f);
    f->form = form;
    memcpy(f->part, parts, sizeof parts);
    for (int i = 0; i < FAKE_PARTS; i++)
        f->part[i].at = mem_zalloc(f->part[i].bytes);
    uint64_t data = f->part[PART_DATA].addr, fs = f->part[PART_TLS].addr + 0x1800;
    fake_arena(f, 0, data + 0x400, f->part[PART_ARENA].addr + form->heap_info, FAKE_HEAP_BYTES);
    fake_par(f, data + 0x1800);
    fake_main_heap(f);
    fake_thread_arena(f, data + 0x400);
    fake_mmapped(f);
    fake_put(f, fs - FAKE_TCACHE_TLS, f->tcache);
    fake_put(f, fs - FAKE_ARENA_TLS, data + 0x400);
}

static struct image *fake_glibc_image(const struct fake_glibc *f) {
    struct image *img = image_fake_new();
    uint64_t regs[IMAGE_REGS] = {[IMAGE_FS_BASE] = f->part[PART_TLS].addr + 0x1800};
    for (int i = 0; i < FAKE_PARTS; i++)
        image_fake_add(img, f->part[i].addr, f->part[i].at, f->part[i].bytes, f->part[i].kind,
                       REGION_R | REGION_W, f->part[i].name);
    image_fake_add_thread(img, FAKE_TID, "main", regs);
    return img;
}

static void fake_glibc_done(struct fake_glibc *f) {
    for (int i = 0; i < FAKE_PARTS; i++)
        free(f->part[i].at);
}

#endif
