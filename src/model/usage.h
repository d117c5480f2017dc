/* How much memory something uses, as the kernel counts it: one region (smaps), one process
 * (smaps_rollup), or a sum of either. Plain data. A value the kernel did not give is not in `known`
 * and must not be used; it is never 0 for want of knowledge. */
#ifndef MEMWHY_MODEL_USAGE_H
#define MEMWHY_MODEL_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum usage_field {
    USAGE_SIZE, /* address space */
    USAGE_RSS,  /* resident */
    USAGE_PSS,  /* resident, shared pages divided by their sharers */
    USAGE_PSS_DIRTY,
    USAGE_PSS_ANON, /* of PSS; these three in smaps_rollup only */
    USAGE_PSS_FILE,
    USAGE_PSS_SHMEM,
    USAGE_SHARED_CLEAN,
    USAGE_SHARED_DIRTY,
    USAGE_PRIVATE_CLEAN,
    USAGE_PRIVATE_DIRTY,
    USAGE_REFERENCED,
    USAGE_ANONYMOUS, /* resident and not a page of the file, even in a file mapping */
    USAGE_KSM,
    USAGE_LAZYFREE,       /* MADV_FREE'd and not yet taken back */
    USAGE_ANON_HUGE,      /* anonymous transparent huge pages */
    USAGE_SHMEM_HUGE,     /* ShmemPmdMapped */
    USAGE_FILE_HUGE,      /* FilePmdMapped */
    USAGE_SHARED_HUGETLB, /* hugetlbfs pages, which are not in RSS */
    USAGE_PRIVATE_HUGETLB,
    USAGE_SWAP,
    USAGE_SWAP_PSS,
    USAGE_LOCKED,
    USAGE_FIELDS
};

/* The kernel's VmFlags of a region, as bits of `vm_flags`. */
enum usage_vm_flag {
    VM_FLAG_RD = 1u << 0,  /* readable */
    VM_FLAG_WR = 1u << 1,  /* writable */
    VM_FLAG_EX = 1u << 2,  /* executable */
    VM_FLAG_SH = 1u << 3,  /* shared */
    VM_FLAG_GD = 1u << 4,  /* grows down: the main stack */
    VM_FLAG_PF = 1u << 5,  /* pure PFN range */
    VM_FLAG_LO = 1u << 6,  /* locked */
    VM_FLAG_IO = 1u << 7,  /* memory mapped I/O */
    VM_FLAG_SR = 1u << 8,  /* advised: sequential reads */
    VM_FLAG_RR = 1u << 9,  /* advised: random reads */
    VM_FLAG_DC = 1u << 10, /* not copied by fork (MADV_DONTFORK) */
    VM_FLAG_DE = 1u << 11, /* cannot grow by mremap */
    VM_FLAG_AC = 1u << 12, /* accounted: counts as committed */
    VM_FLAG_NR = 1u << 13, /* no swap space reserved */
    VM_FLAG_HT = 1u << 14, /* hugetlbfs */
    VM_FLAG_WF = 1u << 15, /* wiped on fork */
    VM_FLAG_DD = 1u << 16, /* not in core dumps (MADV_DONTDUMP) */
    VM_FLAG_SD = 1u << 17, /* soft dirty */
    VM_FLAG_MM = 1u << 18, /* mixed map */
    VM_FLAG_HG = 1u << 19, /* advised: huge pages */
    VM_FLAG_NH = 1u << 20, /* advised: no huge pages */
    VM_FLAG_MG = 1u << 21, /* mergeable (KSM) */
    VM_FLAG_UM = 1u << 22, /* userfaultfd: missing pages */
    VM_FLAG_UW = 1u << 23, /* userfaultfd: write protected */
    VM_FLAG_SL = 1u << 24, /* sealed */
    VM_FLAG_MR = 1u << 25, /* may be made readable; so _MW, _ME, _MS */
    VM_FLAG_MW = 1u << 26,
    VM_FLAG_ME = 1u << 27,
    VM_FLAG_MS = 1u << 28,
    VM_FLAG_OTHER = 1u << 31, /* one this list does not name */
};

struct usage {
    uint64_t bytes[USAGE_FIELDS];
    uint32_t known;    /* bit f: bytes[f] was given */
    uint32_t vm_flags; /* of one region; 0 when the kernel gave none */
};

void usage_set(struct usage *u, enum usage_field field, uint64_t bytes);
/* False, and `ret` untouched, when it is unknown. */
bool usage_get(const struct usage *u, enum usage_field field, uint64_t *ret);
/* What would be freed if the process ended: private clean, dirty and hugetlb. False when unknown.
 */
bool usage_uss(const struct usage *u, uint64_t *ret);
/* The sum of n usages. Only what all of them know is known; of none, nothing is. */
struct usage usage_sum(const struct usage *at, size_t n);
/* "rss", "pss_anon", ...: the stem of JSON names. */
const char *usage_field_name(enum usage_field field);

#endif
