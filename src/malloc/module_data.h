/* Private to src/malloc/: where an allocator's own variables are looked for when nothing names
 * them: modules' writable data with the zero-filled part that follows. */
#ifndef MEMWHY_MALLOC_MODULE_DATA_H
#define MEMWHY_MALLOC_MODULE_DATA_H

#include "malloc/tally.h"

struct module_data {
    uint64_t start, end;
};

/* Calls `see` for each word that is not zero, in data of at least `bytes`, until it says true; then
 * true. What is not in memory is passed over. */
bool module_data_search(struct tally *t, uint64_t bytes,
                        bool (*see)(void *arg, const struct module_data *d, uint64_t at,
                                    uint64_t word),
                        void *arg);

#endif
