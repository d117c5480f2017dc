/* What a core left out and a file of this host holds: text and constants of the binary and the
 * libraries. A file is used only if its build id is the one of the header the core does hold, and
 * only for mappings that could not have been written to. */
#include "base/fmt.h"
#include "base/limits.h"
#include "base/search.h"
#include "image/core.h"
#include "image/module.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_NAMED = 3 }; /* files named in the notes; the rest is counted */

static const char *sysroot(void) {
    const char *s = getenv("MEMWHY_SYSROOT");
    return s && s[0] ? s : NULL;
}

/* Symbolic links of a foreign tree must stay in it. */
static int open_in_sysroot(const char *root, const char *path) {
    cleanup_close int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd < 0 && errno == ENOSYS)
        fd = openat(dir, path + strspn(path, "/"), O_PATH | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* The name comes from the core: nothing but a regular file is really opened, for opening a device
 * or a pipe can do things. */
int core_open_host_file(const char *path) {
    if (path[0] != '/')
        return -ENOENT;
    int named = sysroot() ? open_in_sysroot(sysroot(), path) : open(path, O_PATH | O_CLOEXEC);
    cleanup_close int fd = named < 0 && !sysroot() ? -1 : named;
    if (fd < 0)
        return sysroot() ? named : -errno;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EBADMSG;
    char again[64];
    snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
    int r = open(again, O_RDONLY | O_CLOEXEC);
    return r < 0 ? -errno : r;
}

struct host_file {
    const char *path;
    uint64_t start, end, bias;
    struct elf_file *elf; /* NULL: not to be used, for the reason in `why` */
    uint64_t missing;
    char why[sizeof((struct err *)0)->what];
};

struct host {
    struct core *c;
    VEC(struct host_file) files; /* one per module, in its order */
    struct host_file *exe;
    VEC(struct core_extent) more;
    uint64_t unnamed_missing; /* of files that are no modules, and shared memory */
    uint64_t untouched;       /* writable anonymous memory without content */
};

static struct host_file look_up(struct core *c, size_t module) {
    const struct image_module *m = &c->img.modules.at[module];
    struct host_file f = {.path = m->path, .start = m->start, .end = m->end};
    char id[2 * BUILD_ID_MAX + 1];
    struct err e = {0};
    if (module_build_id(&c->img, m, id) < 0) {
        snprintf(f.why, sizeof f.why,
                 "the core does not hold its ELF header, so the file cannot be checked "
                 "(coredump_filter bit 4)");
    } else if (image_module_elf(&c->img, module, &f.elf, &e) < 0) {
        snprintf(f.why, sizeof f.why, "%s", e.what);
    } else if (!elf_file_build_id(f.elf)[0]) {
        snprintf(f.why, sizeof f.why, "%s on this host has no build id", m->path);
        f.elf = NULL;
    }
    f.bias = c->img.modules.at[module].bias;
    return f;
}

/* The module a region belongs to: by place, or, for the builtins that V8 maps a second time, the
 * binary by its name. */
static struct host_file *file_of(struct host *h, const struct region *r) {
    size_t lo = first_where(h->files.n, i, h->files.at[i].end > r->start);
    struct host_file *f = lo < h->files.n ? &h->files.at[lo] : NULL;
    if (f && f->start <= r->start && !strcmp(f->path, r->name))
        return f;
    return h->exe && !strcmp(h->exe->path, r->name) ? h->exe : NULL;
}

/* What the file says of the segment behind a region; 0 if none. The dynamic linker writes to
 * segments it later makes read-only (relro): those say PF_W. */
static uint32_t segment_flags(const struct host_file *f, const struct region *r) {
    uint64_t vaddr = r->start - f->bias;
    bool in_place = r->start >= f->start && r->end <= f->end;
    if (!in_place && elf_file_vaddr_of_offset(f->elf, r->offset, &vaddr) < 0)
        return 0;
    return elf_file_segment_flags(f->elf, vaddr);
}

static bool is_covered_by_load(const struct core *c, const struct region *r) {
    size_t lo = first_where(c->loads.n, i, c->loads.at[i].end > r->start);
    return lo < c->loads.n && c->loads.at[lo].start <= r->start;
}

static void add_gap(struct host *h, struct host_file *f, const struct region *r, uint64_t start,
                    uint64_t end) {
    size_t len;
    const uint8_t *bytes = f && f->elf ? elf_file_bytes(f->elf, &len) : NULL;
    uint64_t offset;
    if (bytes && !__builtin_add_overflow(r->offset, start - r->start, &offset) && offset < len) {
        uint64_t have = len - offset < end - start ? len - offset : end - start;
        vec_push(&h->more, (struct core_extent){start, start + have, bytes + offset, true});
        start += have;
        if (end - start < PAGE_BYTES)
            return; /* behind the end of the file; nothing of it is there */
    }
    if (f)
        f->missing += end - start;
    else
        h->unnamed_missing += end - start;
}

/* Where the core holds nothing of the region. */
static uint64_t each_gap(struct host *h, struct host_file *f, const struct region *r, bool fill) {
    const struct core *c = h->c;
    uint64_t at = r->start, sum = 0;
    for (size_t i = core_extent_lower_bound(c, at); at < r->end; i++) {
        bool last = i >= c->extents.n || c->extents.at[i].start >= r->end;
        uint64_t until = last ? r->end : c->extents.at[i].start;
        if (until > at) {
            sum += until - at;
            if (fill)
                add_gap(h, f, r, at, until);
        }
        if (last)
            break;
        at = c->extents.at[i].end;
    }
    return sum;
}

static void look_at(struct host *h, struct region *r) {
    bool own = r->kind == REGION_ANON || r->kind == REGION_HEAP || r->kind == REGION_STACK;
    if (own && (r->prot & REGION_W)) {
        h->untouched += each_gap(h, NULL, r, false);
        return;
    }
    if (r->kind != REGION_FILE && r->kind != REGION_SHMEM)
        return;
    struct host_file *f = file_of(h, r);
    uint32_t flags = f && f->elf ? segment_flags(f, r) : 0;
    if (flags && !is_covered_by_load(h->c, r))
        r->prot = (uint8_t)((flags & PF_R ? REGION_R : 0) | (flags & PF_W ? REGION_W : 0) |
                            (flags & PF_X ? REGION_X : 0));
    bool unwritten = flags && !(flags & PF_W) && !(r->prot & REGION_W);
    if (unwritten)
        each_gap(h, f, r, true);
    else if (f)
        f->missing += each_gap(h, f, r, false);
    else
        h->unnamed_missing += each_gap(h, NULL, r, false);
}

static void say(struct host *h) {
    char n[FMT_MAX];
    struct image *img = &h->c->img;
    uint64_t used = 0, others = 0, other_files = 0;
    for (size_t i = 0; i < h->more.n; i++)
        used += h->more.at[i].end - h->more.at[i].start;
    if (used)
        image_note(img,
                   "%s of program text and constants are not in the core and are read from files "
                   "of this host with the same build id",
                   fmt_bytes(n, used));
    for (size_t i = 0, named = 0; i < h->files.n; i++) {
        const struct host_file *f = &h->files.at[i];
        if (!f->missing)
            continue;
        if (named++ < MAX_NAMED) {
            image_note(img, "%s of %s are not in the core%s%s", fmt_bytes(n, f->missing), f->path,
                       f->why[0] ? ": " : "", f->why);
        } else {
            other_files++;
            others += f->missing;
        }
    }
    if (other_files)
        image_note(img, "%s of %llu more programs and libraries are not in the core",
                   fmt_bytes(n, others), (unsigned long long)other_files);
    if (h->unnamed_missing)
        image_note(img, "%s of other mapped files and shared memory are not in the core",
                   fmt_bytes(n, h->unnamed_missing));
    if (h->untouched)
        image_note(img,
                   "%s of writable anonymous memory are not in the core: never touched, or left "
                   "out (coredump_filter, MADV_DONTDUMP)",
                   fmt_bytes(n, h->untouched));
}

void core_use_host_files(struct core *c) {
    struct host h = {.c = c};
    for (size_t i = 0; i < c->img.modules.n; i++)
        vec_push(&h.files, look_up(c, i));
    for (size_t i = 0; i < h.files.n; i++)
        if (c->img.modules.at[i].is_exe && !h.exe)
            h.exe = &h.files.at[i];
    for (size_t i = 0; i < c->img.regions.n; i++)
        look_at(&h, &c->img.regions.at[i]);
    for (size_t i = 0; i < h.more.n; i++)
        vec_push(&c->extents, h.more.at[i]);
    core_sort_extents(c);
    say(&h);
    vec_free(&h.more);
    vec_free(&h.files);
}
