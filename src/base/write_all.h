/* Writing all of it, whatever the kernel takes at a time. */
#ifndef MEMWHY_BASE_WRITE_ALL_H
#define MEMWHY_BASE_WRITE_ALL_H

#include <stddef.h>
#include <stdint.h>

/* n bytes at file offset `to`; 0 or a negative errno. */
int write_all_at(int fd, const uint8_t *p, size_t n, uint64_t to);

#endif
