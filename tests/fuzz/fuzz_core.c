/* Any bytes as a core file: opened, listed, read from end to end of each mapping's first pages. */
#include "image/core.h"
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct image *img;
    struct err e = {0};
    int fd = memfd_create("core", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        __builtin_trap();
    if (image_open_core_fd(fd, "fuzz", &img, &e) < 0) {
        if (!e.what[0])
            __builtin_trap(); /* a refusal says why */
        return 0;
    }
    const struct region_list *l = image_regions(img);
    for (size_t i = 0; i < l->n; i++) {
        uint8_t buf[3000];
        image_read_prefix(img, l->at[i].start, buf, sizeof buf);
        image_read(img, l->at[i].end - 100, buf, 200);
        residency_bytes(image_residency(img), l->at[i].start, l->at[i].end);
    }
    size_t n;
    struct elf_file *f;
    image_modules(img, &n);
    for (size_t i = 0; i < n; i++)
        image_module_elf(img, i, &f, &e);
    image_free(img);
    return 0;
}
