/* A loop of libuv in a fake image: two threads, one that runs it and one of the pool. Each part is
 * at a place of its own, so that tests can spoil it. */
#ifndef MEMWHY_TESTS_FAKE_UV_H
#define MEMWHY_TESTS_FAKE_UV_H

#include "base/limits.h"
#include "image/fake.h"
#include "uv/layout.h"
#include "uv/uv.h"
#include <string.h>

enum {
    FAKE_DATA = 0x10000000,
    FAKE_CODE = 0x20000000,
    FAKE_STACKS = 0x30000000, /* a page each */
    FAKE_BYTES = 0x4000,
    FAKE_LOOP = 0x100, /* offsets from FAKE_DATA on */
    FAKE_HANDLES = 0x800,
    FAKE_HANDLE_BYTES = 0x140,
    FAKE_WRITE = 0x2000,
    FAKE_POOL = 0x2200,
    FAKE_RUNNING = 0x2400, /* uv_fs_t each */
    FAKE_QUEUED = 0x2800,
    FAKE_TEXT = 0x3000,
    FAKE_WRAP = 0x3100,
    FAKE_TCP = 0, /* index of the handle; the loop's own async is none of these */
    FAKE_TIMER,
    FAKE_UDP,
    FAKE_WATCHER,
    FAKE_CHILD,
    FAKE_SIGNAL,
    FAKE_COUNT
};

struct fake_uv {
    uint8_t data[FAKE_BYTES], code[PAGE_BYTES], stacks[2 * PAGE_BYTES];
    struct uv_symbols symbols;
    uint64_t last, head; /* of the ring in hand */
};

static inline void fake_uv_put(struct fake_uv *f, uint64_t at, uint64_t word) {
    memcpy(f->data + at, &word, sizeof word);
}

static inline void fake_uv_int(struct fake_uv *f, uint64_t at, uint32_t v) {
    memcpy(f->data + at, &v, sizeof v);
}

/* Rings: begin one, add nodes, close it. Offsets all. */
static inline void fake_uv_ring(struct fake_uv *f, uint64_t head) {
    f->head = f->last = head;
    fake_uv_put(f, head + QUEUE_NEXT, FAKE_DATA + head);
    fake_uv_put(f, head + QUEUE_PREV, FAKE_DATA + head);
}

static inline void fake_uv_link(struct fake_uv *f, uint64_t node) {
    fake_uv_put(f, f->last + QUEUE_NEXT, FAKE_DATA + node);
    fake_uv_put(f, node + QUEUE_PREV, FAKE_DATA + f->last);
    fake_uv_put(f, node + QUEUE_NEXT, FAKE_DATA + f->head);
    fake_uv_put(f, f->head + QUEUE_PREV, FAKE_DATA + node);
    f->last = node;
}

static inline void fake_uv_handle(struct fake_uv *f, uint64_t at, uint32_t type, uint32_t flags) {
    fake_uv_put(f, at + HANDLE_LOOP, FAKE_DATA + FAKE_LOOP);
    fake_uv_int(f, at + HANDLE_TYPE, type);
    fake_uv_int(f, at + HANDLE_FLAGS, flags);
    fake_uv_link(f, at + HANDLE_QUEUE);
}

static inline uint64_t fake_uv_at(int index) {
    return FAKE_HANDLES + (uint64_t)index * FAKE_HANDLE_BYTES;
}

static inline void fake_uv_work(struct fake_uv *f, uint64_t request) {
    fake_uv_int(f, request + FS_TYPE, 3);
    fake_uv_put(f, request + FS_PATH, FAKE_DATA + FAKE_TEXT);
    fake_uv_put(f, request + FS_WORK + WORK_FUNCTION, FAKE_CODE + 0x10);
    fake_uv_put(f, request + FS_WORK + WORK_DONE, FAKE_CODE + 0x20);
    fake_uv_put(f, request + FS_WORK + WORK_LOOP, FAKE_DATA + FAKE_LOOP);
}

static inline void fake_uv_handles(struct fake_uv *f) {
    enum { ON = FLAG_ACTIVE | FLAG_REF };
    uint64_t tcp = fake_uv_at(FAKE_TCP), timer = fake_uv_at(FAKE_TIMER);
    fake_uv_ring(f, FAKE_LOOP + LOOP_HANDLE_QUEUE);
    fake_uv_handle(f, FAKE_LOOP + LOOP_WQ_ASYNC, UV_TYPE_ASYNC, FLAG_ACTIVE | FLAG_INTERNAL);
    fake_uv_handle(f, tcp, UV_TYPE_TCP, ON);
    fake_uv_handle(f, timer, UV_TYPE_TIMER, ON);
    fake_uv_handle(f, fake_uv_at(FAKE_UDP), UV_TYPE_UDP, ON);
    fake_uv_handle(f, fake_uv_at(FAKE_WATCHER), UV_TYPE_FS_EVENT, ON);
    fake_uv_handle(f, fake_uv_at(FAKE_CHILD), UV_TYPE_PROCESS, ON);
    fake_uv_handle(f, fake_uv_at(FAKE_SIGNAL), UV_TYPE_SIGNAL, FLAG_REF | FLAG_CLOSING);
    fake_uv_int(f, tcp + STREAM_IO + IO_FD, 7);
    fake_uv_put(f, tcp + STREAM_QUEUE_SIZE, 5000);
    fake_uv_put(f, tcp + HANDLE_DATA, FAKE_DATA + FAKE_WRAP);
    fake_uv_put(f, FAKE_WRAP, FAKE_CODE + 0x100);
    fake_uv_put(f, FAKE_WRAP + 8, FAKE_DATA + FAKE_TEXT);
    fake_uv_put(f, FAKE_WRAP + 80, FAKE_DATA + tcp);
    fake_uv_put(f, timer + TIMER_TIMEOUT, 1500);
    fake_uv_put(f, timer + TIMER_REPEAT, 100);
    fake_uv_int(f, fake_uv_at(FAKE_UDP) + UDP_IO + IO_FD, 8);
    fake_uv_put(f, fake_uv_at(FAKE_UDP) + UDP_QUEUE_SIZE, 300);
    fake_uv_put(f, fake_uv_at(FAKE_UDP) + UDP_QUEUE_COUNT, 3);
    fake_uv_put(f, fake_uv_at(FAKE_WATCHER) + FS_EVENT_PATH, FAKE_DATA + FAKE_TEXT);
    fake_uv_int(f, fake_uv_at(FAKE_CHILD) + PROCESS_PID, 4711);
    fake_uv_int(f, fake_uv_at(FAKE_SIGNAL) + SIGNAL_NUMBER, 15);
    fake_uv_ring(f, tcp + STREAM_WRITE_QUEUE);
    fake_uv_link(f, FAKE_WRITE + WRITE_QUEUE);
    fake_uv_put(f, FAKE_WRITE + WRITE_HANDLE, FAKE_DATA + tcp);
}

static inline void fake_uv_build(struct fake_uv *f) {
    const uint64_t loop = FAKE_DATA + FAKE_LOOP, running = FAKE_DATA + FAKE_RUNNING + FS_WORK;
    memset(f, 0, sizeof *f);
    fake_uv_int(f, FAKE_LOOP + LOOP_ACTIVE_HANDLES, 5);
    fake_uv_int(f, FAKE_LOOP + LOOP_ACTIVE_REQS, 3);
    fake_uv_int(f, FAKE_LOOP + LOOP_BACKEND_FD, 4);
    fake_uv_put(f, FAKE_LOOP + LOOP_TIME, 1000);
    memcpy(f->data + FAKE_TEXT, "/tmp/watched", 13);
    fake_uv_handles(f);
    fake_uv_ring(f, FAKE_LOOP + LOOP_WQ);
    fake_uv_ring(f, FAKE_POOL);
    fake_uv_link(f, FAKE_QUEUED + FS_WORK + WORK_QUEUE);
    fake_uv_work(f, FAKE_QUEUED);
    fake_uv_work(f, FAKE_RUNNING);
    memcpy(f->stacks + 0x800, &loop, sizeof loop);
    memcpy(f->stacks + PAGE_BYTES + 0x900, &running, sizeof running);
    f->symbols = (struct uv_symbols){.queue = FAKE_DATA + FAKE_POOL, .fs_work = FAKE_CODE + 0x10};
}

/* The caller frees it; `f` is copied. */
static inline struct image *fake_uv_image(const struct fake_uv *f) {
    const uint8_t rw = REGION_R | REGION_W;
    struct image *img = image_fake_new();
    uint64_t regs[IMAGE_REGS] = {0};
    image_fake_add(img, FAKE_DATA, f->data, sizeof f->data, REGION_ANON, rw, "");
    image_fake_add(img, FAKE_CODE, f->code, sizeof f->code, REGION_FILE, REGION_R | REGION_X,
                   "/node");
    for (int i = 0; i < 2; i++) {
        uint64_t stack = FAKE_STACKS + 2 * PAGE_BYTES * (uint64_t)i;
        image_fake_add(img, stack, f->stacks + PAGE_BYTES * (uint64_t)i, PAGE_BYTES, REGION_ANON,
                       rw, "");
        regs[IMAGE_RSP] = stack + 0x100;
        image_fake_add_thread(img, 100 + i, i ? "pool" : "main", regs);
    }
    return img;
}

#endif
