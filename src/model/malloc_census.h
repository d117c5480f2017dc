/* What the C library's allocator holds: arenas, their memory by state, size classes, mmapped
 * chunks. Plain data, made by src/malloc/, read by everything above.
 *
 * Bytes partition: the spans do not overlap, and over the spans of one arena the shares of all
 * states add up to the spans' sizes, their resident parts to residency_bytes() of the spans. A
 * chunk counts with its header (8 bytes; `header_bytes`), so `in_use` is what malloc set aside, not
 * what the program asked for.
 *
 * Against mallinfo2(): fordblks = free = fast + binned + top; uordblks = in use + tcached +
 * metadata (tcached chunks are in use there); hblks, hblkhd = the mmapped chunks. */
#ifndef MEMWHY_MODEL_MALLOC_CENSUS_H
#define MEMWHY_MODEL_MALLOC_CENSUS_H

#include "base/vec.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum malloc_kind {
    MALLOC_UNKNOWN, /* there is an allocator, but none we know */
    MALLOC_NONE,    /* no C library in this process */
    MALLOC_GLIBC,
    MALLOC_JEMALLOC,
    MALLOC_MIMALLOC,
    MALLOC_TCMALLOC,
    MALLOC_MUSL,
};

/* What a byte of an arena is. */
enum malloc_state {
    MALLOC_IN_USE,
    MALLOC_TCACHED,    /* freed, in a thread's cache: only that thread can reuse it */
    MALLOC_FAST,       /* freed, in a fastbin: not merged with its neighbours */
    MALLOC_BINNED,     /* freed, in a bin: any later malloc of this arena can reuse it */
    MALLOC_TOP,        /* the free end of an arena's last heap */
    MALLOC_METADATA,   /* arena and heap headers, fenceposts, alignment */
    MALLOC_RESERVE,    /* mapped past a heap's used end, for it to grow into */
    MALLOC_UNWALKED,   /* malloc's, but the chain of chunks could not be followed here */
    MALLOC_FREE_PAGES, /* of an allocator other than glibc: whole pages it keeps, free for any use
                        */
    MALLOC_STATES,
};

struct malloc_share {
    uint64_t bytes, resident, count; /* count: chunks */
};

enum { MALLOC_SPAN_MMAPPED = -1, MALLOC_SPAN_WHOLE = -2 };

/* A range of addresses that malloc owns. */
struct malloc_span {
    uint64_t start, end; /* [start, end): what is mapped readable and writable */
    uint64_t used_end;   /* past it is MALLOC_RESERVE */
    uint64_t resident;   /* 0 when the census has no residency */
    int32_t arena;       /* index, or _MMAPPED (one chunk by itself), or _WHOLE (not glibc's) */
    uint32_t n_index;
    uint32_t *index; /* per 64 KiB: offset / 16 of where to begin walking for it */
    uint64_t header; /* of an mmapped chunk: where its header stands */
    uint64_t in_use_count, in_use_bytes; /* of an arena's span */
};
#define MALLOC_INDEX_BYTES 65536ull
#define MALLOC_INDEX_NONE UINT32_MAX

/* Chunks that are not free, with less than a page free between two of them, near the end of the
 * heap that their arena's top is in. Only what is free at that end goes back to the kernel by
 * itself, so each of these keeps what lies below. */
struct malloc_pin {
    uint64_t addr, size; /* of the last of them */
    enum malloc_state state;
    uint64_t count, bytes;                /* of all of them */
    uint64_t below_bytes, below_resident; /* free right below the first */
};
enum { MALLOC_PINS = 16 };

/* malloc.c, DEFAULT_MMAP_THRESHOLD_MIN and DEFAULT_TRIM_THRESHOLD, 2.17-2.43. */
#define MALLOC_LARGE (128ull << 10)

struct malloc_arena {
    uint64_t addr; /* of its struct malloc_state */
    bool is_main;  /* the brk arena; others are made of mmapped heaps for threads */
    bool busy;     /* its lock was held: a thread was inside malloc */
    bool has_attached;
    uint64_t attached; /* threads attached to it, by its own count (2.23 and later) */
    uint64_t system_bytes, max_system_bytes; /* by its own count */
    uint32_t heaps;
    struct malloc_share share[MALLOC_STATES];
    uint64_t header_bytes; /* of chunks in use */
    uint64_t trimmable;    /* resident bytes malloc_trim(0) would give back */
    uint64_t biggest_free; /* the largest free chunk, top not counted */
    uint64_t biggest_free_resident;
    uint64_t free_pages; /* whole pages of free chunks, resident or not, in bytes */
    /* Resident bytes free in bins in chunks of MALLOC_LARGE and more, which glibc maps by
     * themselves until it has learnt not to; of these, in chunks no larger than a block it may have
     * learnt that from; and what is in use right beside more that is free, with how much of it, and
     * how many chunks, are so large. */
    uint64_t large_free_resident, block_free_resident, beside_resident, beside_large_resident;
    uint64_t beside_large_count;
    struct malloc_pin pins[MALLOC_PINS]; /* nearest to the end first */
    uint32_t n_pins;
    VEC(pid_t) tids; /* whose arena this is; needs registers */
};

struct malloc_size_class {
    uint64_t size; /* the largest chunk size in it; the next smaller class ends below */
    uint64_t in_use_count, in_use_bytes;
    uint64_t tcached_count, tcached_bytes;
    uint64_t free_count, free_bytes; /* fast and binned; tops are not chunks of a class */
    uint64_t in_use_resident, free_resident;
};
/* 16-byte steps to 1 KiB, then eight steps per doubling. */
#define MALLOC_SIZE_CLASSES 368
size_t malloc_size_class_of(uint64_t chunk_size);
uint64_t malloc_size_class_limit(size_t cls);

/* What was found of glibc, for `memwhy malloc` and `memwhy layout`. */
struct malloc_glibc {
    char version[24];    /* "2.36" from the library's own text; "" unknown */
    uint64_t main_arena; /* struct malloc_state */
    uint32_t bins_at;    /* offset of bins in it: 0x68, 0x70 or 0x18 */
    uint32_t heap_info;  /* sizeof(heap_info), 0 while no thread arena */
    bool has_fastbins;
    bool mangling_known, mangled; /* safe-linking of fastbin and tcache lists */
    const char *tcache_layout;    /* NULL when no tcache was found */
    uint32_t tcache_chunk;        /* its chunk size */
    uint64_t tcache_tls;          /* it hangs at fs_base - tcache_tls; 0 unknown */
    uint64_t mp_addr; /* address of mp_.n_mmaps; 0: mp_ not found, nothing below is known */
    uint64_t trim_threshold, top_pad, mmap_threshold, arena_test, arena_max;
    uint64_t thp_pagesize, hp_pagesize;
    uint32_t n_mmaps, n_mmaps_max, max_n_mmaps;
    bool mmap_threshold_dynamic;
    uint64_t mmapped_mem, max_mmapped_mem, sbrk_base;
    uint64_t mmapped_mem_at; /* its address; the other follows */
    bool has_tcache_settings;
    uint64_t tcache_bins, tcache_max_bytes, tcache_count;
};

struct malloc_coverage {
    uint64_t walk_errors;  /* chunk headers that made no sense */
    uint64_t list_errors;  /* fastbin, tcache and heap lists that did not hold together */
    uint64_t faults;       /* pages that should have been readable and were not */
    uint64_t not_resident; /* chunk headers on pages that were not in memory, so not looked at */
    uint32_t threads, threads_with_regs;
    uint32_t tcaches, threads_without_tcache; /* the latter never called malloc */
    uint32_t tcaches_missing;                 /* should be there, did not hold together */
    uint32_t busy_arenas;
    uint32_t in_flight; /* tops that were just being moved or resized: nothing is lost by it */
    uint64_t mmapped_missing;     /* mp_.n_mmaps counts that many more than were found */
    uint64_t arena_missing_bytes; /* the main arena counts that much more than was found of it */
    bool truncated;               /* a limit of limits.h ended something early */
};

/* A chunk somebody asked for. `size` 0: that address is in no chunk known. */
struct malloc_chunk {
    uint64_t addr, size; /* of the chunk with its header; memory begins at addr + 16 */
    enum malloc_state state;
    int32_t arena;
};

/* A stretch of a span that is all of one state: a chunk, or what is between chunks. Begins and ends
 * at multiples of 16, which odd ends of a span are cut to. */
struct malloc_piece {
    uint64_t addr;
    uint64_t size : 56;
    uint64_t state : 8; /* enum malloc_state */
};

struct malloc_census {
    enum malloc_kind kind;
    char how[192]; /* how the allocator was recognised */
    bool has_residency, residency_estimated;
    struct malloc_glibc glibc;
    VEC(struct malloc_arena) arenas;        /* [0] is the main arena */
    VEC(struct malloc_span) spans;          /* sorted by start */
    struct malloc_share mmapped;            /* all mmapped chunks */
    struct malloc_share own[MALLOC_STATES]; /* spans of an allocator other than glibc, _WHOLE */
    bool own_walked;           /* by its own structures; else all of `own` is unwalked */
    const char *own_release;   /* whose layout explained it: "2.1.4 to 2.1.7"; NULL */
    const char *own_give_back; /* the setting under which it keeps no free pages; NULL: none */
    struct malloc_size_class classes[MALLOC_SIZE_CLASSES];
    struct malloc_coverage coverage;
    VEC(uint64_t) fast, tcached;     /* chunk addresses, sorted */
    VEC(uint64_t) tcaches;           /* addresses of the threads' caches themselves */
    VEC(struct malloc_chunk) wanted; /* answers to the hints' addresses, in their order */
    VEC(struct malloc_piece) pieces; /* where they were asked for: all, ascending */
    char note[256];                  /* what is not known, in a sentence; "" when nothing */
};

void malloc_census_done(struct malloc_census *c);

/* Which span holds `addr`. */
bool malloc_census_owner(const struct malloc_census *c, uint64_t addr, size_t *ret_span);

/* Sum of one state over all arenas, and `own`. */
struct malloc_share malloc_census_sum(const struct malloc_census *c, enum malloc_state s);
uint64_t malloc_census_trimmable(const struct malloc_census *c);
/* fast + binned + top of one arena. */
struct malloc_share malloc_arena_free(const struct malloc_arena *a);
/* fast + binned + top + free pages, of all. */
struct malloc_share malloc_census_free(const struct malloc_census *c);
/* True when every chunk, list and thread cache was followed to its end. */
bool malloc_census_complete(const struct malloc_census *c);

const char *malloc_kind_name(enum malloc_kind k);
const char *malloc_state_name(enum malloc_state s);

#endif
