#include "v8/limits.h"

#include "base/limits.h"
#include "v8/flags.h"
#include <errno.h>
#include <string.h>

enum { RSP = 4, RDI = 7 }; /* as instructions number them */

/* An instruction that reads one word at a register and an offset. */
struct load {
    unsigned to, base;
    int32_t offset;
};

/* mov, add, imul of r64 with memory: 48 8B, 48 03, 48 0F AF; an offset of 8 or 32 bits. Returns its
 * length, 0 if it is something else. */
static size_t decode_load(const uint8_t *c, size_t n, struct load *ret) {
    size_t at = 0;
    if (n < 9 || (c[0] & 0xfb) != 0x48)
        return 0;
    if (c[1] == 0x8b || c[1] == 0x03)
        at = 2;
    else if (c[1] == 0x0f && c[2] == 0xaf)
        at = 3;
    else
        return 0;
    uint8_t mod = c[at] >> 6, base = c[at] & 7;
    if ((mod != 1 && mod != 2) || base == RSP)
        return 0;
    *ret = (struct load){.to = c[at] >> 3 & 7, .base = base};
    if (mod == 1) {
        ret->offset = c[at + 1] < 0x80 ? c[at + 1] : c[at + 1] - 0x100;
        return at + 2;
    }
    memcpy(&ret->offset, c + at + 1, 4);
    return at + 5;
}

/* The function adds up two members of its argument; which of the two is which is told by their
 * order in the class. The one of the old generation may be reached through a pointer. */
int v8_limits_from_code(struct elf_file *elf, struct v8_limit_offsets *ret) {
    struct elf_symbol sym;
    uint8_t code[96];
    int32_t of_heap[2] = {-1, -1}, behind = -1, pointer = -1;
    unsigned loaded = RDI;
    size_t n_heap = 0;
    if (!elf || (elf_file_symbol(elf, "_ZNK2v88internal4Heap11MaxReservedEv", &sym) < 0 &&
                 elf_file_symbol(elf, "_ZN2v88internal4Heap11MaxReservedEv", &sym) < 0))
        return -ENODATA;
    if (sym.size > sizeof code - 16 || elf_file_read(elf, sym.value, code, sizeof code) < 0)
        return -ENODATA;
    for (size_t i = 0; i < sym.size;) {
        struct load m;
        size_t len = decode_load(code + i, sizeof code - i, &m);
        bool known = len && m.base == RDI && n_heap && m.offset == of_heap[0];
        if (len && m.offset <= 0)
            return -ENODATA;
        if (len && m.base == RDI && !known) {
            if (n_heap == 2)
                return -ENODATA;
            of_heap[n_heap++] = m.offset;
            loaded = m.to;
        } else if (len && m.base == loaded && loaded != RDI && n_heap == 2) {
            behind = m.offset;
            pointer = of_heap[1];
        }
        i += len ? len : 1;
    }
    if (n_heap != 2)
        return -ENODATA;
    bool swapped = pointer < 0 && of_heap[0] > of_heap[1];
    *ret = (struct v8_limit_offsets){.semi = of_heap[swapped],
                                     .old = pointer < 0 ? of_heap[!swapped] : behind,
                                     .limits = pointer};
    return 0;
}

unsigned v8_limits_semi_spaces(const struct image *img, const struct v8_layout *l) {
    bool minor_ms;
    return v8_flag_bool(img, l, "minor-ms", &minor_ms) == 0 && minor_ms ? 2 : 3;
}

int v8_limits_place(const struct image *img, const struct v8_layout *l, uint64_t heap,
                    uint64_t *ret) {
    const struct v8_facts *f = &l->facts;
    uint64_t holder = heap;
    if (f->max_old_space_offset < 0)
        return -ENODATA;
    if (f->heap_limits_offset >= 0 &&
        image_read_u64(img, heap + (uint64_t)f->heap_limits_offset, &holder) < 0)
        return -ENODATA;
    *ret = holder + (uint64_t)f->max_old_space_offset;
    return 0;
}

int v8_limits_read(const struct image *img, const struct v8_layout *l, uint64_t heap,
                   unsigned semi_spaces, struct v8_limits *ret) {
    const struct v8_facts *f = &l->facts;
    uint64_t semi, old, place;
    if (f->max_semi_space_offset < 0 || v8_limits_place(img, l, heap, &place) < 0)
        return -ENODATA;
    if (image_read_u64(img, heap + (uint64_t)f->max_semi_space_offset, &semi) < 0 ||
        image_read_u64(img, place, &old) < 0)
        return -ENODATA;
    /* Semi-spaces are whole pages of the kernel's; four levels of page tables allow 2^46 bytes
     * of memory (Documentation/arch/x86/x86_64/mm.rst); addresses of libraries are higher. */
    const uint64_t most = 1ull << 46;
    if (!semi || !old || semi % PAGE_BYTES || old > most || semi > most)
        return -EBADMSG;
    *ret =
        (struct v8_limits){.old_bytes = old, .semi_space_bytes = semi, .semi_spaces = semi_spaces};
    return 0;
}
