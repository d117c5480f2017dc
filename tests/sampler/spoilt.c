/* spoilt PID ROUNDS: looks for V8's and malloc's counters of a running process through a reader
 * that sometimes fails or tells lies, as a target that changes or means harm does. What comes of it
 * may be wrong within bounds, or unknown; it ends with "ok" and how often there was something. */
#include "image/backend.h"
#include "image/words.h"
#include "malloc/totals.h"
#include "v8/counters.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spoilt {
    struct image img;
    const struct image *real;
    uint64_t seed;
    unsigned one_in; /* words that are spoilt; 0: none */
};

static uint64_t next(struct spoilt *s) {
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 7;
    s->seed ^= s->seed << 17;
    return s->seed;
}

static uint64_t lie(struct spoilt *s, uint64_t word) {
    switch (next(s) % 6) {
    case 0:
        return 0;
    case 1:
        return ~word;
    case 2:
        return word + 8 * (next(s) % 64);
    case 3:
        return word ^ 1ull << next(s) % 64;
    case 4:
        return UINT64_MAX - next(s) % 16;
    default:
        return next(s);
    }
}

static int spoilt_read(const struct image *img, uint64_t addr, void *buf, size_t len) {
    struct spoilt *s = (struct spoilt *)(uintptr_t)img;
    if (s->one_in && next(s) % (20ull * s->one_in) == 0)
        return -14;
    int r = image_read(s->real, addr, buf, len);
    for (size_t i = 0; r == 0 && s->one_in && i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, (char *)buf + i, 8);
        if (next(s) % s->one_in == 0)
            word = lie(s, word);
        memcpy((char *)buf + i, &word, 8);
    }
    return r;
}

static size_t spoilt_prefix(const struct image *img, uint64_t addr, void *buf, size_t len) {
    return spoilt_read(img, addr, buf, len) == 0 ? len : 0;
}

static const struct image_ops ops = {.read = spoilt_read, .read_prefix = spoilt_prefix};

/* Every space within itself, and their sum the whole. */
static bool holds_together(const struct sample *s) {
    uint64_t used, total, sum_used = 0, sum_total = 0, v;
    for (int i = 0; i < V8_SPACES; i++) {
        if (s->space[i].used > s->space[i].total)
            return false;
        sum_used += s->space[i].used;
        sum_total += s->space[i].total;
    }
    for (int f = 0; f < SAMPLE_FIELDS; f++)
        if (sample_get(s, (enum sample_field)f, &v) && v >= 1ull << 51)
            return false;
    return !sample_get(s, SAMPLE_HEAP_USED, &used) || !sample_get(s, SAMPLE_HEAP_TOTAL, &total) ||
           (used == sum_used && total == sum_total);
}

int main(int argc, char **argv) {
    struct image *live, *words;
    struct v8_recipe *recipe;
    struct malloc_totals *totals = NULL;
    struct spoilt s = {.img = {.ops = &ops}, .seed = 88172645463325252ull};
    if (argc < 3)
        return 2;
    pid_t pid = (pid_t)atoi(argv[1]);
    if (image_open_live(pid, &live, NULL) < 0 || v8_recipe_learn(live, &recipe, NULL) < 0 ||
        malloc_totals_find(live, &totals) < 0 || image_open_words(pid, &words) < 0)
        return 3;
    s.real = words;
    s.img.pid = pid;
    unsigned long known = 0, n = strtoul(argv[2], NULL, 10);
    for (unsigned long i = 0; i < n; i++) {
        struct v8_counters *c = v8_counters_new(recipe, 0);
        /* What is found while all is well may be read spoilt, and the other way round. */
        for (unsigned step = 0; step < 4; step++) {
            struct sample sample = {0};
            uint64_t arenas, mapped;
            s.one_in = (i + step) % 3 ? 3u << (i + step) % 11 : 0;
            v8_counters_sample(c, &s.img, step * 1000000000ull, &sample);
            if (!holds_together(&sample)) {
                printf("round %lu, step %u: it does not hold together\n", i, step);
                return 1;
            }
            known += sample.known >> SAMPLE_HEAP_USED & 1;
            malloc_totals_read(totals, &s.img, &arenas, &mapped);
        }
        v8_counters_free(c);
    }
    printf("ok %lu\n", known);
    malloc_totals_free(totals);
    v8_recipe_free(recipe);
    image_free(words);
    image_free(live);
    return 0;
}
