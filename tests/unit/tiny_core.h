/* A core of a few pages, built by hand as the kernel lays one out, for tests to spoil. */
#ifndef MEMWHY_TESTS_TINY_CORE_H
#define MEMWHY_TESTS_TINY_CORE_H

#include "base/vec.h"
#include "image/core.h"
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <unistd.h>

struct tiny_load {
    uint64_t addr, memsz, filesz;
    uint32_t flags;
    const uint8_t *data; /* NULL: every byte is the low byte of the page number, or 1 */
};

struct tiny_file {
    uint64_t start, end, page_offset;
    const char *name;
};

struct tiny_core {
    VEC(uint8_t) bytes;
    VEC(struct tiny_load) loads;
    VEC(struct tiny_file) files;
    uint64_t at_phdr, at_entry, at_random, at_vdso;
    bool xnum; /* tell the number of segments by section header 0 */
};

static inline void tiny_put(struct tiny_core *t, const void *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        vec_push(&t->bytes, ((const uint8_t *)p)[i]);
}

static inline void tiny_pad(struct tiny_core *t, size_t align) {
    while (t->bytes.n % align)
        vec_push(&t->bytes, 0);
}

static inline void tiny_note(struct tiny_core *t, uint32_t type, const void *desc, size_t len) {
    Elf64_Nhdr h = {5, (uint32_t)len, type};
    tiny_put(t, &h, sizeof h);
    tiny_put(t, "CORE\0\0\0", 8);
    tiny_put(t, desc, len);
    tiny_pad(t, 4);
}

static inline void tiny_thread(struct tiny_core *t, int tid, uint64_t rsp) {
    struct elf_prstatus s = {0};
    s.pr_pid = tid;
    s.pr_reg[IMAGE_RSP] = rsp;
    s.pr_reg[IMAGE_RIP] = 0x401234;
    tiny_note(t, NT_PRSTATUS, &s, sizeof s);
}

static inline void tiny_files_note(struct tiny_core *t) {
    struct tiny_core d = {0};
    tiny_put(&d, (uint64_t[]){t->files.n, 4096}, 16);
    for (size_t i = 0; i < t->files.n; i++)
        tiny_put(&d, &t->files.at[i], 24);
    for (size_t i = 0; i < t->files.n; i++)
        tiny_put(&d, t->files.at[i].name, strlen(t->files.at[i].name) + 1);
    tiny_note(t, NT_FILE, d.bytes.at, d.bytes.n);
    vec_free(&d.bytes);
}

static inline void tiny_notes(struct tiny_core *t) {
    struct elf_prpsinfo p = {.pr_pid = 100};
    memcpy(p.pr_fname, "tiny", 5);
    tiny_thread(t, 101, 0x10);
    tiny_note(t, NT_PRPSINFO, &p, sizeof p);
    uint64_t auxv[] = {AT_PHDR,      t->at_phdr,      AT_ENTRY,   t->at_entry, AT_RANDOM,
                       t->at_random, AT_SYSINFO_EHDR, t->at_vdso, AT_NULL,     0};
    tiny_note(t, NT_AUXV, auxv, sizeof auxv);
    tiny_files_note(t);
    tiny_thread(t, 100, 0x7ffe1000 + 64);
}

static inline uint8_t tiny_byte(uint64_t addr) {
    uint8_t b = (uint8_t)(addr >> 12);
    return b ? b : 1;
}

static inline void tiny_data(struct tiny_core *t) {
    tiny_pad(t, 4096);
    for (size_t i = 0; i < t->loads.n; i++) {
        const struct tiny_load *l = &t->loads.at[i];
        for (uint64_t k = 0; k < l->filesz; k++)
            vec_push(&t->bytes, l->data ? l->data[k] : tiny_byte(l->addr + k));
    }
}

/* Header, program headers, notes, data, and with `xnum` section header 0 at the very end. */
static inline void tiny_build(struct tiny_core *t) {
    size_t n = t->loads.n + 1;
    t->bytes.n = 0;
    Elf64_Ehdr h = {.e_ident = ELFMAG, .e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = 1};
    h.e_ident[EI_CLASS] = ELFCLASS64;
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    h.e_ident[EI_VERSION] = EV_CURRENT;
    h.e_phoff = h.e_ehsize = sizeof h;
    h.e_phentsize = sizeof(Elf64_Phdr);
    h.e_phnum = t->xnum ? PN_XNUM : (Elf64_Half)n;
    tiny_put(t, &h, sizeof h);
    Elf64_Phdr none = {0};
    for (size_t i = 0; i < n; i++)
        tiny_put(t, &none, sizeof none);
    size_t notes = t->bytes.n;
    tiny_notes(t);
    Elf64_Phdr *note = (Elf64_Phdr *)(t->bytes.at + sizeof h);
    *note = (Elf64_Phdr){
        .p_type = PT_NOTE, .p_offset = notes, .p_filesz = t->bytes.n - notes, .p_align = 4};
    tiny_data(t);
    uint64_t offset = t->bytes.n;
    for (size_t i = 0; i < t->loads.n; i++)
        offset -= t->loads.at[i].filesz;
    Elf64_Phdr *ph = (Elf64_Phdr *)(t->bytes.at + sizeof h) + 1;
    for (size_t i = 0; i < t->loads.n; i++) {
        const struct tiny_load *l = &t->loads.at[i];
        ph[i] = (Elf64_Phdr){.p_type = PT_LOAD,
                             .p_flags = l->flags,
                             .p_offset = offset,
                             .p_vaddr = l->addr,
                             .p_filesz = l->filesz,
                             .p_memsz = l->memsz,
                             .p_align = 4096};
        offset += l->filesz;
    }
    if (t->xnum) {
        Elf64_Shdr s = {.sh_info = (Elf64_Word)n};
        ((Elf64_Ehdr *)t->bytes.at)->e_shoff = t->bytes.n;
        tiny_put(t, &s, sizeof s);
    }
}

static inline void tiny_free(struct tiny_core *t) {
    vec_free(&t->bytes);
    vec_free(&t->loads);
    vec_free(&t->files);
}

static inline int tiny_fd(const void *bytes, size_t n) {
    int fd = memfd_create("core", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    return fd;
}

static inline int tiny_open(const struct tiny_core *t, size_t len, struct image **ret,
                            struct err *e) {
    return image_open_core_fd(tiny_fd(t->bytes.at, len), "tiny.core", ret, e);
}

#endif
