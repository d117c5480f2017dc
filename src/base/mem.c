#include "base/mem.h"
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGE = 32 << 20 }; /* what grows to this is filled, mostly: the last huge page is little */

/* No stdio here: there is no memory for it. */
static _Noreturn void die(void) {
    static const char sentence[] = "memwhy: out of memory; the target is let go\n";
    ssize_t n = write(STDERR_FILENO, sentence, sizeof sentence - 1);
    (void)n;
    _exit(5);
}

void *mem_alloc(size_t size) {
    void *p = malloc(size ? size : 1);
    if (!p)
        die();
    return p;
}

void *mem_zalloc(size_t size) {
    void *p = calloc(1, size ? size : 1);
    if (!p)
        die();
    return p;
}

/* All of a mapping, whose first page has malloc's header: of one that is advised in parts,
 * realloc() copies what the kernel could move. */
static void want_huge_pages(void *p, size_t size) {
    enum { PAGE = 4096, HUGE_PAGE = 2 << 20 };
    size_t before = (uintptr_t)p % PAGE;
    if (size >= HUGE_PAGE)
        madvise((char *)p - before, before + size, MADV_HUGEPAGE);
}

void *mem_alloc_random(size_t size) {
    void *p = mem_alloc(size);
    want_huge_pages(p, size);
    return p;
}

void *mem_grow(void *p, size_t count, size_t elemsize) {
    size_t size;
    if (__builtin_mul_overflow(count, elemsize, &size) || size > PTRDIFF_MAX)
        die();
    void *q = realloc(p, size ? size : 1);
    if (!q)
        die();
    if (size >= LARGE)
        want_huge_pages(q, size);
    return q;
}

char *mem_strdup(const char *s) {
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n) {
    n = strnlen(s, n);
    char *copy = mem_alloc(n + 1);
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *mem_printf(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *s = NULL;
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0)
        die();
    return s;
}

void mem_cleanup_free(void *pp) {
    free(*(void **)pp);
}

void mem_cleanup_fclose(void *pp) {
    FILE *f = *(FILE **)pp;
    if (f)
        fclose(f);
}

void mem_cleanup_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
}

void mem_trim(void) {
    malloc_trim(0);
}
