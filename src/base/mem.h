/* Allocation of our own. Never returns NULL: a failure ends the run with exit code 5 after the one
 * sentence on stderr; the kernel resumes a stopped target when its tracer ends. */
#ifndef MEMWHY_BASE_MEM_H
#define MEMWHY_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);  /* uninitialised */
void *mem_zalloc(size_t size); /* zeroed */
/* Uninitialised, for large arrays that are read in no order: in huge pages where the kernel gives
 * them, which saves such reading a fifth of its time. */
void *mem_alloc_random(size_t size);
/* realloc with overflow check; what is large gets huge pages, too, and so fewer faults. */
void *mem_grow(void *p, size_t count, size_t elemsize);
/* Give back to the kernel what was freed. */
void mem_trim(void);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* __attribute__((cleanup)) helpers: `cleanup_free char *s = ...;` */
void mem_cleanup_free(void *pp);
void mem_cleanup_fclose(void *pp);
void mem_cleanup_close(int *fd);
#define cleanup_free __attribute__((cleanup(mem_cleanup_free)))
#define cleanup_fclose __attribute__((cleanup(mem_cleanup_fclose)))
#define cleanup_close __attribute__((cleanup(mem_cleanup_close)))

#endif
