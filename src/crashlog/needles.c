#include "crashlog/needles.h"

#include "base/mem.h"
#include <string.h>

enum { SHORTEST = 4, PAIRS = 1 << 16, MAX_WORDS = 64 };

struct needles {
    uint8_t shift[PAIRS]; /* by the pair that ends the window: how far it may move; 0: look */
    uint64_t
        ending[PAIRS]; /* words whose first SHORTEST bytes end with this pair, where shift is 0 */
    const char *words[MAX_WORDS];
    size_t lengths[MAX_WORDS];
};

static size_t pair_at(const char *p) {
    return (size_t)(uint8_t)p[0] << 8 | (uint8_t)p[1];
}

struct needles *needles_new(const char *const *words) {
    struct needles *n = mem_zalloc(sizeof *n);
    memset(n->shift, SHORTEST - 1, sizeof n->shift);
    for (size_t w = 0; words[w] && w < MAX_WORDS; w++) {
        n->words[w] = words[w];
        n->lengths[w] = strlen(words[w]);
        for (size_t i = 0; i + 2 <= SHORTEST; i++) {
            uint8_t *shift = &n->shift[pair_at(words[w] + i)];
            if (*shift > SHORTEST - 2 - i)
                *shift = (uint8_t)(SHORTEST - 2 - i);
        }
        n->ending[pair_at(words[w] + SHORTEST - 2)] |= 1ull << w;
    }
    return n;
}

void needles_free(struct needles *n) {
    free(n);
}

static bool begins_here(const struct needles *n, uint64_t candidates, const char *at,
                        const char *end) {
    for (; candidates; candidates &= candidates - 1) {
        int w = __builtin_ctzll(candidates);
        if (n->lengths[w] <= (size_t)(end - at) && !memcmp(at, n->words[w], n->lengths[w]))
            return true;
    }
    return false;
}

const char *needles_find(const struct needles *n, const char *at, const char *end) {
    while (end - at >= SHORTEST) {
        size_t pair = pair_at(at + SHORTEST - 2);
        uint8_t shift = n->shift[pair];
        if (shift) {
            at += shift;
        } else {
            if (begins_here(n, n->ending[pair], at, end))
                return at;
            at++;
        }
    }
    return NULL;
}
