#include "image/capture.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "base/limits.h"
#include "image/capture_plan.h"
#include "image/capture_sink.h"
#include <errno.h>
#include <time.h>

enum { STEP = 4 << 20, TRIES_MAX = 24 };
#define RETRY_NS 2000000ull

struct writing {
    struct image *img;
    const struct capture_options *o;
    struct capture_plan plan;
    struct capture_sink *sink;
    uint64_t read_bytes, lost_bytes, began_ns;
    VEC(struct capture_gap) gaps; /* ascending */
    uint32_t stops;
    enum image_kind kind;
    uint8_t *buf;
};

static void filter(const struct writing *w, uint64_t addr, uint8_t *bytes, size_t len) {
    const struct capture_hooks *h = &w->o->hooks;
    if (h->filter)
        h->filter(h->arg, addr, bytes, len);
}

static void note_gap(struct writing *w, uint64_t page) {
    w->lost_bytes += residency_bytes(image_residency(w->img), page, page + PAGE_BYTES);
    if (w->gaps.n && w->gaps.at[w->gaps.n - 1].end == page)
        w->gaps.at[w->gaps.n - 1].end += PAGE_BYTES;
    else
        vec_push(&w->gaps, (struct capture_gap){page, page + PAGE_BYTES});
}

/* Pages that cannot be read (poisoned memory, secretmem, behind the end of a file) are zeros in the
 * file, and marked: whoever reads the capture shall not take them for zeros of the process. */
static void read_pages(struct writing *w, uint64_t start, uint64_t end, uint8_t *to) {
    w->read_bytes += end - start;
    if (image_read(w->img, start, to, end - start) == 0) {
        filter(w, start, to, end - start);
        return;
    }
    for (; start < end; start += PAGE_BYTES, to += PAGE_BYTES)
        if (image_read(w->img, start, to, PAGE_BYTES) == 0) {
            filter(w, start, to, PAGE_BYTES);
        } else {
            memset(to, 0, PAGE_BYTES);
            note_gap(w, start);
        }
}

/* The bytes of [start, end) of a piece; what is not in memory is zeros. */
static void fill(struct writing *w, const struct capture_piece *x, uint64_t start, uint64_t end) {
    const struct residency *res = image_residency(w->img);
    if (x->whole) {
        read_pages(w, start, end, w->buf);
        return;
    }
    uint64_t done = start;
    for (size_t i = residency_lower_bound(res, start); i < res->n && res->at[i].start < end; i++) {
        uint64_t a = res->at[i].start > start ? res->at[i].start : start;
        uint64_t b = res->at[i].end < end ? res->at[i].end : end;
        memset(w->buf + (done - start), 0, a - done);
        read_pages(w, a, b, w->buf + (a - start));
        done = b;
    }
    memset(w->buf + (done - start), 0, end - done);
}

static void say_progress(const struct writing *w) {
    char what[64], rate[FMT_MAX];
    uint64_t ns = clock_ns() - w->began_ns;
    snprintf(what, sizeof what, "capturing at %s/s",
             fmt_bytes(rate, (uint64_t)((double)w->read_bytes * 1e9 / (double)(ns + 1))));
    progress_say(w->o->progress, what, w->read_bytes, w->plan.memory_bytes);
}

static int write_piece(struct writing *w, const struct capture_piece *x) {
    for (uint64_t at = x->start; at < x->end; at += STEP) {
        uint64_t end = x->end - at < STEP ? x->end : at + STEP;
        fill(w, x, at, end);
        int r = capture_sink_write(w->sink, w->buf, end - at);
        if (r < 0)
            return r;
        if (w->gaps.n && image_check_alive(w->img, NULL) < 0)
            return -ESRCH; /* said at the end */
        if (w->o->cancelled && atomic_load(w->o->cancelled))
            return -EINTR;
        say_progress(w);
    }
    return 0;
}

/* The last note: what was lost is known only now. */
static int write_gaps(struct writing *w) {
    cleanup_free uint8_t *note = mem_zalloc(CAPTURE_GAPS_BYTES);
    capture_notes_gaps(w->gaps.at, w->gaps.n, note);
    return capture_sink_write(w->sink, note, CAPTURE_GAPS_BYTES);
}

static int write_all(struct writing *w, struct err *e) {
    int r = capture_sink_write(w->sink, w->plan.head.at, w->plan.head.n);
    for (size_t i = 0; r == 0 && i < w->plan.pieces.n; i++)
        if (w->plan.pieces.at[i].held)
            r = write_piece(w, &w->plan.pieces.at[i]);
    if (r == 0)
        r = write_gaps(w);
    if (r == -EINTR)
        return err_set(e, r, "", "the capture was interrupted; nothing is left of it");
    int alive = image_check_alive(w->img, e);
    if (alive < 0)
        return alive;
    return r < 0 ? capture_sink_explain(w->sink, r, e) : 0;
}

/* A packed capture is a third of it at most, or the disk says no on the way. */
static int check_room(const struct writing *w, struct err *e) {
    uint64_t need = w->plan.memory_bytes + w->plan.head.n;
    return capture_sink_check_room(w->sink, w->o->packed ? need / 3 : need, e);
}

/* Holds the process at a moment that the hooks find good. */
static int hold(struct writing *w, struct err *e) {
    const struct capture_hooks *h = &w->o->hooks;
    for (uint64_t attempt = 1;; attempt++) {
        int r = image_freeze(w->img, &w->o->how, e);
        if (r < 0)
            return r;
        w->stops++;
        bool last = attempt == TRIES_MAX;
        r = h->look ? h->look(h->arg, w->img, last, e) : 0;
        if (r == 0)
            return 0;
        image_release(w->img);
        if (r != -EAGAIN || last)
            return r;
        if (w->o->cancelled && atomic_load(w->o->cancelled))
            return err_set(e, -EINTR, "", "the capture was interrupted; nothing is left of it");
        nanosleep(&(struct timespec){0, (long)(RETRY_NS * attempt)}, NULL);
    }
}

static int write_held(struct writing *w, struct err *e) {
    int r = hold(w, e);
    if (r < 0)
        return r;
    w->kind = image_kind(w->img);
    capture_plan_make(w->img, w->o, &w->plan);
    w->buf = mem_alloc(STEP);
    w->began_ns = clock_ns();
    r = check_room(w, e);
    if (r == 0)
        r = write_all(w, e);
    image_release(w->img);
    return r;
}

static struct capture_result result_of(const struct writing *w) {
    struct capture_result ret = {.core_bytes = w->plan.core_bytes,
                                 .memory_bytes = w->read_bytes,
                                 .lost_bytes = w->lost_bytes,
                                 .swap_bytes = image_residency(w->img)->swap_bytes,
                                 .segments = (uint32_t)w->plan.pieces.n,
                                 .stops = w->stops,
                                 .kind = w->kind};
    size_t n;
    image_threads(w->img, &n);
    ret.threads = (uint32_t)n;
    return ret;
}

int capture_write(struct image *img, const struct capture_options *o, struct capture_result *ret,
                  struct err *e) {
    struct writing w = {.img = img, .o = o};
    int r = capture_sink_open(o->path, o->packed ? CAPTURE_ZSTD : CAPTURE_PLAIN, &w.sink, e);
    if (r < 0)
        return r;
    r = write_held(&w, e);
    if (r == 0) {
        uint64_t file_bytes;
        r = capture_sink_finish(w.sink, &file_bytes);
        if (r < 0) {
            capture_sink_explain(w.sink, r, e);
        } else {
            *ret = result_of(&w);
            ret->file_bytes = file_bytes;
        }
    }
    capture_sink_free(w.sink);
    capture_plan_done(&w.plan);
    vec_free(&w.gaps);
    free(w.buf);
    return r;
}
