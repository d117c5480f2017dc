/* glibc's structures as data. Every fact: the upstream file, the releases it holds for.
 * All of LP64, x86-64. Offsets in bytes. Checked against the tags glibc-2.17 to glibc-2.42 and the
 * 2.43 development tree; run against 2.31, 2.36, 2.41 and 2.43. */
#ifndef MEMWHY_MALLOC_GLIBC_LAYOUT_H
#define MEMWHY_MALLOC_GLIBC_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* malloc/malloc.c, struct malloc_chunk: { prev_size, size | flags, fd, bk, fd_nextsize, bk_nextsize
 * } (2.17 to 2.43). The flags are the low three bits of size. */
enum {
    CHUNK_PREV_INUSE = 1, /* the chunk before this one is in use (or fast, or tcached) */
    CHUNK_MMAPPED = 2,
    CHUNK_NON_MAIN = 4,
    CHUNK_FLAGS = 7,
    CHUNK_SIZE = 8, /* offset of size */
    CHUNK_FD = 16,  /* also where the caller's memory begins */
    CHUNK_BK = 24,
    CHUNK_MIN = 32,
    CHUNK_STRUCT = 48, /* sizeof(struct malloc_chunk): what mtrim() leaves alone */
    CHUNK_FENCE = 16,  /* size of a fencepost: sysmalloc(), when a heap's end is closed */
};

/* malloc/malloc.c, struct malloc_state, relative to `bins` because what is before differs:
 *   2.17-2.26  { mutex, flags, fastbinsY[10], top, last_remainder, bins }             bins at 0x68
 *   2.27-2.42  { mutex, flags, have_fastchunks, fastbinsY[10], top, ... bins }        bins at 0x70
 *   2.43       { mutex, flags, top, last_remainder, bins }                            bins at 0x18
 * From bins on it is the same in all; 2.17-2.22 have no attached_threads. */
enum {
    STATE_FLAGS = 4, /* from the start of the struct; the mutex is at 0 */
    STATE_NONCONTIGUOUS = 2,
    BINS_FASTBINS = -0x60,
    BINS_TOP = -0x10,
    BINS_COUNT = 127, /* NBINS - 1 pairs of { fd, bk } */
    BINS_NEXT = 0x800,
    BINS_ATTACHED = 0x810,   /* 2.23- */
    BINS_SYSTEM_MEM = 0x818, /* 0x810 where there is no attached_threads; max_system_mem follows */
    BINS_END = 0x828,        /* 0x820 likewise */
    FASTBINS = 10,
};

/* malloc/arena.c, heap_info: { ar_ptr, prev, size, mprotect_size } (2.17-2.34, 0x20 bytes)
 * and with { pagesize, pad } (2.35-, 0x30 bytes). */
enum { HEAP_AR_PTR = 0, HEAP_PREV = 8, HEAP_SIZE = 16, HEAP_MPROTECT = 24 };

/* malloc/arena.c, HEAP_MAX_SIZE and heap_max_size(): 64 MiB; with the hugetlb tunable in 2.35-2.41
 * four huge pages. */
static const uint64_t heap_alignments[] = {64ull << 20, 8ull << 20, 4ull << 30};

/* malloc/malloc.c, tcache_perthread_struct. */
struct tcache_layout {
    const char *releases;
    uint32_t chunk;       /* its size as a chunk; 16 more when a remainder was too small to split */
    uint32_t bytes;       /* sizeof */
    uint16_t count_bytes; /* width of one counter */
    uint16_t entries;     /* offset of entries[] */
    uint16_t bins, small; /* bins of one size each come first */
    uint16_t slots_left;  /* the counter says how many more fit, not how many there are */
};
static const struct tcache_layout tcache_layouts[] = {
    {"2.26-2.29", 0x250, 576, 1, 64, 64, 64, 0},
    {"2.30-2.41", 0x290, 640, 2, 128, 64, 64, 0},
    {"2.42-2.43", 0x300, 760, 2, 152, 76, 64, 1},
};
enum { TCACHE_LAYOUTS = sizeof tcache_layouts / sizeof *tcache_layouts, TCACHE_MAX_BYTES = 760 };

/* malloc/malloc.c, struct malloc_par, relative to sbrk_base, the word that can be recognised. An
 * offset of 0: the field is not there. `tcache`: tcache_bins, max_bytes, count, unsorted_limit
 * follow sbrk_base. */
struct par_layout {
    const char *releases;
    int16_t trim_threshold, top_pad, mmap_threshold, arena_test, arena_max;
    int16_t thp_pagesize, hp_pagesize;
    int16_t n_mmaps, n_mmaps_max, max_n_mmaps, no_dyn_threshold; /* int */
    int16_t mmapped_mem, max_mmapped_mem;
    int16_t tcache;
};
static const struct par_layout par_layouts[] = {
    {.releases = "2.43",
     .trim_threshold = -104,
     .top_pad = -96,
     .mmap_threshold = -88,
     .arena_test = -80,
     .arena_max = -72,
     .thp_pagesize = -56,
     .hp_pagesize = -48,
     .n_mmaps = -36,
     .n_mmaps_max = -32,
     .max_n_mmaps = -28,
     .no_dyn_threshold = -24,
     .mmapped_mem = -16,
     .max_mmapped_mem = -8,
     .tcache = 8},
    {.releases = "2.35-2.42",
     .trim_threshold = -96,
     .top_pad = -88,
     .mmap_threshold = -80,
     .arena_test = -72,
     .arena_max = -64,
     .thp_pagesize = -56,
     .hp_pagesize = -48,
     .n_mmaps = -36,
     .n_mmaps_max = -32,
     .max_n_mmaps = -28,
     .no_dyn_threshold = -24,
     .mmapped_mem = -16,
     .max_mmapped_mem = -8,
     .tcache = 8},
    {.releases = "2.26-2.34",
     .trim_threshold = -72,
     .top_pad = -64,
     .mmap_threshold = -56,
     .arena_test = -48,
     .arena_max = -40,
     .n_mmaps = -32,
     .n_mmaps_max = -28,
     .max_n_mmaps = -24,
     .no_dyn_threshold = -20,
     .mmapped_mem = -16,
     .max_mmapped_mem = -8,
     .tcache = 8},
    {.releases = "2.24-2.25",
     .trim_threshold = -72,
     .top_pad = -64,
     .mmap_threshold = -56,
     .arena_test = -48,
     .arena_max = -40,
     .n_mmaps = -32,
     .n_mmaps_max = -28,
     .max_n_mmaps = -24,
     .no_dyn_threshold = -20,
     .mmapped_mem = -16,
     .max_mmapped_mem = -8},
    {.releases = "2.17-2.23",
     .trim_threshold = -80,
     .top_pad = -72,
     .mmap_threshold = -64,
     .arena_test = -56,
     .arena_max = -48,
     .n_mmaps = -40,
     .n_mmaps_max = -36,
     .max_n_mmaps = -32,
     .no_dyn_threshold = -28,
     .mmapped_mem = -24,
     .max_mmapped_mem = -16},
};
enum { PAR_LAYOUTS = sizeof par_layouts / sizeof *par_layouts, PAR_REACH = 104 };

/* malloc/malloc.c, 2.43 mmap_set_chunk(): the size of an mmapped chunk leaves out its 16-byte
 * header (2.17-2.42: size + prev_size is the mapping), and bit 1 of prev_size says huge pages. */
enum { MMAP_HEADER_243 = 16, MMAP_HP_243 = 1 };

/* malloc/malloc.c, 2.32-: PROTECT_PTR, the word at `pos` holding `ptr` is (pos >> 12) ^ ptr. */
static inline uint64_t glibc_reveal(uint64_t pos, uint64_t word, int mangled) {
    return mangled ? (pos >> 12) ^ word : word;
}

#endif
