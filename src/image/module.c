/* Which files are mapped as program or library, and the file behind each. */
#include "image/module.h"
#include "base/limits.h"
#include "image/backend.h"
#include <elf.h>
#include <errno.h>
#include <stdlib.h>

enum {
    MAX_MODULES = 4096,        /* node has 10; programs of a thousand libraries exist */
    MAX_PHDRS = 128,           /* node has 14 */
    MAX_NOTE_BYTES = 64 << 10, /* node's segment of notes has 68 bytes */
};

/* Neighbouring mappings of one file, which the dynamic linker makes from one reservation: whatever
 * lies between them is its bss or what has replaced a part of it. */
struct group {
    const struct region *first;
    uint64_t end;
    uint64_t last_offset;
    bool executable;
};

static bool is_named_file(const struct region *r) {
    return (r->kind == REGION_FILE || r->kind == REGION_SHMEM) && r->name[0] == '/';
}

/* /proc/PID/exe of a deleted binary ends in " (deleted)"; a region's name does not. */
static bool is_exe(const struct image *img, const char *name) {
    size_t n = strlen(name);
    return img->exe && !strncmp(img->exe, name, n) &&
           (!img->exe[n] || !strcmp(img->exe + n, " (deleted)"));
}

/* gdb writes no segments for the text of libraries, so in a core nothing of them is executable. */
static bool has_elf_header(const struct image *img, const struct region *r) {
    char magic[SELFMAG];
    return r->offset == 0 && !img->ops->read(img, r->start, magic, sizeof magic) &&
           !memcmp(magic, ELFMAG, SELFMAG);
}

static void end_group(struct image *img, const struct group *g) {
    if (!g->first)
        return;
    const struct region *r = g->first;
    bool exe = is_exe(img, r->name);
    if (img->modules.n >= MAX_MODULES)
        return;
    if (!g->executable && !exe && !(img->kind == IMAGE_CORE && has_elf_header(img, r)))
        return;
    vec_push(&img->modules, (struct image_module){
                                .path = r->name, .start = r->start, .end = g->end, .is_exe = exe});
}

static bool is_fragment(const struct image *img, const struct image_module *m) {
    const struct region *r = region_find(&img->regions, m->start);
    for (size_t i = 0; r && r->offset && i < img->modules.n; i++) {
        const struct image_module *other = &img->modules.at[i];
        const struct region *first = region_find(&img->regions, other->start);
        if (first && first->offset == 0 && !strcmp(other->path, m->path))
            return true;
    }
    return false;
}

/* V8 maps the binary's builtins a second time, near its code range
 * (CodeRange::RemapEmbeddedBuiltins, src/heap/code-range.cc): a piece of a module, not one of its
 * own. */
static void drop_fragments(struct image *img) {
    size_t kept = 0;
    for (size_t i = 0; i < img->modules.n; i++)
        if (!is_fragment(img, &img->modules.at[i]))
            img->modules.at[kept++] = img->modules.at[i];
    img->modules.n = kept;
}

void image_find_modules(struct image *img) {
    struct group g = {0};
    for (size_t i = 0; i < img->regions.n; i++) {
        const struct region *r = &img->regions.at[i];
        if (!r->name[0])
            continue;
        /* Offsets that fall again are a second copy (dlmopen, or a plain mmap of the file). */
        if (!g.first || strcmp(g.first->name, r->name) != 0 || r->offset < g.last_offset) {
            end_group(img, &g);
            g = (struct group){is_named_file(r) ? r : NULL, r->end, r->offset, false};
        }
        g.end = r->end;
        g.last_offset = r->offset;
        g.executable |= (r->prot & REGION_X) != 0;
    }
    end_group(img, &g);
    drop_fragments(img);
}

/* The program headers as they are mapped; their number, or a negative errno. */
static int read_phdrs(const struct image *img, uint64_t start, Elf64_Phdr *ret, bool *ret_pie) {
    Elf64_Ehdr h;
    if (image_read(img, start, &h, sizeof h) < 0)
        return -EFAULT;
    if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_phentsize != sizeof(Elf64_Phdr) ||
        h.e_phnum > MAX_PHDRS || h.e_phoff > PAGE_BYTES)
        return -EBADMSG;
    if (image_read(img, start + h.e_phoff, ret, h.e_phnum * sizeof *ret) < 0)
        return -EFAULT;
    *ret_pie = h.e_type == ET_DYN;
    return h.e_phnum;
}

int module_build_id(const struct image *img, const struct image_module *m,
                    char hex[2 * BUILD_ID_MAX + 1]) {
    Elf64_Phdr ph[MAX_PHDRS];
    bool pie;
    int n = read_phdrs(img, m->start, ph, &pie);
    if (n < 0)
        return n;
    uint64_t base = UINT64_MAX;
    for (int i = 0; i < n; i++)
        if (ph[i].p_type == PT_LOAD && ph[i].p_vaddr < base)
            base = ph[i].p_vaddr;
    uint64_t bias = pie ? m->start - (base & ~(PAGE_BYTES - 1)) : 0;
    int r = -ENODATA;
    for (int i = 0; i < n && r < 0; i++) {
        if (ph[i].p_type != PT_NOTE || !ph[i].p_filesz || ph[i].p_filesz > MAX_NOTE_BYTES)
            continue;
        cleanup_free uint8_t *notes = mem_alloc(ph[i].p_filesz);
        if (image_read(img, bias + ph[i].p_vaddr, notes, ph[i].p_filesz) < 0)
            r = -EFAULT;
        else if (elf_note_build_id(notes, ph[i].p_filesz, ph[i].p_align, hex))
            r = 0;
    }
    return r;
}

static int check_build_id(const struct image *img, const struct image_module *m,
                          const struct elf_file *f, struct err *e) {
    char mapped[2 * BUILD_ID_MAX + 1];
    const char *disk = elf_file_build_id(f);
    if (module_build_id(img, m, mapped) < 0 || !disk[0] || !strcmp(disk, mapped))
        return 0;
    return err_set(e, -EBADMSG,
                   img->kind == IMAGE_CORE
                       ? "Set MEMWHY_SYSROOT to a folder that holds the files of the machine the "
                         "core is from."
                       : "The file was replaced after the process started.",
                   "%s on disk is not the one that is mapped (build id %s against %s)", m->path,
                   disk, mapped);
}

/* The lowest mapping is the lowest segment, unless its first page was unmapped. */
static uint64_t bias_of(const struct image *img, const struct image_module *m,
                        const struct elf_file *f) {
    if (!elf_file_is_pie(f))
        return 0;
    const struct region *r = region_find(&img->regions, m->start);
    uint64_t vaddr;
    if (r && r->offset && elf_file_vaddr_of_offset(f, r->offset, &vaddr) == 0)
        return m->start - vaddr;
    return m->start - (elf_file_base(f) & ~(PAGE_BYTES - 1));
}

int image_module_elf(struct image *img, size_t module, struct elf_file **ret, struct err *e) {
    if (module >= img->modules.n)
        return err_set(e, -ENODATA, "", "there is no such module");
    if (!img->elfs)
        img->elfs = mem_zalloc(img->modules.n * sizeof(*img->elfs));
    if (!img->elfs[module]) {
        struct image_module *m = &img->modules.at[module];
        int fd = img->ops->open_module ? img->ops->open_module(img, m) : -ENOENT;
        if (fd < 0)
            return err_set(e, fd,
                           img->kind == IMAGE_CORE
                               ? "Set MEMWHY_SYSROOT to a folder that holds the files of the "
                                 "machine the core is from."
                               : "",
                           "%s cannot be opened (%s)", m->path, strerror(-fd));
        struct elf_file *f;
        int r = elf_file_open(fd, m->path, &f, e);
        if (r == 0 && (r = check_build_id(img, m, f, e)) < 0)
            elf_file_free(f);
        if (r < 0)
            return r;
        m->bias = bias_of(img, m, f);
        img->elfs[module] = f;
    }
    *ret = img->elfs[module];
    return 0;
}
