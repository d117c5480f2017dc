/* Sketches of sets, and the rule by which growth is told from coming and going. */
#include "unit.h"

#include "growth/growth.h"
#include "growth/sketch.h"

#include <string.h>

/* Members first to end - 1. */
static struct sketch sketch_of(uint64_t first, uint64_t end) {
    struct sketch s = {0};
    for (uint64_t i = first; i < end; i++)
        sketch_add(&s, 0x1000 + 16 * i);
    sketch_finish(&s);
    return s;
}

static void small_sets_are_compared_whole(void **state) {
    (void)state;
    struct sketch a = sketch_of(0, 100), b = sketch_of(30, 500);
    uint32_t kept;
    assert_int_equal(sketch_compare(&a, &b, &kept), 100);
    assert_int_equal(kept, 70);
    assert_int_equal(sketch_compare(&b, &a, &kept), 470);
    assert_int_equal(kept, 70);
    sketch_done(&a);
    sketch_done(&b);
}

static void a_member_counts_once(void **state) {
    (void)state;
    struct sketch a = {0}, b = sketch_of(0, 1);
    uint32_t kept;
    for (int i = 0; i < 3 * SKETCH_MAX; i++)
        sketch_add(&a, 0x1000);
    sketch_finish(&a);
    assert_int_equal(a.hashes.n, 1);
    assert_int_equal(sketch_compare(&a, &b, &kept), 1);
    assert_int_equal(kept, 1);
    sketch_done(&a);
    sketch_done(&b);
}

/* Of large sets a sample: within four standard deviations of what is so. */
static void large_sets_are_sampled(void **state) {
    (void)state;
    struct sketch a = sketch_of(0, 100000), b = sketch_of(40000, 150000);
    uint32_t kept, asked = sketch_compare(&a, &b, &kept);
    assert_true(asked >= SKETCH_MAX / 2 && asked <= SKETCH_MAX);
    double share = (double)kept / asked;
    assert_true(share > 0.6 - 0.08 && share < 0.6 + 0.08);
    sketch_done(&a);
    sketch_done(&b);
}

static void nothing_is_known_of_nothing(void **state) {
    (void)state;
    struct sketch a = {0}, b = sketch_of(0, 10);
    uint32_t kept;
    assert_int_equal(sketch_compare(&a, &b, &kept), 0);
    assert_int_equal(kept, 0);
    sketch_done(&b);
}

/* --- the rule --- */

static struct growth_step step(uint64_t members, uint64_t bytes, uint32_t asked, uint32_t kept) {
    return (struct growth_step){.members = members,
                                .bytes = bytes,
                                .lasting = members,
                                .asked = asked,
                                .kept = kept,
                                .seconds = 10};
}

static enum growth_verdict judge3(struct growth_step a, struct growth_step b,
                                  struct growth_step c) {
    struct growth_step steps[] = {a, b, c};
    bool by_bytes;
    return growth_judge(steps, 3, (struct growth_case){0}, &by_bytes);
}

static void what_nobody_leaves_grows(void **state) {
    (void)state;
    assert_int_equal(judge3(step(45000, 9 << 20, 0, 0), step(45100, 9 << 20 | 1 << 14, 1024, 1024),
                            step(45200, 9 << 20 | 2 << 14, 1024, 1024)),
                     GROWTH_GROWS);
}

/* 1,000 of 2,000 went: 60 more are chance. */
static void what_comes_and_goes_does_not(void **state) {
    (void)state;
    assert_int_equal(judge3(step(2000, 1 << 20, 0, 0), step(2060, 2 << 20, 1000, 500),
                            step(2120, 3 << 20, 1000, 500)),
                     GROWTH_NONE);
}

static void a_bounded_cache_does_not(void **state) {
    (void)state;
    assert_int_equal(judge3(step(1000, 1 << 20, 0, 0), step(1000, 1 << 20, 1000, 100),
                            step(1000, 1 << 20, 1000, 100)),
                     GROWTH_NONE);
}

static void once_is_not_twice(void **state) {
    (void)state;
    assert_int_equal(judge3(step(100, 1 << 20, 0, 0), step(900, 2 << 20, 100, 100),
                            step(900, 2 << 20, 900, 900)),
                     GROWTH_NONE);
}

static void what_fills_up_slows(void **state) {
    (void)state;
    assert_int_equal(judge3(step(100, 1 << 20, 0, 0), step(2100, 2 << 20, 100, 100),
                            step(2600, 3 << 20, 1000, 1000)),
                     GROWTH_SLOWS);
}

static void a_queue_turns_over(void **state) {
    (void)state;
    assert_int_equal(
        judge3(step(100, 1 << 20, 0, 0), step(2100, 2 << 20, 100, 0), step(4100, 3 << 20, 1000, 0)),
        GROWTH_TURNS);
}

/* When nothing is known of who went, all may have. */
static void without_a_sample_all_may_have_gone(void **state) {
    (void)state;
    assert_int_equal(
        judge3(step(1000, 1 << 20, 0, 0), step(1100, 2 << 20, 0, 0), step(1200, 3 << 20, 0, 0)),
        GROWTH_NONE);
    assert_int_equal(
        judge3(step(1000, 1 << 20, 0, 0), step(1300, 2 << 20, 0, 0), step(1600, 3 << 20, 0, 0)),
        GROWTH_YOUNG);
    assert_int_equal(
        judge3(step(1000, 1 << 20, 0, 0), step(1300, 2 << 20, 0, 0), step(1600, 3 << 20, 40, 40)),
        GROWTH_GROWS);
}

static void a_few_small_ones_are_nothing(void **state) {
    (void)state;
    assert_int_equal(judge3(step(20, 1000, 0, 0), step(30, 2000, 20, 20), step(40, 3000, 30, 30)),
                     GROWTH_NONE);
    assert_int_equal(
        judge3(step(3, 1 << 20, 0, 0), step(8, 4 << 20, 3, 3), step(13, 7 << 20, 8, 8)),
        GROWTH_GROWS);
}

static void what_members_hold_may_grow(void **state) {
    (void)state;
    struct growth_step steps[] = {step(1000, 1 << 20, 0, 0), step(1000, 2 << 20, 1000, 1000),
                                  step(1000, 3 << 20, 1000, 1000)};
    bool by_bytes = false;
    assert_int_equal(growth_judge(steps, 3, (struct growth_case){0}, &by_bytes), GROWTH_GROWS);
    assert_true(by_bytes);
    steps[2].kept = 100;
    assert_int_equal(growth_judge(steps, 3, (struct growth_case){0}, &by_bytes), GROWTH_NONE);
    assert_false(by_bytes);
}

static void two_looks_do_not_believe_in_new_young_things(void **state) {
    (void)state;
    struct growth_step steps[] = {step(0, 0, 0, 0), step(300, 1 << 20, 0, 0)};
    bool by_bytes;
    assert_int_equal(growth_judge(steps, 2, (struct growth_case){.is_new = true}, &by_bytes),
                     GROWTH_GROWS);
    steps[1].lasting = 10;
    assert_int_equal(growth_judge(steps, 2, (struct growth_case){.is_new = true}, &by_bytes),
                     GROWTH_YOUNG);
}

static void of_two_processes_sizes_are_all_there_is(void **state) {
    (void)state;
    struct growth_step steps[] = {step(1000, 1 << 20, 0, 0), step(3000, 3 << 20, 0, 0)};
    bool by_bytes;
    assert_int_equal(growth_judge(steps, 2, (struct growth_case){0}, &by_bytes), GROWTH_YOUNG);
    assert_int_equal(growth_judge(steps, 2, (struct growth_case){.has_no_names = true}, &by_bytes),
                     GROWTH_GROWS);
}

/* --- of holders --- */

static struct holder holder(enum holder_kind kind, uint64_t addr, const char *line,
                            uint64_t members) {
    return (struct holder){.kind = kind,
                           .addr = addr,
                           .class = mem_strdup("Map"),
                           .line = line ? mem_strdup(line) : NULL,
                           .members = members,
                           .retained = 1000 * members,
                           .lasting = members,
                           .position = (uint32_t)addr,
                           .end = (uint32_t)addr + 1,
                           .sketch = sketch_of(addr * 100000, addr * 100000 + members)};
}

static void holders_are_found_again(void **state) {
    (void)state;
    struct holders then = {0}, now = {0};
    vec_push(&then.list, holder(HOLDER_TABLE, 1, "a", 100)); /* stays */
    vec_push(&then.list, holder(HOLDER_TABLE, 2, "b", 100)); /* moved */
    vec_push(&then.list, holder(HOLDER_TABLE, 3, NULL, 100));
    vec_push(&now.list, holder(HOLDER_TABLE, 1, "elsewhere", 300));
    vec_push(&now.list, holder(HOLDER_TABLE, 9, "b", 300));
    vec_push(&now.list, holder(HOLDER_ARRAY, 3, NULL, 300));
    now.list.at[1].is_moving = true;
    assert_ptr_equal(holders_same(&then, &now.list.at[0], true), &then.list.at[0]);
    assert_null(holders_same(&then, &now.list.at[0], false));
    assert_ptr_equal(holders_same(&then, &now.list.at[1], true), &then.list.at[1]);
    assert_null(holders_same(&then, &now.list.at[2], true)); /* another kind */
    struct growth_look looks[] = {{&then, 0}, {&now, 10}};
    struct growth_list found;
    growth_find(looks, 2, true, &found);
    assert_int_equal(found.list.n, 3);
    for (size_t i = 0; i < 3; i++)
        if (found.list.at[i].now == &now.list.at[0]) {
            assert_int_equal(found.list.at[i].identity, GROWTH_BY_ADDRESS);
            assert_int_equal(found.list.at[i].members_delta, 200);
            assert_true(found.list.at[i].members_per_second == 20);
        }
    vec_free(&found.list);
    holders_done(&then);
    holders_done(&now);
}

/* Young members are known again as long as nothing was collected. */
static void without_a_collection_nothing_moves(void **state) {
    (void)state;
    struct holders then = {0}, now = {0};
    struct growth_list found;
    vec_push(&then.list, holder(HOLDER_ARRAY, 1, "a", 0));
    vec_push(&now.list, holder(HOLDER_ARRAY, 1, "a", 0));
    then.list.at[0].members = 2000;
    now.list.at[0].members = 2500;
    now.list.at[0].retained = 1 << 20;
    then.list.at[0].young = sketch_of(0, 2000);
    now.list.at[0].young = sketch_of(0, 2500);
    struct growth_look looks[] = {{&then, 0}, {&now, 10}};
    growth_find(looks, 2, true, &found);
    assert_int_equal(found.list.at[0].verdict, GROWTH_YOUNG);
    vec_free(&found.list);
    then.young = sketch_of(0, 100000);
    now.young = sketch_of(0, 200000);
    growth_find(looks, 2, true, &found);
    assert_int_equal(found.list.at[0].verdict, GROWTH_GROWS);
    vec_free(&found.list);
    holders_done(&then);
    holders_done(&now);
}

static void a_bound_that_is_near_leaves_it_open(void **state) {
    (void)state;
    struct holders then = {0}, now = {0};
    vec_push(&then.list, holder(HOLDER_TABLE, 1, "a", 100));
    vec_push(&now.list, holder(HOLDER_TABLE, 1, "a", 300));
    now.list.at[0].bound_name = mem_strdup("max");
    struct growth_look looks[] = {{&then, 0}, {&now, 10}};
    struct growth_list found;
    const struct {
        uint64_t bound;
        enum growth_verdict want;
    } cases[] = {{1000, GROWTH_BOUNDED}, {300, GROWTH_GROWS}, {1u << 30, GROWTH_GROWS}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        now.list.at[0].bound = cases[i].bound;
        growth_find(looks, 2, true, &found);
        assert_int_equal(found.list.n, 1);
        assert_int_equal(found.list.at[0].verdict, cases[i].want);
        vec_free(&found.list);
    }
    holders_done(&then);
    holders_done(&now);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_sets_are_compared_whole),
        cmocka_unit_test(a_member_counts_once),
        cmocka_unit_test(large_sets_are_sampled),
        cmocka_unit_test(nothing_is_known_of_nothing),
        cmocka_unit_test(what_nobody_leaves_grows),
        cmocka_unit_test(what_comes_and_goes_does_not),
        cmocka_unit_test(a_bounded_cache_does_not),
        cmocka_unit_test(once_is_not_twice),
        cmocka_unit_test(what_fills_up_slows),
        cmocka_unit_test(a_queue_turns_over),
        cmocka_unit_test(without_a_sample_all_may_have_gone),
        cmocka_unit_test(a_few_small_ones_are_nothing),
        cmocka_unit_test(what_members_hold_may_grow),
        cmocka_unit_test(two_looks_do_not_believe_in_new_young_things),
        cmocka_unit_test(of_two_processes_sizes_are_all_there_is),
        cmocka_unit_test(holders_are_found_again),
        cmocka_unit_test(without_a_collection_nothing_moves),
        cmocka_unit_test(a_bound_that_is_near_leaves_it_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
