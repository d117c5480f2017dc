/* A running process of which nothing but memory is ever read: no regions, no modules, nothing kept
 * open. For a few words of many processes, again and again. */
#ifndef MEMWHY_IMAGE_WORDS_H
#define MEMWHY_IMAGE_WORDS_H

#include "image/image.h"

/* -EPERM, -ESRCH as the kernel means them: it is asked whether it lets us read. */
int image_open_words(pid_t pid, struct image **ret);

#endif
