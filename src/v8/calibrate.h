/* Facts found by experiment on the target, where the table may be of another build: V8 changes some
 * of them between patch releases of one line. */
#ifndef MEMWHY_V8_CALIBRATE_H
#define MEMWHY_V8_CALIBRATE_H

#include "v8/pages.h"

/* Does FreeSpace keep its size in bytes or in words? The builds of 13.6 differ (13.6.233.10 bytes,
 * 13.6.233.17 words): the reading after which another object begins is right. -ENODATA when no free
 * block decides it; then *ret is untouched. */
int v8_calibrate_free_space(const struct image *img, const struct v8_layout *l,
                            const struct v8_pages *pages, int32_t *ret);

/* The word of the page header that holds the next page of its space: the one for which most often
 * the page it leads to has the same owner and leads back with the word after. -ENODATA when the
 * votes are few or split. */
int v8_calibrate_next_word(const struct image *img, const struct v8_pages *pages, int32_t *ret);

#endif
