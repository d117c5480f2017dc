#include "image/elf_file.h"
#include "base/limits.h"
#include "base/vec.h"
#include "image/elf_note.h"
#include "image/elf_symbols.h"
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct segment {
    uint64_t vaddr, filesz, memsz, offset;
    uint32_t flags;
    uint64_t held; /* of filesz, what the file really has */
};

/* The file stays mapped: names and strings are handed out as pointers into it. A file cut shorter
 * while it is mapped would raise SIGBUS; files that are mapped executable are not written to
 * (ETXTBSY), and package managers replace them by rename. */
struct elf_file {
    int fd;
    const uint8_t *map;
    size_t len;
    Elf *elf; /* on the same mapping */
    VEC(struct segment) segments;
    uint64_t base;
    bool pie;
    bool has_tls;
    uint64_t tls_memsz, tls_align;
    char build_id[2 * BUILD_ID_MAX + 1];
    struct elf_symbols symtab, dynsym;
    Dwarf_CFI *cfi;
    bool looked_for_cfi;
};

static const char hint_file[] = "Check that the file is the program or library the process runs.";

static bool inside(const struct elf_file *f, uint64_t offset, uint64_t size) {
    return offset <= f->len && size <= f->len - offset;
}

static int map_file(struct elf_file *f, const char *path, struct err *e) {
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return err_set(e, -errno, "", "%s cannot be examined (%s)", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EBADMSG, hint_file, "%s is not a regular file", path);
    if (st.st_size < (off_t)sizeof(Elf64_Ehdr))
        return err_set(e, -EBADMSG, hint_file, "%s is too short for an ELF file", path);
    if ((uint64_t)st.st_size > LIMIT_ELF_BYTES)
        return err_set(e, -E2BIG, "", "%s is larger than any ELF file memwhy reads", path);
    f->len = (size_t)st.st_size;
    void *p = mmap(NULL, f->len, PROT_READ, MAP_PRIVATE, f->fd, 0);
    if (p == MAP_FAILED)
        return err_set(e, -errno, "", "%s cannot be mapped (%s)", path, strerror(errno));
    f->map = p;
    return 0;
}

static int check_header(struct elf_file *f, const char *path, struct err *e) {
    if (memcmp(f->map, ELFMAG, SELFMAG) != 0)
        return err_set(e, -EBADMSG, hint_file, "%s is not an ELF file", path);
    elf_version(EV_CURRENT);
    f->elf = elf_memory((char *)f->map, f->len); /* read only: libelf does not write to it */
    GElf_Ehdr h;
    if (!f->elf || elf_kind(f->elf) != ELF_K_ELF || !gelf_getehdr(f->elf, &h))
        return err_set(e, -EBADMSG, hint_file, "%s is a damaged ELF file", path);
    if (gelf_getclass(f->elf) != ELFCLASS64 || h.e_machine != EM_X86_64 ||
        h.e_ident[EI_DATA] != ELFDATA2LSB)
        return err_set(e, -ENOTSUP, "memwhy reads 64-bit x86 programs only.",
                       "%s is not an ELF file for x86-64", path);
    if (h.e_type != ET_EXEC && h.e_type != ET_DYN)
        return err_set(e, -EBADMSG, hint_file, "%s is neither a program nor a library", path);
    f->pie = h.e_type == ET_DYN;
    return 0;
}

static void take_load(struct elf_file *f, const GElf_Phdr *p) {
    uint64_t end;
    if (__builtin_add_overflow(p->p_vaddr, p->p_memsz, &end) || p->p_filesz > p->p_memsz)
        return;
    struct segment s = {p->p_vaddr, p->p_filesz, p->p_memsz, p->p_offset, p->p_flags, 0};
    if (p->p_offset < f->len)
        s.held = p->p_filesz < f->len - p->p_offset ? p->p_filesz : f->len - p->p_offset;
    if (!f->segments.n || s.vaddr < f->base)
        f->base = s.vaddr;
    vec_push(&f->segments, s);
}

static int take_segments(struct elf_file *f, const char *path, struct err *e) {
    size_t n = 0;
    if (elf_getphdrnum(f->elf, &n) < 0)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr p;
        if (!gelf_getphdr(f->elf, (int)i, &p))
            break;
        if (p.p_type == PT_LOAD)
            take_load(f, &p);
        if (p.p_type == PT_TLS) {
            f->has_tls = true;
            f->tls_memsz = p.p_memsz;
            f->tls_align = p.p_align;
        }
        if (p.p_type == PT_NOTE && !f->build_id[0] && inside(f, p.p_offset, p.p_filesz))
            elf_note_build_id(f->map + p.p_offset, p.p_filesz, p.p_align, f->build_id);
    }
    if (!f->segments.n)
        return err_set(e, -EBADMSG, hint_file, "%s has nothing that could be loaded", path);
    return 0;
}

static void take_symbols(struct elf_file *f, const GElf_Shdr *h) {
    struct elf_symbols *t = h->sh_type == SHT_SYMTAB ? &f->symtab : &f->dynsym;
    Elf_Scn *scn = elf_getscn(f->elf, h->sh_link);
    GElf_Shdr str;
    if (t->n || !scn || !gelf_getshdr(scn, &str) || str.sh_type != SHT_STRTAB)
        return;
    if (h->sh_entsize != sizeof(Elf64_Sym) || !inside(f, h->sh_offset, h->sh_size) ||
        !inside(f, str.sh_offset, str.sh_size))
        return;
    elf_symbols_init(t, f->map + h->sh_offset, h->sh_size / sizeof(Elf64_Sym),
                     (const char *)f->map + str.sh_offset, str.sh_size);
}

/* Sections are a convenience of the linker: a file without them, or with broken ones, is read by
 * its segments alone. */
static void take_sections(struct elf_file *f) {
    for (Elf_Scn *s = NULL; (s = elf_nextscn(f->elf, s));) {
        GElf_Shdr h;
        if (!gelf_getshdr(s, &h))
            continue;
        if (h.sh_type == SHT_SYMTAB || h.sh_type == SHT_DYNSYM)
            take_symbols(f, &h);
        if (h.sh_type == SHT_NOTE && !f->build_id[0] && inside(f, h.sh_offset, h.sh_size))
            elf_note_build_id(f->map + h.sh_offset, h.sh_size, h.sh_addralign, f->build_id);
    }
}

int elf_file_open(int fd, const char *path, struct elf_file **ret, struct err *e) {
    struct elf_file *f = mem_zalloc(sizeof *f);
    f->fd = fd;
    int r = map_file(f, path, e);
    if (r == 0)
        r = check_header(f, path, e);
    if (r == 0)
        r = take_segments(f, path, e);
    if (r < 0) {
        elf_file_free(f);
        return r;
    }
    take_sections(f);
    *ret = f;
    return 0;
}

void elf_file_free(struct elf_file *f) {
    if (!f)
        return;
    elf_symbols_done(&f->symtab);
    elf_symbols_done(&f->dynsym);
    vec_free(&f->segments);
    if (f->cfi)
        dwarf_cfi_end(f->cfi);
    elf_end(f->elf);
    if (f->map)
        munmap((void *)f->map, f->len);
    if (f->fd >= 0)
        close(f->fd);
    free(f);
}

void elf_file_let_go(const struct elf_file *f) {
    madvise((void *)(uintptr_t)f->map, f->len, MADV_DONTNEED);
}

bool elf_file_is_pie(const struct elf_file *f) {
    return f->pie;
}
bool elf_file_is_stripped(const struct elf_file *f) {
    return f->symtab.n == 0;
}
uint64_t elf_file_base(const struct elf_file *f) {
    return f->base;
}
const char *elf_file_build_id(const struct elf_file *f) {
    return f->build_id;
}

int elf_file_tls(const struct elf_file *f, uint64_t *ret_memsz, uint64_t *ret_align) {
    if (!f->has_tls)
        return -ENODATA;
    *ret_memsz = f->tls_memsz;
    *ret_align = f->tls_align;
    return 0;
}

int elf_file_symbol(struct elf_file *f, const char *name, struct elf_symbol *ret) {
    int r = elf_symbols_find(&f->symtab, name, ret);
    return r == 0 ? 0 : elf_symbols_find(&f->dynsym, name, ret);
}

int elf_file_symbol_prefix(struct elf_file *f, const char *prefix, struct elf_symbol *ret) {
    int r = elf_symbols_prefix(&f->symtab, prefix, ret);
    return r == 0 ? 0 : elf_symbols_prefix(&f->dynsym, prefix, ret);
}

/* The segment whose memory holds `vaddr`. */
static const struct segment *segment_at(const struct elf_file *f, uint64_t vaddr) {
    for (size_t i = 0; i < f->segments.n; i++) {
        const struct segment *s = &f->segments.at[i];
        if (vaddr >= s->vaddr && vaddr - s->vaddr < s->memsz)
            return s;
    }
    return NULL;
}

int elf_file_symbol_at(struct elf_file *f, uint64_t vaddr, struct elf_symbol *ret) {
    const struct segment *s = segment_at(f, vaddr);
    if (!s)
        return -ENODATA;
    int r = elf_symbols_at(&f->symtab, vaddr, s->vaddr, ret);
    return r == 0 ? 0 : elf_symbols_at(&f->dynsym, vaddr, s->vaddr, ret);
}

struct Dwarf_CFI_s *elf_file_cfi(struct elf_file *f) {
    if (!f->looked_for_cfi)
        f->cfi = dwarf_getcfi_elf(f->elf);
    f->looked_for_cfi = true;
    return f->cfi;
}

/* The bytes of the file at `vaddr`, as far as the segment goes; NULL if there are none. */
static const uint8_t *bytes_at(const struct elf_file *f, uint64_t vaddr, size_t *ret_len) {
    const struct segment *s = segment_at(f, vaddr);
    if (!s || vaddr - s->vaddr >= s->held)
        return NULL;
    *ret_len = s->held - (vaddr - s->vaddr);
    return f->map + s->offset + (vaddr - s->vaddr);
}

int elf_file_read(const struct elf_file *f, uint64_t vaddr, void *buf, size_t len) {
    uint8_t *to = buf;
    while (len) {
        size_t part;
        const uint8_t *from = bytes_at(f, vaddr, &part);
        if (!from)
            return -EFAULT;
        if (part > len)
            part = len;
        memcpy(to, from, part);
        to += part;
        len -= part;
        vaddr += part; /* may wrap to 0 at the top, which no sane segment holds */
    }
    return 0;
}

uint32_t elf_file_segment_flags(const struct elf_file *f, uint64_t vaddr) {
    for (size_t i = 0; i < f->segments.n; i++) {
        const struct segment *s = &f->segments.at[i];
        uint64_t start = s->vaddr & ~(PAGE_BYTES - 1), end = s->vaddr + s->memsz;
        if (vaddr >= start && (vaddr < end || vaddr - end < -end % PAGE_BYTES))
            return s->flags;
    }
    return 0;
}

bool elf_file_is_bss(const struct elf_file *f, uint64_t vaddr) {
    const struct segment *s = segment_at(f, vaddr);
    return s && vaddr - s->vaddr >= s->filesz;
}

const char *elf_file_string(const struct elf_file *f, uint64_t vaddr, size_t max) {
    size_t room;
    const char *p = (const char *)bytes_at(f, vaddr, &room);
    if (!p)
        return NULL;
    if (room > max)
        room = max;
    return strnlen(p, room) < room ? p : NULL;
}

const void *elf_file_bytes(const struct elf_file *f, size_t *ret_len) {
    *ret_len = f->len;
    return f->map;
}

int elf_file_vaddr_of_offset(const struct elf_file *f, uint64_t offset, uint64_t *ret) {
    for (size_t i = 0; i < f->segments.n; i++) {
        const struct segment *s = &f->segments.at[i];
        if (offset >= s->offset && offset - s->offset < s->held) {
            *ret = s->vaddr + (offset - s->offset);
            return 0;
        }
    }
    return -EFAULT;
}

int elf_file_offset_of_vaddr(const struct elf_file *f, uint64_t vaddr, uint64_t *ret) {
    for (size_t i = 0; i < f->segments.n; i++) {
        const struct segment *s = &f->segments.at[i];
        if (vaddr >= s->vaddr && vaddr - s->vaddr < s->held) {
            *ret = s->offset + (vaddr - s->vaddr);
            return 0;
        }
    }
    return -EFAULT;
}
