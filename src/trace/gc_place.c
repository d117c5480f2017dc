#include "trace/gc_place.h"

#include "image/elf_file.h"
#include <elf.h>
#include <errno.h>
#include <string.h>

/* An endbr64 is stepped over: the kernel would single-step it, at 10 us a time, where it emulates
 * the `push` that follows. */
static int probe_offset(const struct elf_file *f, uint64_t vaddr, uint64_t *ret) {
    static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
    uint8_t code[sizeof endbr64];
    if (elf_file_read(f, vaddr, code, sizeof code) < 0)
        return -EFAULT;
    if (!memcmp(code, endbr64, sizeof code))
        vaddr += sizeof code;
    return elf_file_offset_of_vaddr(f, vaddr, ret);
}

static int read_int(struct elf_file *f, const char *symbol, int *ret) {
    struct elf_symbol s;
    int32_t v = 0; /* a version's zero is not in the file */
    if (elf_file_symbol(f, symbol, &s) < 0)
        return -ENODATA;
    if (!elf_file_is_bss(f, s.value) && elf_file_read(f, s.value, &v, sizeof v) < 0)
        return -ENODATA;
    *ret = v;
    return 0;
}

/* Print() states where the isolate lies before its heap, which it has: as the displacement of a
 * lea, or a constant that is moved or added. It differs from patch to patch, and is the one
 * negative number of that size in the function. 0 when there is none, or several. */
static uint64_t heap_in_isolate(const struct elf_file *f, const struct elf_symbol *print) {
    enum { LEA = 0x8d, MOVE = 0xc7, ADD = 0x81, INSTRUCTION = 7 };
    uint8_t code[4096];
    size_t n = print->size < sizeof code ? (size_t)print->size : sizeof code;
    uint64_t found = 0;
    if (elf_file_read(f, print->value, code, n) < 0)
        return 0;
    for (size_t i = 0; i + INSTRUCTION <= n; i++) {
        const uint8_t *c = code + i;
        int32_t number;
        bool rex_w = (c[0] & 0xf8) == 0x48;
        bool far_address = c[1] == LEA && c[2] >> 6 == 2 && (c[2] & 7) != 4;
        bool constant = (c[1] == MOVE || c[1] == ADD) && c[2] >> 6 == 3;
        if (!rex_w || !(far_address || constant))
            continue;
        memcpy(&number, c + 3, sizeof number);
        if (number > -0x4000 || number < -0x40000 || number % 8)
            continue;
        if (found && found != (uint64_t) - (int64_t)number)
            return 0;
        found = (uint64_t) - (int64_t)number;
    }
    return found;
}

static int find_in(struct elf_file *f, struct gc_place *ret) {
    static const char *const names[GC_PLACES] = {"_ZNK2v88internal8GCTracer5PrintEv",
                                                 "_ZNK2v88internal8GCTracer8PrintNVPEv"};
    struct gc_place p = {0};
    struct elf_symbol s;
    if (read_int(f, "_ZN2v88internal7Version6major_E", &p.major) < 0 ||
        read_int(f, "_ZN2v88internal7Version6minor_E", &p.minor) < 0)
        return -ENODATA;
    for (size_t i = 0; i < GC_PLACES; i++)
        if (elf_file_symbol(f, names[i], &s) == 0 &&
            probe_offset(f, s.value, &p.offset[p.n]) == 0) {
            p.n++;
            if (i == 0)
                p.heap_in_isolate = heap_in_isolate(f, &s);
        }
    if (!p.n)
        return -ENODATA;
    *ret = p;
    return 0;
}

int gc_place_find(int fd, const char *path, struct gc_place *ret, struct err *e) {
    struct elf_file *f;
    int rc = elf_file_open(fd, path, &f, e);
    if (rc < 0)
        return rc;
    rc = find_in(f, ret);
    if (rc < 0)
        rc = err_set(e, rc, "The official builds of Node have them.",
                     elf_file_is_stripped(f)
                         ? "%s has no symbol table, so where V8 ends a collection is not known."
                         : "%s has no V8 that memwhy knows.",
                     path);
    elf_file_free(f);
    return rc;
}
