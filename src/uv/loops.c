/* Finds loops: uv_run() keeps the address of its loop in a register or on the stack, so that every
 * loop that runs is named there, wherever it lies: in the program's data, on the stack of a worker,
 * in malloc's memory. */
#include "base/bytes.h"
#include "base/limits.h"
#include "uv/census.h"
#include "uv/layout.h"
#include "uv/queue.h"

#include <string.h>

void uv_words_read(const struct image *img, const struct image_thread *t, struct uv_words *ret) {
    *ret = (struct uv_words){0};
    const struct region *r =
        t->has_regs ? region_find(image_regions(img), t->regs[IMAGE_RSP]) : NULL;
    if (!r)
        return;
    uint64_t from = t->regs[IMAGE_RSP] & ~7ull;
    if (r->end - from > LIMIT_UV_STACK)
        from = r->end - LIMIT_UV_STACK;
    ret->at = mem_alloc(r->end - from + sizeof t->regs);
    memcpy(ret->at, t->regs, sizeof t->regs);
    ret->n = IMAGE_REGS +
             image_read_prefix(img, from, ret->at + IMAGE_REGS, r->end - from) / sizeof *ret->at;
}

static bool is_loop(const struct image *img, uint64_t addr, uint8_t *loop) {
    uint64_t next, prev, head = addr + LOOP_HANDLE_QUEUE;
    if (image_read(img, addr, loop, LOOP_BYTES) < 0 ||
        u32_at(loop, LOOP_WQ_ASYNC + HANDLE_TYPE) != UV_TYPE_ASYNC ||
        (int32_t)u32_at(loop, LOOP_BACKEND_FD) < 0)
        return false;
    return image_read_u64(img, u64_at(loop, LOOP_HANDLE_QUEUE) + QUEUE_PREV, &prev) == 0 &&
           image_read_u64(img, u64_at(loop, LOOP_HANDLE_QUEUE + QUEUE_PREV), &next) == 0 &&
           next == head && prev == head;
}

bool uv_loop_try(struct uv_reader *r, uint64_t addr, uint32_t *ret_index) {
    uint64_t known, self;
    uint8_t loop[LOOP_BYTES];
    if (map64_get(&r->loops, addr, &known)) {
        *ret_index = (uint32_t)known - 1;
        return true;
    }
    if (!addr || (addr & 7) || addr >= LIMIT_USER_ADDR || map64_get(&r->seen, addr, &known))
        return false;
    map64_put(&r->seen, addr, 1);
    const struct region *in = region_find(image_regions(r->img), addr);
    if (!in || !(in->prot & REGION_W) || r->c->loops.n >= LIMIT_UV_LOOPS ||
        image_read_u64(r->img, addr + LOOP_WQ_ASYNC + HANDLE_LOOP, &self) < 0 || self != addr ||
        !is_loop(r->img, addr, loop))
        return false;
    struct uv_loop l = {.addr = addr,
                        .is_default = addr == r->symbols->default_loop,
                        .active_handles = u32_at(loop, LOOP_ACTIVE_HANDLES),
                        .active_requests = u32_at(loop, LOOP_ACTIVE_REQS),
                        .now_ms = u64_at(loop, LOOP_TIME)};
    *ret_index = (uint32_t)r->c->loops.n;
    vec_push(&r->c->loops, l);
    map64_put(&r->loops, addr, *ret_index + 1);
    return true;
}

static void set_thread(struct uv_loop *l, const struct image_thread *t) {
    l->tid = t->tid;
    memcpy(l->thread, t->name, sizeof l->thread);
}

/* A thread runs the loop that is named nearest to where its stack begins. One on the stack of a
 * thread is that thread's; of others the first claim holds, but for the default loop, which is the
 * main thread's. */
static void look_through(struct uv_reader *r, const struct image_thread *t) {
    struct uv_words w;
    uint32_t index;
    bool outermost = true;
    const struct region_list *regions = image_regions(r->img);
    uv_words_read(r->img, t, &w);
    for (size_t i = w.n; i--;) {
        if (!uv_loop_try(r, w.at[i], &index))
            continue;
        struct uv_loop *l = &r->c->loops.at[index];
        bool on_stack = region_find(regions, l->addr) == region_find(regions, t->regs[IMAGE_RSP]);
        bool main = t->tid == image_pid(r->img);
        if (on_stack || (l->is_default ? main : !l->tid && outermost))
            set_thread(l, t);
        outermost = false;
    }
    free(w.at);
}

void uv_loops_find(struct uv_reader *r) {
    size_t n;
    uint32_t index;
    const struct image_thread *t = image_threads(r->img, &n);
    uv_loop_try(r, r->symbols->default_loop, &index);
    for (size_t i = 0; i < n; i++)
        look_through(r, &t[i]);
}

void uv_census_take(const struct image *img, const struct uv_symbols *symbols,
                    struct uv_census *ret) {
    struct uv_reader r = {
        .img = img, .symbols = symbols, .c = ret, .requests_left = LIMIT_UV_REQUESTS};
    *ret = (struct uv_census){0};
    uv_loops_find(&r);
    for (uint32_t i = 0; i < ret->loops.n; i++)
        uv_handles_walk(&r, i);
    uv_works_find(&r);
    map64_done(&r.loops);
    map64_done(&r.seen);
}
