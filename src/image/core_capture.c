#include "image/core_capture.h"

#include "base/fmt.h"
#include "base/limits.h"
#include "image/capture.h"
#include "image/capture_note.h"
#include "image/core.h"
#include <stdio.h>

enum { TEXTS_MAX = 64 };

static void take_info(struct core_capture *c, const struct elf_note *note) {
    cleanup_free char *s = mem_strndup((const char *)note->desc, note->desc_len);
    unsigned long long version, rss, swap;
    if (sscanf(s, "version %llu memwhy %*s kernel_rss_bytes %llu swap_bytes %llu", &version, &rss,
               &swap) != 3 ||
        version != CAPTURE_VERSION)
        return;
    c->has_info = true;
    c->kernel_rss = rss;
    c->swap_bytes = swap;
}

void core_capture_parse(struct core_capture *c, const struct elf_note *note) {
    struct core_bytes b = {note->desc, note->desc_len};
    if (elf_note_is(note, CAPTURE_NOTE, CAPTURE_INFO)) {
        take_info(c, note);
    } else if (elf_note_is(note, CAPTURE_NOTE, CAPTURE_MAPS)) {
        c->maps = b;
    } else if (elf_note_is(note, CAPTURE_NOTE, CAPTURE_RESIDENT)) {
        c->runs = b;
        c->has_runs = true;
    } else if (elf_note_is(note, CAPTURE_NOTE, CAPTURE_THREADS)) {
        c->threads = b;
    } else if (elf_note_is(note, CAPTURE_NOTE, CAPTURE_GAPS)) {
        c->gaps = b;
    } else if (elf_note_is(note, CAPTURE_NOTE, CAPTURE_TEXT) && c->texts.n < TEXTS_MAX &&
               memchr(b.at, 0, b.len)) {
        vec_push(&c->texts, b);
    }
}

void core_capture_done(struct core_capture *c) {
    vec_free(&c->texts);
}

static bool parse_regions(const struct core_bytes *maps, struct region_list *ret) {
    const char *p = (const char *)maps->at, *end = p + maps->len;
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop)
            return false;
        cleanup_free char *line = mem_strndup(p, (size_t)(stop - p));
        if (region_list_parse(ret, line) < 0)
            return false;
        p = stop + 1;
    }
    return ret->n > 0;
}

static bool parse_runs(const struct core_bytes *runs, struct residency *ret) {
    struct capture_run run;
    uint64_t floor = 0;
    if (runs->len % sizeof run)
        return false;
    for (size_t at = 0; at < runs->len; at += sizeof run) {
        memcpy(&run, runs->at + at, sizeof run);
        if (run.start < floor || run.end <= run.start || run.end > LIMIT_USER_ADDR ||
            (run.start | run.end) % PAGE_BYTES ||
            run.flags & ~(uint64_t)(RESIDENT_FILE | RESIDENT_HUGE))
            return false;
        residency_add(ret, run.start, run.end, (uint32_t)run.flags);
        floor = run.end;
    }
    return true;
}

static void name_threads(struct core *c) {
    const struct core_bytes *b = &c->notes.capture.threads;
    struct capture_thread x;
    for (size_t at = 0, i = 0; b->len - at >= sizeof x; at += sizeof x) {
        memcpy(&x, b->at + at, sizeof x);
        x.name[sizeof x.name - 1] = 0;
        /* Both in one order, but for the main thread, which comes first here. */
        for (size_t k = 0; k < c->img.threads.n; k++, i++) {
            struct image_thread *t = &c->img.threads.at[i % c->img.threads.n];
            if ((uint64_t)t->tid == x.tid) {
                memcpy(t->name, x.name, sizeof t->name);
                break;
            }
        }
    }
}

/* Private memory without bytes in the file was never touched: it is zeros, as the process would
 * read them. Not so when some of it was in swap. */
static void add_zeros(struct core *c) {
    size_t n = c->extents.n;
    for (size_t i = 0; i < c->loads.n && !c->notes.capture.swap_bytes; i++) {
        const struct core_load *l = &c->loads.at[i];
        const struct region *r = region_find(&c->img.regions, l->start);
        bool own =
            r && (r->kind == REGION_ANON || r->kind == REGION_HEAP || r->kind == REGION_STACK);
        /* The kernel leaves out what is MADV_DONTDUMP, touched or not. */
        if (own && l->file_bytes == 0 && l->end <= r->end &&
            residency_bytes(&c->img.residency, l->start, l->end) == 0)
            vec_push(&c->extents, (struct core_extent){l->start, l->end, NULL, false});
    }
    if (c->extents.n > n)
        core_sort_extents(c);
}

typedef VEC(struct capture_gap) gap_list;
typedef VEC(struct core_extent) extent_list;

/* Those that make sense, up to the first that does not. */
static void parse_gaps(const struct core_bytes *b, gap_list *ret) {
    struct capture_gap g;
    for (size_t at = 0; b->len - at >= sizeof g; at += sizeof g) {
        memcpy(&g, b->at + at, sizeof g);
        uint64_t floor = ret->n ? ret->at[ret->n - 1].end : 1;
        if (g.start < floor || g.end <= g.start || g.end > LIMIT_USER_ADDR ||
            (g.start | g.end) % PAGE_BYTES)
            return;
        vec_push(ret, g);
    }
}

static void push_part(extent_list *to, const struct core_extent *x, uint64_t start, uint64_t end) {
    struct core_extent part = *x;
    part.start = start;
    part.end = end;
    part.data = x->data ? x->data + (start - x->start) : NULL;
    if (start < end)
        vec_push(to, part);
}

/* What could not be read of the process cannot be read here. */
static void remove_gaps(struct core *c) {
    gap_list gaps = {0};
    extent_list kept = {0};
    uint64_t bytes = 0;
    char n[FMT_MAX];
    parse_gaps(&c->notes.capture.gaps, &gaps);
    for (size_t i = 0, g = 0; gaps.n && i < c->extents.n; i++) {
        const struct core_extent *x = &c->extents.at[i];
        uint64_t at = x->start;
        while (g < gaps.n && gaps.at[g].end <= at)
            g++;
        for (size_t k = g; k < gaps.n && gaps.at[k].start < x->end; k++) {
            push_part(&kept, x, at, gaps.at[k].start);
            at = gaps.at[k].end;
        }
        push_part(&kept, x, at, x->end);
    }
    for (size_t i = 0; i < gaps.n; i++)
        bytes += gaps.at[i].end - gaps.at[i].start;
    if (gaps.n) {
        vec_free(&c->extents);
        c->extents.at = kept.at;
        c->extents.n = kept.n;
        c->extents.cap = kept.cap;
        image_note(&c->img, "%s could not be read of the process and are missing here",
                   fmt_bytes(n, bytes));
    }
    vec_free(&gaps);
}

bool core_capture_apply(struct core *c) {
    const struct core_capture *k = &c->notes.capture;
    if (!k->has_info || !k->has_runs)
        return false;
    struct region_list regions = {0};
    struct residency residency = {.swap_bytes = k->swap_bytes};
    if (!parse_regions(&k->maps, &regions) || !parse_runs(&k->runs, &residency)) {
        region_list_done(&regions);
        residency_done(&residency);
        image_note(&c->img, "the notes of this capture are damaged: what they say is estimated");
        return false;
    }
    c->img.regions = regions;
    c->img.residency = residency;
    c->img.has_residency = true;
    c->img.kernel_rss = k->kernel_rss;
    name_threads(c);
    add_zeros(c);
    remove_gaps(c);
    return true;
}

const char *capture_text(const struct image *img, const char *name, size_t *ret_len) {
    if (img->kind != IMAGE_CORE)
        return NULL;
    const struct core_capture *k = &((const struct core *)img)->notes.capture;
    size_t skip = strlen(name) + 1;
    for (size_t i = 0; i < k->texts.n; i++) {
        const struct core_bytes *b = &k->texts.at[i];
        if (b->len >= skip && !memcmp(b->at, name, skip)) {
            *ret_len = b->len - skip;
            return (const char *)b->at + skip;
        }
    }
    return NULL;
}
