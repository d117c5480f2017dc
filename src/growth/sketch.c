#include "growth/sketch.h"

#include "base/hash.h"

static int ascending(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Sorted, each once, and no more than there may be. */
static void tidy(struct sketch *s) {
    size_t n = 0;
    vec_sort(&s->hashes, ascending);
    for (size_t i = 0; i < s->hashes.n; i++)
        if (!n || s->hashes.at[n - 1] != s->hashes.at[i])
            s->hashes.at[n++] = s->hashes.at[i];
    s->is_part = s->is_part || n > SKETCH_MAX;
    s->hashes.n = n > SKETCH_MAX ? SKETCH_MAX : n;
}

/* Up to four times too many are kept in between, so that sorting is rare. */
void sketch_add(struct sketch *s, uint64_t member) {
    uint64_t hash = hash_add(0, &member, sizeof member);
    if (s->is_part && hash > s->hashes.at[SKETCH_MAX - 1])
        return;
    vec_push(&s->hashes, hash);
    if (s->hashes.n >= 4 * SKETCH_MAX)
        tidy(s);
}

void sketch_finish(struct sketch *s) {
    tidy(s);
}

void sketch_done(struct sketch *s) {
    vec_free(&s->hashes);
    s->is_part = false;
}

/* Up to here the sketch has every member. */
static uint64_t limit_of(const struct sketch *s) {
    return s->is_part ? s->hashes.at[s->hashes.n - 1] : UINT64_MAX;
}

uint32_t sketch_compare(const struct sketch *then, const struct sketch *now, uint32_t *ret_kept) {
    uint64_t a = limit_of(then), b = limit_of(now), limit = a < b ? a : b;
    uint32_t asked = 0, kept = 0;
    size_t k = 0;
    for (size_t i = 0; i < then->hashes.n && then->hashes.at[i] <= limit; i++) {
        while (k < now->hashes.n && now->hashes.at[k] < then->hashes.at[i])
            k++;
        asked++;
        kept += k < now->hashes.n && now->hashes.at[k] == then->hashes.at[i];
    }
    *ret_kept = kept;
    return asked;
}
