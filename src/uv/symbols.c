#include "image/elf_file.h"
#include "uv/uv.h"

#include <string.h>

/* Node has libuv in it, or comes with it as libnode.so or libuv.so. */
static bool may_hold(const struct image_module *m) {
    const char *name = strrchr(m->path, '/');
    return m->is_exe || strstr(name ? name : m->path, "libuv.") ||
           strstr(name ? name : m->path, "libnode.");
}

static uint64_t address_of(struct elf_file *elf, const struct image_module *m, const char *name) {
    struct elf_symbol s;
    return elf_file_symbol(elf, name, &s) == 0 ? s.value + m->bias : 0;
}

void uv_symbols_find(struct image *img, struct uv_symbols *ret) {
    size_t n;
    const struct image_module *m = image_modules(img, &n);
    struct uv_symbols s = {0};
    for (size_t i = 0; i < n && !s.default_loop; i++) {
        struct elf_file *elf;
        if (!may_hold(&m[i]) || image_module_elf(img, i, &elf, NULL) < 0)
            continue;
        s.default_loop = address_of(elf, &m[i], "default_loop_struct");
        s.queue = address_of(elf, &m[i], "wq");
        s.slow_queue = address_of(elf, &m[i], "slow_io_pending_wq");
        s.fs_work = address_of(elf, &m[i], "uv__fs_work");
        s.addrinfo_work = address_of(elf, &m[i], "uv__getaddrinfo_work");
        s.queued_work = address_of(elf, &m[i], "uv__queue_work");
    }
    *ret = s;
}
