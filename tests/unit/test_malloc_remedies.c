/* What remedies would do, on censuses made by hand after processes that were measured. */
#include "unit.h"

#include "kernel/cpus.h"
#include "model/malloc_remedies.h"
#include <errno.h>
#include <string.h>

#define MIB (1ull << 20)

static struct malloc_arena *add_arena(struct malloc_census *c, uint64_t max, uint64_t in_use,
                                      uint64_t binned, uint64_t top) {
    struct malloc_arena a = {.is_main = c->arenas.n == 0,
                             .system_bytes = in_use + binned + top,
                             .max_system_bytes = max};
    a.share[MALLOC_IN_USE] = (struct malloc_share){in_use, in_use, 1};
    a.share[MALLOC_BINNED] = (struct malloc_share){binned, binned, 1};
    a.share[MALLOC_TOP] = (struct malloc_share){top, top, 1};
    vec_push(&c->arenas, a);
    return &c->arenas.at[c->arenas.n - 1];
}

static struct malloc_census glibc_census(void) {
    return (struct malloc_census){
        .kind = MALLOC_GLIBC,
        .has_residency = true,
        .glibc = {.mp_addr = 1, .mmap_threshold = MALLOC_LARGE, .trim_threshold = MALLOC_LARGE}};
}

static const struct malloc_remedy *find(const struct malloc_remedy *all, size_t n,
                                        const char *setting) {
    for (size_t i = 0; i < n; i++)
        if (strncmp(all[i].setting, setting, strlen(setting)) == 0)
            return &all[i];
    fail_msg("no remedy %s", setting);
    return NULL;
}

/* Thread arenas gave everything back; the main arena kept all it ever had, below pins. */
static void a_burst_is_ruined(void **state) {
    (void)state;
    struct malloc_census c = glibc_census();
    struct malloc_remedy all[MALLOC_REMEDIES];
    add_arena(&c, 150 * MIB, 4 * MIB, 146 * MIB, 0);
    for (int i = 0; i < 4; i++)
        add_arena(&c, 1600 * MIB, 0, 0, MIB / 8);
    for (int i = 0; i < 4; i++) /* V8's workers */
        add_arena(&c, MIB, MIB / 4, MIB / 2, MIB / 4);
    add_arena(&c, MIB / 8, 0, 0, MIB / 8)->share[MALLOC_BINNED].count = 0; /* its timer's thread */
    struct malloc_life life = {.rss_bytes = 230 * MIB, .peak_rss_bytes = 6400 * MIB};
    size_t n = malloc_remedies(&c, &life, all);
    const struct malloc_remedy *fewer = find(all, n, "MALLOC_ARENA_MAX=2");
    assert_int_equal(fewer->effect, MALLOC_MORE);
    assert_in_range(fewer->rss_bytes, 5600 * MIB, 6200 * MIB);   /* measured: 5530 to 6200 */
    assert_in_range(fewer->least_bytes, 3100 * MIB, 3400 * MIB); /* half of it in the other arena */
    fewer = find(all, n, "MALLOC_ARENA_MAX=1");
    assert_in_range(fewer->rss_bytes, 6200 * MIB, 6400 * MIB); /* not above what it ever was */
    assert_int_equal(fewer->least_bytes, fewer->rss_bytes);
    fewer = find(all, n, "MALLOC_ARENA_MAX=4");
    assert_in_range(fewer->rss_bytes, 3900 * MIB, 4700 * MIB); /* 4264 and 4641 */
    assert_in_range(fewer->least_bytes, 1600 * MIB, 1900 * MIB);
    assert_in_range(fewer->most_bytes, 6200 * MIB, 6400 * MIB);
    assert_int_equal(find(all, n, "MALLOC_TRIM")->effect, MALLOC_SAME);
    malloc_census_done(&c);
}

/* Each of many arenas keeps a block at its end that was needed one at a time. */
static void ends_are_shared(void **state) {
    (void)state;
    struct malloc_census c = glibc_census();
    struct malloc_remedy all[MALLOC_REMEDIES];
    c.glibc.mmap_threshold = 8 * MIB;
    c.glibc.trim_threshold = 16 * MIB;
    add_arena(&c, 3 * MIB, 2 * MIB, 0, MIB);
    for (int i = 0; i < 14; i++)
        add_arena(&c, 8 * MIB, 0, 0, 8 * MIB);
    struct malloc_life life = {.rss_bytes = 160 * MIB, .peak_rss_bytes = 160 * MIB};
    size_t n = malloc_remedies(&c, &life, all);
    const struct malloc_remedy *fewer = find(all, n, "MALLOC_ARENA_MAX=2");
    assert_int_equal(fewer->effect, MALLOC_LESS);
    assert_in_range(fewer->rss_bytes, 50 * MIB, 70 * MIB);
    const struct malloc_remedy *fixed = find(all, n, "MALLOC_MMAP");
    assert_int_equal(fixed->effect, MALLOC_LESS);
    assert_in_range(fixed->rss_bytes, 46 * MIB, 52 * MIB);
    malloc_census_done(&c);
}

/* What is in use between the gaps tells what the gaps were. */
static void gaps_are_what_stays_between(void **state) {
    (void)state;
    for (uint64_t large = 0; large <= 3; large += 3) {
        struct malloc_census c = glibc_census();
        struct malloc_remedy all[MALLOC_REMEDIES];
        c.glibc.mmap_threshold = 2 * MALLOC_LARGE;
        c.glibc.trim_threshold = 4 * MALLOC_LARGE;
        struct malloc_arena *a = add_arena(&c, 204 * MIB, 4 * MIB, 200 * MIB, 0);
        a->large_free_resident = 200 * MIB;
        a->beside_resident = 4 * MIB;
        a->beside_large_resident = large * MIB;
        a->beside_large_count = 4 * large;
        struct malloc_life life = {.rss_bytes = 250 * MIB};
        size_t n = malloc_remedies(&c, &life, all);
        assert_int_equal(find(all, n, "MALLOC_TRIM")->rss_bytes, (250 - 50 * large) * MIB);
        malloc_census_done(&c);
    }
}

/* Most of what is free lies in one gap, or in many. */
static void one_gap_may_go(void **state) {
    (void)state;
    for (uint64_t gap = 3; gap <= 117; gap += 114) {
        struct malloc_census c = glibc_census();
        struct malloc_remedy all[MALLOC_REMEDIES];
        struct malloc_arena *a = add_arena(&c, 264 * MIB, 3 * MIB, 261 * MIB, 0);
        a->biggest_free_resident = gap * MIB;
        a->trimmable = 260 * MIB;
        struct malloc_life life = {.rss_bytes = 313 * MIB, .peak_rss_bytes = 316 * MIB};
        size_t n = malloc_remedies(&c, &life, all);
        for (size_t i = 0; i < n; i++)
            if (all[i].has_estimate)
                assert_int_equal(all[i].rss_bytes - all[i].least_bytes,
                                 gap > 3 && !all[i].is_now ? gap * MIB : 0);
        malloc_census_done(&c);
    }
}

static void nothing_is_said_of_others(void **state) {
    (void)state;
    struct malloc_census c = glibc_census();
    struct malloc_remedy all[MALLOC_REMEDIES];
    struct malloc_life life = {.rss_bytes = MIB};
    c.kind = MALLOC_JEMALLOC;
    assert_int_equal(malloc_remedies(&c, &life, all), 0);
    c = glibc_census();
    assert_int_equal(malloc_remedies(&c, &life, all), 0); /* no arena */
    add_arena(&c, 0, 0, 0, 0);
    c.glibc.mp_addr = 0;
    size_t n = malloc_remedies(&c, &life, all);
    assert_int_equal(find(all, n, "MALLOC_MMAP")->effect, MALLOC_EFFECT_UNKNOWN);
    malloc_census_done(&c);
}

/* An arena's own counters are the target's. */
static void figures_may_be_anything(void **state) {
    (void)state;
    static const uint64_t words[] = {0, 1, MALLOC_LARGE, 1ull << 32, 1ull << 63, ~0ull};
    enum { WORDS = sizeof words / sizeof *words };
    for (size_t i = 0; i < WORDS * WORDS * WORDS; i++) {
        struct malloc_census c = glibc_census();
        struct malloc_remedy all[MALLOC_REMEDIES];
        for (int k = 0; k < 3; k++) {
            struct malloc_arena *a = add_arena(&c, words[i % WORDS], MIB, MIB, MIB);
            a->system_bytes = words[i / WORDS % WORDS];
        }
        c.glibc.trim_threshold = c.glibc.mmap_threshold = words[i / WORDS / WORDS];
        struct malloc_life life = {.rss_bytes = 9 * MIB};
        assert_int_equal(malloc_remedies(&c, &life, all), MALLOC_REMEDIES);
        malloc_census_done(&c);
    }
}

static void quotas(void **state) {
    (void)state;
    double quota = 0;
    assert_int_equal(cpus_parse_max("max 100000\n", &quota), -ENODATA);
    assert_int_equal(cpus_parse_max("-1\n 100000\n", &quota), -ENODATA); /* version 1 */
    assert_int_equal(cpus_parse_max("150000 0", &quota), -ENODATA);
    assert_int_equal(cpus_parse_max("", &quota), -ENODATA);
    assert_int_equal(cpus_parse_max("150000 100000\n", &quota), 0);
    assert_true(quota > 1.49 && quota < 1.51);

    struct cpus cpus = {.online = 8, .allowed = 3, .has_quota = true, .quota = 0.1}, got;
    char *text = cpus_to_text(&cpus);
    assert_int_equal(cpus_of_text(text, &got), 0);
    assert_true(got.online == 8 && got.allowed == 3 && got.has_quota && got.quota == cpus.quota);
    free(text);
    assert_int_equal(cpus_of_text("2 2\n", &got), 0);
    assert_false(got.has_quota);
    assert_int_equal(cpus_of_text("2", &got), -EBADMSG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_ruined),
        cmocka_unit_test(ends_are_shared),
        cmocka_unit_test(gaps_are_what_stays_between),
        cmocka_unit_test(nothing_is_said_of_others),
        cmocka_unit_test(figures_may_be_anything),
        cmocka_unit_test(quotas),
        cmocka_unit_test(one_gap_may_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
