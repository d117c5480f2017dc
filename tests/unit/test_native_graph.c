/* References to chunks, in all the forms that count, in heaps built by hand. */
#include "unit.h"

#include "fake_glibc.h"
#include "malloc/malloc.h"
#include "native/graph.h"

static const struct malloc_hints with_pieces = {.keep_pieces = true};

/* The n-th chunk in use of `size` bytes. */
static uint32_t chunk_of(const struct malloc_census *c, uint64_t size, int n) {
    for (uint32_t i = 0; i < c->pieces.n; i++)
        if (c->pieces.at[i].state == MALLOC_IN_USE && c->pieces.at[i].size == size && n-- == 0)
            return i;
    fail();
    return 0;
}

/* Built twice: the first time to know where chunks are, the second with words that refer to them.
 */
struct heap {
    struct fake_glibc f;
    struct image *img;
    struct malloc_census c;
};

static void heap_look(struct heap *h) {
    h->img = fake_glibc_image(&h->f);
    assert_int_equal(malloc_census_take(h->img, &with_pieces, &h->c, NULL), 0);
}

static void heap_forget(struct heap *h) {
    malloc_census_done(&h->c);
    image_free(h->img);
}

static uint64_t place(struct heap *h, int n) {
    return h->f.part[PART_DATA].addr + 0x1000 + 8 * (uint64_t)n;
}

static uint64_t memory(const struct heap *h, int n) {
    return h->c.pieces.at[chunk_of(&h->c, 0x100, n)].addr + 16;
}

static uint64_t as_double(uint64_t n) {
    double d = (double)n;
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static void references(void **state) {
    (void)state;
    enum { GUARD_AT = 0x1800 + 0x30, LIVE = 6 };
    const uint64_t guard = 0x123456789abcdef1;
    for (int form = 0; form < FAKE_FORMS; form++) {
        struct heap h = {0};
        struct native_graph g;
        fake_glibc_build(&h.f, &fake_forms[form]);
        heap_look(&h);
        uint64_t m[9];
        for (int i = 0; i < 9; i++)
            m[i] = memory(&h, i);
        uint64_t mangled = m[4] ^ guard;
        fake_put(&h.f, h.f.part[PART_TLS].addr + GUARD_AT, guard);
        fake_put(&h.f, place(&h, 0), m[0]);        /* the address */
        fake_put(&h.f, place(&h, 1), m[1] + 0x55); /* inside */
        fake_put(&h.f, place(&h, 2), m[2] + 0xf7); /* the last byte */
        fake_put(&h.f, place(&h, 3), as_double(m[3]));
        fake_put(&h.f, place(&h, 4), mangled << 17 | mangled >> 47);
        fake_put(&h.f, m[0] + 0x40, m[5]);                 /* by another chunk */
        fake_put(&h.f, place(&h, 5), m[6] + 0xf8);         /* one past the end */
        fake_put(&h.f, place(&h, 6), as_double(m[7] + 8)); /* a number, and not the address */
        fake_put(&h.f, m[8], m[8]);                        /* itself */
        heap_forget(&h);
        heap_look(&h);
        assert_int_equal(native_graph_build(h.img, &h.c, false, &g, NULL), 0);
        for (int i = 0; i < 9; i++)
            assert_int_equal(graph_is_live(g.graph, chunk_of(&h.c, 0x100, i)), i < LIVE);
        assert_int_equal(g.unread_bytes, 0);
        native_graph_done(&g);
        heap_forget(&h);
        fake_glibc_done(&h.f);
    }
}

/* All pieces of the spans, of every state. */
static void pieces_add_up(void **state) {
    (void)state;
    for (int form = 0; form < FAKE_FORMS; form++) {
        struct heap h = {0};
        fake_glibc_build(&h.f, &fake_forms[form]);
        heap_look(&h);
        uint64_t bytes[MALLOC_STATES] = {0}, mapped = 0;
        for (size_t i = 0; i < h.c.pieces.n; i++) {
            const struct malloc_piece *p = &h.c.pieces.at[i];
            assert_true(i == 0 || p[-1].addr + p[-1].size <= p->addr);
            if (p->addr >= h.f.part[PART_MAP].addr && p->addr < h.f.part[PART_DATA].addr)
                mapped++;
            else
                bytes[p->state] += p->size;
        }
        for (int s = 0; s < MALLOC_STATES; s++)
            assert_int_equal(bytes[s], malloc_census_sum(&h.c, (enum malloc_state)s).bytes);
        assert_int_equal(mapped, 2);
        heap_forget(&h);
        fake_glibc_done(&h.f);
    }
}

/* One read in all fails, then the next one: never a crash, and what was not read is said. */
static void fault_loop(void **state) {
    (void)state;
    struct heap h = {0};
    unsigned long n = 0, said = 0;
    fake_glibc_build(&h.f, &fake_forms[7]);
    heap_look(&h);
    do {
        struct native_graph g;
        image_fake_fault_at(h.img, ++n);
        assert_int_equal(native_graph_build(h.img, &h.c, false, &g, NULL), 0);
        said += g.unread_bytes > 0;
        native_graph_done(&g);
    } while (image_fake_reads(h.img) >= n);
    assert_true(n > 10);
    assert_true(said > 0); /* chunks are read again, page by page */
    heap_forget(&h);
    fake_glibc_done(&h.f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references),
        cmocka_unit_test(pieces_add_up),
        cmocka_unit_test(fault_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
