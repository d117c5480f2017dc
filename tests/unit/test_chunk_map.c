/* Pieces of all sizes and states, packed and apart, each address asked: the map against a plain
 * look at all of them. */
#include "unit.h"

#include "malloc/chunk_map.h"
#include "model/malloc_census.h"

static uint64_t any(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* Mostly small ones, some of pages, one in fifty of a few megabytes. */
static uint64_t some_size(uint64_t *seed) {
    uint64_t kind = any(seed) % 50;
    uint64_t most = kind == 0 ? 3u << 20 : kind < 4 ? 40000 : kind < 20 ? 1000 : 100;
    return 32 + any(seed) % most / 16 * 16;
}

static void make(struct malloc_census *c, uint64_t seed, uint64_t at, uint64_t end) {
    while (at < end) {
        uint64_t size = some_size(&seed);
        bool used = any(&seed) % 3;
        vec_push(&c->pieces, (struct malloc_piece){at, size, used ? MALLOC_IN_USE : MALLOC_BINNED});
        at += size;
        if (any(&seed) % 20 == 0)
            at += any(&seed) % 5000 / 16 * 16; /* not malloc's */
    }
}

/* The piece whose memory holds the address, by what is said of it in the header. */
static uint32_t expected(const struct malloc_census *c, uint32_t from, uint64_t addr) {
    const struct malloc_piece *p = c->pieces.at;
    for (uint32_t i = from; i < c->pieces.n && p[i].addr + 16 <= addr; i++) {
        bool lent = i + 1 < c->pieces.n && p[i + 1].addr == p[i].addr + p[i].size;
        if (p[i].state == MALLOC_IN_USE && addr < p[i].addr + p[i].size + (lent ? 8 : 0))
            return i;
    }
    return CHUNK_NONE;
}

/* Around where each begins and ends byte by byte in fours, and here and there inside. */
static void ask_around(const struct malloc_census *c, const struct chunk_map *m, uint32_t i) {
    const struct malloc_piece *p = &c->pieces.at[i];
    uint64_t end = p->addr + p->size;
    for (uint64_t at = p->addr - 64;
         at<end + 64; at += at> p->addr + 4096 && at + 9000 < end ? 4093 : 4) {
        assert_int_equal(chunk_map_find(m, at), expected(c, i > 8 ? i - 8 : 0, at));
    }
}

static void every_address(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct malloc_census c = {0};
        struct chunk_map m;
        uint64_t first = 0x555555000000 + seed * 0x350;
        make(&c, seed, first, first + (4u << 20));
        make(&c, seed + 100, 0x7f0000000010, 0x7f0000000010 + (2u << 20));
        assert_int_equal(chunk_map_init(&m, &c), 0);
        for (uint32_t i = 0; i < c.pieces.n; i++)
            ask_around(&c, &m, i);
        chunk_map_done(&m);
        malloc_census_done(&c);
    }
}

static void begins(void **state) {
    (void)state;
    struct malloc_piece pieces[] = {{0x10000000, 0x40, MALLOC_IN_USE},
                                    {0x10000040, 0x100000, MALLOC_IN_USE},
                                    {0x10100040, 0x20, MALLOC_BINNED}};
    struct malloc_census c = {.pieces = {pieces, 3, 3}};
    struct chunk_map m;
    assert_int_equal(chunk_map_init(&m, &c), 0);
    assert_int_equal(chunk_map_at(&m, 0x10000010), 0);
    assert_int_equal(chunk_map_at(&m, 0x10000050), 1);
    assert_int_equal(chunk_map_at(&m, 0x10000058), CHUNK_NONE);
    assert_int_equal(chunk_map_find(&m, 0x10000047), 0);          /* lent by the next */
    assert_int_equal(chunk_map_find(&m, 0x10000048), CHUNK_NONE); /* its size */
    assert_int_equal(chunk_map_find(&m, 0x10100050), CHUNK_NONE); /* of a free one */
    chunk_map_done(&m);
}

static void empty(void **state) {
    (void)state;
    struct malloc_piece pieces[] = {{0x10000000, 0x40, MALLOC_TOP}};
    struct malloc_census c = {.pieces = {pieces, 1, 1}};
    struct chunk_map m;
    assert_int_equal(chunk_map_init(&m, &c), 0);
    assert_int_equal(chunk_map_find(&m, 0x10000010), CHUNK_NONE);
    assert_int_equal(chunk_map_find(&m, 0), CHUNK_NONE);
    chunk_map_done(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_address),
        cmocka_unit_test(begins),
        cmocka_unit_test(empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
