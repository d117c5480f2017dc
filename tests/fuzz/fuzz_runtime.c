/* An executable of any content: which runtime is it? */
#include "collect/runtime.h"
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    bool needs_libnode;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (write(fd, data, len) == (ssize_t)len)
        (void)runtime_of_file(fd, &needs_libnode);
    close(fd);
    return 0;
}
