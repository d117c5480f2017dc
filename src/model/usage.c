#include "model/usage.h"

static const char *const names[USAGE_FIELDS] = {
    [USAGE_SIZE] = "size",
    [USAGE_RSS] = "rss",
    [USAGE_PSS] = "pss",
    [USAGE_PSS_DIRTY] = "pss_dirty",
    [USAGE_PSS_ANON] = "pss_anon",
    [USAGE_PSS_FILE] = "pss_file",
    [USAGE_PSS_SHMEM] = "pss_shmem",
    [USAGE_SHARED_CLEAN] = "shared_clean",
    [USAGE_SHARED_DIRTY] = "shared_dirty",
    [USAGE_PRIVATE_CLEAN] = "private_clean",
    [USAGE_PRIVATE_DIRTY] = "private_dirty",
    [USAGE_REFERENCED] = "referenced",
    [USAGE_ANONYMOUS] = "anonymous",
    [USAGE_KSM] = "ksm",
    [USAGE_LAZYFREE] = "lazyfree",
    [USAGE_ANON_HUGE] = "anon_huge",
    [USAGE_SHMEM_HUGE] = "shmem_huge",
    [USAGE_FILE_HUGE] = "file_huge",
    [USAGE_SHARED_HUGETLB] = "shared_hugetlb",
    [USAGE_PRIVATE_HUGETLB] = "private_hugetlb",
    [USAGE_SWAP] = "swap",
    [USAGE_SWAP_PSS] = "swap_pss",
    [USAGE_LOCKED] = "locked",
};

void usage_set(struct usage *u, enum usage_field field, uint64_t bytes) {
    u->bytes[field] = bytes;
    u->known |= 1u << field;
}

bool usage_get(const struct usage *u, enum usage_field field, uint64_t *ret) {
    if (!(u->known & 1u << field))
        return false;
    *ret = u->bytes[field];
    return true;
}

bool usage_uss(const struct usage *u, uint64_t *ret) {
    uint64_t clean, dirty, hugetlb = 0;
    if (!usage_get(u, USAGE_PRIVATE_CLEAN, &clean) || !usage_get(u, USAGE_PRIVATE_DIRTY, &dirty))
        return false;
    usage_get(u, USAGE_PRIVATE_HUGETLB, &hugetlb); /* kernels before 4.4 do not tell it apart */
    *ret = clean + dirty + hugetlb;
    return true;
}

struct usage usage_sum(const struct usage *at, size_t n) {
    struct usage sum = {.known = n ? UINT32_MAX >> (32 - USAGE_FIELDS) : 0};
    for (size_t i = 0; i < n; i++) {
        sum.known &= at[i].known;
        for (size_t f = 0; f < USAGE_FIELDS; f++)
            sum.bytes[f] += at[i].bytes[f];
    }
    for (size_t f = 0; f < USAGE_FIELDS; f++)
        if (!(sum.known & 1u << f))
            sum.bytes[f] = 0;
    return sum;
}

const char *usage_field_name(enum usage_field field) {
    return names[field];
}
