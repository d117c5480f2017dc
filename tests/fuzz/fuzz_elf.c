/* Any bytes as an ELF file: opened, looked up, read. */
#include "image/elf_file.h"
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct elf_file *f;
    struct err e = {0};
    int fd = memfd_create("elf", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        __builtin_trap();
    if (elf_file_open(fd, "fuzz", &f, &e) < 0) {
        if (!e.what[0])
            __builtin_trap(); /* a refusal says why */
        return 0;
    }
    struct elf_symbol s;
    uint64_t vaddr = elf_file_base(f), at;
    elf_file_symbol(f, "main", &s);
    elf_file_symbol_prefix(f, "_", &s);
    for (int i = 0; i < 32; i++, vaddr += size / 16 + 1) {
        uint8_t buf[300];
        if (elf_file_symbol_at(f, vaddr, &s) == 0 && s.name[0] == 0)
            __builtin_trap();
        elf_file_read(f, vaddr, buf, sizeof buf);
        elf_file_string(f, vaddr, 100);
        elf_file_segment_flags(f, vaddr);
        elf_file_vaddr_of_offset(f, vaddr, &at);
    }
    elf_file_tls(f, &vaddr, &at);
    elf_file_free(f);
    return 0;
}
