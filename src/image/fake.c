#include "image/fake.h"
#include "base/limits.h"
#include "image/backend.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct fake_segment {
    uint64_t addr;
    uint8_t *data;
    size_t len;
};

struct fake {
    struct image img;
    VEC(struct fake_segment) segments;
    atomic_ulong reads; /* since the fault was set; several threads may read */
    unsigned long fault_at;
};

/* As much as there is from `addr` on, over segments that touch. */
static size_t copy(const struct fake *f, uint64_t addr, uint8_t *buf, size_t len) {
    size_t done = 0;
    for (size_t i = 0; i < f->segments.n && done < len; i++) {
        const struct fake_segment *s = &f->segments.at[i];
        uint64_t at = addr + done;
        if (at < s->addr || at - s->addr >= s->len)
            continue;
        size_t part = s->len - (size_t)(at - s->addr);
        if (part > len - done)
            part = len - done;
        memcpy(buf + done, s->data + (at - s->addr), part);
        done += part;
    }
    return done;
}

static bool faults(const struct image *img) {
    struct fake *f = (struct fake *)img;
    return atomic_fetch_add(&f->reads, 1) + 1 == f->fault_at;
}

static size_t fake_read_prefix(const struct image *img, uint64_t addr, void *buf, size_t len) {
    return faults(img) ? 0 : copy((const struct fake *)img, addr, buf, len);
}

/* Into a copy first: a buffer is not touched by a read that fails. */
static int fake_read(const struct image *img, uint64_t addr, void *buf, size_t len) {
    if (faults(img))
        return -EFAULT;
    cleanup_free uint8_t *whole = mem_alloc(len);
    if (copy((const struct fake *)img, addr, whole, len) < len)
        return -EFAULT;
    memcpy(buf, whole, len);
    return 0;
}

static void fake_free(struct image *img) {
    struct fake *f = (struct fake *)img;
    for (size_t i = 0; i < f->segments.n; i++)
        free(f->segments.at[i].data);
    vec_free(&f->segments);
    free(f);
}

static const struct image_ops fake_ops = {
    .read = fake_read,
    .read_prefix = fake_read_prefix,
    .free = fake_free,
};

struct image *image_fake_new(void) {
    struct fake *f = mem_zalloc(sizeof *f);
    f->img.ops = &fake_ops;
    f->img.kind = IMAGE_FAKE;
    f->img.has_residency = true;
    return &f->img;
}

void image_fake_add(struct image *img, uint64_t addr, const void *data, size_t len,
                    enum region_kind kind, uint8_t prot, const char *name) {
    struct fake *f = (struct fake *)img;
    struct fake_segment s = {addr, mem_alloc(len), len};
    memcpy(s.data, data, len);
    vec_push(&f->segments, s);
    region_list_add(&img->regions, &(struct region){.start = addr,
                                                    .end = addr + len,
                                                    .kind = kind,
                                                    .prot = prot,
                                                    .name = name ? name : ""});
    uint64_t start = addr & ~(PAGE_BYTES - 1);
    uint64_t end = (addr + len + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    struct residency *r = &img->residency;
    if (r->n && start < r->at[r->n - 1].end)
        start = r->at[r->n - 1].end; /* two segments in one page */
    bool file = kind == REGION_FILE || kind == REGION_SHMEM;
    residency_add(r, start, end, file ? RESIDENT_FILE : 0);
}

void image_fake_add_thread(struct image *img, pid_t tid, const char *name,
                           const uint64_t regs[IMAGE_REGS]) {
    struct image_thread t = {.tid = tid, .has_regs = regs != NULL};
    snprintf(t.name, sizeof t.name, "%s", name);
    if (regs)
        memcpy(t.regs, regs, sizeof t.regs);
    vec_push(&img->threads, t);
}

void image_fake_fault_at(struct image *img, unsigned long n) {
    struct fake *f = (struct fake *)img;
    atomic_store(&f->reads, 0);
    f->fault_at = n;
}

unsigned long image_fake_reads(const struct image *img) {
    struct fake *f = (struct fake *)img;
    return atomic_load(&f->reads);
}
