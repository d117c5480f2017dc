/* Searching what is sorted. */
#ifndef MEMWHY_BASE_SEARCH_H
#define MEMWHY_BASE_SEARCH_H

#include <stddef.h>

/* The first i below n for which `holds`, an expression of i that is false up to some i and true
 * from there on; n when there is none:
 *
 *     size_t at = first_where(l->n, i, l->at[i].end > addr); */
#define first_where(n, i, holds)                                                                   \
    ({                                                                                             \
        size_t first_lo_ = 0, first_hi_ = (n);                                                     \
        while (first_lo_ < first_hi_) {                                                            \
            size_t i = first_lo_ + (first_hi_ - first_lo_) / 2;                                    \
            if (holds)                                                                             \
                first_hi_ = i;                                                                     \
            else                                                                                   \
                first_lo_ = i + 1;                                                                 \
        }                                                                                          \
        first_lo_;                                                                                 \
    })

#endif
