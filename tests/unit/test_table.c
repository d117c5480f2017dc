#include "base/table.h"
#include "unit.h"

static const struct column columns[] = {
    {"name", "Name", COL_TEXT},    {"size", "Size", COL_BYTES}, {"delta", "Change", COL_DELTA},
    {"count", "Count", COL_COUNT}, {"addr", "At", COL_ADDR},    {"part", NULL, COL_PERCENT},
    {NULL, "KiB", COL_KIB},
};

enum { NAME, SIZE, DELTA, COUNT, ADDR, PART, KIB };

static char *printed(const struct table *t, unsigned width) {
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    table_print(t, f, width);
    fclose(f);
    return text;
}

static struct table *sample(void) {
    struct table *t = table_new(columns, 7);
    table_row(t);
    table_text(t, NAME, "node");
    table_u64(t, SIZE, 12897484);
    table_i64(t, DELTA, -4096);
    table_u64(t, COUNT, 12345);
    table_u64(t, ADDR, 0x7f00deadb000);
    table_real(t, PART, 12.5);
    table_u64(t, KIB, 8192);
    table_rule(t);
    table_row(t);
    table_text(t, NAME, "x");
    return t;
}

static void as_text(void **state) {
    (void)state;
    struct table *t = sample();
    char *text = printed(t, 0);
    assert_string_equal(text, "Name      Size    Change   Count            At  KiB\n"
                              "node  12.3 MiB  -4.0 KiB  12,345  7f00deadb000    8\n"
                              "---------------------------------------------------\n"
                              "x            -         -       -             -    -\n");
    assert_int_equal(table_rows(t), 2);
    free(text);
    table_free(t);
}

static void as_json(void **state) {
    (void)state;
    struct table *t = sample();
    table_json_field(t, "regions", json_pack("[i]", 1));
    json_t *j = table_to_json(t);
    char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(6));
    assert_string_equal(text,
                        "[{\"name\":\"node\",\"size\":12897484,\"delta\":-4096,\"count\":12345,"
                        "\"addr\":\"0x7f00deadb000\",\"part\":12.5},"
                        "{\"name\":\"x\",\"regions\":[1]}]");
    free(text);
    json_decref(j);
    table_free(t);
}

static void hostile_names(void **state) {
    (void)state;
    static const struct column c[] = {{"n", "N", COL_TEXT}, {"k", "K", COL_COUNT}};
    struct table *t = table_new(c, 2);
    table_row(t);
    table_text(t, 0,
               "a\033[2J\n\xff\xc2\x9b"
               "b");
    table_u64(t, 1, 1);
    char *text = printed(t, 0);
    assert_string_equal(text, "N          K\na?[2J?\xef\xbf\xbd?b  1\n");
    free(text);
    json_t *j = table_to_json(t);
    assert_string_equal(json_string_value(json_object_get(json_array_get(j, 0), "n")),
                        "a\033[2J\n\xef\xbf\xbd\xc2\x9b"
                        "b");
    json_decref(j);
    table_free(t);
}

static void cut_to_width(void **state) {
    (void)state;
    static const struct column c[] = {{"k", "K", COL_COUNT}, {"n", "Name", COL_TEXT}};
    struct table *t = table_new(c, 2);
    table_row(t);
    table_u64(t, 0, 1000);
    table_text(t, 1, "\xc3\xa4\xc3\xb6\xc3\xbc/a/very/long/path");
    char *text = printed(t, 20);
    assert_string_equal(text, "    K  Name\n1,000  \xc3\xa4\xc3\xb6\xc3\xbc/a/very...\n");
    free(text);
    text = printed(t, 3); /* too narrow for anything: numbers are never cut */
    assert_non_null(strstr(text, "1,000  "));
    free(text);
    table_free(t);
}

static void setting_again(void **state) {
    (void)state;
    struct table *t = table_new(columns, 7);
    char *text = printed(t, 0);
    assert_string_equal(text, "Name  Size  Change  Count  At  KiB\n"); /* no rows */
    free(text);
    table_row(t);
    table_text(t, NAME, "a");
    table_text(t, NAME, "b");
    table_u64(t, NAME, 3);
    json_t *j = table_to_json(t);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(j, 0), "name")), 3);
    json_decref(j);
    table_free(t);
    table_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_text),       cmocka_unit_test(as_json),
        cmocka_unit_test(hostile_names), cmocka_unit_test(cut_to_width),
        cmocka_unit_test(setting_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
