/* The bytes of a file, plain, gzip or zstd, in pieces, read and unpacked by a thread of its own
 * ahead of whoever consumes them. Never more than a few MiB at a time. */
#ifndef MEMWHY_HEAPFILE_INPUT_H
#define MEMWHY_HEAPFILE_INPUT_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct input;

enum input_form { INPUT_PLAIN, INPUT_GZIP, INPUT_ZSTD };

enum { INPUT_PIECE = 1 << 20 /* at most so many bytes at once */ };

/* By its first bytes, whatever its name. Takes `fd`, also on failure. */
int input_open(int fd, struct input **ret, struct err *e);
void input_close(struct input *in);
enum input_form input_form(const struct input *in);
uint64_t input_file_bytes(const struct input *in); /* size of the file as it is */
uint64_t input_file_read(const struct input *in);  /* how much of that is read by now */

/* The next piece; ret_n is 0 at the end. It stays until the next call. -EBADMSG: damaged or cut
 * off, where it is packed; else as read(2) has it. */
int input_next(struct input *in, const char **ret, size_t *ret_n, struct err *e);

#endif
