#include "image/words.h"
#include "image/backend.h"

#include <errno.h>
#include <sys/uio.h>

static ssize_t read_words(pid_t pid, uint64_t addr, void *buf, size_t len) {
    struct iovec to = {buf, len}, from = {(void *)(uintptr_t)addr, len};
    return process_vm_readv(pid, &to, 1, &from, 1, 0);
}

static int words_read(const struct image *img, uint64_t addr, void *buf, size_t len) {
    return read_words(img->pid, addr, buf, len) == (ssize_t)len ? 0 : -EFAULT;
}

static size_t words_read_prefix(const struct image *img, uint64_t addr, void *buf, size_t len) {
    ssize_t got = read_words(img->pid, addr, buf, len);
    return got > 0 ? (size_t)got : 0;
}

static int words_read_parts(const struct image *img, const struct image_part *parts, size_t n) {
    enum { MAX = 128 };
    struct iovec to[MAX], from[MAX];
    while (n) {
        size_t k = n < MAX ? n : MAX;
        ssize_t want = 0;
        for (size_t i = 0; i < k; i++) {
            to[i] = (struct iovec){parts[i].buf, parts[i].len};
            from[i] = (struct iovec){(void *)(uintptr_t)parts[i].addr, parts[i].len};
            want += (ssize_t)parts[i].len;
        }
        if (process_vm_readv(img->pid, to, k, from, k, 0) != want)
            return -EFAULT;
        parts += k;
        n -= k;
    }
    return 0;
}

static void words_free(struct image *img) {
    free(img);
}

static const struct image_ops words_ops = {
    .read = words_read,
    .read_prefix = words_read_prefix,
    .read_parts = words_read_parts,
    .free = words_free,
};

int image_open_words(pid_t pid, struct image **ret) {
    char c = 0;
    if (read_words(pid, 0, &c, 1) < 0 && errno != EFAULT)
        return -errno;
    struct image *img = mem_zalloc(sizeof *img);
    img->ops = &words_ops;
    img->kind = IMAGE_LIVE;
    img->pid = pid;
    *ret = img;
    return 0;
}
