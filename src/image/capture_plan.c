#include "image/capture_plan.h"

#include "base/limits.h"
#include <elf.h>

/* Shorter stretches without pages become holes in the file; longer ones a segment of their own
 * without bytes, so that a reservation of gigabytes costs no offsets (and no packing). */
#define HOLE_MAX (1ull << 20)

/* A file mapping that was written to is kept whole up to this size: its clean pages cannot be told
 * from the file's on another host. Beyond, only what is in memory. */
#define WHOLE_MAX (16ull << 20)

static void add_piece(struct capture_plan *p, const struct region *r, uint64_t start, uint64_t end,
                      bool held) {
    if (start < end)
        vec_push(&p->pieces,
                 (struct capture_piece){.start = start, .end = end, .prot = r->prot, .held = held});
}

/* Segments of a region of which only pages in memory without the flags of `skip` are kept. */
static void add_resident(struct capture_plan *p, const struct residency *res,
                         const struct region *r, uint64_t hole_max, uint32_t skip) {
    uint64_t done = r->start, from = 0, until = 0;
    for (size_t i = residency_lower_bound(res, r->start); i < res->n; i++) {
        const struct resident_run *x = &res->at[i];
        if (x->start >= r->end)
            break;
        uint64_t a = x->start > r->start ? x->start : r->start;
        uint64_t b = x->end < r->end ? x->end : r->end;
        if (x->flags & skip)
            continue;
        p->memory_bytes += b - a;
        if (until && a - until <= hole_max) {
            until = b;
            continue;
        }
        add_piece(p, r, done, from, false);
        add_piece(p, r, from, until, true);
        done = until ? until : done;
        from = a;
        until = b;
    }
    add_piece(p, r, done, until ? from : r->end, false);
    add_piece(p, r, from, until, true);
    if (until)
        add_piece(p, r, until, r->end, false);
}

static void add_whole(struct capture_plan *p, const struct region *r) {
    add_piece(p, r, r->start, r->end, true);
    p->pieces.at[p->pieces.n - 1].whole = true;
    p->memory_bytes += r->end - r->start;
}

static bool is_elf(const struct image *img, const struct region *r) {
    char magic[SELFMAG];
    return r->offset == 0 && (r->prot & REGION_R) &&
           image_read(img, r->start, magic, sizeof magic) == 0 && !memcmp(magic, ELFMAG, SELFMAG);
}

/* Any page of it that is not the file's. */
static bool is_dirty(const struct residency *res, const struct region *r) {
    for (size_t i = residency_lower_bound(res, r->start); i < res->n && res->at[i].start < r->end;
         i++)
        if (!(res->at[i].flags & RESIDENT_FILE))
            return true;
    return false;
}

static void add_file(struct capture_plan *p, const struct image *img, const struct region *r) {
    const struct residency *res = image_residency(img);
    bool written = !r->shared && ((r->prot & REGION_W) || is_dirty(res, r));
    if (written && r->end - r->start <= WHOLE_MAX) {
        add_whole(p, r);
    } else if (written || r->deleted) { /* a deleted file cannot be found again */
        add_resident(p, res, r, 0, 0);
    } else if (is_elf(img, r)) {
        add_piece(p, r, r->start, r->start + PAGE_BYTES, true);
        p->pieces.at[p->pieces.n - 1].whole = true;
        p->memory_bytes += PAGE_BYTES;
        add_piece(p, r, r->start + PAGE_BYTES, r->end, false);
    } else {
        add_piece(p, r, r->start, r->end, false);
    }
}

static void add_region(struct capture_plan *p, const struct image *img, const struct region *r) {
    const struct residency *res = image_residency(img);
    switch (r->kind) {
    case REGION_ANON:
    case REGION_HEAP:
    case REGION_STACK:
        /* Pages in swap must not become zeros: then there are no holes. */
        add_resident(p, res, r, res->swap_bytes ? 0 : HOLE_MAX, 0);
        break;
    case REGION_SHMEM:
        add_resident(p, res, r, 0, 0);
        break;
    case REGION_FILE:
        add_file(p, img, r);
        break;
    case REGION_KERNEL: /* of the others, [vvar] cannot be read and [vsyscall] is not the target's
                         */
        if (!strcmp(r->name, "[vdso]"))
            add_whole(p, r);
        else
            add_piece(p, r, r->start, r->end, false);
        break;
    case REGION_DEVICE: /* reading may do things */
        add_piece(p, r, r->start, r->end, false);
        break;
    }
}

static Elf64_Ehdr elf_header(uint64_t n_segments) {
    Elf64_Ehdr h = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                                EV_CURRENT, ELFOSABI_NONE},
                    .e_type = ET_CORE,
                    .e_machine = EM_X86_64,
                    .e_version = EV_CURRENT,
                    .e_phoff = sizeof h,
                    .e_ehsize = sizeof h,
                    .e_phentsize = sizeof(Elf64_Phdr),
                    .e_phnum = (Elf64_Half)n_segments};
    if (n_segments >= PN_XNUM) { /* elf(5): the number is in section header 0 */
        h.e_phnum = PN_XNUM;
        h.e_shoff = sizeof h + n_segments * sizeof(Elf64_Phdr);
        h.e_shentsize = sizeof(Elf64_Shdr);
        h.e_shnum = 1;
    }
    return h;
}

static Elf64_Phdr load_header(struct capture_piece *x, uint64_t *offset) {
    Elf64_Phdr h = {.p_type = PT_LOAD,
                    .p_vaddr = x->start,
                    .p_memsz = x->end - x->start,
                    .p_filesz = x->held ? x->end - x->start : 0,
                    .p_offset = *offset,
                    .p_align = PAGE_BYTES};
    h.p_flags = (x->prot & REGION_R ? PF_R : 0) | (x->prot & REGION_W ? PF_W : 0) |
                (x->prot & REGION_X ? PF_X : 0);
    x->offset = *offset;
    *offset += h.p_filesz;
    return h;
}

static void put(struct capture_plan *p, size_t at, const void *bytes, size_t n) {
    memcpy(p->head.at + at, bytes, n);
}

static void lay_out(const struct image *img, const struct capture_options *o,
                    struct capture_plan *p) {
    uint64_t n = p->pieces.n + 2;
    Elf64_Ehdr h = elf_header(n);
    size_t at = sizeof h, notes = at + n * sizeof(Elf64_Phdr);
    if (h.e_phnum == PN_XNUM)
        notes += sizeof(Elf64_Shdr);
    vec_reserve(&p->head, notes);
    memset(p->head.at, 0, notes);
    p->head.n = notes;
    capture_notes_add(img, o, p);
    Elf64_Phdr note = {.p_type = PT_NOTE,
                       .p_flags = PF_R,
                       .p_offset = notes,
                       .p_filesz = p->head.n - notes,
                       .p_align = 4};
    while (p->head.n % PAGE_BYTES)
        vec_push(&p->head, 0);
    put(p, 0, &h, sizeof h);
    put(p, at, &note, sizeof note);
    uint64_t offset = p->head.n;
    for (size_t i = 0; i < p->pieces.n; i++) {
        Elf64_Phdr load = load_header(&p->pieces.at[i], &offset);
        put(p, at += sizeof load, &load, sizeof load);
    }
    if (h.e_phnum == PN_XNUM) {
        Elf64_Shdr s = {.sh_info = (Elf64_Word)n};
        put(p, h.e_shoff, &s, sizeof s);
    }
    Elf64_Phdr gaps = note;
    gaps.p_offset = offset;
    gaps.p_filesz = CAPTURE_GAPS_BYTES;
    put(p, at + sizeof gaps, &gaps, sizeof gaps);
    p->core_bytes = offset + CAPTURE_GAPS_BYTES;
}

void capture_plan_make(struct image *img, const struct capture_options *o,
                       struct capture_plan *ret) {
    const struct region_list *l = image_regions(img);
    *ret = (struct capture_plan){0};
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i].end <= LIMIT_USER_ADDR && l->at[i].end - l->at[i].start >= PAGE_BYTES)
            add_region(ret, img, &l->at[i]);
    lay_out(img, o, ret);
}

void capture_plan_done(struct capture_plan *p) {
    vec_free(&p->pieces);
    vec_free(&p->head);
}
