#include "collect/redact.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/search.h"
#include "collect/unclaimed.h"
#include "malloc/malloc.h"
#include "uv/uv.h"
#include "v8/redact.h"
#include "v8/v8.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

enum { NEAR_SLOTS = 1024, NEAR_SHIFT = 16 };

struct range {
    uint64_t start, end;
};

struct redaction {
    struct image *img;
    struct v8_layout *layout; /* NULL: no V8 we can read */
    struct malloc_allocator allocator;
    struct uv_symbols uv;
    char *note;
    /* Of the moment: */
    struct v8_redaction *v8; /* NULL: none */
    struct malloc_census malloc;
    VEC(struct range) kept;     /* sorted; may overlap */
    uint64_t widest;            /* of them */
    VEC(struct v8_store) texts; /* sorted */
    VEC(uint64_t) stacks;       /* where regions with a stack begin */
    uint64_t near[NEAR_SLOTS];  /* units of 64 KiB known to be mapped whole, + 1 */
    /* Of the piece in hand: */
    uint8_t *copy, *bytes;
    size_t copy_size;
    uint64_t addr;
};

/* --- what a word is --- */

static bool is_mapped(struct redaction *r, uint64_t addr) {
    uint64_t unit = addr >> NEAR_SHIFT;
    uint64_t *slot = &r->near[unit % NEAR_SLOTS];
    if (addr < PAGE_BYTES || addr >= LIMIT_USER_ADDR)
        return false;
    if (*slot == unit + 1)
        return true;
    const struct region *g = region_find(image_regions(r->img), addr);
    if (g && g->start <= unit << NEAR_SHIFT && g->end >= (unit + 1) << NEAR_SHIFT)
        *slot = unit + 1;
    return g != NULL;
}

/* The end of a mapping is pointed to as well: by whoever fills it. */
static bool is_pointer(struct redaction *r, uint64_t word) {
    return is_mapped(r, word) || is_mapped(r, word - 1);
}

/* Marks of frames, numbers of arguments, offsets into bytecode (a Smi), and -1. */
static bool is_small(uint64_t word) {
    enum { PLAIN = 1024, SMI = 1 << 20 };
    return word < PLAIN || word >= -(uint64_t)PLAIN || ((uint32_t)word == 0 && word >> 32 < SMI);
}

/* --- memory that is not V8's heap --- */

static void blank_words(struct redaction *r, uint8_t *p, size_t n, bool stack) {
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint64_t word = u64_at(p, i);
        if (word && !is_pointer(r, word) && !(stack && is_small(word)))
            memset(p + i, 0, 8);
    }
}

/* The file behind a mapping of a module: what stands in it is no secret of the process. */
static const uint8_t *file_bytes(const struct redaction *r, const struct region *g,
                                 size_t *ret_len) {
    size_t n;
    struct elf_file *elf;
    const struct image_module *m = image_modules(r->img, &n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(m[i].path, g->name) && image_module_elf(r->img, i, &elf, NULL) == 0)
            return elf_file_bytes(elf, ret_len);
    return NULL;
}

static void blank_file(struct redaction *r, const struct region *g, uint64_t addr, uint8_t *p,
                       size_t n) {
    size_t len = 0;
    const uint8_t *file = file_bytes(r, g, &len);
    uint64_t offset = g->offset + (addr - g->start);
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint64_t word = u64_at(p, i);
        bool same = file && offset + i + 8 <= len && word == u64_at(file, offset + i);
        if (word && !same && !is_pointer(r, word))
            memset(p + i, 0, 8);
    }
}

static bool is_elf_header(const struct region *g, uint64_t addr, const uint8_t *p, size_t n) {
    return addr == g->start && g->offset == 0 && n >= SELFMAG && !memcmp(p, ELFMAG, SELFMAG);
}

static bool has_stack(const struct redaction *r, const struct region *g) {
    for (size_t i = 0; i < r->stacks.n; i++)
        if (r->stacks.at[i] == g->start)
            return true;
    return g->kind == REGION_STACK;
}

static void restore(void *arg, uint64_t start, uint64_t end) {
    struct redaction *r = arg;
    memcpy(r->bytes + (start - r->addr), r->copy + (start - r->addr), end - start);
}

/* The first that may reach `addr`. */
static size_t first_kept(const struct redaction *r, uint64_t addr) {
    uint64_t from = addr > r->widest ? addr - r->widest : 0;
    return first_where(r->kept.n, i, r->kept.at[i].start >= from);
}

static void restore_kept(struct redaction *r, uint64_t start, uint64_t end) {
    for (size_t i = first_kept(r, start); i < r->kept.n && r->kept.at[i].start < end; i++) {
        const struct range *k = &r->kept.at[i];
        uint64_t a = k->start > start ? k->start : start, b = k->end < end ? k->end : end;
        if (a < b)
            restore(r, a, b);
    }
    malloc_each_kept(r->img, &r->malloc, start, end, restore, r);
}

/* Strings outside the heap are sources, mostly: their lines are counted. Such a string may be dead
 * and its memory used for other things, so pointers stay as everywhere. */
static void blank_texts(struct redaction *r, uint64_t start, uint64_t end) {
    for (size_t i = 0; i < r->texts.n && r->texts.at[i].addr < end; i++) {
        const struct v8_store *s = &r->texts.at[i];
        uint64_t a = s->addr > start ? s->addr : start;
        uint64_t b = s->bytes < end - s->addr ? s->addr + s->bytes : end;
        if (a >= b)
            continue;
        cleanup_free uint8_t *text = mem_alloc(b - a);
        memcpy(text, r->copy + (a - start), b - a);
        v8_blank_text(text, b - a, s->two_byte);
        for (uint64_t at = a; at < b; at++)
            if (!is_pointer(r, u64_at(r->copy, (at - start) & ~7ull)))
                r->bytes[at - start] = text[at - a];
    }
}

/* By which unclaimed memory is told to be Abseil's. */
static void restore_abseil(struct redaction *r, uint64_t addr, size_t len) {
    for (size_t i = 0; i + 16 <= len; i += 8) {
        uint64_t head[2] = {u64_at(r->copy, i), u64_at(r->copy, i + 8)};
        if (head[1] && unclaimed_is_abseil(head, addr + i))
            restore(r, addr + i, addr + i + sizeof head);
    }
}

/* Pairs of {entry point, code}; of the second word nothing shows that it is an address. */
static void restore_entries(struct redaction *r, uint64_t addr, size_t len) {
    for (size_t i = 0; r->v8 && i + 16 <= len; i += 16)
        if (v8_redaction_is_entry(r->v8, u64_at(r->copy, i + 8)) &&
            is_pointer(r, u64_at(r->copy, i)))
            restore(r, addr + i + 8, addr + i + 16);
}

static void filter_plain(struct redaction *r, uint64_t addr, uint8_t *bytes, size_t len) {
    const struct region *g = region_find(image_regions(r->img), addr);
    if (g && g->kind == REGION_KERNEL)
        return; /* [vdso]: the kernel's own */
    if (r->copy_size < len) {
        free(r->copy);
        r->copy = mem_alloc(len);
        r->copy_size = len;
    }
    memcpy(r->copy, bytes, len);
    r->bytes = bytes;
    r->addr = addr;
    size_t skip = 0;
    if (g && g->kind == REGION_FILE && is_elf_header(g, addr, bytes, len))
        skip = PAGE_BYTES < len ? PAGE_BYTES : len;
    if (g && g->kind == REGION_FILE)
        blank_file(r, g, addr + skip, bytes + skip, len - skip);
    else
        blank_words(r, bytes, len, g && has_stack(r, g));
    blank_texts(r, addr, addr + len);
    if (g && g->kind == REGION_ANON) {
        restore_abseil(r, addr, len);
        restore_entries(r, addr, len);
    }
    restore_kept(r, addr, addr + len);
}

static void filter(void *arg, uint64_t addr, uint8_t *bytes, size_t len) {
    struct redaction *r = arg;
    while (len) {
        uint64_t start, end;
        size_t part = len;
        bool paged = r->v8 && v8_redaction_page(r->v8, addr, &start, &end);
        if (paged && start <= addr) {
            part = end - addr < len ? end - addr : len;
            v8_redact(r->v8, addr, bytes, part);
        } else {
            if (paged && start - addr < len)
                part = start - addr;
            filter_plain(r, addr, bytes, part);
        }
        addr += part;
        bytes += part;
        len -= part;
    }
}

static void words(void *arg, uint64_t *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!is_pointer(arg, words[i]) && !is_small(words[i]))
            words[i] = 0;
}

/* --- the moment --- */

static void forget(struct redaction *r) {
    v8_redaction_free(r->v8);
    r->v8 = NULL;
    malloc_census_done(&r->malloc);
    r->malloc = (struct malloc_census){0};
    r->kept.n = r->texts.n = r->stacks.n = 0;
    memset(r->near, 0, sizeof r->near);
}

static void keep(void *arg, uint64_t start, uint64_t end) {
    struct redaction *r = arg;
    vec_push(&r->kept, (struct range){start, end});
    if (end - start > r->widest)
        r->widest = end - start;
}

static int by_start(const void *a, const void *b) {
    const struct range *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static int by_address(const void *a, const void *b) {
    const struct v8_store *x = a, *y = b;
    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int take_v8(struct redaction *r, bool last) {
    size_t n;
    if (!r->layout)
        return 0;
    int rc = v8_redaction_new(r->img, r->layout,
                              last ? V8_ACCEPT_COLLECTION | V8_ACCEPT_UNWALKED : 0, &r->v8);
    if (rc < 0)
        return rc == -ENODATA ? 0 : -EAGAIN;
    v8_redaction_kept(r->v8, keep, r);
    const struct v8_store *s = v8_redaction_stores(r->v8, &n);
    for (size_t i = 0; i < n; i++)
        if (s[i].kind == V8_STORE_STRING)
            vec_push(&r->texts, s[i]);
    vec_sort(&r->texts, by_address);
    return 0;
}

static void take_malloc(struct redaction *r) {
    VEC(struct malloc_range) skip = {0};
    uint64_t start, end;
    for (uint64_t at = 0; r->v8 && v8_redaction_page(r->v8, at, &start, &end); at = end)
        vec_push(&skip, (struct malloc_range){start, end});
    struct malloc_hints hints = {.skip = skip.at, .n_skip = skip.n, .allocator = &r->allocator};
    malloc_census_take(r->img, &hints, &r->malloc, NULL);
    vec_free(&skip);
}

static void take_handles(struct redaction *r) {
    struct uv_census c;
    uv_census_take(r->img, &r->uv, &c);
    uv_each_kept(&c, keep, r);
    uv_census_done(&c);
}

static int look(void *arg, struct image *img, bool last, struct err *e) {
    struct redaction *r = arg;
    size_t n;
    (void)e;
    forget(r);
    int rc = take_v8(r, last);
    if (rc < 0)
        return rc;
    take_malloc(r);
    take_handles(r);
    const struct image_thread *t = image_threads(img, &n);
    for (size_t i = 0; i < n; i++) {
        const struct region *g =
            t[i].has_regs ? region_find(image_regions(img), t[i].regs[IMAGE_RSP]) : NULL;
        if (g)
            vec_push(&r->stacks, g->start);
    }
    vec_sort(&r->kept, by_start);
    return 0;
}

struct capture_hooks redaction_hooks(struct redaction *r) {
    return (struct capture_hooks){.arg = r, .look = look, .filter = filter, .words = words};
}

/* --- before and after it --- */

struct redaction *redaction_new(struct image *img) {
    struct redaction *r = mem_zalloc(sizeof *r);
    struct err why = {0};
    r->img = img;
    int rc = v8_layout_open(img, &r->layout, &why);
    if (rc < 0 && rc != -ENODATA)
        r->note = mem_printf("V8's heap is blanked word by word and cannot be walked in this file: "
                             "%s",
                             why.what);
    if (r->layout && !r->layout->explained) {
        v8_layout_free(r->layout);
        r->layout = NULL;
    }
    malloc_recognise(img, &r->allocator);
    uv_symbols_find(img, &r->uv);
    size_t n;
    struct elf_file *elf;
    image_modules(img, &n);
    for (size_t i = 0; i < n; i++) /* so that the process need not wait for them */
        image_module_elf(img, i, &elf, NULL);
    return r;
}

void redaction_free(struct redaction *r) {
    if (!r)
        return;
    forget(r);
    vec_free(&r->kept);
    vec_free(&r->texts);
    vec_free(&r->stacks);
    v8_layout_free(r->layout);
    free(r->copy);
    free(r->note);
    free(r);
}

const char *redaction_note(const struct redaction *r) {
    return r->note;
}

void redact_arguments(char *text, size_t len) {
    for (size_t i = strnlen(text, len); i < len; i++)
        if (text[i])
            text[i] = 'x';
}
