#include "image/elf_note.h"
#include <elf.h>

bool elf_note_next(const uint8_t *p, size_t len, uint64_t align, size_t *pos,
                   struct elf_note *ret) {
    Elf64_Nhdr h;
    size_t mask = align == 8 ? 7 : 3, at = *pos;
    if (at > len || len - at < sizeof h)
        return false;
    memcpy(&h, p + at, sizeof h);
    at += sizeof h;
    /* 32-bit sizes in 64-bit arithmetic: the sums below cannot wrap. */
    size_t desc = (at + h.n_namesz + mask) & ~mask;
    if (desc > len || h.n_descsz > len - desc)
        return false;
    size_t name_len = h.n_namesz;
    if (name_len && p[at + name_len - 1] == 0)
        name_len--;
    *ret = (struct elf_note){h.n_type, (const char *)p + at, name_len, p + desc, h.n_descsz};
    /* The last note need not be padded. */
    size_t next = (desc + h.n_descsz + mask) & ~mask;
    *pos = next < len ? next : len;
    return true;
}

bool elf_note_is(const struct elf_note *n, const char *name, uint32_t type) {
    return n->type == type && n->name_len == strlen(name) && !memcmp(n->name, name, n->name_len);
}

bool elf_note_build_id(const uint8_t *p, size_t len, uint64_t align, char *hex) {
    static const char digits[] = "0123456789abcdef";
    struct elf_note n;
    for (size_t pos = 0; elf_note_next(p, len, align, &pos, &n);) {
        if (!elf_note_is(&n, "GNU", NT_GNU_BUILD_ID) || !n.desc_len || n.desc_len > BUILD_ID_MAX)
            continue;
        for (size_t i = 0; i < n.desc_len; i++) {
            hex[2 * i] = digits[n.desc[i] >> 4];
            hex[2 * i + 1] = digits[n.desc[i] & 15];
        }
        hex[2 * n.desc_len] = 0;
        return true;
    }
    return false;
}
