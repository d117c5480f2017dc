/* The one growable array. `VEC(int) v = {0}; vec_push(&v, 3); v.at[0]; v.n; vec_free(&v);` */
#ifndef MEMWHY_BASE_VEC_H
#define MEMWHY_BASE_VEC_H

#include "base/mem.h"
#include <stdlib.h>

#define VEC(T)                                                                                     \
    struct {                                                                                       \
        T *at;                                                                                     \
        size_t n, cap;                                                                             \
    }

#define vec_reserve(v, want)                                                                       \
    do {                                                                                           \
        if ((v)->cap < (want)) {                                                                   \
            size_t vec_cap_ = (v)->cap ? (v)->cap : 8;                                             \
            while (vec_cap_ < (want))                                                              \
                vec_cap_ += vec_cap_ / 2 + 8;                                                      \
            (v)->at = mem_grow((v)->at, vec_cap_, sizeof *(v)->at);                                \
            (v)->cap = vec_cap_;                                                                   \
        }                                                                                          \
    } while (0)

/* Append; the argument may be a braced initialiser. */
#define vec_push(v, ...)                                                                           \
    do {                                                                                           \
        vec_reserve(v, (v)->n + 1);                                                                \
        (v)->at[(v)->n++] = (__VA_ARGS__);                                                         \
    } while (0)

#define vec_sort(v, cmp)                                                                           \
    do {                                                                                           \
        if ((v)->n > 1)                                                                            \
            qsort((v)->at, (v)->n, sizeof *(v)->at, cmp);                                          \
    } while (0)

#define vec_free(v)                                                                                \
    do {                                                                                           \
        free((v)->at);                                                                             \
        (v)->at = NULL;                                                                            \
        (v)->n = (v)->cap = 0;                                                                     \
    } while (0)

#endif
