/* A few questions to an executable file, answered by a handful of small reads: does it export this
 * symbol, which libraries does it name, what stands at this address. For looking at every binary of
 * a host in no time; image/elf_file.h is for knowing one of them well (it indexes the whole file).
 *
 * The file may be hostile: every size is capped, nothing is mapped, so truncation is only -EFAULT.
 * Return contract: 0 or a negative errno: -EBADMSG (no 64-bit little-endian ELF file), -ENODATA (it
 * has no such thing), -EFAULT (its own tables point where nothing is). */
#ifndef MEMWHY_COLLECT_ELF_PROBE_H
#define MEMWHY_COLLECT_ELF_PROBE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ELF_PROBE_SEGMENTS = 64 };

struct elf_probe {
    int fd; /* borrowed */
    uint16_t machine;
    size_t n_segments;
    Elf64_Phdr segments[ELF_PROBE_SEGMENTS];
    uint64_t symtab, strtab, strtab_bytes, gnu_hash; /* addresses, 0: none */
    uint64_t dynamic, dynamic_bytes;                 /* in the file */
};

int elf_probe_init(struct elf_probe *p, int fd);
/* Bytes at an address: whole or -EFAULT. */
int elf_probe_read(const struct elf_probe *p, uint64_t vaddr, void *buf, size_t len);
/* A symbol the file defines for others (by its GNU hash table). */
int elf_probe_symbol(const struct elf_probe *p, const char *name, uint64_t *ret_value,
                     uint64_t *ret_size);
/* True when a library it needs has a name that begins so ("libnode.so"). */
bool elf_probe_needs(const struct elf_probe *p, const char *prefix);
/* True when the first 64 KiB of a writable segment hold `what`. */
bool elf_probe_data_holds(const struct elf_probe *p, const char *what);
/* True when the names of its dynamic symbols and versions hold `what`. */
bool elf_probe_names_hold(const struct elf_probe *p, const char *what);
/* The first place of `what` in its constant (not writable) segments: reads up to `room` bytes from
 * there into `ret`, ended by NUL. Reads the file until it is found: tens of milliseconds. */
int elf_probe_search(const struct elf_probe *p, const char *what, char *ret, size_t room);

#endif
