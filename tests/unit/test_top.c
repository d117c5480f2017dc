#include "base/mem.h"
#include "base/text.h"
#include "cmd/top_trend.h"
#include "report/top_json.h"
#include "report/top_lines.h"
#include "unit.h"

#define MIB (1ull << 20)
#define SECOND 1000000000ull

static void set(struct sample *s, enum sample_field f, uint64_t v) {
    sample_set(s, f, v);
}

/* 100 MiB, 80 of them anonymous: V8 has 40, of which 30 used; 20 of Buffers; malloc took 25. */
static struct top_process process(pid_t pid) {
    struct top_process p = {
        .id = {pid, (uint64_t)pid}, .command = "node app.js", .version = "24.1.0"};
    set(&p.now, SAMPLE_RSS, 100 * MIB);
    set(&p.now, SAMPLE_RSS_ANON, 80 * MIB);
    set(&p.now, SAMPLE_HEAP_USED, 30 * MIB);
    set(&p.now, SAMPLE_HEAP_TOTAL, 40 * MIB);
    set(&p.now, SAMPLE_HEAP_LIMIT, 60 * MIB);
    set(&p.now, SAMPLE_EXTERNAL, 20 * MIB);
    set(&p.now, SAMPLE_MALLOC_ARENAS, 5 * MIB);
    set(&p.now, SAMPLE_MALLOC_MAPPED, 20 * MIB);
    return p;
}

static void parts_add_up(void **state) {
    (void)state;
    static const uint64_t want[TOP_PARTS] = {30, 10, 20, 5, 15, 20};
    struct top_process p = process(1);
    struct top_parts parts;
    assert_true(top_parts_of(&p.now, &parts));
    for (int i = 0; i < TOP_PARTS; i++)
        assert_int_equal(parts.bytes[i], want[i] * MIB);
    assert_int_equal(parts.known, (1u << TOP_PARTS) - 1);
    assert_int_equal(top_parts_sum(&parts), 100 * MIB);
}

static void parts_fit_into_what_is_resident(void **state) {
    (void)state;
    struct top_process p = process(1);
    struct top_parts parts;
    set(&p.now, SAMPLE_RSS_ANON, 35 * MIB); /* most of it was never touched, or is swapped */
    assert_true(top_parts_of(&p.now, &parts));
    assert_int_equal(parts.bytes[TOP_V8_USED], 30 * MIB);
    assert_int_equal(parts.bytes[TOP_EXTERNAL], 5 * MIB);
    assert_int_equal(parts.bytes[TOP_V8_FREE] + parts.bytes[TOP_MALLOC] + parts.bytes[TOP_OTHER],
                     0);
    assert_int_equal(parts.known, (1u << TOP_PARTS) - 1);
    assert_int_equal(top_parts_sum(&parts), 100 * MIB);
}

static void workers_heaps_are_v8s(void **state) {
    (void)state;
    struct top_process p = process(1);
    struct top_parts parts;
    set(&p.now, SAMPLE_WORKERS_HEAP_USED, 4 * MIB);
    set(&p.now, SAMPLE_WORKERS_HEAP_TOTAL, 7 * MIB);
    assert_true(top_parts_of(&p.now, &parts));
    assert_int_equal(parts.bytes[TOP_V8_USED], 34 * MIB);
    assert_int_equal(parts.bytes[TOP_V8_FREE], 13 * MIB);
}

static void what_is_unknown_is_no_zero(void **state) {
    (void)state;
    struct top_process p = {.id = {7, 7}};
    struct top_parts parts;
    char buf[FMT_MAX];
    double v;
    assert_false(top_parts_of(&p.now, &parts));
    for (int c = TOP_PID + 1; c < TOP_COLUMNS; c++)
        assert_false(top_figure(&p, (enum top_column)c, &v));
    assert_string_equal(top_figure_text(buf, &p, TOP_HEAP_USED), "?");
    set(&p.now, SAMPLE_RSS, 9 * MIB);
    assert_true(top_parts_of(&p.now, &parts));
    assert_int_equal(parts.known, 1u << TOP_OTHER);
    assert_int_equal(parts.bytes[TOP_OTHER], 9 * MIB);
    json_t *o = top_process_json(&p);
    assert_int_equal(json_object_size(o), 4); /* pid, started_ns, rss, owners */
    assert_int_equal(json_object_size(json_object_get(o, "owners")), 1);
    json_decref(o);
}

static void rates_take_two_samples(void **state) {
    (void)state;
    struct top_process p = process(1);
    double v;
    set(&p.now, SAMPLE_CPU_USER_NS, 3 * SECOND);
    set(&p.now, SAMPLE_CPU_SYSTEM_NS, SECOND);
    set(&p.now, SAMPLE_GC_MAJOR, 10);
    set(&p.now, SAMPLE_GC_MINOR, 20);
    p.now.at_ns = 12 * SECOND;
    assert_false(top_figure(&p, TOP_CPU, &v));
    p.before.at_ns = 10 * SECOND;
    set(&p.before, SAMPLE_CPU_USER_NS, 2 * SECOND);
    set(&p.before, SAMPLE_CPU_SYSTEM_NS, SECOND / 2);
    set(&p.before, SAMPLE_GC_MAJOR, 9);
    set(&p.before, SAMPLE_GC_MINOR, 15);
    p.has_before = true;
    assert_true(top_figure(&p, TOP_CPU, &v));
    assert_float_equal(v, 75, 1e-6);
    assert_true(top_figure(&p, TOP_GC_RATE, &v));
    assert_float_equal(v, 3, 1e-6);
    assert_false(top_figure(&p, TOP_GC_TIME, &v)); /* no pauses are known */
    set(&p.before, SAMPLE_GC_MINOR, 21);           /* another program's count */
    assert_false(top_figure(&p, TOP_GC_RATE, &v));
}

static void room_below_the_limit(void **state) {
    (void)state;
    struct top_process p = process(1);
    double v;
    assert_true(top_figure(&p, TOP_ROOM, &v));
    assert_float_equal(v, 50, 1e-6);
    assert_false(top_is_short(&p));
    set(&p.now, SAMPLE_HEAP_USED, 55 * MIB);
    assert_true(top_is_short(&p));
    set(&p.now, SAMPLE_HEAP_USED, 61 * MIB);
    assert_true(top_figure(&p, TOP_ROOM, &v));
    assert_float_equal(v, 0, 1e-6);
}

/* The pids of the rows in order, a heading as 0. */
static void expect(const struct top_rows *rows, const pid_t *want, size_t n) {
    assert_int_equal(rows->n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(rows->at[i].process ? rows->at[i].process->id.pid : 0, want[i]);
}

#define EXPECT(rows, ...)                                                                          \
    expect(rows, (const pid_t[]){__VA_ARGS__}, sizeof((const pid_t[]){__VA_ARGS__}) / sizeof(pid_t))

static void sorted_both_ways(void **state) {
    (void)state;
    struct top_process all[] = {process(1), process(2), process(3), {.id = {4, 4}}};
    struct top_order o = {.sort = TOP_RSS};
    struct top_rows rows = {0};
    set(&all[1].now, SAMPLE_RSS, 300 * MIB);
    top_rows_make(all, 4, &o, &rows);
    EXPECT(&rows, 2, 1, 3, 4);
    o.inverted = true;
    top_rows_make(all, 4, &o, &rows); /* what is unknown stays last */
    EXPECT(&rows, 1, 3, 2, 4);
    o = (struct top_order){.sort = TOP_PID};
    top_rows_make(all, 4, &o, &rows);
    EXPECT(&rows, 1, 2, 3, 4);
    o = (struct top_order){.sort = TOP_VERSION};
    all[0].version = "24.10.0"; /* after 24.9 */
    all[1].version = "24.9.0";
    all[2].version = "";
    top_rows_make(all, 4, &o, &rows);
    EXPECT(&rows, 2, 1, 3, 4);
    vec_free(&rows);
}

static void filtered(void **state) {
    (void)state;
    struct top_process all[] = {process(11), process(12), process(13)};
    struct top_order o = {.sort = TOP_PID, .filter = "SERV"};
    struct top_rows rows = {0};
    all[1].command = "node server.js";
    all[2].cgroup = "/pods/services";
    top_rows_make(all, 3, &o, &rows);
    EXPECT(&rows, 12, 13);
    o.filter = "11"; /* a pid as a whole, not a part of one */
    top_rows_make(all, 3, &o, &rows);
    EXPECT(&rows, 11);
    o.filter = "1";
    all[0].version = all[1].version = all[2].version = NULL;
    top_rows_make(all, 3, &o, &rows);
    assert_int_equal(rows.n, 0);
    o.filter = "";
    top_rows_make(all, 3, &o, &rows);
    assert_int_equal(rows.n, 3);
    vec_free(&rows);
}

/* /a: 1 with children 2 and 3, 4 below 3; /b: 5, whose parent is in /a; 6 of no known cgroup. */
static void tree_by_cgroup(void **state) {
    (void)state;
    struct top_process all[6];
    struct top_order o = {.sort = TOP_PID, .tree = true};
    struct top_rows rows = {0};
    static const pid_t parents[] = {0, 1, 1, 3, 1, 0};
    for (int i = 0; i < 6; i++) {
        all[i] = process(i + 1);
        all[i].parent = parents[i];
        all[i].cgroup = i < 4 ? "/a" : i == 4 ? "/b" : NULL;
    }
    top_rows_make(all, 6, &o, &rows);
    EXPECT(&rows, 0, 1, 2, 3, 4, 0, 5, 6);
    assert_string_equal(rows.at[5].cgroup, "/b");
    static const unsigned depths[] = {0, 0, 1, 1, 2, 0, 0, 0};
    for (int i = 0; i < 8; i++)
        assert_int_equal(rows.at[i].depth, depths[i]);
    assert_false(rows.at[2].last);
    assert_true(rows.at[3].last);
    o.inverted = true; /* siblings turn round, children stay below their parents */
    top_rows_make(all, 6, &o, &rows);
    EXPECT(&rows, 6, 0, 5, 0, 1, 3, 4, 2);
    vec_free(&rows);
}

/* Parents in a ring, as pids are given again, and chains deeper than anything is drawn. */
static void tree_of_anything(void **state) {
    (void)state;
    enum { N = 200 };
    struct top_process all[N];
    struct top_order o = {.sort = TOP_PID, .tree = true};
    struct top_rows rows = {0};
    for (int i = 0; i < N; i++) {
        all[i] = process(i + 1);
        all[i].parent = i ? i : N; /* the first is a child of the last */
    }
    top_rows_make(all, N, &o, &rows);
    assert_int_equal(rows.n, N);
    for (int i = 0; i < N; i++)
        assert_int_equal(rows.at[i].process->id.pid, i + 1);
    assert_int_equal(rows.at[N - 1].depth, TOP_DEPTH_MAX);
    struct top_layout l;
    struct top_line line = {0};
    top_layout_fit(0, ~0u, &l);
    top_line_row(&l, &rows.at[N - 1], &(struct top_style){.unicode = true}, &line);
    top_line_done(&line);
    vec_free(&rows);
}

static void bars_add_up(void **state) {
    (void)state;
    for (unsigned cells = 1; cells < 60; cells++)
        for (uint64_t seed = 1; seed < 40; seed++) {
            struct top_parts p = {0};
            unsigned ret[TOP_PARTS], sum = 0;
            for (unsigned i = 0; i < TOP_PARTS; i++)
                p.bytes[i] = seed * (i + 3) * 7919 % 101 * MIB;
            uint64_t whole = top_parts_sum(&p) * (1 + seed % 3);
            top_bar(&p, whole, cells, ret);
            for (int i = 0; i < TOP_PARTS; i++) {
                double exact = (double)p.bytes[i] / (double)whole * cells;
                sum += ret[i];
                assert_true((double)ret[i] < exact + 1.6 && (double)ret[i] > exact - 1.6);
                assert_true(p.bytes[i] || !ret[i]);
            }
            double want = (double)cells / (double)(1 + seed % 3);
            assert_true(sum == 1 || (sum - want <= 0.5 + 1e-9 && want - sum <= 0.5 + 1e-9));
        }
    struct top_parts none = {0};
    unsigned ret[TOP_PARTS];
    top_bar(&none, 0, 10, ret);
    for (int i = 0; i < TOP_PARTS; i++)
        assert_int_equal(ret[i], 0);
}

/* The text of a line; the caller frees it. */
static char *text_of(const struct top_line *l) {
    char *text = mem_strdup("");
    for (size_t i = 0; i < l->n; i++) {
        char *more = mem_printf("%s%s", text, l->at[i].text);
        free(text);
        text = more;
    }
    return text;
}

static char *row_text(const struct top_process *p, unsigned width) {
    struct top_layout l;
    struct top_line line = {0};
    top_layout_fit(width, ~0u, &l);
    top_line_row(&l, &(struct top_row){.process = p}, &(struct top_style){0}, &line);
    char *text = text_of(&line);
    top_line_done(&line);
    return text;
}

static void lines_fit_any_width(void **state) {
    (void)state;
    struct top_process p = process(4194304);
    p.command =
        "/usr/bin/node a-very-long-name-of-a-program.js with --more=arguments than fit anywhere "
        "and then some more of them, so that even two hundred columns are too few for it";
    for (unsigned width = 8; width < 320; width++) {
        char *row = row_text(&p, width);
        assert_true(text_width(row) <= width + 1); /* the gap behind the last column */
        free(row);
    }
    char *row = row_text(&p, 80);
    assert_non_null(strstr(row, "4194304  100.0 MiB VV"));
    assert_non_null(strstr(row, " node a-ve"));
    free(row);
    row = row_text(&p, 0);
    assert_non_null(strstr(row, "too few for it"));
    free(row);
}

static void lines_of_hostile_names(void **state) {
    (void)state;
    struct top_process p = process(1);
    p.command = "\033[2Jx\n\xff\xc2\x9b";
    p.version = "\007";
    char *row = row_text(&p, 0);
    for (const char *s = row; *s; s++)
        assert_true((unsigned char)*s >= ' ' && *s != 0x7f);
    assert_null(strstr(row, "\xc2\x9b"));
    free(row);
}

static void columns_nobody_has_a_value_of(void **state) {
    (void)state;
    struct top_process p = process(1);
    struct top_rows rows = {0};
    struct top_layout l;
    vec_push(&rows, (struct top_row){.process = &p});
    top_layout_fit(200, top_columns_known(&rows), &l);
    assert_int_equal(l.width[TOP_GC_TIME], 0);
    assert_int_equal(l.width[TOP_CPU], 0);
    assert_int_not_equal(l.width[TOP_HEAP_LIMIT], 0);
    vec_free(&rows);
}

static void gone_is_said(void **state) {
    (void)state;
    struct top_process p = process(1);
    p.gone = true;
    char *row = row_text(&p, 80);
    assert_non_null(strstr(row, " gone "));
    free(row);
}

static void legend_names_each_letter(void **state) {
    (void)state;
    struct top_process p = process(1);
    struct top_parts parts;
    assert_true(top_parts_of(&p.now, &parts));
    for (unsigned width = 80; width <= 200; width += 120) {
        struct top_line l = {0};
        top_line_legend(&parts, width, &l);
        char *text = text_of(&l);
        assert_true(text_width(text) <= width);
        for (int i = 0; i < TOP_PARTS; i++) {
            char *name = mem_printf("%c %s", top_part_info((enum top_part)i)->letter,
                                    top_part_info((enum top_part)i)->title);
            assert_non_null(strstr(text, name));
            free(name);
        }
        assert_true((strstr(text, "30.0 MiB") != NULL) == (width == 200));
        free(text);
        top_line_done(&l);
    }
}

/* A round a second: 1 MiB a second, under garbage of up to 20 MiB that is collected every 7 s. */
static void add_rounds(struct top_trend *t, unsigned from, unsigned end, uint64_t per_s) {
    for (unsigned i = from; i < end; i++)
        top_trend_add(t, i * SECOND, 100 * MIB + i * per_s + i % 7 * 3 * MIB);
}

static void slope_under_a_saw(void **state) {
    (void)state;
    struct top_trend grows = {0}, stays = {0};
    struct top_process p = process(1);
    char buf[FMT_MAX];
    double v;
    add_rounds(&grows, 0, TOP_TREND_LEAST * TOP_TREND_ROUNDS - 1, MIB);
    assert_false(grows.slope.known);
    add_rounds(&grows, TOP_TREND_LEAST * TOP_TREND_ROUNDS - 1, 400, MIB);
    assert_true(grows.slope.known && grows.slope.low > 0);
    assert_true(grows.slope.low <= 60.0 * MIB && grows.slope.high >= 60.0 * MIB);
    assert_true(grows.slope.bytes > 58.0 * MIB && grows.slope.bytes < 62.0 * MIB);
    assert_int_equal(grows.stretches.n, TOP_TREND_MOST);
    add_rounds(&stays, 0, 400, 0);
    p.slope = stays.slope;
    assert_true(top_figure(&p, TOP_SLOPE, &v) && v >= 0 && v <= 0);
    assert_string_equal(top_figure_text(buf, &p, TOP_SLOPE), "steady");
    p.slope = grows.slope;
    assert_int_equal(top_figure_text(buf, &p, TOP_SLOPE)[0], '+');
    top_trend_done(&grows);
    top_trend_done(&stays);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(parts_fit_into_what_is_resident),
        cmocka_unit_test(workers_heaps_are_v8s),
        cmocka_unit_test(what_is_unknown_is_no_zero),
        cmocka_unit_test(rates_take_two_samples),
        cmocka_unit_test(room_below_the_limit),
        cmocka_unit_test(sorted_both_ways),
        cmocka_unit_test(filtered),
        cmocka_unit_test(tree_by_cgroup),
        cmocka_unit_test(tree_of_anything),
        cmocka_unit_test(bars_add_up),
        cmocka_unit_test(lines_fit_any_width),
        cmocka_unit_test(lines_of_hostile_names),
        cmocka_unit_test(columns_nobody_has_a_value_of),
        cmocka_unit_test(gone_is_said),
        cmocka_unit_test(slope_under_a_saw),
        cmocka_unit_test(legend_names_each_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
