#include "image/capture_pipe.h"

#include "base/fmt.h"
#include "base/limits.h"
#include "image/capture_plan.h"
#include "image/capture_sink.h"
#include "image/live.h"
#include <elf.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum {
    CHUNK = 1 << 20,
    NOTES_MAX = 256 << 20, /* 5 KiB for each thread, 4 MiB of mapped files */
    CHECK_EVERY = 64 << 20,
};

static const char hint_core[] =
    "A core is piped in by the kernel (kernel.core_pattern), or by hand: < core.1234.";

struct pipe_copy {
    const struct capture_pipe *in;
    const struct capture_options *o;
    struct capture_sink *sink;
    uint64_t at; /* in what comes */
    Elf64_Ehdr h;
    VEC(Elf64_Phdr) segments;
    struct capture_plan plan; /* its head */
    uint64_t first, end;      /* of the segments' bytes, as they come */
    bool known;               /* the process was looked at */
    uint8_t *buf;
};

/* --- what comes --- */

/* As much as comes; fewer than n at its end. -ETIMEDOUT when nothing came for too long. */
static int64_t receive(struct pipe_copy *c, uint8_t *buf, size_t n) {
    size_t done = 0;
    while (done < n) {
        struct pollfd p = {.fd = c->in->fd, .events = POLLIN};
        int ready = poll(&p, 1, (int)c->in->patience_s * 1000);
        if (c->o->cancelled && atomic_load(c->o->cancelled))
            return -EINTR;
        if (ready == 0)
            return -ETIMEDOUT;
        ssize_t got = ready < 0 ? -1 : read(c->in->fd, buf + done, n - done);
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        if (got == 0)
            break;
        done += got > 0 ? (size_t)got : 0;
    }
    c->at += done;
    return (int64_t)done;
}

static int receive_all(struct pipe_copy *c, void *buf, size_t n) {
    int64_t got = receive(c, buf, n);
    return got < 0 ? (int)got : (uint64_t)got < n ? -ENODATA : 0;
}

static int skip_to(struct pipe_copy *c, uint64_t offset) {
    while (c->at < offset) {
        uint64_t left = offset - c->at;
        int r = receive_all(c, c->buf, left < CHUNK ? left : CHUNK);
        if (r < 0)
            return r;
    }
    return 0;
}

static int refuse(int r, struct err *e) {
    if (r == -ETIMEDOUT)
        return err_set(e, r, "", "nothing came through the pipe for too long");
    if (r == -EINTR)
        return err_set(e, r, "", "the capture was interrupted; nothing is left of it");
    return err_set(e, r == -ENODATA ? -EBADMSG : r, hint_core, "what comes is not a core file%s",
                   r == -ENODATA ? ": it ends inside its headers" : "");
}

/* The number of segments: as core.c counts them in a core that has no end. */
static uint64_t count_segments(const Elf64_Ehdr *h, const Elf64_Phdr *first) {
    if (h->e_phnum != PN_XNUM)
        return h->e_phnum;
    return first->p_offset > h->e_phoff ? (first->p_offset - h->e_phoff) / sizeof *first : 0;
}

static int receive_headers(struct pipe_copy *c) {
    Elf64_Phdr p;
    int r = receive_all(c, &c->h, sizeof c->h);
    if (r < 0)
        return r;
    const Elf64_Ehdr *h = &c->h;
    if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64 ||
        h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_X86_64 || h->e_type != ET_CORE ||
        h->e_phentsize != sizeof p || h->e_phoff < sizeof *h || h->e_phoff > NOTES_MAX)
        return -EBADMSG;
    r = skip_to(c, h->e_phoff);
    if (r == 0)
        r = receive_all(c, &p, sizeof p);
    if (r < 0)
        return r;
    uint64_t n = count_segments(h, &p);
    if (n < 1 || n > LIMIT_REGIONS)
        return -EBADMSG;
    vec_push(&c->segments, p);
    while (r == 0 && c->segments.n < n) {
        r = receive_all(c, &p, sizeof p);
        vec_push(&c->segments, p);
    }
    return r;
}

static int find_bytes(struct pipe_copy *c, const Elf64_Phdr **ret_note) {
    c->first = UINT64_MAX;
    for (size_t i = 0; i < c->segments.n; i++) {
        const Elf64_Phdr *p = &c->segments.at[i];
        uint64_t end;
        if (p->p_type == PT_NOTE && !*ret_note)
            *ret_note = p;
        if (p->p_type != PT_LOAD || !p->p_filesz)
            continue;
        if (__builtin_add_overflow(p->p_offset, p->p_filesz, &end))
            return -EBADMSG;
        c->first = p->p_offset < c->first ? p->p_offset : c->first;
        c->end = end > c->end ? end : c->end;
    }
    const Elf64_Phdr *note = *ret_note;
    if (!note || note->p_offset < c->at || note->p_filesz > NOTES_MAX ||
        note->p_offset > NOTES_MAX || note->p_offset + note->p_filesz > c->first)
        return -EBADMSG;
    return 0;
}

/* --- what is made of it --- */

/* Is the process still there, and the same? */
static bool look_at_process(struct pipe_copy *c) {
    return c->in->img && image_kind(c->in->img) == IMAGE_LIVE &&
           live_take_picture((struct live *)c->in->img, NULL) == 0 &&
           image_regions(c->in->img)->n > 0;
}

static void put(struct capture_plan *p, size_t at, const void *bytes, size_t n) {
    memcpy(p->head.at + at, bytes, n);
}

static void write_segments(struct pipe_copy *c, size_t at, size_t notes, uint64_t delta) {
    struct capture_plan *p = &c->plan;
    bool noted = false;
    for (size_t i = 0; i < c->segments.n; i++) {
        Elf64_Phdr x = c->segments.at[i];
        if (x.p_type == PT_NOTE && !noted) {
            x.p_offset = notes;
            x.p_filesz = p->head.n - notes;
            noted = true;
        } else if (x.p_type == PT_LOAD) {
            x.p_offset = x.p_filesz ? x.p_offset + delta : p->head.n;
        } else { /* it may lie behind the memory, where nothing is copied from */
            x.p_type = PT_NULL;
        }
        put(p, at + i * sizeof x, &x, sizeof x);
    }
}

/* Header, segments, the notes that came and ours; the rest of the core moves up by whole pages. */
static int make_head(struct pipe_copy *c, const Elf64_Phdr *note) {
    struct capture_plan *p = &c->plan;
    size_t at = sizeof c->h, xnum = c->h.e_phnum == PN_XNUM ? sizeof(Elf64_Shdr) : 0;
    size_t notes = at + c->segments.n * sizeof(Elf64_Phdr) + xnum;
    vec_reserve(&p->head, notes + note->p_filesz + 4);
    memset(p->head.at, 0, notes + note->p_filesz + 4);
    int r = skip_to(c, note->p_offset);
    if (r == 0)
        r = receive_all(c, p->head.at + notes, note->p_filesz);
    if (r < 0)
        return r;
    p->head.n = notes + (note->p_filesz + 3) / 4 * 4;
    c->known = look_at_process(c);
    if (c->known)
        capture_notes_add_own(c->in->img, c->o, p);
    size_t notes_end = p->head.n;
    while (p->head.n % PAGE_BYTES != c->first % PAGE_BYTES)
        vec_push(&p->head, 0);
    uint64_t delta = p->head.n - c->first; /* may be negative: it wraps back */
    Elf64_Ehdr h = c->h;
    h.e_phoff = sizeof h;
    h.e_shoff = xnum ? at + c->segments.n * sizeof(Elf64_Phdr) : 0;
    h.e_shnum = xnum ? 1 : 0;
    h.e_shentsize = xnum ? sizeof(Elf64_Shdr) : 0;
    h.e_shstrndx = 0;
    put(p, 0, &h, sizeof h);
    size_t all = p->head.n;
    p->head.n = notes_end; /* what the note segment holds */
    write_segments(c, at, notes, delta);
    p->head.n = all;
    if (xnum) {
        Elf64_Shdr s = {.sh_info = (Elf64_Word)c->segments.n};
        put(p, h.e_shoff, &s, sizeof s);
    }
    return 0;
}

/* --- copying --- */

static void cut(struct capture_pipe_result *ret, const char *why) {
    ret->cut = true;
    snprintf(ret->why, sizeof ret->why, "%s", why);
}

static bool has_room(const struct pipe_copy *c, struct capture_pipe_result *ret) {
    char most[FMT_MAX];
    if (capture_sink_written(c->sink) > c->in->max_bytes) {
        cut(ret, "");
        snprintf(ret->why, sizeof ret->why, "it is larger than %s",
                 fmt_bytes(most, c->in->max_bytes));
        return false;
    }
    if (c->at % CHECK_EVERY < CHUNK && capture_sink_check_room(c->sink, 0, NULL) < 0) {
        cut(ret, "the disk is nearly full");
        return false;
    }
    return true;
}

static int copy(struct pipe_copy *c, struct capture_pipe_result *ret, struct err *e) {
    int r = capture_sink_write(c->sink, c->plan.head.at, c->plan.head.n);
    int64_t got = c->end ? skip_to(c, c->first) : 0;
    if (got < 0)
        cut(ret, got == -ETIMEDOUT ? "nothing more came" : "it ended early");
    while (r == 0 && !ret->cut && c->at < c->end && has_room(c, ret)) {
        uint64_t want = c->end - c->at < CHUNK ? c->end - c->at : CHUNK;
        got = receive(c, c->buf, want);
        if (got == -EINTR)
            return refuse(-EINTR, e);
        if (got < 0 || (uint64_t)got < want)
            cut(ret, got == -ETIMEDOUT ? "nothing more came" : "it ended early");
        if (got > 0)
            r = capture_sink_write(c->sink, c->buf, (size_t)got);
        ret->core_bytes += got > 0 ? (uint64_t)got : 0;
    }
    ret->core_bytes += c->plan.head.n;
    return r < 0 ? capture_sink_explain(c->sink, r, e) : 0;
}

static int receive_into(struct pipe_copy *c, struct capture_pipe_result *ret, struct err *e) {
    const Elf64_Phdr *note = NULL;
    int r = receive_headers(c);
    if (r == 0)
        r = find_bytes(c, &note);
    if (r == 0)
        r = make_head(c, note);
    if (r < 0)
        return refuse(r, e);
    r = capture_sink_open(c->o->path, CAPTURE_ZSTD, &c->sink, e);
    if (r == 0)
        r = copy(c, ret, e);
    if (r < 0)
        return r;
    r = capture_sink_finish(c->sink, &ret->file_bytes);
    return r < 0 ? capture_sink_explain(c->sink, r, e) : 0;
}

int capture_from_pipe(const struct capture_pipe *in, const struct capture_options *o,
                      struct capture_pipe_result *ret, struct err *e) {
    struct pipe_copy c = {.in = in, .o = o, .buf = mem_alloc(CHUNK)};
    struct capture_pipe_result result = {0};
    size_t threads;
    int r = receive_into(&c, &result, e);
    if (r == 0) {
        if (c.known) {
            image_threads(in->img, &threads);
            result.threads = (uint32_t)threads;
        }
        *ret = result;
    }
    capture_sink_free(c.sink);
    capture_plan_done(&c.plan);
    vec_free(&c.segments);
    free(c.buf);
    return r;
}
