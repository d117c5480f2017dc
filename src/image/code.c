#include "image/code.h"

#include "base/limits.h"
#include "base/search.h"
#include "base/vec.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Two pages in Linux 6.18; four would be many. */
#define VDSO_MAX (64ull << 10)

/* musl's _start and clone have 60; its memset is followed by functions without a name. */
enum { LABEL_BYTES = 128 };

struct code_entry {
    struct code_file file;
    size_t module; /* of the image; SIZE_MAX: the vdso */
    bool opened;
    struct elf_file *debug; /* the symbols it was stripped of, in a file of their own */
    bool looked_for_debug;
};

struct code_map {
    struct image *img;
    VEC(struct code_entry) files; /* sorted by start */
    struct elf_file *vdso;
};

static int by_start(const void *a, const void *b) {
    const struct code_entry *x = a, *y = b;
    return (x->file.start > y->file.start) - (x->file.start < y->file.start);
}

struct code_map *code_map_new(struct image *img) {
    struct code_map *m = mem_zalloc(sizeof *m);
    const struct region_list *l = image_regions(img);
    size_t n;
    const struct image_module *mod = image_modules(img, &n);
    m->img = img;
    for (size_t i = 0; i < n; i++)
        vec_push(&m->files,
                 (struct code_entry){
                     {mod[i].path, mod[i].start, mod[i].end, mod[i].start, NULL}, i, false});
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i].kind == REGION_KERNEL && !strcmp(l->at[i].name, "[vdso]"))
            vec_push(&m->files, (struct code_entry){
                                    {"[vdso]", l->at[i].start, l->at[i].end, l->at[i].start, NULL},
                                    SIZE_MAX,
                                    false});
    vec_sort(&m->files, by_start);
    return m;
}

void code_map_free(struct code_map *m) {
    if (!m)
        return;
    for (size_t i = 0; i < m->files.n; i++)
        elf_file_free(m->files.at[i].debug);
    elf_file_free(m->vdso);
    vec_free(&m->files);
    free(m);
}

/* A library without a file: its bytes are in the target only. */
static struct elf_file *open_vdso(struct code_map *m, const struct code_file *f) {
    uint64_t len = f->end - f->start;
    if (m->vdso || len > VDSO_MAX)
        return m->vdso;
    cleanup_free uint8_t *bytes = mem_alloc(len);
    if (image_read(m->img, f->start, bytes, len) < 0)
        return NULL;
    int fd = memfd_create("vdso", MFD_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (write(fd, bytes, len) != (ssize_t)len)
        close(fd);
    else
        elf_file_open(fd, f->path, &m->vdso, NULL); /* takes over fd */
    return m->vdso;
}

static void open_file(struct code_map *m, struct code_entry *x) {
    struct code_file *f = &x->file;
    size_t n;
    if (x->opened)
        return;
    x->opened = true;
    if (x->module == SIZE_MAX) {
        f->elf = open_vdso(m, f);
        if (f->elf)
            f->bias = f->start - (elf_file_base(f->elf) & ~(PAGE_BYTES - 1));
    } else if (image_module_elf(m->img, x->module, &f->elf, NULL) == 0) {
        f->bias = image_modules(m->img, &n)[x->module].bias;
    }
}

void code_map_open_all(struct code_map *m) {
    for (size_t i = 0; i < m->files.n; i++) {
        struct elf_symbol s;
        struct elf_file *f;
        open_file(m, &m->files.at[i]);
        if (!(f = m->files.at[i].file.elf))
            continue;
        elf_file_cfi(f);
        elf_file_symbol_at(f, elf_file_base(f), &s); /* makes the index */
    }
}

static struct code_entry *entry_at(struct code_map *m, uint64_t pc) {
    size_t lo = first_where(m->files.n, i, m->files.at[i].file.end > pc);
    if (lo == m->files.n || pc < m->files.at[lo].file.start)
        return NULL;
    open_file(m, &m->files.at[lo]);
    return &m->files.at[lo];
}

const struct code_file *code_map_at(struct code_map *m, uint64_t pc) {
    const struct code_entry *x = entry_at(m, pc);
    return x ? &x->file : NULL;
}

static void open_debug(struct code_entry *x) {
    const char *id = elf_file_build_id(x->file.elf);
    if (x->looked_for_debug)
        return;
    x->looked_for_debug = true;
    if (strlen(id) < 4)
        return;
    cleanup_free char *path = mem_printf("/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || elf_file_open(fd, path, &x->debug, NULL) < 0) /* takes over fd */
        return;
    if (strcmp(elf_file_build_id(x->debug), id) != 0) {
        elf_file_free(x->debug);
        x->debug = NULL;
    }
}

/* A label of assembler code that has no size names what is right behind it; further on it may be
 * anything. */
static int symbol_at(struct elf_file *f, uint64_t vaddr, struct elf_symbol *ret) {
    struct elf_symbol s;
    int r = elf_file_symbol_at(f, vaddr, &s);
    if (r == 0 && s.size == 0 && vaddr - s.value >= LABEL_BYTES)
        r = -ENODATA;
    if (r == 0)
        *ret = s;
    return r;
}

int code_map_symbol(struct code_map *m, uint64_t pc, struct elf_symbol *ret) {
    struct code_entry *x = entry_at(m, pc);
    int r = -ENODATA;
    if (!x || !x->file.elf)
        return r;
    if (elf_file_is_stripped(x->file.elf))
        open_debug(x);
    if (x->debug)
        r = symbol_at(x->debug, pc - x->file.bias, ret);
    return r == 0 ? 0 : symbol_at(x->file.elf, pc - x->file.bias, ret);
}

bool code_map_is_code(struct code_map *m, uint64_t pc) {
    const struct region *r = region_find(image_regions(m->img), pc);
    if (r && (r->prot & REGION_X))
        return true;
    /* gdb writes no segments for the text of libraries: a core does not say what was executable. */
    const struct code_file *f = code_map_at(m, pc);
    if (!f || image_kind(m->img) != IMAGE_CORE)
        return false;
    return !f->elf || (elf_file_segment_flags(f->elf, pc - f->bias) & PF_X);
}
