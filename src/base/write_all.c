#include "base/write_all.h"

#include <errno.h>
#include <unistd.h>

int write_all_at(int fd, const uint8_t *p, size_t n, uint64_t to) {
    while (n) {
        ssize_t w = pwrite(fd, p, n, (off_t)to);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return w < 0 ? -errno : -EIO;
        p += w;
        n -= (size_t)w;
        to += (uint64_t)w;
    }
    return 0;
}
