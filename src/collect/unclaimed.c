#include "collect/unclaimed.h"

#include "base/limits.h"
#include <elf.h>
#include <string.h>

static const char *keep(struct unclaimed *u, char *s) {
    vec_push(&u->strings, s);
    return s;
}

/* A core by gdb calls every mapping readable and writable (gdb/gcore.c passes `modified` for all of
 * them), so there what holds nothing may as well be inaccessible. */
static bool prot_is_known(const struct unclaimed *u) {
    return image_kind(u->img) != IMAGE_CORE;
}

static bool is_inaccessible(const struct unclaimed *u, const struct region *r) {
    const struct residency *res = image_residency(u->img);
    return r->prot == 0 || (!prot_is_known(u) && r->kind == REGION_ANON && res &&
                            residency_bytes(res, r->start, r->end) == 0);
}

/* --- files --- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static bool is_library(const char *name) {
    const char *so = strstr(base_name(name), ".so");
    size_t n = strlen(name);
    return (so && (so[3] == 0 || so[3] == '.')) || (n > 5 && strcmp(name + n - 5, ".node") == 0);
}

static const char *file_label(struct unclaimed *u, const struct region *r) {
    const char *exe = image_exe(u->img);
    size_t n = strlen(r->name);
    if (exe[0] && strncmp(exe, r->name, n) == 0 && (exe[n] == 0 || exe[n] == ' '))
        return keep(u, mem_printf("code/%s", base_name(r->name)));
    if (is_library(r->name))
        return keep(u, mem_printf("libraries/%s", base_name(r->name)));
    return keep(u, mem_printf("file/%s", r->name));
}

/* The zero-filled part of a module's data follows its file mapping without a gap. */
static const struct region *module_before(const struct region_list *l, size_t i) {
    return i && l->at[i - 1].end == l->at[i].start && l->at[i - 1].kind == REGION_FILE &&
                   (l->at[i - 1].prot & REGION_W)
               ? &l->at[i - 1]
               : NULL;
}

/* --- the C library --- */

/* Before there is a malloc, glibc's dynamic linker maps memory for its list of modules, search
 * paths and the first thread's control block and TLS (elf/dl-minimal-malloc.c, elf/rtld.c). The
 * list is found as debuggers do it: DT_DEBUG of the binary, r_debug, link_map (<link.h>). */
static uint64_t find_link_maps(const struct image *img, const struct image_module *exe) {
    enum { PHDRS = 32, ENTRIES = 128, R_MAP = 8 };
    Elf64_Ehdr h;
    Elf64_Phdr ph[PHDRS];
    uint64_t map = 0;
    if (image_read(img, exe->start, &h, sizeof h) < 0 || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 ||
        h.e_phentsize != sizeof *ph || h.e_phnum > PHDRS ||
        image_read(img, exe->start + h.e_phoff, ph, h.e_phnum * sizeof *ph) < 0)
        return 0;
    for (int i = 0; i < h.e_phnum; i++)
        for (int k = 0; ph[i].p_type == PT_DYNAMIC && k < ENTRIES; k++) {
            Elf64_Dyn d;
            uint64_t at = exe->bias + ph[i].p_vaddr + (uint64_t)k * sizeof d;
            if (image_read(img, at, &d, sizeof d) < 0 || d.d_tag == DT_NULL)
                break;
            if (d.d_tag == DT_DEBUG && image_read_u64(img, d.d_un.d_ptr + R_MAP, &map) < 0)
                return 0;
        }
    return map;
}

static void find_linker(struct unclaimed *u) {
    enum { L_NEXT = 24, MODULES_MAX = 4096 };
    size_t n;
    const struct image_thread *t = image_threads(u->img, &n);
    for (size_t i = 0; i < n; i++) {
        uint64_t fs = t[i].regs[IMAGE_FS_BASE];
        const struct region_list *l = image_regions(u->img);
        /* Other threads have theirs on their stacks. */
        if (t[i].has_regs && region_find(l, fs) != region_find(l, t[i].regs[IMAGE_RSP]))
            vec_push(&u->linker, fs);
    }
    const struct image_module *m = image_modules(u->img, &n);
    uint64_t map = 0;
    for (size_t i = 0; i < n && !map; i++)
        if (m[i].is_exe)
            map = find_link_maps(u->img, &m[i]);
    for (int i = 0; map && i < MODULES_MAX; i++) {
        vec_push(&u->linker, map);
        if (image_read_u64(u->img, map + L_NEXT, &map) < 0)
            break;
    }
}

static bool is_linker(const struct unclaimed *u, const struct region *r) {
    for (size_t i = 0; i < u->linker.n; i++)
        if (u->linker.at[i] >= r->start && u->linker.at[i] < r->end)
            return true;
    return false;
}

/* A thread's stack that outlived its thread: glibc keeps up to 40 MB of them (allocatestack.c),
 * each as large as the others, above its guard page. */
static bool is_cached_stack(const struct unclaimed *u, size_t i) {
    const struct region_list *l = image_regions(u->img);
    if (i == 0 || !is_inaccessible(u, &l->at[i - 1]) || l->at[i - 1].end != l->at[i].start)
        return false;
    uint64_t size = l->at[i].end - l->at[i - 1].start;
    size_t n;
    const struct image_thread *t = image_threads(u->img, &n);
    for (size_t k = 0; k < n; k++) {
        size_t at = t[k].has_regs ? region_lower_bound(l, t[k].regs[IMAGE_RSP]) : 0;
        if (at && at < l->n && at != i && l->at[at].start <= t[k].regs[IMAGE_RSP] &&
            is_inaccessible(u, &l->at[at - 1]) && l->at[at].end - l->at[at - 1].start == size)
            return true;
    }
    return false;
}

bool unclaimed_is_abseil(const uint64_t head[2], uint64_t at) {
    const uint64_t allocated = 0x4c833e95;
    return head[1] == (allocated ^ at) || head[1] == (~allocated ^ at);
}

/* Where Abseil's memory from `at` on ends, or 0. */
static uint64_t abseil_end(const struct image *img, uint64_t at, uint64_t limit) {
    enum { BLOCKS_MAX = 1 << 16, BLOCK_MIN = 16 };
    uint64_t head[2], end = at;
    for (int i = 0; i < BLOCKS_MAX && end < limit; i++) {
        if (image_read(img, end, head, sizeof head) < 0 || head[0] < BLOCK_MIN ||
            head[0] > limit - end || !unclaimed_is_abseil(head, end))
            break;
        end += head[0];
    }
    if (end == at)
        return 0;
    end = (end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    return end < limit ? end : limit;
}

/* --- V8's tables --- */

#define SEGMENT_BYTES (64ull << 10)

static bool is_segment(const struct region *r) {
    return r->kind == REGION_ANON && (r->end - r->start) % SEGMENT_BYTES == 0;
}

/* Where the run of anonymous mappings without a gap that region i is in ends. */
static uint64_t run_end(const struct region_list *l, size_t i) {
    uint64_t end = l->at[i].end;
    for (i++; i < l->n && l->at[i].start == end && l->at[i].kind == REGION_ANON; i++)
        end = l->at[i].end;
    return end;
}

/* V8 13 and later: JSDispatchTable, 64 KiB segments of a 256 MiB reservation whose first segment is
 * read-only (src/sandbox/js-dispatch-table.h, external-entity-table.h); segments of isolates that
 * have ended are inaccessible again. */
static bool is_dispatch_table(const struct unclaimed *u, size_t i) {
    const uint64_t reservation_min = 128 << 20;
    const struct region_list *l = image_regions(u->img);
    for (size_t k = i; is_segment(&l->at[k]) && k && l->at[k - 1].end == l->at[k].start; k--) {
        const struct region *r = &l->at[k - 1];
        bool first = r->end - r->start == SEGMENT_BYTES &&
                     (r->prot == REGION_R || (!prot_is_known(u) && is_inaccessible(u, r)));
        if (first)
            return run_end(l, i) - r->start >= reservation_min;
        if (r->prot & REGION_X || !is_segment(r))
            return false;
    }
    return false;
}

/* V8 13 and later: the entry points of WebAssembly code, 64 KiB segments at the beginning of a
 * 128 MiB reservation (src/wasm/wasm-code-pointer-table.h, kCodePointerTableReservationSize). */
static bool is_wasm_code_pointers(const struct unclaimed *u, size_t i) {
    const uint64_t reservation = 128 << 20;
    const struct region_list *l = image_regions(u->img);
    const struct region *r = &l->at[i];
    return is_segment(r) && i + 1 < l->n && is_inaccessible(u, &l->at[i + 1]) &&
           l->at[i + 1].start == r->end && l->at[i + 1].end - r->start == reservation;
}

/* Up to V8 8: the two halves of an isolate's StoreBuffer, 2048 addresses of slots on V8 pages each
 * (src/heap/store-buffer.h). Filled from the start. */
static bool is_store_buffer(const struct unclaimed *u, const struct region *r) {
    enum { HALF = 16384, LOOK = 8 };
    uint64_t slots[LOOK];
    if (!u->ev->has_v8 || r->end - r->start != 2 * HALF || r->start % HALF ||
        image_read(u->img, r->start, slots, sizeof slots) < 0)
        return false;
    for (int i = 0; i < LOOK; i++)
        if (slots[i] % 8 || !v8_census_page(&u->ev->v8, slots[i]))
            return false;
    return true;
}

/* A page of cppgc, V8's heap of C++ objects: at a multiple of 128 KiB, beginning with references to
 * its heap and its space, both of which malloc holds (src/heap/cppgc/globals.h, kPageSize;
 * heap-page.h, BasePage). */
static bool is_cppgc_page(const struct unclaimed *u, const struct region *r) {
    const uint64_t page = 128 << 10;
    uint64_t head[2];
    size_t span;
    return u->ev->target.engine == ENGINE_V8 && u->ev->has_malloc && r->kind == REGION_ANON &&
           r->start % page == 0 && image_read(u->img, r->start, head, sizeof head) == 0 &&
           malloc_census_owner(&u->ev->malloc, head[0], &span) &&
           malloc_census_owner(&u->ev->malloc, head[1], &span);
}

/* A V8 nobody has told us the layout of: its pages and large objects begin at multiples of 256 KiB
 * (src/common/globals.h, kPageSizeBits; 1 MiB up to V8 5), at addresses drawn at random. */
static bool is_page_of_unknown_v8(const struct unclaimed *u, const struct region *r) {
    const uint64_t page = 256 << 10;
    return u->ev->target.engine == ENGINE_V8 && !u->ev->v8.pages.n && r->kind == REGION_ANON &&
           r->start % page == 0 && r->prot == (REGION_R | REGION_W) && !r->shared;
}

/* --- */

/* An allocator that maps without a name: what nobody else can be told to own. */
static bool is_other_malloc(const struct unclaimed *u, const struct region *r) {
    enum malloc_kind kind = u->ev->malloc.kind;
    return u->ev->has_malloc && r->kind == REGION_ANON && r->prot == (REGION_R | REGION_W) &&
           !r->shared &&
           (kind == MALLOC_JEMALLOC || kind == MALLOC_MIMALLOC || kind == MALLOC_TCMALLOC ||
            kind == MALLOC_MUSL);
}

static const char *anonymous_label(struct unclaimed *u, size_t i, uint64_t at, uint64_t *end) {
    const struct region_list *l = image_regions(u->img);
    const struct region *r = &l->at[i];
    uint64_t abseil = r->prot == (REGION_R | REGION_W) ? abseil_end(u->img, at, *end) : 0;
    if (abseil) {
        *end = abseil;
        return "native/abseil";
    }
    if (is_dispatch_table(u, i))
        return "v8/dispatch-table";
    if (is_wasm_code_pointers(u, i))
        return "wasm/code-pointers";
    if (is_store_buffer(u, r))
        return "v8/store-buffers";
    if (is_linker(u, r))
        return "libraries/dynamic-linker";
    if (r->kind == REGION_ANON && (r->prot & REGION_W) && is_cached_stack(u, i))
        return "stacks/ended-threads";
    if (is_cppgc_page(u, r))
        return "v8/cppgc";
    if (is_page_of_unknown_v8(u, r))
        return "v8/pages";
    if (is_other_malloc(u, r))
        return keep(u, mem_printf("malloc/%s/unwalked", malloc_kind_name(u->ev->malloc.kind)));
    return "unknown";
}

const char *unclaimed_label(struct unclaimed *u, size_t i, uint64_t at, uint64_t *end) {
    const struct region_list *l = image_regions(u->img);
    const struct region *r = &l->at[i], *module;
    switch (r->kind) {
    case REGION_FILE:
        return file_label(u, r);
    case REGION_SHMEM:
        return keep(u,
                    mem_printf("shared-memory/%s", r->name[0] ? base_name(r->name) : "anonymous"));
    case REGION_DEVICE:
        return keep(u, mem_printf("device/%s", r->name));
    case REGION_KERNEL:
        return keep(u, mem_printf("kernel/%s", r->name));
    case REGION_STACK:
        return "stacks/main";
    case REGION_HEAP:
    case REGION_ANON:
        break;
    }
    if ((module = module_before(l, i)))
        return file_label(u, module);
    if (r->prot & REGION_X)
        return "code/jit";
    return anonymous_label(u, i, at, end);
}

void unclaimed_init(struct unclaimed *u, const struct image *img, const struct evidence *ev) {
    *u = (struct unclaimed){.img = img, .ev = ev};
    find_linker(u);
}

void unclaimed_done(struct unclaimed *u) {
    for (size_t i = 0; i < u->strings.n; i++)
        free(u->strings.at[i]);
    vec_free(&u->strings);
    vec_free(&u->linker);
}
