#include "heapfile/input.h"

#include "base/limits.h"
#include "base/mem.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum {
    SLOTS = 4,
    PACKED = 1 << 18, /* bytes of the file unpacked at once */
};

struct slot {
    char *room; /* INPUT_PIECE bytes; NULL: not used yet */
    size_t n;
};

struct input {
    int fd;
    enum input_form form;
    uint64_t file_bytes;
    uint64_t file_read;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct slot slots[SLOTS];
    uint64_t filled, taken; /* pieces; the one taken last is the caller's */
    bool stop, end;
    struct err err; /* of the reader; code 0: none */

    /* Of the thread alone. */
    uint8_t *packed;
    size_t packed_at, packed_n;
    bool file_end;
    bool in_frame;     /* more must follow */
    uint64_t unpacked; /* bytes so far */
    z_stream gzip;
    ZSTD_DStream *zstd;
};

enum input_form input_form(const struct input *in) {
    return in->form;
}

uint64_t input_file_bytes(const struct input *in) {
    return in->file_bytes;
}

uint64_t input_file_read(const struct input *in) {
    return __atomic_load_n(&in->file_read, __ATOMIC_RELAXED);
}

/* --- the thread that reads --- */

static int read_some(struct input *in, void *to, size_t n, size_t *ret) {
    ssize_t got;
    do
        got = read(in->fd, to, n);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_set(&in->err, -errno, "", "the file cannot be read: %s", strerror(errno));
    in->file_end = got == 0;
    __atomic_fetch_add(&in->file_read, (uint64_t)got, __ATOMIC_RELAXED);
    *ret = (size_t)got;
    return 0;
}

static int damaged(struct input *in) {
    const char *how = in->form == INPUT_GZIP ? "gzip" : "zstd";
    uint64_t at = in->file_read - (in->packed_n - in->packed_at);
    return in->file_end && in->packed_at == in->packed_n
               ? err_set(&in->err, -EBADMSG, "Is the copy complete?",
                         "the file is cut off: its %s data ends at byte %llu before it is whole",
                         how, (unsigned long long)at)
               : err_set(&in->err, -EBADMSG, "Is the copy complete?",
                         "the file is damaged: its %s data makes no sense at about byte %llu", how,
                         (unsigned long long)at);
}

static int unpack_gzip(struct input *in, char *to, size_t n, size_t *ret) {
    z_stream *z = &in->gzip;
    z->next_in = in->packed + in->packed_at;
    z->avail_in = (uInt)(in->packed_n - in->packed_at);
    z->next_out = (Bytef *)to;
    z->avail_out = (uInt)n;
    if (!in->in_frame && z->avail_in) { /* files one after the other are one */
        inflateReset(z);
        in->in_frame = true;
    }
    int r = in->in_frame ? inflate(z, Z_NO_FLUSH) : Z_OK;
    in->packed_at = in->packed_n - z->avail_in;
    *ret = n - z->avail_out;
    if (r == Z_STREAM_END)
        in->in_frame = false;
    return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR ? 0 : damaged(in);
}

static int unpack_zstd(struct input *in, char *to, size_t n, size_t *ret) {
    ZSTD_inBuffer from = {in->packed, in->packed_n, in->packed_at};
    ZSTD_outBuffer out = {to, n, 0};
    bool more = from.pos < from.size || in->in_frame;
    size_t r = more ? ZSTD_decompressStream(in->zstd, &out, &from) : 0;
    in->packed_at = from.pos;
    *ret = out.pos;
    in->in_frame = r != 0;
    return ZSTD_isError(r) ? damaged(in) : 0;
}

static int unpack(struct input *in, char *to, size_t n, size_t *ret) {
    *ret = 0;
    for (;;) {
        if (in->packed_at == in->packed_n && !in->file_end) {
            in->packed_at = in->packed_n = 0;
            int r = read_some(in, in->packed, PACKED, &in->packed_n);
            if (r < 0)
                return r;
        }
        size_t got;
        int r = in->form == INPUT_GZIP ? unpack_gzip(in, to + *ret, n - *ret, &got)
                                       : unpack_zstd(in, to + *ret, n - *ret, &got);
        if (r < 0)
            return r;
        *ret += got;
        in->unpacked += got;
        if (in->unpacked > LIMIT_UNPACKED_FREE &&
            in->unpacked / LIMIT_UNPACKED_RATIO > in->file_bytes)
            return err_set(&in->err, -E2BIG, "",
                           "the file unpacks to over %u times its size: it is no heap snapshot",
                           LIMIT_UNPACKED_RATIO);
        if (*ret == n)
            return 0;
        if (in->packed_at == in->packed_n && in->file_end && !got)
            return in->in_frame ? damaged(in) : 0;
    }
}

static int fill(struct input *in, struct slot *s) {
    size_t got = 0;
    int r = 0;
    s->n = 0;
    if (!s->room)
        s->room = mem_alloc(INPUT_PIECE);
    if (in->form != INPUT_PLAIN)
        return unpack(in, s->room, INPUT_PIECE, &s->n);
    for (; r == 0 && s->n < INPUT_PIECE && !in->file_end; s->n += got)
        r = read_some(in, s->room + s->n, INPUT_PIECE - s->n, &got);
    return r;
}

static void *read_all(void *arg) {
    struct input *in = arg;
    pthread_mutex_lock(&in->lock);
    while (!in->end && !in->stop) {
        if (in->filled - in->taken >= SLOTS - 1) { /* one is the caller's */
            pthread_cond_wait(&in->moved, &in->lock);
            continue;
        }
        struct slot *s = &in->slots[in->filled % SLOTS];
        pthread_mutex_unlock(&in->lock);
        int r = fill(in, s);
        pthread_mutex_lock(&in->lock);
        in->end = r < 0 || s->n == 0;
        in->filled++;
        pthread_cond_broadcast(&in->moved);
    }
    pthread_mutex_unlock(&in->lock);
    return NULL;
}

/* --- the caller's side --- */

int input_next(struct input *in, const char **ret, size_t *ret_n, struct err *e) {
    pthread_mutex_lock(&in->lock);
    while (in->filled == in->taken && !in->end)
        pthread_cond_wait(&in->moved, &in->lock);
    struct slot *s = &in->slots[in->taken % SLOTS];
    bool none = in->filled == in->taken;
    in->taken += !none;
    bool last = in->end && in->taken == in->filled;
    pthread_cond_broadcast(&in->moved);
    pthread_mutex_unlock(&in->lock);
    if (last && in->err.code) {
        if (e)
            *e = in->err;
        return in->err.code;
    }
    *ret = s->room;
    *ret_n = none ? 0 : s->n;
    return 0;
}

static int open_unpacker(struct input *in, struct err *e) {
    if (in->form == INPUT_PLAIN)
        return 0;
    in->packed = mem_alloc(PACKED);
    if (in->form == INPUT_GZIP && inflateInit2(&in->gzip, 15 + 16) != Z_OK) /* gzip's header */
        return err_set(e, -ENOMEM, "", "zlib cannot be used");
    if (in->form == INPUT_ZSTD && !(in->zstd = ZSTD_createDStream()))
        return err_set(e, -ENOMEM, "", "zstd cannot be used");
    return 0;
}

static enum input_form form_of(int fd) {
    static const uint8_t gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    uint8_t first[4] = {0};
    if (pread(fd, first, sizeof first, 0) < 4)
        return INPUT_PLAIN;
    return !memcmp(first, gzip, sizeof gzip)   ? INPUT_GZIP
           : !memcmp(first, zstd, sizeof zstd) ? INPUT_ZSTD
                                               : INPUT_PLAIN;
}

int input_open(int fd, struct input **ret, struct err *e) {
    struct stat st;
    struct input *in = mem_zalloc(sizeof *in);
    in->fd = fd;
    pthread_mutex_init(&in->lock, NULL);
    pthread_cond_init(&in->moved, NULL);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        in->file_bytes = (uint64_t)st.st_size;
    in->form = form_of(fd);
    int r = open_unpacker(in, e);
    if (r == 0 && (r = -pthread_create(&in->thread, NULL, read_all, in)) < 0)
        err_set(e, r, "", "a thread to read the file with cannot be made: %s", strerror(-r));
    if (r < 0) {
        input_close(in);
        return r;
    }
    in->started = true;
    *ret = in;
    return 0;
}

void input_close(struct input *in) {
    if (!in)
        return;
    if (in->started) {
        pthread_mutex_lock(&in->lock);
        in->stop = true;
        pthread_cond_broadcast(&in->moved);
        pthread_mutex_unlock(&in->lock);
        pthread_join(in->thread, NULL);
    }
    if (in->form == INPUT_GZIP)
        inflateEnd(&in->gzip);
    ZSTD_freeDStream(in->zstd);
    for (int i = 0; i < SLOTS; i++)
        free(in->slots[i].room);
    free(in->packed);
    pthread_mutex_destroy(&in->lock);
    pthread_cond_destroy(&in->moved);
    close(in->fd);
    free(in);
}
