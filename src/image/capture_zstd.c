#include "image/capture_sink.h"

#include "base/vec.h"
#include "base/write_all.h"
#include <errno.h>
#include <pthread.h>
#include <zstd.h>

enum { FRAME = 4 << 20, SLOTS = 4, THREADS = 2, LEVEL = 1 };

#define SEEK_TABLE_MAGIC 0x184D2A5Eu /* a skippable frame */
#define SEEKABLE_MAGIC 0x8F92EAB1u

struct slot {
    uint8_t *in, *out;
    size_t n;
};

struct sizes {
    uint32_t packed, plain;
};

struct capture_packer {
    int fd;
    pthread_t threads[THREADS];
    size_t started;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct slot slots[SLOTS];
    /* Frames by number: filled by the caller, taken and then written by the threads. */
    uint64_t filled, taken, written;
    bool end;
    int failed;
    uint64_t at; /* in the file */
    VEC(struct sizes) frames;
};

static int pack(ZSTD_CCtx *ctx, struct slot *s, size_t *ret) {
    size_t n = ctx ? ZSTD_compress2(ctx, s->out, ZSTD_compressBound(FRAME), s->in, s->n) : 0;
    if (!ctx || ZSTD_isError(n))
        return -ENOMEM;
    *ret = n;
    return 0;
}

/* With the lock held, and our turn: nobody else writes meanwhile. */
static void write_frame(struct capture_packer *p, struct slot *s, size_t packed, int r) {
    if (r == 0 && !p->failed) {
        pthread_mutex_unlock(&p->lock);
        r = write_all_at(p->fd, s->out, packed, p->at);
        pthread_mutex_lock(&p->lock);
    }
    if (r < 0 && !p->failed)
        p->failed = r;
    p->at += packed;
    vec_push(&p->frames, (struct sizes){(uint32_t)packed, (uint32_t)s->n});
    p->written++;
    pthread_cond_broadcast(&p->moved);
}

static void *worker(void *arg) {
    struct capture_packer *p = arg;
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    if (ctx) {
        ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, LEVEL);
        ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
    }
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->taken == p->filled && !p->end)
            pthread_cond_wait(&p->moved, &p->lock);
        if (p->taken == p->filled)
            break;
        uint64_t turn = p->taken++;
        struct slot *s = &p->slots[turn % SLOTS];
        pthread_mutex_unlock(&p->lock);
        size_t packed = 0;
        int r = pack(ctx, s, &packed);
        pthread_mutex_lock(&p->lock);
        while (p->written != turn)
            pthread_cond_wait(&p->moved, &p->lock);
        write_frame(p, s, packed, r);
    }
    pthread_mutex_unlock(&p->lock);
    ZSTD_freeCCtx(ctx);
    return NULL;
}

int capture_packer_new(int fd, struct capture_packer **ret) {
    struct capture_packer *p = mem_zalloc(sizeof *p);
    p->fd = fd;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->moved, NULL);
    for (size_t i = 0; i < SLOTS; i++) {
        p->slots[i].in = mem_alloc(FRAME);
        p->slots[i].out = mem_alloc(ZSTD_compressBound(FRAME));
    }
    while (p->started < THREADS && !pthread_create(&p->threads[p->started], NULL, worker, p))
        p->started++;
    if (!p->started) {
        capture_packer_free(p);
        return -EAGAIN;
    }
    *ret = p;
    return 0;
}

static void hand_over(struct capture_packer *p) {
    pthread_mutex_lock(&p->lock);
    p->filled++;
    pthread_cond_broadcast(&p->moved);
    while (p->filled - p->written >= SLOTS)
        pthread_cond_wait(&p->moved, &p->lock);
    p->slots[p->filled % SLOTS].n = 0;
    pthread_mutex_unlock(&p->lock);
}

uint64_t capture_packer_written(struct capture_packer *p) {
    pthread_mutex_lock(&p->lock);
    uint64_t n = p->at + (p->filled - p->written) * FRAME;
    pthread_mutex_unlock(&p->lock);
    return n;
}

int capture_packer_write(struct capture_packer *p, const uint8_t *bytes, size_t n) {
    while (n) {
        struct slot *s = &p->slots[p->filled % SLOTS];
        size_t part = FRAME - s->n < n ? FRAME - s->n : n;
        memcpy(s->in + s->n, bytes, part);
        s->n += part;
        bytes += part;
        n -= part;
        if (s->n == FRAME)
            hand_over(p);
    }
    pthread_mutex_lock(&p->lock);
    int r = p->failed;
    pthread_mutex_unlock(&p->lock);
    return r;
}

static void join(struct capture_packer *p) {
    pthread_mutex_lock(&p->lock);
    p->end = true;
    pthread_cond_broadcast(&p->moved);
    pthread_mutex_unlock(&p->lock);
    while (p->started)
        pthread_join(p->threads[--p->started], NULL);
}

static int write_seek_table(struct capture_packer *p) {
    size_t entries = p->frames.n * sizeof *p->frames.at, n = 8 + entries + 9;
    uint32_t head[2] = {SEEK_TABLE_MAGIC, (uint32_t)(entries + 9)};
    uint32_t count = (uint32_t)p->frames.n, magic = SEEKABLE_MAGIC;
    cleanup_free uint8_t *table = mem_zalloc(n); /* the descriptor byte stays 0: no checksums */
    memcpy(table, head, sizeof head);
    memcpy(table + 8, p->frames.at, entries);
    memcpy(table + 8 + entries, &count, 4);
    memcpy(table + n - 4, &magic, 4);
    return write_all_at(p->fd, table, n, p->at);
}

int capture_packer_finish(struct capture_packer *p) {
    if (p->slots[p->filled % SLOTS].n)
        hand_over(p);
    join(p);
    return p->failed ? p->failed : write_seek_table(p);
}

void capture_packer_free(struct capture_packer *p) {
    if (!p)
        return;
    join(p);
    for (size_t i = 0; i < SLOTS; i++) {
        free(p->slots[i].in);
        free(p->slots[i].out);
    }
    vec_free(&p->frames);
    pthread_cond_destroy(&p->moved);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
