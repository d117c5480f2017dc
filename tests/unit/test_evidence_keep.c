#include "model/evidence_keep.h"
#include "unit.h"

#include <errno.h>

static const char kept[] =
    "{\"target\":{\"kind\":\"frozen\",\"pid\":7,\"exe\":\"/usr/bin/"
    "node\",\"engine\":2,\"threads\":3},"
    "\"cost\":{\"pause_ns\":12,\"freeze\":\"fork\",\"stops\":1},\"notes\":[\"a\",\"b\"],"
    "\"regions\":[{\"start\":4096,\"end\":12288,\"prot\":3,\"name\":\"[heap]\",\"kind\":1},"
    "{\"start\":12288,\"end\":16384,\"kind\":3,\"name\":\"/bin/x\"}],"
    "\"residency\":[{\"start\":4096,\"end\":8192},{\"start\":12288,\"end\":16384,\"flags\":1}],"
    "\"residency.swap_bytes\":4096,\"has_residency\":1,"
    "\"has_malloc\":1,\"malloc\":{\"kind\":2,\"how\":\"by its "
    "text\",\"glibc\":{\"version\":\"2.36\","
    "\"tcache_layout\":\"2.30\"},\"arenas\":[{\"addr\":8192,\"is_main\":1,\"share\":[{\"bytes\":96}"
    "],"
    "\"n_pins\":1,\"tids\":[7,8]}],"
    "\"spans\":[{\"start\":4096,\"end\":8192,\"arena\":0},{\"start\":8192,\"end\":9000,\"arena\":-"
    "1}]},"
    "\"has_account\":1,\"account\":{\"rss_bytes\":8192,\"attributed_bytes\":8192,"
    "\"owners\":[{\"path\":\"malloc/arena-0/in-use\",\"resident_bytes\":8192}],"
    "\"pieces\":[{\"start\":4096,\"end\":8192,\"region\":1,\"owner\":0}],\"labels\":[\"malloc/"
    "arena-0\"]},"
    "\"has_cpus\":1,\"cpus\":{\"online\":2,\"quota\":0.5}}";

static json_t *load(void) {
    json_t *j = json_loads(kept, 0, NULL);
    assert_non_null(j);
    return j;
}

/* Only what is not nothing is written; so its sum over a number's elements is what was written. */
static void comes_back(void **state) {
    (void)state;
    struct evidence ev, again;
    json_t *j = load();
    assert_int_equal(evidence_of_json(j, &ev, NULL), 0);
    assert_string_equal(ev.target.kind, "frozen");
    assert_string_equal(ev.regions.at[1].name, "/bin/x");
    assert_int_equal(ev.residency.total_bytes, 8192);
    assert_int_equal(ev.residency.file_bytes, 4096);
    assert_int_equal(ev.residency.swap_bytes, 4096);
    assert_int_equal(ev.malloc.spans.at[1].arena, MALLOC_SPAN_MMAPPED);
    assert_int_equal(ev.malloc.arenas.at[0].tids.at[1], 8);
    assert_string_equal(ev.malloc.glibc.tcache_layout, "2.30");
    assert_int_equal(account_sum(&ev.account, "malloc"), 8192);
    assert_true(ev.cpus.quota > 0.4 && ev.cpus.quota < 0.6);
    json_t *written = evidence_to_json(&ev);
    assert_int_equal(evidence_of_json(written, &again, NULL), 0);
    json_t *twice = evidence_to_json(&again);
    assert_true(json_equal(written, twice));
    assert_string_equal(json_string_value(json_array_get(json_object_get(written, "notes"), 1)),
                        "b");
    json_decref(twice);
    json_decref(written);
    json_decref(j);
    evidence_done(&again);
    evidence_done(&ev);
}

static json_t *at(json_t *j, const char *path) { /* "malloc.arenas.0.n_pins" */
    char word[64];
    for (; *path; path += *path == '.') {
        size_t n = strcspn(path, ".");
        snprintf(word, sizeof word, "%.*s", (int)n, path);
        path += n;
        j = json_is_array(j) ? json_array_get(j, (size_t)atoi(word)) : json_object_get(j, word);
        assert_non_null(j);
    }
    return j;
}

static void damage_is_told(void **state) {
    (void)state;
    static const struct {
        const char *in, *name, *value;
    } damages[] = {
        {"malloc.arenas.0", "n_pins", "17"},
        {"malloc.spans.0", "arena", "1"},
        {"malloc.spans.0", "arena", "-3"},
        {"malloc.spans.1", "start", "4097"},
        {"malloc", "kind", "99"},
        {"malloc", "kind", "\"glibc\""},
        {"malloc", "how", "7"},
        {"account.pieces.0", "region", "2"},
        {"account.pieces.0", "owner", "1"},
        {"account.owners.0", "path", "null"},
        {"regions.1", "start", "20000"},
        {"regions.1", "kind", "7"},
        {"regions.0", "prot", "256"},
        {"residency.0", "end", "8000"},
        {"target", "engine", "3"},
        {"target", "pid", "2147483648"},
        {"target", "kind", "null"},
        {"cpus", "quota", "\"x\""},
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct err e = {0};
        struct evidence ev;
        json_t *j = load();
        json_object_set_new(at(j, damages[i].in), damages[i].name,
                            json_loads(damages[i].value, JSON_DECODE_ANY, NULL));
        assert_int_equal(evidence_of_json(j, &ev, &e), -EBADMSG);
        assert_true(e.what[0]);
        json_decref(j);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
