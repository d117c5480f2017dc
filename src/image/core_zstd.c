/* Cores packed with zstd, as systemd-coredump stores them.
 *
 * Everything is unpacked: the residency of a core is the content of all its pages, so no part of it
 * would stay packed anyhow. Files of several frames (the seekable format, pzstd) are unpacked by
 * several threads; a single frame by one, as its format demands. The seek table itself is a
 * skippable frame that is not needed: the frames' own headers say the same
 * (zstd contrib/seekable_format/zstd_seekable_compression_format.md). */
#include "base/fmt.h"
#include "base/limits.h"
#include "base/vec.h"
#include "base/write_all.h"
#include "image/core_file.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

enum {
    CHUNK = 1 << 20,
    LET_GO = 8 << 20,
    MAX_THREADS = 8,
    WINDOW_LOG = 31, /* `zstd --long=31`; memory is taken only as it is filled */
};

/* Left free on the disk, so that unpacking never breaks whatever else writes to it. */
#define KEEP_FREE (256ull << 20)
#define CHECK_EVERY (64ull << 20)

struct frame {
    size_t at, packed;
    uint64_t to, size;
};

struct unpacking {
    const uint8_t *in;
    size_t in_len;
    int fd;
    VEC(struct frame) frames; /* in order; empty: one stream */
    atomic_size_t next;       /* the next frame to take */
    atomic_int failed;        /* a negative errno that ends everything */
    atomic_ullong written;
    atomic_ullong good_until; /* the first byte that could not be unpacked */
};

bool core_zstd_is(const uint8_t *p, size_t len) {
    uint32_t magic;
    if (len < sizeof magic)
        return false;
    memcpy(&magic, p, sizeof magic);
    return magic == ZSTD_MAGICNUMBER ||
           (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static bool disk_full(int fd) {
    struct statvfs v;
    return fstatvfs(fd, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize < KEEP_FREE;
}

static int write_all(struct unpacking *u, const uint8_t *p, size_t n, uint64_t to) {
    uint64_t before = atomic_fetch_add(&u->written, n);
    if (before / CHECK_EVERY != (before + n) / CHECK_EVERY && disk_full(u->fd))
        return -ENOSPC;
    return write_all_at(u->fd, p, n, to);
}

static bool all_zero(const uint8_t *p, size_t n) {
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Blocks of zeros, as the file system counts blocks, are left out. */
static int write_sparse(struct unpacking *u, const uint8_t *p, size_t n, uint64_t to) {
    size_t from = 0, at = 0;
    while (at < n) {
        size_t block = PAGE_BYTES - (to + at) % PAGE_BYTES;
        if (block > n - at)
            block = n - at;
        if (all_zero(p + at, block)) {
            int r = at > from ? write_all(u, p + from, at - from, to + from) : 0;
            if (r < 0)
                return r;
            from = at + block;
        }
        at += block;
    }
    return from < n ? write_all(u, p + from, n - from, to + from) : 0;
}

/* Packed bytes that were used stay in the page cache, but are no longer counted as memory of ours.
 */
static size_t let_go(const uint8_t *in, size_t from, size_t to) {
    uintptr_t a = ((uintptr_t)in + from + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
    uintptr_t b = ((uintptr_t)in + to) & ~(uintptr_t)(PAGE_BYTES - 1);
    if (a < b)
        madvise((void *)a, b - a, MADV_DONTNEED);
    return to;
}

static void fail(struct unpacking *u, int r) {
    int none = 0;
    atomic_compare_exchange_strong(&u->failed, &none, r);
}

static void lower_good(struct unpacking *u, uint64_t until) {
    unsigned long long had = atomic_load(&u->good_until);
    while (until < had && !atomic_compare_exchange_weak(&u->good_until, &had, until))
        ;
}

/* Unpack `len` bytes from `in` to offset `to`, at most `room` of them. Returns 0 when all input was
 * used; 1 when it is damaged or ends early. *ret_size is what came out. */
static int stream(struct unpacking *u, ZSTD_DCtx *ctx, const uint8_t *in, size_t len, uint64_t to,
                  uint64_t room, uint64_t *ret_size) {
    cleanup_free uint8_t *buf = mem_alloc(CHUNK);
    ZSTD_inBuffer from = {in, len, 0};
    size_t state = 0, gone = 0; /* state 0: between frames */
    uint64_t done = 0;
    int r = 0;
    for (bool more = true; more && r == 0 && !atomic_load(&u->failed);) {
        ZSTD_outBuffer out = {buf, CHUNK, 0};
        while (more && out.pos < out.size) {
            size_t was_in = from.pos, was_out = out.pos;
            if (state == 0 && from.pos == from.size)
                break;
            state = ZSTD_decompressStream(ctx, &out, &from);
            more = !ZSTD_isError(state) && (from.pos > was_in || out.pos > was_out);
        }
        more = more && out.pos == out.size;
        if (from.pos - gone >= LET_GO || !more)
            gone = let_go(in, gone, from.pos);
        if (out.pos > room - done)
            r = 1;
        else if (out.pos && (r = write_sparse(u, buf, out.pos, to + done)) == 0)
            done += out.pos;
    }
    if (r < 0)
        fail(u, r);
    *ret_size = done;
    return r || state != 0 || from.pos < from.size;
}

static ZSTD_DCtx *new_context(struct unpacking *u) {
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    if (!ctx || ZSTD_isError(ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, WINDOW_LOG)))
        fail(u, -ENOMEM);
    return ctx;
}

static void *frame_worker(void *arg) {
    struct unpacking *u = arg;
    ZSTD_DCtx *ctx = new_context(u);
    while (!atomic_load(&u->failed)) {
        size_t i = atomic_fetch_add(&u->next, 1);
        if (i >= u->frames.n)
            break;
        const struct frame *f = &u->frames.at[i];
        uint64_t size;
        ZSTD_DCtx_reset(ctx, ZSTD_reset_session_only);
        if (stream(u, ctx, u->in + f->at, f->packed, f->to, f->size, &size) || size < f->size)
            lower_good(u, f->to + size);
    }
    ZSTD_freeDCtx(ctx);
    return NULL;
}

/* All frames, if each tells its size and there are several. A rest that is cut is a frame too. */
static void find_frames(struct unpacking *u) {
    uint64_t to = 0;
    size_t gone = 0;
    for (size_t at = 0; at < u->in_len;) {
        const uint8_t *p = u->in + at;
        size_t left = u->in_len - at, packed = ZSTD_findFrameCompressedSize(p, left);
        unsigned long long size = ZSTD_getFrameContentSize(p, left);
        if (ZSTD_isError(packed))
            packed = left;
        if (size > INT64_MAX - to) {
            vec_free(&u->frames); /* unknown, damaged or absurd */
            return;
        }
        if (size)
            vec_push(&u->frames, (struct frame){at, packed, to, size});
        to += size;
        at += packed;
        if (at - gone >= LET_GO)
            gone = let_go(u->in, gone, at);
    }
    if (u->frames.n < 2)
        vec_free(&u->frames);
}

static uint64_t run_frames(struct unpacking *u) {
    const struct frame *last = &u->frames.at[u->frames.n - 1];
    atomic_store(&u->good_until, last->to + last->size);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t n = cpus < 1 ? 1 : cpus > MAX_THREADS ? MAX_THREADS : (size_t)cpus;
    pthread_t threads[MAX_THREADS];
    size_t started = 0;
    while (started + 1 < n && !pthread_create(&threads[started], NULL, frame_worker, u))
        started++;
    frame_worker(u);
    while (started)
        pthread_join(threads[--started], NULL);
    return atomic_load(&u->good_until);
}

static uint64_t run_stream(struct unpacking *u, bool *ret_cut) {
    uint64_t size = 0;
    ZSTD_DCtx *ctx = new_context(u);
    if (!atomic_load(&u->failed))
        *ret_cut = stream(u, ctx, u->in, u->in_len, 0, INT64_MAX, &size) != 0;
    ZSTD_freeDCtx(ctx);
    return size;
}

/* In $TMPDIR, else /var/tmp (/tmp is often memory); never visible where the kernel can do so. */
static int temporary_file(const char **ret_folder, struct err *e) {
    const char *env = getenv("TMPDIR");
    const char *folders[] = {env && env[0] ? env : "/var/tmp", env && env[0] ? NULL : "/tmp"};
    for (size_t i = 0; i < 2 && folders[i]; i++) {
        *ret_folder = folders[i];
        int fd = open(folders[i], O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
        if (fd >= 0)
            return fd;
        cleanup_free char *name = mem_printf("%s/memwhy-XXXXXX", folders[i]);
        fd = mkostemp(name, O_CLOEXEC); /* 0600; for file systems without O_TMPFILE */
        if (fd >= 0) {
            unlink(name);
            return fd;
        }
    }
    return err_set(e, -errno, "Set TMPDIR to a folder that can be written.",
                   "no file can be made in %s to unpack the core into (%s)", *ret_folder,
                   strerror(errno));
}

static int explain(const struct unpacking *u, int r, const char *path, const char *folder,
                   struct err *e) {
    char done[FMT_MAX];
    fmt_bytes(done, atomic_load(&u->written));
    if (r == -ENOSPC)
        return err_set(e, r,
                       "Set TMPDIR to a folder on a larger disk, or unpack it there yourself.",
                       "there is no room in %s to unpack %s (%s were written)", folder, path, done);
    return err_set(e, r, "", "%s cannot be unpacked into %s (%s)", path, folder, strerror(-r));
}

int core_zstd_unpack(const uint8_t *p, size_t len, const char *path, int *ret_fd, bool *ret_cut,
                     struct err *e) {
    const char *folder = "";
    struct unpacking u = {.in = p, .in_len = len, .fd = temporary_file(&folder, e)};
    if (u.fd < 0)
        return u.fd;
    bool cut = false;
    uint64_t size;
    if (disk_full(u.fd))
        fail(&u, -ENOSPC);
    find_frames(&u);
    if (u.frames.n) {
        const struct frame *last = &u.frames.at[u.frames.n - 1];
        size = run_frames(&u);
        cut = size < last->to + last->size;
    } else {
        size = run_stream(&u, &cut);
    }
    vec_free(&u.frames);
    int r = atomic_load(&u.failed);
    if (r == 0 && ftruncate(u.fd, (off_t)size) < 0)
        r = -errno;
    if (r < 0)
        explain(&u, r, path, folder, e);
    else if (size == 0)
        r = err_set(e, -EBADMSG, "", "not a core file: nothing can be unpacked from %s", path);
    if (r < 0) {
        close(u.fd);
        return r;
    }
    *ret_fd = u.fd;
    *ret_cut = cut;
    return 0;
}
