#include "v8/flags.h"

#include "base/limits.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* struct Flag: these words, then bytes that differ between versions. 48 bytes in all up to V8 8, 56
 * from 9 on (src/flags/flags.cc, flags-impl.h). */
enum { W_TYPE, W_NAME, W_VALUE, W_DEFAULT, W_COMMENT, WORDS };
static const size_t strides[] = {56, 48, 64};

enum { NAME_MAX_CHARS = 128, COMMENT_MAX_CHARS = 4096, ENTRIES_MIN = 64 };

struct table {
    const struct image *img;
    const struct v8_layout *l;
    uint64_t addr; /* of the first entry, in the process */
    size_t stride, n;
    uint8_t *bytes;
};

struct entry {
    enum flag_kind kind;
    const char *name;          /* of the ELF file */
    uint64_t value, otherwise; /* addresses in the process */
};

/* Letters, digits, dashes; nothing else is a flag's name. */
static bool is_name(const char *s) {
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 1 && n < NAME_MAX_CHARS && s[n] == '\0';
}

static bool parse_entry(const struct table *t, const uint8_t *at, struct entry *ret) {
    uint64_t w[WORDS];
    uint32_t type;
    memcpy(w, at, sizeof w);
    memcpy(&type, at, sizeof type); /* behind it is padding */
    const char *name = elf_file_string(t->l->elf, w[W_NAME] - t->l->bias, NAME_MAX_CHARS);
    if (type >= FLAG_KINDS || !name || !is_name(name) || !w[W_DEFAULT] ||
        !elf_file_string(t->l->elf, w[W_COMMENT] - t->l->bias, COMMENT_MAX_CHARS))
        return false;
    /* One that this build fixed has no variable, only the default. */
    *ret = (struct entry){(enum flag_kind)type, name, w[W_VALUE] ? w[W_VALUE] : w[W_DEFAULT],
                          w[W_DEFAULT]};
    return true;
}

static bool entry_at(const struct table *t, size_t i, struct entry *ret) {
    return parse_entry(t, t->bytes + i * t->stride, ret);
}

static bool all_parse(struct table *t, size_t len) {
    for (size_t s = 0; s < sizeof strides / sizeof *strides; s++) {
        struct entry e;
        size_t good = 0;
        t->stride = strides[s];
        t->n = len / t->stride;
        while (good < t->n && entry_at(t, good, &e))
            good++;
        if (good == t->n && good >= ENTRIES_MIN)
            return true;
    }
    return false;
}

static int table_by_symbol(struct table *t) {
    static const char *const names[] = {"_ZN2v88internal5flagsE",
                                        "_ZN2v88internal12_GLOBAL__N_15flagsE"};
    struct elf_symbol sym;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (elf_file_symbol(t->l->elf, names[i], &sym) < 0 || sym.size > LIMIT_V8_FLAGS_BYTES)
            continue;
        t->addr = sym.value + t->l->bias;
        t->bytes = mem_alloc(sym.size);
        if (image_read(t->img, t->addr, t->bytes, sym.size) == 0 && all_parse(t, sym.size))
            return 0;
        free(t->bytes);
        t->bytes = NULL;
    }
    return -ENODATA;
}

/* The entries around the one at `at` of the n bytes of a region. */
static int grow_table(struct table *t, const uint8_t *bytes, size_t n, size_t at, uint64_t addr) {
    for (size_t s = 0; s < sizeof strides / sizeof *strides; s++) {
        size_t step = strides[s], from = at, to = at;
        struct entry e;
        while (from >= step && parse_entry(t, bytes + from - step, &e))
            from -= step;
        while (to + step <= n && parse_entry(t, bytes + to, &e))
            to += step;
        if ((to - from) / step < ENTRIES_MIN)
            continue;
        t->stride = step;
        t->n = (to - from) / step;
        t->addr = addr + from;
        t->bytes = mem_alloc(to - from);
        memcpy(t->bytes, bytes + from, to - from);
        return 0;
    }
    return -ENODATA;
}

/* Every place in the binary's writable memory that points to a name. */
static int search_region(struct table *t, const struct region *r, uint64_t name) {
    size_t len = r->end - r->start;
    if (len > LIMIT_SEARCH_BYTES)
        return -ENODATA;
    cleanup_free uint8_t *bytes = mem_alloc(len);
    len = image_read_prefix(t->img, r->start, bytes, len);
    for (size_t i = 8; i + sizeof(uint64_t[WORDS]) <= len; i += 8) {
        uint64_t w;
        struct entry e;
        memcpy(&w, bytes + i, 8);
        if (w == name && parse_entry(t, bytes + i - 8, &e) &&
            grow_table(t, bytes, len, i - 8, r->start) == 0)
            return 0;
    }
    return -ENODATA;
}

static int table_by_structure(struct table *t) {
    static const char *const names[] = {"max_old_space_size", "max-old-space-size"};
    const struct region_list *regions = image_regions(t->img);
    size_t len;
    const uint8_t *file = elf_file_bytes(t->l->elf, &len);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        size_t n = strlen(names[k]) + 1;
        for (const uint8_t *p = file; (p = memmem(p, len - (size_t)(p - file), names[k], n)); p++) {
            uint64_t name;
            if (elf_file_vaddr_of_offset(t->l->elf, (uint64_t)(p - file), &name) < 0)
                continue;
            uint64_t base = elf_file_base(t->l->elf) + t->l->bias;
            for (size_t i = region_lower_bound(regions, base); i < regions->n; i++) {
                const struct region *r = &regions->at[i];
                if (r->start > base + LIMIT_ELF_BYTES)
                    break;
                if (r->kind == REGION_FILE && !(r->prot & REGION_X) &&
                    search_region(t, r, name + t->l->bias) == 0)
                    return 0;
            }
        }
    }
    return -ENODATA;
}

static int table_open(const struct image *img, const struct v8_layout *l, struct table *ret) {
    *ret = (struct table){.img = img, .l = l};
    if (!l->elf)
        return -ENODATA;
    if (table_by_symbol(ret) == 0)
        return 0;
    return table_by_structure(ret);
}

/* --- values --- */

/* Both ways in which V8 wrote an optional bool, {has, value} up to 9 and std::optional's {value,
 * has} since, are zeroes for none and ones for true. */
static char *maybe_bool(const uint8_t *v) {
    return mem_strdup(v[0] && v[1] ? "true" : v[0] || v[1] ? "false" : "unset");
}

static char *string_text(const struct image *img, uint64_t addr) {
    char s[LIMIT_NAME];
    if (!addr)
        return mem_strdup("unset");
    return image_read_string(img, addr, s, sizeof s) == 0 ? mem_strdup(s) : NULL;
}

/* NULL when it cannot be read. */
static char *value_text(const struct image *img, enum flag_kind kind, uint64_t addr) {
    static const size_t sizes[FLAG_KINDS] = {1, 2, 4, 4, 8, 8, 8, 8};
    uint64_t bits = 0;
    double real;
    if (image_read(img, addr, &bits, sizes[kind]) < 0)
        return NULL;
    switch (kind) {
    case FLAG_BOOL:
        return mem_strdup(bits ? "true" : "false");
    case FLAG_MAYBE_BOOL:
        return maybe_bool((const uint8_t *)&bits);
    case FLAG_INT:
        return mem_printf("%d", (int)(int32_t)(uint32_t)bits);
    case FLAG_FLOAT:
        memcpy(&real, &bits, sizeof real);
        return mem_printf("%.10g", real);
    case FLAG_STRING:
        return string_text(img, bits);
    case FLAG_UINT:
    case FLAG_UINT64:
    case FLAG_SIZE_T:
    case FLAG_KINDS:
        break;
    }
    return mem_printf("%llu", (unsigned long long)bits);
}

static char *dashed(const char *name) {
    char *s = mem_strdup(name);
    for (char *c = s; *c; c++)
        if (*c == '_')
            *c = '-';
    return s;
}

int v8_flags_read(const struct image *img, const struct v8_layout *l, struct flag_list *ret) {
    struct table t;
    int r = table_open(img, l, &t);
    if (r < 0)
        return r;
    for (size_t i = 0; i < t.n; i++) {
        struct entry e;
        if (!entry_at(&t, i, &e))
            continue;
        struct flag f = {.name = dashed(e.name),
                         .kind = e.kind,
                         .value = value_text(img, e.kind, e.value),
                         .otherwise = value_text(img, e.kind, e.otherwise)};
        vec_push(&ret->list, f);
    }
    free(t.bytes);
    return 0;
}

int v8_flag_bool(const struct image *img, const struct v8_layout *l, const char *name, bool *ret) {
    struct table t;
    struct entry e;
    uint8_t v = 0;
    int r = table_open(img, l, &t);
    if (r < 0)
        return r;
    r = -ENODATA;
    for (size_t i = 0; i < t.n && r < 0; i++) {
        if (!entry_at(&t, i, &e) || e.kind != FLAG_BOOL)
            continue;
        cleanup_free char *found = dashed(e.name);
        if (strcmp(found, name) == 0)
            r = image_read(img, e.value, &v, 1);
    }
    free(t.bytes);
    if (r == 0)
        *ret = v != 0;
    return r;
}
