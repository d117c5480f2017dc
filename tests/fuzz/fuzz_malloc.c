/* A glibc heap in which the input overwrites words: the census must end, and its bytes and pieces
 * add up; and so must the search for what is lost. */
#include "../unit/fake_glibc.h"
#include "malloc/malloc.h"
#include "native/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct malloc_census *c) {
    for (size_t a = 0; a < c->arenas.n; a++) {
        uint64_t bytes = 0, spans = 0;
        for (int s = 0; s < MALLOC_STATES; s++)
            bytes += c->arenas.at[a].share[s].bytes;
        for (size_t i = 0; i < c->spans.n; i++)
            if (c->spans.at[i].arena == (int32_t)a)
                spans += c->spans.at[i].end - c->spans.at[i].start;
        if (bytes != spans)
            __builtin_trap();
    }
}

/* Pieces do not overlap, and those in use are found by every address in them. */
static void check_pieces(const struct malloc_census *c, const struct chunk_map *m) {
    for (uint32_t i = 0; i < c->pieces.n; i++) {
        const struct malloc_piece *p = &c->pieces.at[i];
        if (i && p[-1].addr + p[-1].size > p->addr)
            __builtin_trap();
        if (p->state == MALLOC_IN_USE &&
            (chunk_map_find(m, p->addr + 16) != i || chunk_map_find(m, p->addr + p->size - 1) != i))
            __builtin_trap();
    }
}

/* The first byte chooses the release; then 12 bytes each: which word, and what it becomes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fake_glibc f;
    struct malloc_census c;
    struct malloc_chunk chunk;
    uint64_t wanted[] = {0x555555600010, 0x555555610000, 0x7e0000001000, 0x7e8000001010};
    struct malloc_hints hints = {.wanted = wanted, .n_wanted = 4, .keep_pieces = true};
    struct native_graph graph;
    if (size < 1)
        return 0;
    fake_glibc_build(&f, &fake_forms[data[0] % FAKE_FORMS]);
    for (size_t i = 1; i + 12 <= size; i += 12) {
        uint32_t where;
        memcpy(&where, data + i, sizeof where);
        struct fake_part *p = &f.part[where % FAKE_PARTS];
        memcpy(p->at + (where / FAKE_PARTS * 8) % p->bytes, data + i + 4, 8);
    }
    struct image *img = fake_glibc_image(&f);
    malloc_census_take(img, &hints, &c, NULL);
    check(&c);
    if (native_graph_build(img, &c, true, &graph, NULL) == 0) {
        check_pieces(&c, &graph.map);
        native_graph_done(&graph);
    }
    for (size_t i = 0; i < 4; i++)
        malloc_chunk_at(img, &c, wanted[i], &chunk);
    malloc_census_done(&c);
    image_free(img);
    fake_glibc_done(&f);
    return 0;
}
