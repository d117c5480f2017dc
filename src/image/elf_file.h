/* An ELF file on disk: symbols by name and by address, initialised data, build id. Read through
 * libelf; the file may be hostile. Knows nothing of the process that maps it. */
#ifndef MEMWHY_IMAGE_ELF_FILE_H
#define MEMWHY_IMAGE_ELF_FILE_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;
struct Dwarf_CFI_s; /* libdw's */

struct elf_symbol {
    const char *name; /* owned by the file */
    uint64_t value, size;
};

/* Takes over `fd`. `path` is for messages only. */
int elf_file_open(int fd, const char *path, struct elf_file **ret, struct err *e);
void elf_file_free(struct elf_file *f);

/* What of it was read need not stay in memory: it is read again when it is asked for. */
void elf_file_let_go(const struct elf_file *f);

bool elf_file_is_pie(const struct elf_file *f);
/* True when there is no .symtab (only .dynsym is left). */
bool elf_file_is_stripped(const struct elf_file *f);
/* Lowest p_vaddr of the PT_LOADs. */
uint64_t elf_file_base(const struct elf_file *f);
/* PT_TLS memory size and alignment; -ENODATA if it has none. */
int elf_file_tls(const struct elf_file *f, uint64_t *ret_memsz, uint64_t *ret_align);
/* Hex build id, "" if none. */
const char *elf_file_build_id(const struct elf_file *f);

/* By exact name (.symtab, then .dynsym). -ENODATA if there is none. */
int elf_file_symbol(struct elf_file *f, const char *name, struct elf_symbol *ret);
/* The first symbol whose name starts with `prefix`, in address order. -ENODATA if there is none. */
int elf_file_symbol_prefix(struct elf_file *f, const char *prefix, struct elf_symbol *ret);
/* The symbol that covers the address (or the nearest below when its size is 0). -ENODATA. */
int elf_file_symbol_at(struct elf_file *f, uint64_t vaddr, struct elf_symbol *ret);

/* The unwind tables of its .eh_frame, for libdw; owned by the file. NULL if it has none. */
struct Dwarf_CFI_s *elf_file_cfi(struct elf_file *f);

/* Bytes of the file behind an address: whole or -EFAULT. Bytes of .bss are -EFAULT too. */
int elf_file_read(const struct elf_file *f, uint64_t vaddr, void *buf, size_t len);
/* PF_R | PF_W | PF_X of the segment whose pages hold vaddr; 0 if none. */
uint32_t elf_file_segment_flags(const struct elf_file *f, uint64_t vaddr);
/* True when vaddr lies in the zero-filled part of a segment. */
bool elf_file_is_bss(const struct elf_file *f, uint64_t vaddr);
/* A C string in the file; NULL if not there or not ended within `max` bytes. */
const char *elf_file_string(const struct elf_file *f, uint64_t vaddr, size_t max);
/* The whole file's bytes, for searches. */
const void *elf_file_bytes(const struct elf_file *f, size_t *ret_len);
/* File offset to vaddr; -EFAULT. */
int elf_file_vaddr_of_offset(const struct elf_file *f, uint64_t offset, uint64_t *ret);
/* And back; -EFAULT. */
int elf_file_offset_of_vaddr(const struct elf_file *f, uint64_t vaddr, uint64_t *ret);

#endif
