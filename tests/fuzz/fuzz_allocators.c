/* A heap of an allocator other than glibc's in which the input overwrites words: the census must
 * end, and its bytes add up. */
#include "../unit/fake_allocators.h"

#include "base/vec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHANGES = 64 };

/* Built once: some have tables of MiB. `words` are those that are not zero. */
static struct heap {
    struct fake_heap h;
    VEC(uint8_t *) words;
} heaps[FAKE_HEAPS];

static struct heap *heap_of(size_t i) {
    struct heap *p = &heaps[i];
    if (p->h.parts)
        return p;
    fake_heap_build(&p->h, i);
    for (int k = 0; k < p->h.parts; k++)
        for (uint8_t *at = p->h.part[k].at; at < p->h.part[k].at + p->h.part[k].bytes; at += 8)
            if (memcmp(at, "\0\0\0\0\0\0\0", 8) != 0)
                vec_push(&p->words, at);
    return p;
}

/* Every other one is among the words that are not zero. */
static uint8_t *choose(struct heap *p, uint32_t where) {
    struct fake_heap_part *part = &p->h.part[where / 4 % (uint32_t)p->h.parts];
    if (where % 2 == 0)
        return part->at + (uint64_t)(where / 32) * 8 % part->bytes;
    return p->words.at[where / 4 % p->words.n];
}

static void check(struct fake_heap *h) {
    struct malloc_census c;
    struct malloc_allocator a = {.kind = h->kind};
    struct malloc_hints hints = {.allocator = &a};
    struct image *img = fake_heap_image(h);
    uint64_t bytes = 0, spans = 0;
    malloc_census_take(img, &hints, &c, NULL);
    for (int s = 0; s < MALLOC_STATES; s++)
        bytes += c.own[s].bytes;
    for (size_t i = 0; i < c.spans.n; i++)
        spans += c.spans.at[i].end - c.spans.at[i].start;
    if (bytes != spans)
        __builtin_trap();
    malloc_census_done(&c);
    image_free(img);
}

/* The first byte chooses the allocator, those of small tables more often; then 12 bytes each: which
 * word, and what it becomes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t kinds[8] = {0, 0, 0, 1, 1, 1, 2, 3};
    struct {
        uint8_t *at;
        uint64_t was;
    } undo[CHANGES];
    size_t n = 0;
    if (size < 1)
        return 0;
    struct heap *p = heap_of(kinds[data[0] % 8]);
    for (size_t i = 1; i + 12 <= size && n < CHANGES; i += 12, n++) {
        uint32_t where;
        memcpy(&where, data + i, sizeof where);
        undo[n].at = choose(p, where);
        memcpy(&undo[n].was, undo[n].at, 8);
        memcpy(undo[n].at, data + i + 4, 8);
    }
    check(&p->h);
    while (n--)
        memcpy(undo[n].at, &undo[n].was, 8);
    return 0;
}
