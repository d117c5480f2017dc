/* The notes of an ELF file, a core or a mapped ELF header: one walker for all three. The bytes may
 * be hostile. Knows nothing of what the notes mean. */
#ifndef MEMWHY_IMAGE_ELF_NOTE_H
#define MEMWHY_IMAGE_ELF_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILD_ID_MAX 64 /* bytes; SHA-1 is 20, the longest anyone makes (SHA-256) 32 */

struct elf_note {
    uint32_t type;
    const char *name; /* not ended; without its trailing NUL */
    size_t name_len;
    const uint8_t *desc; /* any alignment */
    size_t desc_len;
};

/* The note at *pos, which is moved behind it; false at the end or where the rest makes no sense.
 * `align` is the segment's p_align; all but 8 count as 4, as in binutils and elfutils. */
bool elf_note_next(const uint8_t *p, size_t len, uint64_t align, size_t *pos, struct elf_note *ret);

bool elf_note_is(const struct elf_note *n, const char *name, uint32_t type);

/* The GNU build id among the notes as hex, into a buffer of 2 * BUILD_ID_MAX + 1; false if none. */
bool elf_note_build_id(const uint8_t *p, size_t len, uint64_t align, char *hex);

#endif
