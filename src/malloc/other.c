/* Allocators that are not glibc's: recognised, named, and owned as far as their mappings can be
 * told from others'. A new one is a row of `known`. */
#include "base/limits.h"
#include "image/elf_file.h"
#include "malloc/glibc.h"
#include "malloc/tally.h"
#include <stdio.h>
#include <string.h>

struct known {
    enum malloc_kind kind;
    const char *file;       /* how its library's file name begins; NULL: only by symbol */
    const char *symbols[2]; /* either, in a module that also defines malloc, is proof */
    const char *mappings;   /* "[anon:...]" names its mappings carry in some builds */
    bool uses_brk;          /* [heap] is its own */
    const struct tally_release *(*walk)(struct tally *t); /* NULL: its structures are not known */
};

/* jemalloc 5.x: jemalloc.h.in, pages.c (JEMALLOC_PAGEID). gperftools 2.x: malloc_extension_c.h,
 * tcmalloc.h; google/tcmalloc: system-alloc.cc. mimalloc 1.x, 2.x: mimalloc.h. */
static const struct known known[] = {
    {MALLOC_JEMALLOC,
     "libjemalloc",
     {"mallctl", "malloc_stats_print"},
     "[anon:jemalloc",
     false,
     jemalloc_walk},
    {MALLOC_TCMALLOC,
     "libtcmalloc",
     {"tc_version", "MallocExtension_GetStats"},
     "[anon:tcmalloc",
     true,
     tcmalloc_walk},
    {MALLOC_MIMALLOC,
     "libmimalloc",
     {"mi_version", "mi_process_info"},
     "[anon:mimalloc",
     false,
     mimalloc_walk},
    {MALLOC_MUSL, "ld-musl", {NULL, NULL}, NULL, true, musl_walk},
    {MALLOC_MUSL, "libc.musl", {NULL, NULL}, NULL, true, musl_walk},
};
enum { KNOWN = sizeof known / sizeof *known };

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_glibc(const char *path) {
    const char *name = file_name(path);
    return !strncmp(name, "libc.so.6", 9) || !strncmp(name, "libc-2.", 7);
}

void malloc_recognise_paths(const struct image *img, struct malloc_allocator *ret) {
    size_t n;
    const struct image_module *m = image_modules(img, &n);
    *ret = (struct malloc_allocator){.kind = n ? MALLOC_UNKNOWN : MALLOC_NONE};
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < KNOWN; k++)
            if (known[k].file &&
                !strncmp(file_name(m[i].path), known[k].file, strlen(known[k].file))) {
                ret->kind = known[k].kind;
                snprintf(ret->how, sizeof ret->how, "%.180s is mapped", m[i].path);
                return;
            }
        if (is_glibc(m[i].path)) {
            ret->kind = MALLOC_GLIBC;
            snprintf(ret->how, sizeof ret->how, "%.180s is mapped", m[i].path);
        }
    }
}

/* "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36." stands in every libc.so.6. */
static void read_glibc_version(struct elf_file *f, char version[24]) {
    static const char mark[] = "release version ", name[] = "GNU C Library";
    size_t len, n = 0;
    const char *bytes = elf_file_bytes(f, &len);
    const char *at = bytes ? memmem(bytes, len, name, sizeof name - 1) : NULL;
    if (!at)
        return;
    len -= (size_t)(at - bytes);
    at = memmem(at, len < 512 ? len : 512, mark, sizeof mark - 1);
    if (!at)
        return;
    at += sizeof mark - 1;
    while (n < 23 && ((at[n] >= '0' && at[n] <= '9') ||
                      (at[n] == '.' && at[n + 1] >= '0' && at[n + 1] <= '9')))
        n++;
    memcpy(version, at, n);
    version[n] = 0;
}

static bool recognise_symbols(struct elf_file *f, const char *path, struct malloc_allocator *ret) {
    struct elf_symbol s;
    if (elf_file_symbol(f, "malloc", &s) < 0 || !s.value)
        return false;
    for (size_t k = 0; k < KNOWN; k++)
        for (size_t j = 0; j < 2; j++)
            if (known[k].symbols[j] && elf_file_symbol(f, known[k].symbols[j], &s) == 0 &&
                s.value) {
                ret->kind = known[k].kind;
                snprintf(ret->how, sizeof ret->how, "%.120s defines malloc and %s", path,
                         known[k].symbols[j]);
                return true;
            }
    return false;
}

void malloc_recognise(struct image *img, struct malloc_allocator *ret) {
    size_t n;
    const struct image_module *m = image_modules(img, &n);
    malloc_recognise_paths(img, ret);
    if (ret->kind != MALLOC_GLIBC && ret->kind != MALLOC_UNKNOWN)
        return;
    for (size_t i = 0; i < n; i++) {
        struct elf_file *f;
        if (image_module_elf(img, i, &f, NULL) < 0)
            continue;
        if (is_glibc(m[i].path))
            read_glibc_version(f, ret->glibc_version);
        else if (recognise_symbols(f, m[i].path, ret))
            return;
    }
}

/* What is its own by where it lies, whole. */
static void own_mappings(struct tally *t, const struct known *k) {
    const struct region_list *l = image_regions(t->img);
    for (size_t i = 0; i < l->n; i++) {
        const struct region *r = &l->at[i];
        if ((r->kind == REGION_HEAP && k->uses_brk) ||
            (r->kind == REGION_ANON && k->mappings &&
             !strncmp(r->name, k->mappings, strlen(k->mappings))))
            tally_span(t, r->start, r->end);
    }
}

static void note_unwalked(const struct known *k, struct malloc_census *c) {
    snprintf(c->note, sizeof c->note,
             "%s is recognised but not walked%s: what it holds free is not known, and which "
             "mappings without a name are its own only by exclusion.",
             malloc_kind_name(c->kind),
             k->walk ? ", as its structures are not those of a release memwhy knows" : "");
}

static void note_walked(const struct tally *t, const struct tally_release *release,
                        struct malloc_census *c) {
    size_t n = strlen(c->how);
    c->own_walked = true;
    c->own_release = release->name;
    c->own_give_back = release->give_back;
    snprintf(c->how + n, sizeof c->how - n, "; laid out as in %s", release->name);
    if (t->broken)
        snprintf(c->note, sizeof c->note,
                 "%llu structure%s of %s made no sense, the first at 0x%llx: what they describe is "
                 "counted as unwalked.",
                 (unsigned long long)c->coverage.walk_errors,
                 c->coverage.walk_errors == 1 ? "" : "s", malloc_kind_name(c->kind),
                 (unsigned long long)t->broken);
}

static const struct known *known_of(enum malloc_kind kind) {
    for (size_t k = 0; k < KNOWN; k++)
        if (known[k].kind == kind)
            return &known[k];
    return NULL;
}

static void note_unknown(struct malloc_census *c) {
    snprintf(c->note, sizeof c->note, "%s",
             c->kind == MALLOC_NONE ? "No C library is mapped."
                                    : "The allocator is not one memwhy knows; its memory is among "
                                      "the unnamed anonymous mappings.");
}

/* Of no name that is known it may be musl, linked statically or a libc.so: certain when found. */
static void unknown_census(struct tally *t) {
    const struct tally_release *release = t->c->kind == MALLOC_UNKNOWN ? musl_walk(t) : NULL;
    if (!release) {
        note_unknown(t->c);
        return;
    }
    t->c->kind = MALLOC_MUSL;
    snprintf(t->c->how, sizeof t->c->how, "its context is among the data of a module");
    note_walked(t, release, t->c);
}

static void known_census(struct tally *t, const struct known *k) {
    const struct tally_release *release = k->walk ? k->walk(t) : NULL;
    if (release) {
        note_walked(t, release, t->c);
        return;
    }
    own_mappings(t, k);
    note_unwalked(k, t->c);
}

void malloc_other_census(const struct image *img, struct malloc_census *ret) {
    const struct known *k = known_of(ret->kind);
    struct tally t;
    tally_init(&t, img, ret);
    if (k)
        known_census(&t, k);
    else
        unknown_census(&t);
    tally_done(&t);
}
