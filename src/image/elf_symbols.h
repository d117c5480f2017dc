/* One symbol table of an ELF file: lookups by name, by prefix and by address. Private to
 * src/image/. The bytes may be hostile; each index is built when first needed. */
#ifndef MEMWHY_IMAGE_ELF_SYMBOLS_H
#define MEMWHY_IMAGE_ELF_SYMBOLS_H

#include "image/elf_file.h"

struct elf_symbols {
    const uint8_t *syms; /* n Elf64_Sym, any alignment; owned by the file */
    uint32_t n;
    const char *strs;
    size_t strs_len;
    /* By name: open addressing, slot = index + 1, 0 is empty. `tags` holds 32 bits of each hash, so
     * that a probe rarely touches the string table. */
    uint32_t *slots, *tags;
    uint32_t mask;
    /* By prefix: the first bytes of each name, in table order. */
    uint64_t *heads;
    /* By address: sorted, with the highest end so far, which bounds the walk back to a symbol that
     * encloses others. */
    struct elf_by_addr *by_addr;
    uint32_t n_by_addr;
};

/* The bytes are borrowed. */
void elf_symbols_init(struct elf_symbols *t, const uint8_t *syms, size_t n, const char *strs,
                      size_t strs_len);
void elf_symbols_done(struct elf_symbols *t);

int elf_symbols_find(struct elf_symbols *t, const char *name, struct elf_symbol *ret);
int elf_symbols_prefix(struct elf_symbols *t, const char *prefix, struct elf_symbol *ret);
/* `floor`: nothing below it is taken as "nearest below". */
int elf_symbols_at(struct elf_symbols *t, uint64_t vaddr, uint64_t floor, struct elf_symbol *ret);

#endif
