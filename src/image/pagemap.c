#include "image/pagemap.h"

#include "base/limits.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* include/uapi/linux/fs.h since Linux 6.7; repeated here because older headers lack it. */
struct scan_region {
    uint64_t start, end, categories;
};
struct scan_arg {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)
enum {
    SCAN_FILE = 1 << 2,
    SCAN_PRESENT = 1 << 3,
    SCAN_SWAPPED = 1 << 4,
    SCAN_PFNZERO = 1 << 5,
    SCAN_HUGE = 1 << 6,
    SCAN_GUARD = 1 << 8, /* since 6.16; guard pages made by madvise (6.13) look as if swapped */
};
#define SCAN_BATCH 4096

/* `*done` is the end of what was taken: after a full batch the kernel may begin the next one with
 * pages it has told of already (seen on 6.18). */
static void take_scanned(const struct scan_region *v, uint64_t *done, struct residency *ret) {
    uint64_t start = v->start > *done ? v->start : *done;
    if (v->end <= start)
        return;
    *done = v->end;
    if (v->categories & (SCAN_PFNZERO | SCAN_GUARD))
        return; /* the shared zero page: mapped, but in nobody's RSS */
    if (v->categories & SCAN_PRESENT)
        residency_add(ret, start, v->end,
                      (v->categories & SCAN_FILE ? RESIDENT_FILE : 0) |
                          (v->categories & SCAN_HUGE ? RESIDENT_HUGE : 0));
    else if (v->categories & SCAN_SWAPPED)
        ret->swap_bytes += v->end - start;
}

static int scan_range(int fd, struct scan_arg *arg, uint64_t *done, struct residency *ret) {
    const struct scan_region *vec = (const struct scan_region *)(uintptr_t)arg->vec;
    while (arg->start < arg->end) {
        int n = ioctl(fd, SCAN_IOCTL, arg);
        if (n < 0)
            return -errno;
        for (int i = 0; i < n; i++)
            take_scanned(&vec[i], done, ret);
        if (arg->walk_end <= arg->start)
            return -EIO;
        arg->start = arg->walk_end;
    }
    return 0;
}

/* Chosen neighbours in one go: the holes between them cost nothing. */
static int scan_ioctl(int fd, const struct region_list *regions, pagemap_choice *chosen,
                      const void *choice, uint64_t more, struct residency *ret) {
    cleanup_free struct scan_region *vec = mem_alloc(SCAN_BATCH * sizeof *vec);
    const uint64_t limit = LIMIT_USER_ADDR - PAGE_BYTES; /* TASK_SIZE_MAX */
    struct scan_arg arg = {
        .size = sizeof arg,
        .end = chosen ? 0 : limit,
        .vec = (uintptr_t)vec,
        .vec_len = SCAN_BATCH,
        .category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
        .return_mask = SCAN_FILE | SCAN_PRESENT | SCAN_SWAPPED | SCAN_PFNZERO | SCAN_HUGE | more,
    };
    uint64_t done = 0;
    int r = scan_range(fd, &arg, &done, ret);
    for (size_t i = 0; chosen && r == 0 && i < regions->n; i++) {
        const struct region *first = &regions->at[i];
        while (i < regions->n && regions->at[i].end <= limit && chosen(choice, &regions->at[i]))
            arg.end = regions->at[i++].end;
        arg.start = first->start;
        r = scan_range(fd, &arg, &done, ret);
    }
    return r;
}

/* The table: Documentation/admin-guide/mm/pagemap.rst. */
#define ENTRY_PRESENT (1ull << 63)
#define ENTRY_SWAPPED (1ull << 62)
#define ENTRY_FILE (1ull << 61)
#define ENTRY_GUARD (1ull << 58) /* since 6.15 */

static int read_region(int fd, const struct region *r, uint64_t *buf, size_t cap,
                       struct residency *ret) {
    for (uint64_t at = r->start; at < r->end;) {
        size_t want = (r->end - at) / PAGE_BYTES;
        if (want > cap)
            want = cap;
        ssize_t got = pread(fd, buf, want * sizeof *buf, (off_t)(at / PAGE_BYTES * sizeof *buf));
        if (got < (ssize_t)sizeof *buf)
            return got < 0 ? -errno : -EIO;
        size_t n = (size_t)got / sizeof *buf;
        for (size_t i = 0; i < n; i++, at += PAGE_BYTES) {
            if (buf[i] & ENTRY_PRESENT)
                residency_add(ret, at, at + PAGE_BYTES, buf[i] & ENTRY_FILE ? RESIDENT_FILE : 0);
            else if (buf[i] & ENTRY_SWAPPED && !(buf[i] & ENTRY_GUARD))
                ret->swap_bytes += PAGE_BYTES;
        }
    }
    return 0;
}

static int read_table(int fd, const struct region_list *regions, pagemap_choice *chosen,
                      const void *choice, struct residency *ret) {
    enum { CAP = 1 << 15 };
    cleanup_free uint64_t *buf = mem_alloc(CAP * sizeof *buf);
    for (size_t i = 0; i < regions->n; i++) {
        const struct region *r = &regions->at[i];
        if (r->end > LIMIT_USER_ADDR || (r->kind == REGION_KERNEL && (r->prot & REGION_X) == 0))
            continue; /* [vsyscall]; [vvar] is a PFN mapping and not in RSS */
        if (chosen && !chosen(choice, r))
            continue;
        int err = read_region(fd, r, buf, CAP, ret);
        if (err < 0)
            return err;
    }
    return 0;
}

static int open_pagemap(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/pagemap", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

int pagemap_residency_of(pid_t pid, const struct region_list *regions, pagemap_choice *chosen,
                         const void *arg, struct residency *ret) {
    cleanup_close int fd = open_pagemap(pid);
    if (fd < 0)
        return fd;
    int r = scan_ioctl(fd, regions, chosen, arg, SCAN_GUARD, ret);
    if (r == -EINVAL) /* which the first call says */
        r = scan_ioctl(fd, regions, chosen, arg, 0, ret);
    if (r == -ENOTTY || r == -EINVAL)
        r = read_table(fd, regions, chosen, arg, ret);
    return r;
}

int pagemap_residency(pid_t pid, const struct region_list *regions, struct residency *ret) {
    return pagemap_residency_of(pid, regions, NULL, NULL, ret);
}

int pagemap_residency_by_table(pid_t pid, const struct region_list *regions,
                               struct residency *ret) {
    cleanup_close int fd = open_pagemap(pid);
    return fd < 0 ? fd : read_table(fd, regions, NULL, NULL, ret);
}
