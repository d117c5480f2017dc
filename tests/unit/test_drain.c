/* Worklists emptied by several threads: everything that turns up is done, once. */
#include "unit.h"

#include "base/bits.h"
#include "base/drain.h"
#include "base/vec.h"

struct numbers {
    uint32_t n;
    uint64_t *known; /* set */
    uint64_t done[DRAIN_WORKERS], sum[DRAIN_WORKERS];
    bool inside[DRAIN_WORKERS];
    void (*bring_up)(struct numbers *x, uint32_t number, struct drain_list *todo);
};

static void add(struct numbers *x, uint32_t number, struct drain_list *todo) {
    if (number < x->n && bits_claim(x->known, number))
        vec_push(todo, number);
}

static void one(void *numbers, size_t worker, uint32_t number, struct drain_list *todo) {
    struct numbers *x = numbers;
    assert_true(worker < DRAIN_WORKERS);
    assert_false(__atomic_exchange_n(&x->inside[worker], true, __ATOMIC_SEQ_CST));
    x->done[worker]++;
    x->sum[worker] += number;
    x->bring_up(x, number, todo);
    __atomic_store_n(&x->inside[worker], false, __ATOMIC_SEQ_CST);
}

static void soon(void *numbers, uint32_t number) {
    assert_true(bits_get(((struct numbers *)numbers)->known, number));
}

static void tree(struct numbers *x, uint32_t number, struct drain_list *todo) {
    add(x, 2 * number + 1, todo);
    add(x, 2 * number + 2, todo);
}

/* Nothing to share until the very end. */
static void chain(struct numbers *x, uint32_t number, struct drain_list *todo) {
    add(x, number + 1, todo);
}

static void tangle(struct numbers *x, uint32_t number, struct drain_list *todo) {
    for (uint32_t i = 1; i < 5; i++)
        add(x, (number * 0x9E3779B1u + i * 0x85EBCA77u) % x->n, todo);
    add(x, (number + 1) % x->n, todo);
}

static void check(void (*bring_up)(struct numbers *, uint32_t, struct drain_list *), uint32_t n,
                  unsigned threads, bool with_soon) {
    struct numbers x = {.n = n, .known = bits_new(n), .bring_up = bring_up};
    struct drain_list first = {0};
    uint64_t done = 0, sum = 0;
    add(&x, 0, &first);
    drain(&first, &(struct drain_work){
                      .arg = &x, .threads = threads, .soon = with_soon ? soon : NULL, .one = one});
    for (size_t i = 0; i < DRAIN_WORKERS; i++) {
        done += x.done[i];
        sum += x.sum[i];
    }
    assert_int_equal(done, n);
    assert_int_equal(sum, n ? (uint64_t)n * (n - 1) / 2 : 0);
    assert_int_equal(first.n, 0);
    vec_free(&first);
    free(x.known);
}

static void everything_once(void **state) {
    (void)state;
    for (unsigned threads = 0; threads <= DRAIN_WORKERS + 1; threads++)
        for (int with_soon = 0; with_soon < 2; with_soon++) {
            check(tree, 100000, threads, with_soon);
            check(chain, 20000, threads, with_soon);
            check(tangle, 50000, threads, with_soon);
        }
}

static void nothing_and_little(void **state) {
    (void)state;
    for (uint32_t n = 0; n < 50; n++)
        check(tangle, n, 0, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_once),
        cmocka_unit_test(nothing_and_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
