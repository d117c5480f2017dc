/* An image made of segments a test gives, with a fault that can be set at the n-th read. */
#ifndef MEMWHY_IMAGE_FAKE_H
#define MEMWHY_IMAGE_FAKE_H

#include "image/image.h"

struct image *image_fake_new(void);
/* Copy `len` bytes to [addr, addr + len); adds a region of that kind and name over it and marks its
 * pages resident. Segments are added in ascending order. */
void image_fake_add(struct image *img, uint64_t addr, const void *data, size_t len,
                    enum region_kind kind, uint8_t prot, const char *name);
void image_fake_add_thread(struct image *img, pid_t tid, const char *name,
                           const uint64_t regs[IMAGE_REGS]);
/* The n-th read from now on (1 = the next) and only it fails with -EFAULT; 0 never. */
void image_fake_fault_at(struct image *img, unsigned long n);
/* How many reads were done since the fault was set: a test loops until the fault is not reached. */
unsigned long image_fake_reads(const struct image *img);

#endif
