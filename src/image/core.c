#include "image/core.h"
#include "base/fmt.h"
#include "base/limits.h"
#include "base/search.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const char hint_core[] =
    "Give a core file: made by `gcore PID`, by the kernel, or `coredumpctl dump`.";

size_t core_extent_lower_bound(const struct core *c, uint64_t addr) {
    return first_where(c->extents.n, i, c->extents.at[i].end > addr);
}

static int by_address(const void *a, const void *b) {
    const struct core_extent *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

void core_sort_extents(struct core *c) {
    vec_sort(&c->extents, by_address);
}

static size_t core_read_prefix(const struct image *img, uint64_t addr, void *buf, size_t len) {
    const struct core *c = (const struct core *)img;
    size_t done = 0;
    for (size_t i = core_extent_lower_bound(c, addr); i < c->extents.n && done < len; i++) {
        const struct core_extent *x = &c->extents.at[i];
        if (addr + done < x->start)
            break;
        uint64_t left = x->end - (addr + done);
        size_t part = left < len - done ? (size_t)left : len - done;
        if (x->data)
            core_file_copy(&c->file, x->data + (addr + done - x->start), part,
                           (uint8_t *)buf + done);
        else
            memset((uint8_t *)buf + done, 0, part);
        done += part;
    }
    return done;
}

static int core_read(const struct image *img, uint64_t addr, void *buf, size_t len) {
    return core_read_prefix(img, addr, buf, len) == len ? 0 : -EFAULT;
}

static int core_open_module(const struct image *img, const struct image_module *m) {
    (void)img;
    return core_open_host_file(m->path);
}

static void core_free(struct image *img) {
    struct core *c = (struct core *)img;
    core_notes_done(&c->notes);
    vec_free(&c->loads);
    vec_free(&c->extents);
    core_file_close(&c->file);
    free(c);
}

static const struct image_ops core_ops = {
    .read = core_read,
    .read_prefix = core_read_prefix,
    .open_module = core_open_module,
    .free = core_free,
};

static int check_header(const struct core *c, const char *path, Elf64_Ehdr *ret, struct err *e) {
    const struct core_file *f = &c->file;
    if (f->len < SELFMAG || memcmp(f->map, ELFMAG, SELFMAG) != 0)
        return err_set(e, -EBADMSG,
                       f->len && *(const char *)f->map == '{'
                           ? "`memwhy open` reads heap snapshots."
                           : hint_core,
                       "not a core file: %s is not ELF", path);
    if (f->len < sizeof *ret)
        return err_set(e, -EBADMSG, "Copy the core again; this one holds nothing.",
                       "not a core file: %s ends inside its ELF header", path);
    memcpy(ret, f->map, sizeof *ret);
    if (ret->e_ident[EI_CLASS] != ELFCLASS64 || ret->e_ident[EI_DATA] != ELFDATA2LSB ||
        ret->e_machine != EM_X86_64)
        return err_set(e, -ENOTSUP, "memwhy reads cores of 64-bit x86 processes only.",
                       "%s is not an ELF file for x86-64", path);
    if (ret->e_type != ET_CORE)
        return err_set(e, -EBADMSG, hint_core,
                       "not a core file: %s is a program, library or object file", path);
    if (ret->e_phentsize != sizeof(Elf64_Phdr) || ret->e_phnum == 0)
        return err_set(e, -EBADMSG, hint_core, "not a core file: %s has no segments", path);
    return 0;
}

/* More than 65,534 segments are told by section header 0, which the kernel writes last: a core cut
 * short has lost it. Then the notes' offset tells, for the kernel writes them behind the program
 * headers (fs/binfmt_elf.c, elf_core_dump). */
static uint64_t count_segments(const struct core *c, const Elf64_Ehdr *h) {
    const struct core_file *f = &c->file;
    Elf64_Shdr s;
    Elf64_Phdr note;
    if (h->e_phnum != PN_XNUM)
        return h->e_phnum;
    if (h->e_shoff < f->len && f->len - h->e_shoff >= sizeof s) {
        memcpy(&s, f->map + h->e_shoff, sizeof s);
        return s.sh_info;
    }
    if (h->e_phoff < f->len && f->len - h->e_phoff >= sizeof note) {
        memcpy(&note, f->map + h->e_phoff, sizeof note);
        if (note.p_type == PT_NOTE && note.p_offset > h->e_phoff)
            return (note.p_offset - h->e_phoff) / sizeof note;
    }
    return PN_XNUM;
}

struct cuts {
    uint64_t loads, loads_cut, bytes_cut, needed, overlaps;
    uint64_t note_bytes, shared; /* segments that claim bytes others had already */
    bool notes_cut, has_notes;
};

static void take_note(struct core *c, const Elf64_Phdr *p, struct cuts *cuts) {
    const struct core_file *f = &c->file;
    uint64_t held = 0;
    cuts->has_notes = true;
    if (p->p_offset < f->len)
        held = p->p_filesz < f->len - p->p_offset ? p->p_filesz : f->len - p->p_offset;
    if (held < p->p_filesz)
        cuts->notes_cut = true;
    cuts->note_bytes += held;
    if (held && cuts->note_bytes <= f->len) /* a million segments of the same notes are a trap */
        core_notes_parse(&c->notes, f->map + p->p_offset, held, p->p_align);
}

static void take_load(struct core *c, const Elf64_Phdr *p, struct cuts *cuts) {
    const struct core_file *f = &c->file;
    uint64_t end;
    if (!p->p_memsz || __builtin_add_overflow(p->p_vaddr, p->p_memsz, &end) ||
        end > UINT64_MAX - PAGE_BYTES)
        return;
    /* Beyond what the file has a segment's rest was left out by whoever wrote the core: missing,
     * not zero. */
    struct core_load l = {.start = p->p_vaddr, .end = end};
    l.file_bytes = p->p_filesz < p->p_memsz ? p->p_filesz : p->p_memsz;
    if (p->p_offset < f->len) {
        l.held = f->len - p->p_offset;
        l.data = f->map + p->p_offset;
    }
    if (l.held > l.file_bytes)
        l.held = l.file_bytes;
    l.prot = (uint8_t)((p->p_flags & PF_R ? REGION_R : 0) | (p->p_flags & PF_W ? REGION_W : 0) |
                       (p->p_flags & PF_X ? REGION_X : 0));
    uint64_t needed;
    if (!__builtin_add_overflow(p->p_offset, p->p_filesz, &needed) && needed > cuts->needed)
        cuts->needed = needed;
    cuts->loads++;
    if (l.held < l.file_bytes) {
        cuts->loads_cut++;
        cuts->bytes_cut += l.file_bytes - l.held;
    }
    vec_push(&c->loads, l);
}

static int by_start(const void *a, const void *b) {
    const struct core_load *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->end < y->end) - (x->end > y->end);
}

/* All segments together hold no more than the file: what goes beyond claims the same bytes again
 * and again, to make us read for ever. */
static void add_extents(struct core *c, struct cuts *cuts) {
    uint64_t left = c->file.len;
    for (size_t i = 0; i < c->loads.n; i++) {
        const struct core_load *l = &c->loads.at[i];
        if (l->held > left)
            cuts->shared++;
        else if (l->held)
            vec_push(&c->extents,
                     (struct core_extent){l->start, l->start + l->held, l->data, false});
        left -= l->held < left ? l->held : left;
    }
}

/* Sorted, and of segments that overlap the later one gives way. */
static void settle_loads(struct core *c, struct cuts *cuts) {
    size_t kept = 0;
    vec_sort(&c->loads, by_start);
    for (size_t i = 0; i < c->loads.n; i++) {
        struct core_load l = c->loads.at[i];
        uint64_t floor = kept ? c->loads.at[kept - 1].end : 0;
        if (l.start < floor) {
            uint64_t cut = floor - l.start;
            cuts->overlaps++;
            if (floor >= l.end)
                continue;
            l.start = floor;
            l.data = l.held > cut ? l.data + cut : NULL;
            l.held = l.held > cut ? l.held - cut : 0;
            l.file_bytes = l.file_bytes > cut ? l.file_bytes - cut : 0;
        }
        c->loads.at[kept++] = l;
    }
    c->loads.n = kept;
    add_extents(c, cuts);
}

static int take_segments(struct core *c, const char *path, struct cuts *cuts, struct err *e) {
    const struct core_file *f = &c->file;
    Elf64_Ehdr h;
    int r = check_header(c, path, &h, e);
    if (r < 0)
        return r;
    uint64_t n = count_segments(c, &h);
    if (n > LIMIT_REGIONS) {
        image_note(&c->img, "the core has %llu segments; only the first %u are read",
                   (unsigned long long)n, LIMIT_REGIONS);
        n = LIMIT_REGIONS;
    }
    if (h.e_phoff > f->len || n > (f->len - h.e_phoff) / sizeof(Elf64_Phdr))
        return err_set(e, -EBADMSG, "Copy the core again; this one holds nothing.",
                       "not a core file: %s ends inside its program headers", path);
    for (uint64_t i = 0; i < n; i++) {
        Elf64_Phdr p;
        memcpy(&p, f->map + h.e_phoff + i * sizeof p, sizeof p);
        if (p.p_type == PT_NOTE)
            take_note(c, &p, cuts);
        else if (p.p_type == PT_LOAD)
            take_load(c, &p, cuts);
    }
    core_notes_settle(&c->notes);
    settle_loads(c, cuts);
    return 0;
}

static void say_cuts(struct core *c, const struct cuts *cuts) {
    char a[FMT_MAX], b[FMT_MAX];
    if (c->file.unpacked)
        image_note(&c->img, "the core is packed with zstd: unpacked into a temporary file of %s%s",
                   fmt_bytes(a, c->file.disk_bytes),
                   c->file.packed_cut ? "; the packed file is damaged or cut short" : "");
    if (cuts->loads_cut)
        image_note(&c->img,
                   "the core is truncated: %llu of %llu segments are cut, %s missing (the file has "
                   "%llu bytes and should have %llu)",
                   (unsigned long long)cuts->loads_cut, (unsigned long long)cuts->loads,
                   fmt_bytes(b, cuts->bytes_cut), (unsigned long long)c->file.len,
                   (unsigned long long)cuts->needed);
    if (cuts->notes_cut)
        image_note(&c->img, "the core is truncated: its notes are cut, so %s known",
                   c->notes.threads.n && c->notes.has_files
                       ? "not all threads and files may be"
                       : "threads, registers or names of mapped files are not");
    else if (!cuts->has_notes || !c->notes.threads.n)
        image_note(&c->img, "the core has no notes about threads");
    if (!c->notes.has_files && !cuts->notes_cut)
        image_note(&c->img, "the core does not name mapped files (no NT_FILE note)");
    if (cuts->overlaps)
        image_note(&c->img, "%llu segments of the core overlap others and are cut to fit",
                   (unsigned long long)cuts->overlaps);
    if (cuts->shared)
        image_note(
            &c->img,
            "%llu segments of the core claim bytes of others and are not read; it is damaged",
            (unsigned long long)cuts->shared);
}

/* A capture tells what was in memory; of any other core it is estimated. */
static void find_regions_and_residency(struct core *c) {
    bool captured = core_capture_apply(c);
    if (!captured) {
        image_note(&c->img, "a core does not say which pages were in memory: pages with content "
                            "are counted, those in swap or only on disk too, pages of zeros not");
        core_find_regions(c);
    }
    core_find_exe(c);
    image_find_modules(&c->img);
    core_use_host_files(c);
    if (!captured)
        core_find_residency(c);
}

int image_open_core_fd(int fd, const char *path, struct image **ret, struct err *e) {
    struct core_file file;
    int r = core_file_open(fd, path, &file, e);
    if (r < 0)
        return r;
    struct core *c = mem_zalloc(sizeof *c);
    struct cuts cuts = {0};
    c->img.ops = &core_ops;
    c->img.kind = IMAGE_CORE;
    c->file = file;
    r = take_segments(c, path, &cuts, e);
    if (r < 0) {
        image_free(&c->img);
        return r;
    }
    c->img.pid = c->notes.pid;
    for (size_t i = 0; i < c->notes.threads.n; i++)
        vec_push(&c->img.threads, c->notes.threads.at[i]);
    say_cuts(c, &cuts);
    find_regions_and_residency(c);
    *ret = &c->img;
    return 0;
}

/* Not blocking, for a FIFO nobody writes to would hold us for ever. */
int image_open_core(const char *path, struct image **ret, struct err *e) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_set(e, -errno,
                       errno == EACCES
                           ? "Cores belong to the user of the process that died; run "
                             "memwhy as that user or as root."
                           : "Give a process id, a name without a slash, or the path of "
                             "a core file.",
                       "%s cannot be opened (%s)", path, strerror(errno));
    return image_open_core_fd(fd, path, ret, e);
}
