/* What loops gave to the pool of threads: what waits (the pool's queues), what runs (named on the
 * stack of a thread of the pool), what was done and is not told yet (the loop's queue). */
#include "base/limits.h"
#include "uv/census.h"
#include "uv/layout.h"
#include "uv/queue.h"

#include <string.h>

static bool loop_of(const struct uv_reader *r, uint64_t addr, uint32_t *ret) {
    uint64_t index;
    if (!map64_get(&r->loops, addr, &index))
        return false;
    *ret = (uint32_t)index - 1;
    return true;
}

/* Not every core says what was executable. */
static bool may_be_code(const struct image *img, uint64_t addr) {
    const struct region *r = region_find(image_regions(img), addr);
    return r && !(r->prot & REGION_W);
}

/* enum uv_fs_type, include/uv.h */
static const char *fs_name(const struct uv_reader *r, uint64_t request) {
    static const char *const names[] = {
        "custom",    "open",      "close",  "read",    "write",    "sendfile", "stat",    "lstat",
        "fstat",     "ftruncate", "utime",  "futime",  "access",   "chmod",    "fchmod",  "fsync",
        "fdatasync", "unlink",    "rmdir",  "mkdir",   "mkdtemp",  "rename",   "scandir", "link",
        "symlink",   "readlink",  "chown",  "fchown",  "realpath", "copyfile", "lchown",  "opendir",
        "readdir",   "closedir",  "statfs", "mkstemp", "lutime"};
    uint32_t type;
    if (image_read(r->img, request + FS_TYPE, &type, sizeof type) < 0 ||
        type >= sizeof names / sizeof *names)
        return "fs";
    return names[type];
}

static char *text_at(const struct uv_reader *r, uint64_t pointer) {
    char buf[LIMIT_NAME];
    uint64_t addr;
    if (image_read_u64(r->img, pointer, &addr) < 0 || !addr ||
        image_read_string(r->img, addr, buf, sizeof buf) < 0)
        return NULL;
    return mem_strdup(buf);
}

/* What request it is part of, by the function that does it. */
static void read_request(const struct uv_reader *r, struct uv_work *w) {
    const struct uv_symbols *s = r->symbols;
    if (!w->function)
        return;
    if (w->function == s->fs_work) {
        w->kind = fs_name(r, w->addr - FS_WORK);
        w->path = text_at(r, w->addr - FS_WORK + FS_PATH);
    } else if (w->function == s->addrinfo_work) {
        w->kind = "getaddrinfo";
        w->path = text_at(r, w->addr - ADDRINFO_WORK + ADDRINFO_HOST);
    } else if (w->function == s->queued_work) {
        image_read_u64(r->img, w->addr - QUEUED_WORK + QUEUED_CALLBACK, &w->function);
    }
}

/* A struct uv__work of a known loop. One that was called has no function any more. */
static bool read_work(const struct uv_reader *r, uint64_t addr, struct uv_work *ret) {
    uint64_t w[WORK_BYTES / 8];
    uint32_t loop;
    if (!addr || (addr & 7) || addr >= LIMIT_USER_ADDR ||
        image_read(r->img, addr, w, sizeof w) < 0 || !loop_of(r, w[WORK_LOOP / 8], &loop) ||
        !may_be_code(r->img, w[WORK_DONE / 8]))
        return false;
    *ret = (struct uv_work){.addr = addr, .loop = loop, .function = w[WORK_FUNCTION / 8]};
    return true;
}

static void add_work(struct uv_reader *r, struct uv_work w, enum uv_work_state state) {
    uint64_t known;
    if (map64_get(&r->seen, w.addr | 1, &known) || r->c->works.n >= LIMIT_UV_REQUESTS)
        return;
    map64_put(&r->seen, w.addr | 1, 1);
    w.state = state;
    read_request(r, &w);
    vec_push(&r->c->works, w);
}

/* False when the queue is broken. The pool's has a node that stands for all slow work, which is no
 * work itself. */
static bool add_queue(struct uv_reader *r, uint64_t head, enum uv_work_state state) {
    struct uv_queue q = uv_queue_open(r->img, head);
    struct uv_work w;
    uint64_t node;
    int more;
    while ((more = uv_queue_next(&q, &node)) > 0) {
        if (!r->requests_left)
            return false;
        r->requests_left--;
        if (read_work(r, node - WORK_QUEUE, &w))
            add_work(r, w, state);
    }
    return more == 0;
}

static void add_running(struct uv_reader *r, const struct image_thread *t) {
    struct uv_words words;
    struct uv_work w;
    uv_words_read(r->img, t, &words);
    for (size_t i = 0; i < words.n; i++)
        if (read_work(r, words.at[i], &w) && may_be_code(r->img, w.function)) {
            w.tid = t->tid;
            add_work(r, w, UV_WORK_RUNNING);
            break; /* one at a time */
        }
    free(words.at);
}

static bool runs_a_loop(const struct uv_reader *r, pid_t tid) {
    for (size_t i = 0; i < r->c->loops.n; i++)
        if (r->c->loops.at[i].tid == tid)
            return true;
    return false;
}

void uv_works_find(struct uv_reader *r) {
    size_t n;
    const struct image_thread *t = image_threads(r->img, &n);
    const struct uv_symbols *s = r->symbols;
    for (size_t i = 0; i < r->c->loops.n; i++)
        add_queue(r, r->c->loops.at[i].addr + LOOP_WQ, UV_WORK_DONE);
    r->c->pool_known = s->queue && add_queue(r, s->queue, UV_WORK_QUEUED) &&
                       (!s->slow_queue || add_queue(r, s->slow_queue, UV_WORK_QUEUED));
    for (size_t i = 0; i < n; i++)
        if (!runs_a_loop(r, t[i].tid))
            add_running(r, &t[i]);
}
