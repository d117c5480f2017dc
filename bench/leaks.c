/* A target: so many MiB of blocks of one size, of which it knows how many nothing refers to.
 *
 *     leaks SIZE MIB near|far
 *
 * Each block refers to two others, one of them made long before (far) or a moment before (near), and
 * holds numbers and text beside. One in a hundred is forgotten. Built by bench/leaks.py. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NEAR = 64 };

static uint64_t seed = 88172645463325252;

static uint64_t any(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static void fill(uint64_t *words, size_t n, const uint64_t *one, const uint64_t *other) {
    static const char text[] = "the quick brown fox jumps over the lazy dog";
    words[0] = (uintptr_t)one;
    words[1] = (uintptr_t)other;
    for (size_t i = 2; i < n; i++) {
        double number = (double)(any() % 100000) / 8;
        if (i % 3 == 0)
            words[i] = any() % 1000;
        else
            memcpy(&words[i], i % 3 == 1 ? (const void *)&number : text + i % 32, 8);
    }
}

int main(int argc, char **argv) {
    size_t size = argc == 4 ? strtoull(argv[1], NULL, 0) : 0;
    size_t n = size >= 24 ? (strtoull(argv[2], NULL, 0) << 20) / ((size + 8 + 15) & ~15ul) : 0;
    size_t reach = n && !strcmp(argv[3], "far") ? SIZE_MAX : NEAR, lost = 0;
    uint64_t **held = malloc((n + 1) * sizeof *held);
    if (!n || !held)
        return 2;
    for (size_t i = 0; i < n; i++) {
        uint64_t *block = malloc(size);
        if (!block)
            return 1;
        fill(block, size / 8, i ? held[i - 1 - any() % (i < reach ? i : reach)] : NULL, i ? held[i - 1] : NULL);
        held[i] = i % 100 == 99 ? held[i - 1] : block;
        lost += held[i] != block;
    }
    printf("READY {\"lost\":%zu,\"blocks\":%zu}\n", lost, n);
    fflush(stdout);
    for (;;)
        pause();
}
