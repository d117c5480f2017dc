/* The notes of a capture: those of every core, in the order the kernel writes them, then ours. */
#include "base/limits.h"
#include "image/capture_note.h"
#include "image/capture_plan.h"
#include <elf.h>
#include <inttypes.h>
#include <sys/procfs.h>
#include <time.h>

static void append(struct capture_plan *p, const void *bytes, size_t n) {
    vec_reserve(&p->head, p->head.n + n);
    if (n)
        memcpy(p->head.at + p->head.n, bytes, n);
    p->head.n += n;
}

static void pad(struct capture_plan *p, size_t from) {
    while ((p->head.n - from) % 4)
        vec_push(&p->head, 0);
}

/* Begin a note and end it: what is appended in between is its content. */
static size_t begin(struct capture_plan *p, const char *owner, uint32_t type) {
    Elf64_Nhdr h = {.n_namesz = (Elf64_Word)strlen(owner) + 1, .n_type = type};
    size_t at = p->head.n;
    append(p, &h, sizeof h);
    append(p, owner, h.n_namesz);
    pad(p, at);
    return at;
}

static void end(struct capture_plan *p, size_t at) {
    Elf64_Nhdr h;
    memcpy(&h, p->head.at + at, sizeof h);
    h.n_descsz = (Elf64_Word)(p->head.n - at - sizeof h - (h.n_namesz + 3) / 4 * 4);
    memcpy(p->head.at + at, &h, sizeof h);
    pad(p, at);
}

static void add(struct capture_plan *p, const char *owner, uint32_t type, const void *bytes,
                size_t n) {
    size_t at = begin(p, owner, type);
    append(p, bytes, n);
    end(p, at);
}

static const struct capture_text *text(const struct capture_options *o, const char *name) {
    for (size_t i = 0; i < o->n_texts; i++)
        if (!strcmp(o->texts[i].name, name))
            return &o->texts[i];
    return NULL;
}

/* --- the standard ones --- */

static void add_thread(struct capture_plan *p, const struct image *img,
                       const struct image_thread *t, const struct capture_hooks *h) {
    struct elf_prstatus s = {.pr_pid = t->tid, .pr_pgrp = image_pid(img)};
    uint64_t regs[IMAGE_REGS];
    memcpy(regs, t->regs, sizeof regs);
    if (h->words)
        h->words(h->arg, regs, IMAGE_REGS);
    memcpy(&s.pr_reg, regs, sizeof s.pr_reg);
    add(p, "CORE", NT_PRSTATUS, &s, sizeof s);
}

static void add_fpregs(struct capture_plan *p, const struct image_thread *t,
                       const struct capture_hooks *h) {
    uint64_t fpregs[IMAGE_FPREGS];
    if (!t->has_fpregs)
        return;
    memcpy(fpregs, t->fpregs, sizeof fpregs);
    if (h->words)
        h->words(h->arg, fpregs, IMAGE_FPREGS);
    add(p, "CORE", NT_PRFPREG, fpregs, sizeof fpregs);
}

static void add_process(struct capture_plan *p, const struct image *img, const char *name,
                        const struct capture_options *o) {
    struct elf_prpsinfo s = {.pr_sname = 'T', .pr_pid = image_pid(img)};
    const struct capture_text *args = text(o, "cmdline");
    memcpy(s.pr_fname, name, strnlen(name, sizeof s.pr_fname - 1));
    for (size_t i = 0; args && i + 1 < args->len && i + 1 < sizeof s.pr_psargs; i++)
        s.pr_psargs[i] = args->bytes[i] ? args->bytes[i] : ' ';
    add(p, "CORE", NT_PRPSINFO, &s, sizeof s);
}

static bool is_file(const struct region *r) {
    return r->name[0] == '/' && r->end <= LIMIT_USER_ADDR;
}

static void add_files(struct capture_plan *p, const struct image *img) {
    const struct region_list *l = image_regions(img);
    uint64_t head[2] = {0, PAGE_BYTES};
    for (size_t i = 0; i < l->n; i++)
        head[0] += is_file(&l->at[i]);
    size_t at = begin(p, "CORE", NT_FILE);
    append(p, head, sizeof head);
    for (size_t i = 0; i < l->n; i++) {
        const struct region *r = &l->at[i];
        uint64_t entry[3] = {r->start, r->end, r->offset / PAGE_BYTES};
        if (is_file(r))
            append(p, entry, sizeof entry);
    }
    for (size_t i = 0; i < l->n; i++) {
        const struct region *r = &l->at[i];
        if (!is_file(r))
            continue;
        append(p, r->name, strlen(r->name));
        append(p, " (deleted)", r->deleted ? strlen(" (deleted)") : 0);
        vec_push(&p->head, 0);
    }
    end(p, at);
}

/* --- ours --- */

static void add_info(struct capture_plan *p, const struct image *img) {
    cleanup_free char *s = mem_printf("version %d\nmemwhy %s\nkernel_rss_bytes %" PRIu64
                                      "\nswap_bytes %" PRIu64 "\ntaken %lld\n",
                                      CAPTURE_VERSION, MEMWHY_VERSION, image_kernel_rss(img),
                                      image_residency(img)->swap_bytes, (long long)time(NULL));
    add(p, CAPTURE_NOTE, CAPTURE_INFO, s, strlen(s));
}

static void append_name(struct capture_plan *p, const struct region *r) {
    if (r->name[0])
        vec_push(&p->head, ' ');
    for (const char *c = r->name; *c; c++) {
        if (*c == '\n')
            append(p, "\\012", 4);
        else
            vec_push(&p->head, (uint8_t)*c);
    }
    if (r->deleted)
        append(p, " (deleted)", strlen(" (deleted)"));
    vec_push(&p->head, '\n');
}

static void add_maps(struct capture_plan *p, const struct image *img) {
    const struct region_list *l = image_regions(img);
    size_t at = begin(p, CAPTURE_NOTE, CAPTURE_MAPS);
    for (size_t i = 0; i < l->n; i++) {
        const struct region *r = &l->at[i];
        char line[128];
        int n = snprintf(line, sizeof line,
                         "%" PRIx64 "-%" PRIx64 " %c%c%c%c %08" PRIx64 " %02x:%02x %" PRIu64,
                         r->start, r->end, r->prot & REGION_R ? 'r' : '-',
                         r->prot & REGION_W ? 'w' : '-', r->prot & REGION_X ? 'x' : '-',
                         r->shared ? 's' : 'p', r->offset, r->dev_major, r->dev_minor, r->inode);
        append(p, line, (size_t)n);
        append_name(p, r);
    }
    end(p, at);
}

static void add_residency(struct capture_plan *p, const struct image *img) {
    const struct residency *res = image_residency(img);
    size_t at = begin(p, CAPTURE_NOTE, CAPTURE_RESIDENT);
    for (size_t i = 0; i < res->n; i++) {
        struct capture_run run = {res->at[i].start, res->at[i].end, res->at[i].flags};
        append(p, &run, sizeof run);
    }
    end(p, at);
}

static void add_names(struct capture_plan *p, const struct image_thread *t, size_t n) {
    size_t at = begin(p, CAPTURE_NOTE, CAPTURE_THREADS);
    for (size_t i = 0; i < n; i++) {
        struct capture_thread x = {.tid = (uint64_t)t[i].tid};
        memcpy(x.name, t[i].name, sizeof x.name);
        append(p, &x, sizeof x);
    }
    end(p, at);
}

static void add_text(struct capture_plan *p, const struct capture_text *t) {
    size_t at = begin(p, CAPTURE_NOTE, CAPTURE_TEXT);
    append(p, t->name, strlen(t->name) + 1);
    append(p, t->bytes, t->len);
    end(p, at);
}

void capture_notes_gaps(const struct capture_gap *gaps, size_t n, uint8_t *note) {
    const Elf64_Nhdr h = {.n_namesz = sizeof CAPTURE_NOTE,
                          .n_descsz = CAPTURE_GAPS_BYTES - sizeof h - 8,
                          .n_type = CAPTURE_GAPS};
    size_t max = h.n_descsz / sizeof *gaps - 1; /* a pair of zeros ends them */
    size_t kept = n < max ? n : max;
    uint8_t *to = note + CAPTURE_GAPS_BYTES - h.n_descsz;
    memcpy(note, &h, sizeof h);
    memcpy(note + sizeof h, CAPTURE_NOTE, sizeof CAPTURE_NOTE);
    if (kept)
        memcpy(to, gaps, kept * sizeof *gaps);
    if (kept < n)
        memcpy(to + kept * sizeof *gaps - sizeof gaps->end, &gaps[n - 1].end, sizeof gaps->end);
}

void capture_notes_add_own(const struct image *img, const struct capture_options *o,
                           struct capture_plan *ret) {
    size_t n;
    const struct image_thread *t = image_threads(img, &n);
    add_info(ret, img);
    add_maps(ret, img);
    add_residency(ret, img);
    add_names(ret, t, n);
    for (size_t i = 0; i < o->n_texts; i++)
        if (strcmp(o->texts[i].name, "auxv") != 0) /* is a note of every core */
            add_text(ret, &o->texts[i]);
}

void capture_notes_add(const struct image *img, const struct capture_options *o,
                       struct capture_plan *ret) {
    size_t n, first = 0;
    const struct image_thread *t = image_threads(img, &n);
    for (size_t i = 0; i < n; i++)
        if (t[i].tid == image_pid(img))
            first = i;
    if (n)
        add_thread(ret, img, &t[first], &o->hooks);
    add_process(ret, img, n ? t[first].name : "", o);
    const struct capture_text *auxv = text(o, "auxv");
    if (auxv)
        add(ret, "CORE", NT_AUXV, auxv->bytes, auxv->len);
    add_files(ret, img);
    if (n)
        add_fpregs(ret, &t[first], &o->hooks);
    for (size_t i = 0; i < n; i++)
        if (i != first) {
            add_thread(ret, img, &t[i], &o->hooks);
            add_fpregs(ret, &t[i], &o->hooks);
        }
    capture_notes_add_own(img, o, ret);
}
