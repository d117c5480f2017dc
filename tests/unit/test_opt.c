#include "base/opt.h"
#include "unit.h"
#include <errno.h>

static const struct opt table[] = {
    {"all", 'a', OPT_FLAG, NULL, "show everything"},
    {"sort", 's', OPT_STRING, "KEY", "sort by KEY"},
    {"top", 'n', OPT_U64, "N", "the first N"},
    {"least", 0, OPT_BYTES, "SIZE", "no less than SIZE"},
    {"for", 0, OPT_DURATION, "TIME", "stop after TIME"},
    {0},
};

#define parse(...)                                                                                 \
    parse_argv((char *[]){"memwhy", __VA_ARGS__, NULL},                                            \
               sizeof((char *[]){__VA_ARGS__}) / sizeof(char *) + 1)

static struct err e;
static struct opt_values *v;

static int parse_argv(char **argv, size_t argc) {
    opt_free(v);
    v = NULL;
    e = (struct err){0};
    return opt_parse(table, (int)argc, argv, &v, &e);
}

static int done(void **state) {
    (void)state;
    opt_free(v);
    return 0;
}

static void forms(void **state) {
    (void)state;
    const char *const *args;
    assert_int_equal(parse("1", "--sort", "rss", "-a", "--top=5", "2"), 0);
    assert_true(opt_flag(v, "all"));
    assert_string_equal(opt_string(v, "sort", "x"), "rss");
    assert_int_equal(opt_u64(v, "top", 9), 5);
    assert_int_equal(opt_args(v, &args), 2);
    assert_string_equal(args[0], "1");
    assert_string_equal(args[1], "2");
    assert_null(args[2]);

    assert_int_equal(parse("-n", "3", "-srss", "--", "-a", "--top"), 0);
    assert_false(opt_flag(v, "all"));
    assert_string_equal(opt_string(v, "sort", "x"), "rss");
    assert_int_equal(opt_u64(v, "top", 9), 3);
    assert_int_equal(opt_args(v, &args), 2);

    assert_int_equal(parse("-", "--sort="), 0);
    assert_string_equal(opt_string(v, "sort", "x"), "");
    assert_int_equal(opt_u64(v, "top", 9), 9);
    assert_int_equal(opt_args(v, &args), 1);

    const char *name, *text;
    assert_int_equal(parse("--top=1", "-a", "-sx", "--top=2"), 0);
    static const char *const given[][2] = {
        {"top", "1"}, {"all", NULL}, {"sort", "x"}, {"top", "2"}};
    for (size_t i = 0; i < 4; i++) {
        assert_true(opt_nth(v, i, &name, &text));
        assert_string_equal(name, given[i][0]);
        if (given[i][1])
            assert_string_equal(text, given[i][1]);
        else
            assert_null(text);
    }
    assert_false(opt_nth(v, 4, &name, &text));

    assert_int_equal(parse("--top=1", "--top=2"), 0); /* the last counts */
    assert_int_equal(opt_u64(v, "top", 9), 2);
}

static uint64_t bytes_of(const char *text) {
    assert_int_equal(parse("--least", (char *)text), 0);
    return opt_u64(v, "least", 0);
}

static uint64_t duration_of(const char *text) {
    assert_int_equal(parse("--for", (char *)text), 0);
    return opt_u64(v, "for", 0);
}

static void numbers(void **state) {
    (void)state;
    assert_int_equal(bytes_of("0"), 0);
    assert_int_equal(bytes_of("517"), 517);
    assert_int_equal(bytes_of("256k"), 256 << 10);
    assert_int_equal(bytes_of("1.5M"), 3 << 19);
    assert_int_equal(bytes_of("1GiB"), 1 << 30);
    assert_true(bytes_of("18446744073709551615") == UINT64_MAX);
    assert_int_equal(duration_of("30"), 30000000000);
    assert_int_equal(duration_of("0.25s"), 250000000);
    assert_int_equal(duration_of("500ms"), 500000000);
    assert_int_equal(duration_of("2h"), 7200000000000);
    static const char *const bad[] = {
        "",   "x",   "-1",  "1x", "1.M", "1.5",          ".5M",
        " 1", "1 M", "0x1", "+1", "1e3", "17179869184G", "18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse("--least", (char *)bad[i]), -EINVAL);
        assert_non_null(strstr(e.what, "--least"));
        assert_non_null(strstr(e.hint, "64M"));
    }
    assert_int_equal(parse("--top", "1k"), -EINVAL);
    assert_int_equal(parse("--top", "1.5"), -EINVAL);
}

static void errors(void **state) {
    (void)state;
    assert_int_equal(parse("--al"), -EINVAL);
    assert_string_equal(e.hint, "Did you mean --all?");
    assert_int_equal(parse("--sotr=x"), -EINVAL);
    assert_string_equal(e.hint, "Did you mean --sort?");
    assert_int_equal(parse("--frobnicate"), -EINVAL);
    assert_string_equal(e.hint, "");
    assert_string_equal(e.what, "There is no option --frobnicate here.");
    assert_int_equal(parse("--\033[31m"), -EINVAL);
    assert_null(strchr(e.what, '\033'));
    assert_int_equal(parse("--all=yes"), -EINVAL);
    assert_string_equal(e.what, "--all takes no value.");
    assert_int_equal(parse("--sort"), -EINVAL);
    assert_string_equal(e.what, "--sort needs a value: --sort=KEY.");
    assert_int_equal(parse("-ax"), -EINVAL);
    assert_int_equal(parse("-x"), -EINVAL);
    assert_int_equal(parse("-n"), -EINVAL);
    assert_null(v); /* untouched on failure */
    assert_int_equal(e.code, -EINVAL);
}

static void help(void **state) {
    (void)state;
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    opt_print_help(table, f);
    fclose(f);
    assert_non_null(strstr(text, "  -s, --sort=KEY            sort by KEY\n"));
    assert_non_null(strstr(text, "      --least=SIZE          no less than SIZE\n"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(numbers),
        cmocka_unit_test(errors),
        cmocka_unit_test(help),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
