/* Two accounts side by side: comparing is subtraction. */
#ifndef MEMWHY_MODEL_ACCOUNT_DIFF_H
#define MEMWHY_MODEL_ACCOUNT_DIFF_H

#include "model/account.h"

struct owner_delta {
    const char *path; /* owned by one of the accounts */
    uint64_t a, b;    /* resident bytes */
};

struct account_diff {
    VEC(struct owner_delta) owners; /* largest difference first */
};

void account_diff(const struct account *a, const struct account *b, struct account_diff *ret);
void account_diff_done(struct account_diff *d);

#endif
