/* The mappings of a core: its segments, named by NT_FILE and by what the auxiliary vector tells. */
#include "base/limits.h"
#include "image/core.h"
#include <inttypes.h>
#include <stdlib.h>

/* The kernel starts the brk heap at most this far behind the binary's bss (arch_randomize_brk,
 * arch/x86/kernel/process.c: 32 MiB, 1 GiB since Linux 5.18). */
#define BRK_RANDOM (1ull << 30)

#define VSYSCALL 0xffffffffff600000ull

/* /proc/PID/maps escapes newlines, NT_FILE does not. */
static char *escape(const char *name) {
    size_t n = 0;
    char *out = mem_alloc(4 * strlen(name) + 1);
    for (; *name; name++) {
        if (*name == '\n') {
            memcpy(out + n, "\\012", 4);
            n += 4;
        } else {
            out[n++] = *name;
        }
    }
    out[n] = 0;
    return out;
}

/* As a line of maps, so that names mean the same here as there. */
static void add_region(struct core *c, uint64_t start, uint64_t end, uint8_t prot, uint64_t offset,
                       const char *name) {
    cleanup_free char *escaped = escape(name);
    cleanup_free char *line = mem_printf("%" PRIx64 "-%" PRIx64 " %c%c%cp %" PRIx64 " 00:00 %d %s",
                                         start, end, prot & REGION_R ? 'r' : '-',
                                         prot & REGION_W ? 'w' : '-', prot & REGION_X ? 'x' : '-',
                                         offset, name[0] == '[' || !name[0] ? 0 : 1, escaped);
    struct region_list *l = &c->img.regions;
    if (region_list_parse(l, line) == 0)
        l->at[l->n - 1].inode = 0; /* unknown; it only had to be one for " (deleted)" */
}

/* Pieces of [start, end): those NT_FILE names, and unless `only_named` the others. */
static void add_range(struct core *c, uint64_t start, uint64_t end, uint8_t prot, bool only_named) {
    while (start < end) {
        const struct core_mapped *m = core_notes_file(&c->notes, start);
        bool named = m && m->start <= start;
        uint64_t until = end;
        if (m && (named ? m->end : m->start) < end)
            until = named ? m->end : m->start;
        if (named)
            add_region(c, start, until, prot, m->offset + (start - m->start), m->name);
        else if (!only_named)
            add_region(c, start, until, prot, 0, "");
        start = until;
    }
}

static uint64_t page_up(uint64_t a) {
    return a > UINT64_MAX - PAGE_BYTES ? UINT64_MAX & ~(PAGE_BYTES - 1)
                                       : (a + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

static struct region *find(struct core *c, uint64_t addr) {
    return addr ? (struct region *)region_find(&c->img.regions, addr) : NULL;
}

static void set_kind(struct region *r, enum region_kind kind, const char *name) {
    r->kind = kind;
    r->name = name;
}

static bool is_plain(const struct region *r) {
    return r->kind == REGION_ANON && !r->name[0];
}

/* The kernel puts AT_RANDOM's bytes on the main thread's stack; without them its rsp is as good,
 * unless a signal handler had a stack of its own. */
static void mark_stack(struct core *c) {
    struct region *r = find(c, c->notes.at_random);
    for (size_t i = 0; !r && i < c->notes.threads.n; i++)
        if (c->notes.threads.at[i].tid == c->notes.pid)
            r = find(c, c->notes.threads.at[i].regs[IMAGE_RSP]);
    if (r && is_plain(r) && (r->prot & REGION_W))
        set_kind(r, REGION_STACK, "[stack]");
}

/* [vvar] and its clock pages lie directly below the vdso. */
static void mark_kernel(struct core *c) {
    struct region *vsyscall = find(c, VSYSCALL), *vdso = find(c, c->notes.at_vdso);
    if (vsyscall && is_plain(vsyscall))
        set_kind(vsyscall, REGION_KERNEL, "[vsyscall]");
    if (!vdso || !is_plain(vdso))
        return;
    set_kind(vdso, REGION_KERNEL, "[vdso]");
    for (struct region *r = vdso; r > c->img.regions.at && r[-1].end == r->start; r--) {
        if (!is_plain(&r[-1]) || r[-1].prot != REGION_R)
            break;
        set_kind(&r[-1], REGION_KERNEL, "[vvar]");
    }
}

/* V8 asks for its pages at addresses that are random in 46 bits, so in one large heap out of some
 * twenty one of them lies between bss and brk heap (v8/src/base/platform, GetRandomMmapAddr(); 256
 * KiB aligned, kRegularPageSize, V8 5 to 14). brk is random by pages. */
static bool may_be_page_of_v8(const struct region *r) {
    enum { V8_PAGE = 256 << 10 };
    return r->start % V8_PAGE == 0;
}

/* The first anonymous mapping behind the binary and its bss, if near enough, that is none of V8's
 * pages if there is one, and those that touch it. When the heap follows the bss without a gap (no
 * address randomisation) the two cannot be told apart and stay anonymous; the malloc layer asks the
 * allocator itself. */
static struct region *first_of_heap(const struct core *c, struct region *r, uint64_t bss_end) {
    struct region *end = c->img.regions.at + c->img.regions.n, *found = NULL;
    for (; r < end && r->start - bss_end <= BRK_RANDOM; r++) {
        if (!is_plain(r) || r->prot != (REGION_R | REGION_W))
            continue;
        if (!may_be_page_of_v8(r))
            return r;
        found = found ? found : r;
    }
    return found;
}

static void mark_heap(struct core *c) {
    struct region *r = find(c, c->notes.at_entry);
    if (!r || !r->name[0])
        return;
    struct region *at = c->img.regions.at, *end = at + c->img.regions.n;
    const char *exe = r->name;
    while (r < end && (!strcmp(r->name, exe) || (is_plain(r) && r > at && r[-1].end == r->start)))
        r++;
    if (r == at || r >= end)
        return;
    r = first_of_heap(c, r, r[-1].end);
    for (; r && r < end && is_plain(r) && r->prot == (REGION_R | REGION_W); r++) {
        set_kind(r, REGION_HEAP, "[heap]");
        if (r + 1 < end && r[1].start != r->end)
            break;
    }
}

void core_find_regions(struct core *c) {
    uint64_t done = 0;
    for (size_t i = 0; i < c->loads.n; i++) {
        const struct core_load *l = &c->loads.at[i];
        uint64_t start = l->start & ~(PAGE_BYTES - 1), end = page_up(l->end);
        /* gdb leaves unmodified file mappings out; NT_FILE still has them. What they may do is
         * settled by core_use_host_files(). */
        if (start > done)
            add_range(c, done, start, REGION_R, true);
        add_range(c, start > done ? start : done, end, l->prot, false);
        done = end > done ? end : done;
    }
    add_range(c, done, UINT64_MAX & ~(PAGE_BYTES - 1), REGION_R, true);
    mark_stack(c);
    mark_kernel(c);
    mark_heap(c);
}

void core_find_exe(struct core *c) {
    const struct region *exe = find(c, c->notes.at_phdr);
    if (!exe || exe->name[0] != '/')
        exe = find(c, c->notes.at_entry);
    if (exe && exe->name[0] == '/')
        c->img.exe = mem_strdup(exe->name);
}
