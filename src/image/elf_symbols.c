#include "image/elf_symbols.h"
#include "base/map64.h"
#include "base/mem.h"
#include "base/search.h"
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Names begin in planes of 8 bytes, one array per plane. Most names of node begin with
 * "_ZN2v88internal": four planes reach well into what differs, and the first alone rejects all
 * others. */
enum { PLANES = 4, HEAD_BYTES = 8 * PLANES };

/* The string table is in no order a symbol table follows: each name is a cache miss, hidden by
 * asking for it this many symbols ahead. */
enum { AHEAD = 16 };

/* Against files made to make us slow: the longest names C++ makes are below 4 KB, debug builds of
 * node have 1 M symbols, and half-full tables with honest names never probe a hundred times. */
enum { MAX_NAME = 4096, MAX_SYMBOLS = 1 << 24, MAX_PROBES = 1024 };

struct elf_by_addr {
    uint64_t value, max_end;
    uint32_t index;
};

void elf_symbols_init(struct elf_symbols *t, const uint8_t *syms, size_t n, const char *strs,
                      size_t strs_len) {
    *t = (struct elf_symbols){.syms = syms, .strs = strs, .strs_len = strs_len};
    t->n = n < MAX_SYMBOLS ? (uint32_t)n : MAX_SYMBOLS;
}

void elf_symbols_done(struct elf_symbols *t) {
    free(t->slots);
    free(t->tags);
    free(t->heads);
    free(t->by_addr);
    *t = (struct elf_symbols){0};
}

static Elf64_Sym sym_at(const struct elf_symbols *t, uint32_t i) {
    Elf64_Sym s;
    memcpy(&s, t->syms + (size_t)i * sizeof s, sizeof s);
    return s;
}

/* The name of a symbol that is defined and names something in memory; NULL otherwise. */
static const char *sym_name(const struct elf_symbols *t, const Elf64_Sym *s, size_t *ret_len) {
    unsigned type = ELF64_ST_TYPE(s->st_info);
    if (s->st_shndx == SHN_UNDEF || type == STT_FILE || type == STT_SECTION)
        return NULL;
    if (s->st_name == 0 || s->st_name >= t->strs_len)
        return NULL;
    size_t room = t->strs_len - s->st_name, len;
    if (room > MAX_NAME)
        room = MAX_NAME;
    len = strnlen(t->strs + s->st_name, room);
    if (len == 0 || len == room)
        return NULL;
    *ret_len = len;
    return t->strs + s->st_name;
}

static struct elf_symbol symbol_of(const struct elf_symbols *t, const Elf64_Sym *s) {
    return (struct elf_symbol){t->strs + s->st_name, s->st_value, s->st_size};
}

static void prefetch_name(const struct elf_symbols *t, uint32_t i) {
    if (i + AHEAD >= t->n)
        return;
    Elf64_Sym s = sym_at(t, i + AHEAD);
    if (s.st_name < t->strs_len)
        __builtin_prefetch(t->strs + s.st_name);
}

/* The names are spread over some 10 MB of the file: what of it was read need not stay in memory
 * meanwhile. The tables are part of a file's mapping (elf_file.c), so it can be read again. */
static void let_go(const struct elf_symbols *t, uint32_t done) {
    enum { EVERY = 1 << 14 };
    const uintptr_t page = 4096;
    uintptr_t from = ((uintptr_t)t->strs + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)t->strs + t->strs_len) & ~(page - 1);
    if (done % EVERY == EVERY - 1 && to > from)
        madvise((void *)from, to - from, MADV_DONTNEED);
}

static uint64_t name_hash(const char *name, size_t len) {
    uint64_t h = len, w;
    for (; len >= 8; name += 8, len -= 8) {
        memcpy(&w, name, 8);
        h = map64_hash(h ^ w);
    }
    w = 0;
    memcpy(&w, name, len);
    return map64_hash(map64_hash(h ^ w));
}

/* The slot that holds `name`, or the empty one where it belongs, its tag set; NULL when the table
 * is too crowded there. */
static uint32_t *name_slot(const struct elf_symbols *t, const char *name, size_t len) {
    uint64_t h = name_hash(name, len);
    uint32_t i = (uint32_t)h & t->mask, tag = (uint32_t)(h >> 32);
    for (unsigned probes = 0; probes < MAX_PROBES; probes++, i = (i + 1) & t->mask) {
        if (!t->slots[i]) {
            t->tags[i] = tag;
            return &t->slots[i];
        }
        if (t->tags[i] != tag)
            continue;
        Elf64_Sym s = sym_at(t, t->slots[i] - 1);
        /* What is in the table was found to be ended by a NUL inside it. */
        if (!strncmp(t->strs + s.st_name, name, len) && !t->strs[s.st_name + len])
            return &t->slots[i];
    }
    return NULL;
}

static void build_hash(struct elf_symbols *t) {
    uint32_t cap = 16;
    while (cap / 2 < t->n)
        cap *= 2;
    t->slots = mem_zalloc((size_t)cap * sizeof *t->slots);
    t->tags = mem_alloc((size_t)cap * sizeof *t->tags);
    t->mask = cap - 1;
    for (uint32_t i = 0; i < t->n; i++) {
        prefetch_name(t, i);
        Elf64_Sym s = sym_at(t, i);
        size_t len;
        const char *name = sym_name(t, &s, &len);
        if (!name)
            continue;
        uint32_t *slot = name_slot(t, name, len);
        if (!slot)
            continue;
        /* Names of static things repeat: one that is global wins, else the first. */
        if (*slot) {
            Elf64_Sym had = sym_at(t, *slot - 1);
            if (ELF64_ST_BIND(had.st_info) != STB_LOCAL || ELF64_ST_BIND(s.st_info) == STB_LOCAL)
                continue;
        }
        *slot = i + 1;
        let_go(t, i);
    }
}

int elf_symbols_find(struct elf_symbols *t, const char *name, struct elf_symbol *ret) {
    if (!t->n)
        return -ENODATA;
    if (!t->slots)
        build_hash(t);
    const uint32_t *slot = name_slot(t, name, strlen(name));
    if (!slot || !*slot)
        return -ENODATA;
    Elf64_Sym s = sym_at(t, *slot - 1);
    *ret = symbol_of(t, &s);
    return 0;
}

/* Asked some sixty times per run with prefixes nobody knows before: scanning the planes each time
 * costs less than sorting 107,000 names once would. */
static void build_heads(struct elf_symbols *t) {
    t->heads = mem_zalloc((size_t)t->n * HEAD_BYTES);
    for (uint32_t i = 0; i < t->n; i++) {
        prefetch_name(t, i);
        Elf64_Sym s = sym_at(t, i);
        size_t len;
        const char *name = sym_name(t, &s, &len);
        if (!name)
            continue;
        uint64_t w[PLANES] = {0};
        memcpy(w, name, len < HEAD_BYTES ? len : HEAD_BYTES);
        for (size_t k = 0; k < PLANES; k++)
            t->heads[k * t->n + i] = w[k];
        let_go(t, i);
    }
}

int elf_symbols_prefix(struct elf_symbols *t, const char *prefix, struct elf_symbol *ret) {
    size_t len = strlen(prefix), head = len < HEAD_BYTES ? len : HEAD_BYTES;
    uint64_t want[PLANES] = {0}, mask[PLANES] = {0};
    if (!t->n || !len)
        return -ENODATA;
    if (!t->heads)
        build_heads(t);
    memcpy(want, prefix, head);
    memset(mask, 0xff, head);
    bool found = false;
    Elf64_Sym best = {0};
    for (uint32_t i = 0; i < t->n; i++) {
        size_t k = 0;
        while (k < PLANES && ((t->heads[k * t->n + i] ^ want[k]) & mask[k]) == 0)
            k++;
        if (k < PLANES)
            continue;
        Elf64_Sym s = sym_at(t, i);
        /* A head that matches is not empty, so the name is there and ended by a NUL. */
        if (len > head && strncmp(t->strs + s.st_name, prefix, len) != 0)
            continue;
        if (!found || s.st_value < best.st_value)
            best = s;
        found = true;
    }
    if (!found)
        return -ENODATA;
    *ret = symbol_of(t, &best);
    return 0;
}

static int by_value(const void *a, const void *b) {
    const struct elf_by_addr *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static void build_by_addr(struct elf_symbols *t) {
    t->by_addr = mem_alloc(((size_t)t->n + 1) * sizeof *t->by_addr);
    for (uint32_t i = 0; i < t->n; i++) {
        prefetch_name(t, i);
        Elf64_Sym s = sym_at(t, i);
        size_t len;
        /* The value of a thread-local symbol is no address. */
        if (ELF64_ST_TYPE(s.st_info) == STT_TLS || !sym_name(t, &s, &len))
            continue;
        uint64_t end;
        if (__builtin_add_overflow(s.st_value, s.st_size, &end))
            continue;
        t->by_addr[t->n_by_addr++] = (struct elf_by_addr){s.st_value, end, i};
    }
    qsort(t->by_addr, t->n_by_addr, sizeof *t->by_addr, by_value);
    for (uint32_t i = 1; i < t->n_by_addr; i++)
        if (t->by_addr[i].max_end < t->by_addr[i - 1].max_end)
            t->by_addr[i].max_end = t->by_addr[i - 1].max_end;
}

/* Of several names for one thing, the one its users know: no local one, one with few underscores
 * before it ("pthread_cond_wait", not "___pthread_cond_wait"), no weak one ("raise", not "gsignal")
 * or one of old ("cfree@GLIBC_2.2.5"), and then the shortest. */
static uint64_t name_rank(const struct elf_symbols *t, const Elf64_Sym *s) {
    const char *name = t->strs + s->st_name, *version = strchr(name, '@');
    uint64_t local = ELF64_ST_BIND(s->st_info) == STB_LOCAL, underscores = strspn(name, "_");
    bool lesser = ELF64_ST_BIND(s->st_info) == STB_WEAK || (version && version[1] != '@');
    if (underscores == 1 && name[1] == 'Z')
        underscores = 0;
    return local << 40 | underscores << 20 | (uint64_t)lesser << 16 | strlen(name);
}

/* Of those in the table before `i` that begin where `s` does and are as long. */
static Elf64_Sym best_alias(const struct elf_symbols *t, uint32_t i, Elf64_Sym s) {
    Elf64_Sym best = s;
    for (unsigned n = 0; n < MAX_PROBES && i-- > 0 && t->by_addr[i].value == s.st_value; n++) {
        Elf64_Sym x = sym_at(t, t->by_addr[i].index);
        if (x.st_size == s.st_size && name_rank(t, &x) < name_rank(t, &best))
            best = x;
    }
    return best;
}

int elf_symbols_at(struct elf_symbols *t, uint64_t vaddr, uint64_t floor, struct elf_symbol *ret) {
    if (!t->n)
        return -ENODATA;
    if (!t->by_addr)
        build_by_addr(t);
    uint32_t lo = (uint32_t)first_where(t->n_by_addr, i, t->by_addr[i].value > vaddr);
    for (uint32_t i = lo; i-- > 0 && t->by_addr[i].max_end > vaddr;) {
        Elf64_Sym s = sym_at(t, t->by_addr[i].index);
        if (s.st_size > vaddr - s.st_value) {
            s = best_alias(t, i, s);
            *ret = symbol_of(t, &s);
            return 0;
        }
    }
    if (!lo)
        return -ENODATA;
    Elf64_Sym s = sym_at(t, t->by_addr[lo - 1].index);
    if (s.st_size != 0 || s.st_value < floor)
        return -ENODATA;
    *ret = symbol_of(t, &s);
    return 0;
}
