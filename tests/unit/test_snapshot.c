/* The parts of a snapshot that know no heap: edges that wait in a file, numbers of objects, what is
 * said of them for the next, which are the same in two. */
#include "base/map64.h"
#include "snapshot/ids.h"
#include "snapshot/same.h"
#include "snapshot/spool.h"
#include "snapshot/text.h"
#include "snapshot/trail.h"
#include "unit.h"
#include <errno.h>
#include <unistd.h>

enum { EDGES = 600000 };

static uint32_t name_of(uint32_t i) {
    return i % 1000 ? i * 7 : UINT32_MAX;
}

static struct snapshot_spool *filled(void) {
    struct snapshot_spool *s = malloc(sizeof *s);
    assert_int_equal(snapshot_spool_open("/tmp/x", s), 0);
    for (uint32_t i = 0; i < EDGES; i++)
        snapshot_spool_put(s, i % 7, name_of(i), UINT32_MAX - i);
    assert_int_equal(snapshot_spool_end(s), 0);
    assert_int_equal(s->block.n, (EDGES + SNAPSHOT_BLOCK - 1) / SNAPSHOT_BLOCK);
    return s;
}

/* Blocks in any order. */
static void spool(void **state) {
    (void)state;
    unsigned kind;
    uint32_t name, to, n = 0;
    struct snapshot_spool *s = filled();
    struct snapshot_block *b = malloc(sizeof *b);
    for (size_t k = s->block.n; k--;) {
        uint32_t i = (uint32_t)k * SNAPSHOT_BLOCK;
        assert_int_equal(snapshot_block_read(s, k, b), 0);
        for (; snapshot_block_next(b, &kind, &name, &to); i++, n++) {
            assert_int_equal(kind, i % 7);
            assert_int_equal(name, name_of(i));
            assert_int_equal(to, UINT32_MAX - i);
        }
    }
    assert_int_equal(n, EDGES);
    snapshot_spool_done(s);
    free(b);
    free(s);
}

static void spool_errors(void **state) {
    (void)state;
    struct snapshot_spool *s = malloc(sizeof *s);
    struct snapshot_block *b = malloc(sizeof *b);
    assert_int_equal(snapshot_spool_open("/nowhere/x", s), -ENOENT);
    free(s);
    s = filled();
    assert_int_equal(ftruncate(s->bytes.fd, 3 << 19), 0); /* somebody cut it */
    assert_int_equal(snapshot_block_read(s, 0, b), 0);
    assert_int_equal(snapshot_block_read(s, s->block.n - 1, b), -EIO);
    snapshot_spool_done(s);
    free(b);
    free(s);
}

/* Eight digits at a time: around every power of ten and of two. */
static void numbers(void **state) {
    (void)state;
    char expected[32];
    struct snapshot_text t = {0};
    for (unsigned bit = 0; bit < 64; bit++)
        for (uint64_t i = 0, ten = 1; i < 20; i++, ten *= 10)
            for (uint64_t near = 0; near < 5; near++) {
                uint64_t v[] = {ten + near - 2, (1ull << bit) + near - 2, ten * (bit + 1) + near};
                for (size_t k = 0; k < sizeof v / sizeof *v; k++) {
                    t.n = 0;
                    snapshot_text_number(&t, v[k]);
                    snapshot_text_char(&t, 0);
                    snprintf(expected, sizeof expected, "%llu", (unsigned long long)v[k]);
                    assert_string_equal(t.at, expected);
                }
            }
    snapshot_text_done(&t);
}

static struct v8_page page(uint64_t addr, uint64_t size) {
    return (struct v8_page){.addr = addr,
                            .size = size,
                            .area_start = addr + 0x100,
                            .area_end = addr + size,
                            .in_use = true,
                            .space = V8_OLD};
}

/* Odd, each once, the same when another page comes or goes, away from the numbers of the roots. */
static void ids(void **state) {
    (void)state;
    const uint64_t base = 0x7f1234000000, far = base + (1ull << 34); /* the same low bits */
    struct v8_pages pages = {0};
    struct snapshot_ids all, fewer;
    vec_push(&pages.list, page(base - base % (1ull << 34), V8_PAGE_ALIGN)); /* number 0 */
    vec_push(&pages.list, page(base, V8_PAGE_ALIGN));
    vec_push(&pages.list, page(base + V8_PAGE_ALIGN, V8_PAGE_ALIGN));
    vec_push(&pages.list, page(far, V8_PAGE_ALIGN));
    assert_int_equal(snapshot_ids_new(&pages, &all), 0);
    struct map64 seen = {0};
    uint64_t other;
    for (size_t i = 0; i < pages.list.n; i++)
        for (uint64_t at = 0; at < V8_PAGE_ALIGN; at += 8) {
            uint32_t id = snapshot_id(&all, pages.list.at[i].addr + at);
            assert_true(id & 1);
            assert_true(id > 1 << 16);
            assert_false(map64_get(&seen, id, &other));
            map64_put(&seen, id, at + 1);
        }
    pages.list.n--;
    assert_int_equal(snapshot_ids_new(&pages, &fewer), 0);
    assert_int_equal(snapshot_id(&fewer, base + 64), snapshot_id(&all, base + 64));
    uint32_t a = snapshot_id_outside(&all, 0x5000), b = snapshot_id_outside(&all, 0x5008);
    assert_true(a % 2 == 0 && b % 2 == 0 && a != b);
    map64_done(&seen);
    snapshot_ids_done(&all);
    snapshot_ids_done(&fewer);
    vec_free(&pages.list);
}

static void fresh_ids(void **state) {
    (void)state;
    struct v8_pages pages = {0};
    struct snapshot_ids ids;
    struct map64 seen = {0};
    uint64_t other;
    vec_push(&pages.list, page(2 * V8_PAGE_ALIGN, V8_PAGE_ALIGN));
    assert_int_equal(snapshot_ids_new(&pages, &ids), 0);
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t id = snapshot_id_fresh(&ids);
        assert_true(id & 1 && id >> 16 != 0 && id >> 16 != 2);
        assert_false(map64_get(&seen, id, &other));
        map64_put(&seen, id, 1);
    }
    memset(ids.taken, 0xff, SNAPSHOT_UNITS / 8);
    ids.fresh = 0;
    assert_int_equal(snapshot_id_fresh(&ids), 0);
    map64_done(&seen);
    snapshot_ids_done(&ids);
    vec_free(&pages.list);
}

/* --- what a snapshot says of where its objects stood --- */

static size_t more_text(void *arg, char *buf, size_t n) {
    const char **text = arg;
    size_t left = strlen(*text);
    n = n < 3 && n < left ? n : left < 3 ? left : 3; /* in pieces */
    memcpy(buf, *text, n);
    *text += n;
    return n;
}

static int begin_trail(struct snapshot_trail *t, const char **text, uint64_t *taken) {
    uint64_t process;
    uint32_t first;
    t->more = more_text;
    t->arg = text;
    memset(taken, 0, SNAPSHOT_UNITS / 8);
    int r = snapshot_trail_begin(t, &process, &first, taken);
    if (r == 0) {
        assert_int_equal(process, 0xbeef);
        assert_int_equal(first, 29);
    }
    return r;
}

/* 65533 numbers are free behind the first three, of which two are taken: A (none free), C (two
 * taken), 65534 in digits of five bits. */
static void trail(void **state) {
    (void)state;
    /* Unit 3, old: 0, 4 * 3; the first word, one hash; the third, two; a unit back, young: 0, 4 - 2
     * + 1
     */
    const char *text = "000000000000beef 29 AC-__B AMFBAAAAKAgAAAABAAAADE", *at = text;
    uint64_t taken[SNAPSHOT_UNITS / 64];
    struct snapshot_trail *t = malloc(sizeof *t);
    assert_int_equal(begin_trail(t, &at, taken), 0);
    assert_int_equal(taken[0], 3);
    assert_true(snapshot_trail_next(t));
    assert_true(t->begins && !t->is_young);
    assert_int_equal(t->addr, 3 * V8_PAGE_ALIGN);
    assert_int_equal(t->content.all, 1);
    assert_int_equal(t->content.first, 0);
    assert_true(snapshot_trail_next(t));
    assert_false(t->begins);
    assert_int_equal(t->addr, 3 * V8_PAGE_ALIGN + 16);
    assert_int_equal(t->content.all, 32 << 6);
    assert_int_equal(t->content.first, 64);
    assert_true(snapshot_trail_next(t));
    assert_true(t->begins && t->is_young);
    assert_int_equal(t->addr, 2 * V8_PAGE_ALIGN);
    assert_false(snapshot_trail_next(t));
    static const char *const bad[] = {
        "",
        "beef",
        "beef 29",
        "beef x AC-__B ",
        "beef 29 AC-__B",
        "beef 29 ACgggggggggggggggggg ",
        "beef 29 AAAAAAAA ",
        "00000000000000beef 29 AC-__B ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        at = bad[i];
        assert_int_equal(begin_trail(t, &at, taken), -EBADMSG);
    }
    static const char *const ends[] = {"AM", "A", "AMB", "AMFBAA", "F \"", "AMgggggggggggggg"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char buf[64];
        snprintf(buf, sizeof buf, "beef 29 AC-__B %s", ends[i]);
        at = buf;
        assert_int_equal(begin_trail(t, &at, taken), 0);
        assert_false(snapshot_trail_next(t));
    }
    free(t);
}

/* --- which are the same --- */

enum { LISTS = 1, OBJECTS = 40, NODES = LISTS + OBJECTS };

static void make_graph(struct snapshot_graph *g) {
    g->n = NODES;
    g->first = calloc(NODES + 1, sizeof *g->first);
    g->edge = calloc(OBJECTS, sizeof *g->edge);
    g->look = calloc(NODES, sizeof *g->look);
    g->content = calloc(NODES, sizeof *g->content);
    g->numbered = bits_new(NODES);
    g->young = calloc(1, 8);
    for (uint32_t i = 0; i < OBJECTS; i++) { /* a list holds all */
        g->edge[i] = (struct snapshot_step){8 * i, LISTS + i};
        g->content[LISTS + i] = 1000 + i;
    }
    for (uint32_t i = 1; i <= NODES; i++)
        g->first[i] = OBJECTS;
}

static void free_graph(struct snapshot_graph *g) {
    free(g->first);
    free(g->edge);
    free(g->look);
    free(g->content);
    free(g->numbered);
    vec_free(&g->number);
    free(g->rank);
    free(g->young);
}

static void make_same(struct snapshot_same *s) {
    memset(s, 0, sizeof *s);
    make_graph(&s->then);
    make_graph(&s->now);
    s->lists = LISTS;
    s->units = 1;
    s->there = calloc(NODES, sizeof *s->there);
    s->unit_end = calloc(1, sizeof *s->unit_end);
    memset(s->there, 0xff, NODES * sizeof *s->there);
    s->unit_first = 1;
    s->unit_end[0] = NODES;
}

static void free_same(struct snapshot_same *s) {
    free_graph(&s->then);
    free_graph(&s->now);
    free(s->there);
    free(s->unit_end);
    free(s->now_of);
    free(s->then_of);
}

static void same(void **state) {
    (void)state;
    struct snapshot_same s;
    make_same(&s); /* all have moved, in order */
    snapshot_same_find(&s);
    for (uint32_t i = 0; i < NODES; i++)
        assert_int_equal(s.now_of[i], i);
    free_same(&s);

    make_same(&s); /* one stands elsewhere: it was made anew */
    s.now.content[LISTS + 5] = 1039;
    s.now.content[LISTS + 39] = 1005;
    s.then.content[LISTS + 39] = 7;
    snapshot_same_find(&s);
    assert_int_equal(s.now_of[LISTS + 5], SNAPSHOT_NONE);
    assert_int_equal(s.now_of[LISTS + 6], LISTS + 6);
    free_same(&s);

    make_same(&s); /* the page was not emptied: what stands there no more is gone */
    for (uint32_t i = 0; i < OBJECTS; i++)
        s.there[LISTS + i] = i < 20 ? LISTS + i : SNAPSHOT_NONE;
    snapshot_same_find(&s);
    assert_int_equal(s.now_of[LISTS + 19], LISTS + 19);
    assert_int_equal(s.now_of[LISTS + 20], SNAPSHOT_NONE);
    assert_int_equal(s.then_of[LISTS + 20], SNAPSHOT_NONE);
    free_same(&s);

    make_same(&s); /* two look alike: neither is known again */
    s.then.content[LISTS + 1] = s.then.content[LISTS + 2];
    s.now.content[LISTS + 1] = s.now.content[LISTS + 2];
    snapshot_same_find(&s);
    assert_int_equal(s.now_of[LISTS + 1], SNAPSHOT_NONE);
    assert_int_equal(s.now_of[LISTS + 2], SNAPSHOT_NONE);
    assert_int_equal(s.now_of[LISTS + 3], LISTS + 3);
    free_same(&s);

    make_same(&s); /* nothing old becomes young */
    *s.now.young = ~0ull;
    snapshot_same_find(&s);
    assert_int_equal(s.now_of[LISTS + 1], SNAPSHOT_NONE);
    free_same(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers), cmocka_unit_test(spool),     cmocka_unit_test(spool_errors),
        cmocka_unit_test(ids),     cmocka_unit_test(fresh_ids), cmocka_unit_test(trail),
        cmocka_unit_test(same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
