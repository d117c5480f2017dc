#include "image/capture_codec.h"
#include "image/capture_sink.h"

#include "base/vec.h"
#include "base/write_all.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { PIECE = 4 << 20, SLOTS = 4, THREADS = 2 };

struct slot {
    uint8_t *in, *out;
    size_t n;
};

struct capture_packer {
    int fd;
    const struct capture_codec *codec;
    size_t room; /* for a piece packed */
    pthread_t threads[THREADS];
    size_t started;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct slot slots[SLOTS];
    /* Pieces by number: filled by the caller, taken and then written by the threads. */
    uint64_t filled, taken, written;
    bool end;
    int failed;
    uint64_t at; /* in the file */
    VEC(struct capture_piece) pieces;
};

/* With the lock held, and our turn: nobody else writes meanwhile. */
static void write_piece(struct capture_packer *p, struct slot *s, struct capture_piece piece,
                        int r) {
    if (r == 0 && !p->failed) {
        pthread_mutex_unlock(&p->lock);
        r = write_all_at(p->fd, s->out, piece.packed, p->at);
        pthread_mutex_lock(&p->lock);
    }
    if (r < 0 && !p->failed)
        p->failed = r;
    p->at += piece.packed;
    vec_push(&p->pieces, piece);
    p->written++;
    pthread_cond_broadcast(&p->moved);
}

static void *worker(void *arg) {
    struct capture_packer *p = arg;
    void *ctx = p->codec->open();
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->taken == p->filled && !p->end)
            pthread_cond_wait(&p->moved, &p->lock);
        if (p->taken == p->filled)
            break;
        uint64_t turn = p->taken++;
        struct slot *s = &p->slots[turn % SLOTS];
        pthread_mutex_unlock(&p->lock);
        struct capture_piece piece = {0};
        int r = ctx ? p->codec->pack(ctx, s->in, s->n, s->out, p->room, &piece) : -ENOMEM;
        pthread_mutex_lock(&p->lock);
        while (p->written != turn)
            pthread_cond_wait(&p->moved, &p->lock);
        write_piece(p, s, piece, r);
    }
    pthread_mutex_unlock(&p->lock);
    p->codec->close(ctx);
    return NULL;
}

int capture_packer_new(int fd, enum capture_form form, struct capture_packer **ret) {
    struct capture_packer *p = mem_zalloc(sizeof *p);
    p->fd = fd;
    p->codec = form == CAPTURE_GZIP ? &capture_gzip : &capture_zstd;
    p->room = p->codec->bound(PIECE);
    p->at = p->codec->n_head;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->moved, NULL);
    for (size_t i = 0; i < SLOTS; i++) {
        p->slots[i].in = mem_alloc(PIECE);
        p->slots[i].out = mem_alloc(p->room);
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
    uint64_t n = p->at + (p->filled - p->written) * PIECE;
    pthread_mutex_unlock(&p->lock);
    return n;
}

int capture_packer_write(struct capture_packer *p, const uint8_t *bytes, size_t n) {
    while (n) {
        struct slot *s = &p->slots[p->filled % SLOTS];
        size_t part = PIECE - s->n < n ? PIECE - s->n : n;
        memcpy(s->in + s->n, bytes, part);
        s->n += part;
        bytes += part;
        n -= part;
        if (s->n == PIECE)
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

int capture_packer_finish(struct capture_packer *p) {
    size_t n;
    if (p->slots[p->filled % SLOTS].n)
        hand_over(p);
    join(p);
    if (p->failed)
        return p->failed;
    cleanup_free uint8_t *tail = p->codec->tail(p->pieces.at, p->pieces.n, &n);
    int r = p->codec->n_head ? write_all_at(p->fd, p->codec->head, p->codec->n_head, 0) : 0;
    return r < 0 ? r : write_all_at(p->fd, tail, n, p->at);
}

void capture_packer_free(struct capture_packer *p) {
    if (!p)
        return;
    join(p);
    for (size_t i = 0; i < SLOTS; i++) {
        free(p->slots[i].in);
        free(p->slots[i].out);
    }
    vec_free(&p->pieces);
    pthread_cond_destroy(&p->moved);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
