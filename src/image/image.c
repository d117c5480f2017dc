#include "image/backend.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void image_free(struct image *img) {
    if (!img)
        return;
    image_release(img);
    for (size_t i = 0; i < img->modules.n; i++)
        if (img->elfs && img->elfs[i])
            elf_file_free(img->elfs[i]);
    free(img->elfs);
    vec_free(&img->modules);
    vec_free(&img->threads);
    vec_free(&img->left_out);
    region_list_done(&img->regions);
    residency_done(&img->residency);
    for (size_t i = 0; i < img->notes.n; i++)
        free(img->notes.at[i]);
    vec_free(&img->notes);
    free(img->exe);
    img->ops->free(img);
}

void image_note(struct image *img, const char *fmt, ...) {
    char *s = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n >= 0)
        vec_push(&img->notes, s);
}

int image_stop(struct image *img, struct err *e) {
    return img->ops->stop ? img->ops->stop(img, e) : 0;
}

int image_freeze(struct image *img, const struct image_freeze_how *how, struct err *e) {
    return img->ops->freeze ? img->ops->freeze(img, how, e) : image_stop(img, e);
}

void image_release(struct image *img) {
    if (img->ops->release)
        img->ops->release(img);
}

int image_check_alive(const struct image *img, struct err *e) {
    return img->ops->check_alive ? img->ops->check_alive(img, e) : 0;
}

int image_read(const struct image *img, uint64_t addr, void *buf, size_t len) {
    if (len == 0)
        return 0;
    if (addr + len < addr)
        return -EFAULT;
    return img->ops->read(img, addr, buf, len);
}

size_t image_read_prefix(const struct image *img, uint64_t addr, void *buf, size_t len) {
    if (addr + len < addr)
        len = (size_t)(UINT64_MAX - addr);
    return len ? img->ops->read_prefix(img, addr, buf, len) : 0;
}

int image_read_u64(const struct image *img, uint64_t addr, uint64_t *ret) {
    return image_read(img, addr, ret, sizeof *ret);
}

int image_read_string(const struct image *img, uint64_t addr, char *buf, size_t size) {
    size_t got = image_read_prefix(img, addr, buf, size);
    if (!got)
        return -EFAULT;
    return memchr(buf, 0, got) ? 0 : -EBADMSG;
}

int image_read_parts(const struct image *img, const struct image_part *parts, size_t n) {
    if (img->ops->read_parts)
        return img->ops->read_parts(img, parts, n);
    for (size_t i = 0; i < n; i++) {
        int r = image_read(img, parts[i].addr, parts[i].buf, parts[i].len);
        if (r < 0)
            return r;
    }
    return 0;
}

enum image_kind image_kind(const struct image *img) {
    return img->kind;
}
pid_t image_pid(const struct image *img) {
    return img->pid;
}
const char *image_exe(const struct image *img) {
    return img->exe ? img->exe : "";
}
size_t image_has(const struct image *img, uint64_t addr, size_t len) {
    for (size_t i = 0; i < img->left_out.n; i++) {
        const struct image_range *r = &img->left_out.at[i];
        if (addr < r->end && r->start < addr + len)
            return addr < r->start ? r->start - addr : 0;
    }
    return len;
}
bool image_missed_left_out(const struct image *img) {
    return img->missed_left_out;
}
uint64_t image_pause_ns(const struct image *img) {
    return img->pause_ns;
}
const struct image_freeze_cost *image_freeze_cost(const struct image *img) {
    return &img->freeze_cost;
}
const struct region_list *image_regions(const struct image *img) {
    return &img->regions;
}
const struct image_thread *image_threads(const struct image *img, size_t *ret_n) {
    *ret_n = img->threads.n;
    return img->threads.at;
}
const struct image_module *image_modules(const struct image *img, size_t *ret_n) {
    *ret_n = img->modules.n;
    return img->modules.at;
}
const struct residency *image_residency(const struct image *img) {
    return img->has_residency ? &img->residency : NULL;
}
uint64_t image_kernel_rss(const struct image *img) {
    return img->kernel_rss;
}
const char *const *image_notes(const struct image *img, size_t *ret_n) {
    *ret_n = img->notes.n;
    return (const char *const *)img->notes.at;
}
