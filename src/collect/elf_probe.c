#include "collect/elf_probe.h"
#include "base/mem.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_DYNAMIC_BYTES = 64 * 1024, /* some 50 entries are usual */
    MAX_CHAIN = 4096,              /* of a hash bucket: a handful is usual */
    MAX_NAMES_BYTES = 64 << 20,    /* node has 8 MB of them, chrome less */
    DATA_BYTES = 64 * 1024,        /* as Go's own debug/buildinfo */
    MAX_SEARCH_BYTES = 256 << 20,  /* node has 56 MB of constants */
    BLOCK_BYTES = 1 << 20,
};

static int read_at(int fd, uint64_t offset, void *buf, size_t len) {
    if (offset > INT64_MAX - len)
        return -EFAULT;
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(fd, (char *)buf + done, len - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -EFAULT;
        done += (size_t)got;
    }
    return 0;
}

/* The segment that has all of [vaddr, vaddr + len) in the file. */
static const Elf64_Phdr *segment_of(const struct elf_probe *p, uint64_t vaddr, size_t len) {
    for (size_t i = 0; i < p->n_segments; i++) {
        const Elf64_Phdr *s = &p->segments[i];
        if (s->p_type == PT_LOAD && vaddr >= s->p_vaddr && vaddr - s->p_vaddr < s->p_filesz &&
            len <= s->p_filesz - (vaddr - s->p_vaddr))
            return s;
    }
    return NULL;
}

int elf_probe_read(const struct elf_probe *p, uint64_t vaddr, void *buf, size_t len) {
    const Elf64_Phdr *s = segment_of(p, vaddr, len);
    return s ? read_at(p->fd, s->p_offset + (vaddr - s->p_vaddr), buf, len) : -EFAULT;
}

/* The dynamic section; the caller frees it. */
static Elf64_Dyn *read_dynamic(const struct elf_probe *p, size_t *ret_n) {
    Elf64_Dyn *entries = mem_alloc(p->dynamic_bytes + sizeof *entries);
    *ret_n = p->dynamic_bytes / sizeof *entries;
    if (!p->dynamic_bytes || read_at(p->fd, p->dynamic, entries, *ret_n * sizeof *entries) < 0)
        *ret_n = 0;
    return entries;
}

static void find_tables(struct elf_probe *p) {
    size_t n;
    cleanup_free Elf64_Dyn *dyn = read_dynamic(p, &n);
    for (size_t i = 0; i < n && dyn[i].d_tag != DT_NULL; i++) {
        switch (dyn[i].d_tag) {
        case DT_SYMTAB:
            p->symtab = dyn[i].d_un.d_ptr;
            break;
        case DT_STRTAB:
            p->strtab = dyn[i].d_un.d_ptr;
            break;
        case DT_STRSZ:
            p->strtab_bytes = dyn[i].d_un.d_val;
            break;
        case DT_GNU_HASH:
            p->gnu_hash = dyn[i].d_un.d_ptr;
            break;
        }
    }
}

int elf_probe_init(struct elf_probe *p, int fd) {
    Elf64_Ehdr h;
    *p = (struct elf_probe){.fd = fd};
    if (read_at(fd, 0, &h, sizeof h) < 0 || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 ||
        h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
        h.e_phentsize != sizeof(Elf64_Phdr))
        return -EBADMSG;
    p->machine = h.e_machine;
    p->n_segments = h.e_phnum < ELF_PROBE_SEGMENTS ? h.e_phnum : ELF_PROBE_SEGMENTS;
    if (read_at(fd, h.e_phoff, p->segments, p->n_segments * sizeof *p->segments) < 0)
        return -EBADMSG;
    for (size_t i = 0; i < p->n_segments; i++) {
        const Elf64_Phdr *s = &p->segments[i];
        if (s->p_type != PT_DYNAMIC)
            continue;
        p->dynamic = s->p_offset;
        p->dynamic_bytes = s->p_filesz < MAX_DYNAMIC_BYTES ? s->p_filesz : MAX_DYNAMIC_BYTES;
    }
    find_tables(p);
    return 0;
}

static uint32_t gnu_hash(const char *name) {
    uint32_t h = 5381;
    for (; *name; name++)
        h = h * 33 + (unsigned char)*name;
    return h;
}

/* The string at an offset of the name table is exactly `name`. */
static bool name_is(const struct elf_probe *p, uint64_t offset, const char *name) {
    char buf[128];
    size_t len = strlen(name) + 1;
    return len <= sizeof buf && offset < p->strtab_bytes &&
           elf_probe_read(p, p->strtab + offset, buf, len) == 0 && !memcmp(buf, name, len);
}

/* GNU hash table: header (buckets, first symbol, filter words, shift), filter, buckets, chains. */
int elf_probe_symbol(const struct elf_probe *p, const char *name, uint64_t *ret_value,
                     uint64_t *ret_size) {
    uint32_t head[4], index, hash = gnu_hash(name);
    if (!p->gnu_hash || !p->symtab || !p->strtab)
        return -ENODATA;
    if (elf_probe_read(p, p->gnu_hash, head, sizeof head) < 0 || !head[0])
        return -EFAULT;
    uint64_t buckets = p->gnu_hash + sizeof head + 8ull * head[2];
    uint64_t chains = buckets + 4ull * head[0];
    if (elf_probe_read(p, buckets + 4ull * (hash % head[0]), &index, sizeof index) < 0)
        return -EFAULT;
    if (index < head[1])
        return -ENODATA; /* an empty bucket */
    for (uint32_t i = index; i - index < MAX_CHAIN; i++) {
        uint32_t chain;
        Elf64_Sym sym;
        if (elf_probe_read(p, chains + 4ull * (i - head[1]), &chain, sizeof chain) < 0)
            return -EFAULT;
        if ((chain | 1) == (hash | 1)) {
            if (elf_probe_read(p, p->symtab + sizeof sym * (uint64_t)i, &sym, sizeof sym) < 0)
                return -EFAULT;
            if (sym.st_shndx != SHN_UNDEF && name_is(p, sym.st_name, name)) {
                *ret_value = sym.st_value;
                *ret_size = sym.st_size;
                return 0;
            }
        }
        if (chain & 1)
            return -ENODATA; /* the last of its bucket */
    }
    return -ENODATA;
}

bool elf_probe_needs(const struct elf_probe *p, const char *prefix) {
    size_t n, len = strlen(prefix);
    char buf[64];
    cleanup_free Elf64_Dyn *dyn = read_dynamic(p, &n);
    for (size_t i = 0; len < sizeof buf && i < n && dyn[i].d_tag != DT_NULL; i++)
        if (dyn[i].d_tag == DT_NEEDED &&
            elf_probe_read(p, p->strtab + dyn[i].d_un.d_val, buf, len) == 0 &&
            !memcmp(buf, prefix, len))
            return true;
    return false;
}

bool elf_probe_data_holds(const struct elf_probe *p, const char *what) {
    cleanup_free char *data = mem_alloc(DATA_BYTES);
    for (size_t i = 0; i < p->n_segments; i++) {
        const Elf64_Phdr *s = &p->segments[i];
        size_t len = s->p_filesz < DATA_BYTES ? s->p_filesz : DATA_BYTES;
        if (s->p_type == PT_LOAD && s->p_flags & PF_W &&
            read_at(p->fd, s->p_offset, data, len) == 0 && memmem(data, len, what, strlen(what)))
            return true;
    }
    return false;
}

bool elf_probe_names_hold(const struct elf_probe *p, const char *what) {
    if (!p->strtab || p->strtab_bytes > MAX_NAMES_BYTES)
        return false;
    cleanup_free char *names = mem_alloc(p->strtab_bytes + 1);
    return elf_probe_read(p, p->strtab, names, p->strtab_bytes) == 0 &&
           memmem(names, p->strtab_bytes, what, strlen(what));
}

/* In blocks, each beginning with the tail of the one before, so that no place is missed. */
static int search_segment(const struct elf_probe *p, const Elf64_Phdr *s, const char *what,
                          char *block, char *ret, size_t room) {
    size_t len = strlen(what), kept = 0;
    for (uint64_t at = 0; at < s->p_filesz;) {
        size_t want = s->p_filesz - at < BLOCK_BYTES ? s->p_filesz - at : BLOCK_BYTES;
        if (read_at(p->fd, s->p_offset + at, block + kept, want) < 0)
            return -EFAULT;
        size_t have = kept + want;
        const char *hit = memmem(block, have, what, len);
        if (hit) {
            uint64_t place = at + want - have + (uint64_t)(hit - block);
            size_t n = s->p_filesz - place < room - 1 ? s->p_filesz - place : room - 1;
            if (read_at(p->fd, s->p_offset + place, ret, n) < 0)
                return -EFAULT;
            ret[n] = '\0';
            return 0;
        }
        at += want;
        kept = have < len ? have : len - 1;
        memmove(block, block + have - kept, kept);
    }
    return -ENODATA;
}

int elf_probe_search(const struct elf_probe *p, const char *what, char *ret, size_t room) {
    cleanup_free char *block = mem_alloc(BLOCK_BYTES + strlen(what));
    uint64_t searched = 0;
    for (size_t i = 0; i < p->n_segments; i++) {
        const Elf64_Phdr *s = &p->segments[i];
        if (s->p_type != PT_LOAD || s->p_flags & PF_W || s->p_filesz > MAX_SEARCH_BYTES - searched)
            continue;
        searched += s->p_filesz;
        if (search_segment(p, s, what, block, ret, room) == 0)
            return 0;
    }
    return -ENODATA;
}
