/* .heapsnapshot files, whole and broken. The texts are written as V8 writes them, but small. */
#include "heapfile/classes.h"
#include "heapfile/heap_graph.h"
#include "unit.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define META                                                                                       \
    "\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\","            \
    "\"detachedness\"],\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"synthetic\"," \
    "\"closure\",\"strange\"],\"string\",\"number\",\"number\",\"number\",\"number\"],"            \
    "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\","       \
    "\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],"                     \
    "\"string_or_number\",\"node\"],\"location_fields\":[\"object_index\",\"script_id\","          \
    "\"line\",\"column\"]}"
#define HEAD(nodes, edges)                                                                         \
    "{\"snapshot\":{" META ",\"node_count\":" #nodes ",\"edge_count\":" #edges                     \
    ",\"trace_function_count\":0,\"extra_native_bytes\":12},\n"

/*  0 root -shortcut-> 1, -element-> 2
 *  1 global (object, 10) -property "a"-> 3, -weak "w"-> 5
 *  2 (GC roots) (synthetic) -element-> 4, -element-> 3
 *  3 Thing (object, 20) -property "b"-> 4
 *  4 text (string, 5000000000)
 *  5 Weak (strange, 7) */
static const char whole[] = HEAD(
    6,
    7) "\"nodes\":[4,0,1,0,2,0\n,3,1,3,10,2,0\n,4,2,5,0,2,0\n,3,3,7,20,1,2\n,2,4,9,5000000000,0,0\n"
       ",6,5,11,7,0,0\n],\n"
       "\"edges\":[5,1,6\n,1,1,12\n,2,6,18\n,6,7,30\n,1,0,24\n,1,1,18\n,2,8,24\n],\n"
       "\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n"
       "\"locations\":[18,7,41,3\n,6,7,2,1],\n"
       "\"strings\":[\"\",\n\"global\",\n\"(GC roots)\",\n\"Thing\",\n"
       "\"a \\\"text\\\" \\u00fc \\ud83d\\ude00 \\ud800 "
       "\\n\\/\",\n\"Weak\",\n\"a\",\n\"w\",\n\"b\"]}";

static int open_bytes(const void *bytes, size_t n, struct heapfile **ret, struct err *e) {
    char path[32];
    int fd = memfd_create("heapfile", MFD_CLOEXEC);
    assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int r = heapfile_open(path, NULL, ret, e);
    close(fd);
    return r;
}

static struct heapfile *opened(const char *text) {
    struct heapfile *f;
    struct err e = {0};
    if (open_bytes(text, strlen(text), &f, &e) < 0)
        fail_msg("%s", e.what);
    return f;
}

static void refused(const char *text, const char *says) {
    struct heapfile *f;
    struct err e = {0};
    assert_int_equal(open_bytes(text, strlen(text), &f, &e), -EBADMSG);
    if (!strstr(e.what, says))
        fail_msg("\"%s\" does not say \"%s\"", e.what, says);
}

static void nodes(void **state) {
    (void)state;
    struct heapfile *f = opened(whole);
    assert_int_equal(f->nodes, 6);
    assert_int_equal(f->edges, 7);
    assert_int_equal(f->root, 0);
    assert_int_equal(f->kind[1], HEAPFILE_OBJECT);
    assert_int_equal(f->kind[5], HEAPFILE_OTHER);
    assert_string_equal(f->kind_names[HEAPFILE_OTHER], "strange");
    assert_int_equal(f->id[3], 7);
    assert_int_equal(heapfile_node_of(f, 7), 3);
    assert_int_equal(heapfile_node_of(f, 8), UINT32_MAX);
    assert_int_equal(heapfile_size(f, 3), 20);
    assert_int_equal(heapfile_size(f, 4), 5000000000);
    assert_int_equal(f->detachedness[3], 2);
    assert_int_equal(f->detachedness[4], 0);
    assert_int_equal(f->extra_native_bytes, 12);
    assert_false(f->has_traces);
    struct heapfile_edges e = {0};
    assert_int_equal(heapfile_edges(f, 1, 3, &e), 0);
    assert_int_equal(e.list.n, 4);
    assert_int_equal(e.list.at[1].kind, HEAPFILE_WEAK);
    assert_int_equal(e.list.at[1].to, 5);
    assert_int_equal(e.list.at[2].to, 4);
    vec_free(&e.list);
    struct heapfile_location *l;
    assert_int_equal(heapfile_locations(f, &l), 0);
    assert_int_equal(f->locations, 2);
    assert_int_equal(l[0].node, 1);
    assert_int_equal(l[1].line, 41);
    free(l);
    heapfile_free(f);
}

static void strings(void **state) {
    (void)state;
    struct heapfile *f = opened(whole);
    char *s = heapfile_string(f, 4);
    assert_string_equal(s, "a \"text\" \xc3\xbc \xf0\x9f\x98\x80 \xef\xbf\xbd \n/");
    free(s);
    assert_true(heapfile_string_is(f, 3, "Thing"));
    assert_false(heapfile_string_is(f, 3, "Thin"));
    heapfile_free(f);
}

static void graph(void **state) {
    (void)state;
    struct heapfile *f = opened(whole);
    struct heapfile_graph g;
    struct heapfile_ways w;
    struct heapfile_classes c;
    assert_int_equal(heapfile_graph_build(f, NULL, &g, NULL), 0);
    assert_int_equal(heapfile_ways_find(&g, NULL, &w, NULL), 0);
    /* What the global leads to is its own, whatever V8's roots hold. */
    assert_int_equal(heapfile_retained(&g, 3), 5000000020);
    assert_int_equal(heapfile_retained(&g, 1), 5000000030);
    assert_int_equal(heapfile_retained(&g, 2), 0);
    assert_int_equal(heapfile_retained(&g, 0), 5000000037);
    assert_int_equal(heapfile_dominator(&g, 4), 3);
    assert_int_equal(heapfile_dominator(&g, 1), 0);
    assert_int_equal(heapfile_dominator(&g, 5), 0); /* as if the root held it */
    assert_int_equal(heapfile_retained(&g, 5), 7);
    assert_int_equal(heapfile_distance(&w, 1), 1);
    assert_int_equal(heapfile_distance(&w, 4), 3);
    assert_int_equal(heapfile_distance(&w, 2), HEAPFILE_SYSTEM + 1);
    assert_int_equal(heapfile_distance(&w, 5), GRAPH_NONE);
    heapfile_classes_find(f, &c);
    assert_string_equal(c.names.at[heapfile_class_of(&c, 4)], "(string)");
    assert_string_equal(c.names.at[heapfile_class_of(&c, 3)], "Thing");
    assert_string_equal(c.names.at[heapfile_class_of(&c, 5)], "(strange)");
    heapfile_classes_done(&c);
    heapfile_ways_done(&w);
    heapfile_graph_done(&g);
    heapfile_free(f);
}

/* However it is laid out: in any order of fields, with any white space. */
static void other_forms(void **state) {
    (void)state;
    struct heapfile *f = opened(
        " {\"snapshot\" : {\"node_count\":2,\"edge_count\":1,\"meta\":{\"node_fields\":[\"id\","
        "\"edge_count\",\"new\",\"self_size\",\"type\",\"name\"],\"node_types\":[1,2,3,4,"
        "[\"object\"],5],\"edge_fields\":[\"to_node\",\"type\",\"name_or_index\"],\"edge_types\":"
        "[1,[\"property\"],2]}} ,\r\n \"unknown\" : [ { \"a\" : [ ] } , \"]}\" ] , \"nodes\" : [ 1 "
        ",\t1 , 99 , 3 , 0 , 0 , 3 , 0 , 99 , 4 , 0 , 1 ] , \"edges\" : [ 6 , 0 , 1 ] , "
        "\"strings\" "
        ": [ \"x\" , \"y\" ] } ");
    assert_int_equal(f->nodes, 2);
    assert_int_equal(f->id[1], 3);
    assert_int_equal(heapfile_size(f, 1), 4);
    assert_int_equal(f->name[1], 1);
    assert_null(f->detachedness);
    heapfile_free(f);
}

/* Every length of it is refused, and by a sentence that says where. */
static void cut_off(void **state) {
    (void)state;
    for (size_t n = 0; n<sizeof whole - 2; n += n> 700 ? 1 : 37) {
        struct heapfile *f;
        struct err e = {0};
        assert_int_equal(open_bytes(whole, n, &f, &e), -EBADMSG);
        assert_non_null(strstr(e.what, "it ends at byte "));
    }
}

static void broken(void **state) {
    (void)state;
    refused("", "it ends at byte 0");
    refused("\x7f"
            "ELF",
            "'{' is missing at byte 0");
    refused("{}", "it has no \"snapshot\"");
    refused("{\"nodes\":[]}", "\"nodes\" comes before \"snapshot\"");
    refused("{\"snapshot\":{}}", "does not say how many nodes");
    refused("{\"snapshot\":{\"node_count\":1,\"edge_count\":0}}", "has no node_fields");
    refused(HEAD(1, 0) "\"nodes\":[99,0,1,0,0,0]", "a type that its meta does not have at byte");
    refused(HEAD(1, 0) "\"nodes\":[3,0,1,0,0]", "something is no number at byte");
    refused(HEAD(1, 0) "\"nodes\":[3,-1,1,0,0,0]", "something is no number at byte");
    refused(HEAD(1, 0) "\"nodes\":[3,,1,0,0,0,0]", "something is no number at byte");
    refused(HEAD(1, 0) "\"nodes\":[3,0,1,99999999999999999999999999999999999999999999,0,0]",
            "a number is over 2^64 at byte");
    refused(HEAD(1, 0) "\"nodes\":[3,0,1,18446744073709551616,0,0]", "a number is over 2^64");
    refused(HEAD(4000000000, 0) "\"nodes\":[3,0,1,0,0,0],\"edges\":[],\"strings\":[\"\"]}",
            "says that it has 4000000000 nodes, and has 1");
    refused(HEAD(1, 7) "\"nodes\":[3,0,1,0,0,0],\"edges\":[],\"strings\":[\"\"]}",
            "says that it has 7 edges, its nodes say 0");
    refused(HEAD(1, 1) "\"nodes\":[3,0,1,0,1,0],\"edges\":[2,0,5],\"strings\":[\"\"]}",
            "leads to where no node begins at byte");
    refused(HEAD(1, 1) "\"nodes\":[3,0,1,0,1,0],\"edges\":[2,0,6],\"strings\":[\"\"]}",
            "leads to where no node begins at byte");
    refused(HEAD(1, 1) "\"nodes\":[3,0,1,0,1,0],\"edges\":[2,0,0,2,0,0],\"strings\":[\"\"]}",
            "more than its nodes have");
    refused(HEAD(1, 1) "\"nodes\":[3,0,1,0,1,0],\"edges\":[2,5,0],\"strings\":[\"\"]}",
            "string 5 is named, and there are 1");
    refused(HEAD(1, 0) "\"nodes\":[3,0,1,0,0,0],\"edges\":[],\"strings\":[\"a", "it ends at byte");
    refused(HEAD(1, 0) "\"nodes\":[3,0,1,0,0,0],\"nodes\":[]", "\"nodes\" comes twice");
    refused(HEAD(1, 0) "\"nodes\":[3,0,1,0,0,0],\"edges\":[],\"strings\":[\"a\"]}{}",
            "something follows at byte");
}

/* Depth takes no stack, and what is not read no memory. */
static void deep(void **state) {
    (void)state;
    enum { DEPTH = 3000000 };
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    fputs("{\"trace_tree\":", out);
    for (int i = 0; i < 2 * DEPTH; i++)
        putc(i < DEPTH ? '[' : ']', out);
    putc('}', out);
    fclose(out);
    refused(text, "it has no \"snapshot\"");
    free(text);
}

/* Numbers of every length, at every place around the end of what is read at once. */
static void numbers(void **state) {
    (void)state;
    static const uint64_t values[] = {0,         9,          10,         12345678,
                                      123456789, 4294967294, 4294967296, 1234567890123456789};
    enum { N = sizeof values / sizeof *values };
    for (int shift = 0; shift < 48; shift++) {
        char *text = mem_alloc(INPUT_PIECE + 8192), *p = text;
        p += sprintf(p, HEAD(8, 0) "\"nodes\":[");
        while (p < text + INPUT_PIECE - 40 - shift)
            *p++ = ' ';
        for (int i = 0; i < N; i++)
            p += sprintf(p, "%s3,0,%d,%llu,0,0\n", i ? "," : "", i, (unsigned long long)values[i]);
        strcpy(p, "],\"edges\":[],\"strings\":[\"\"]}");
        struct heapfile *f = opened(text);
        for (uint32_t i = 0; i < N; i++)
            assert_int_equal(heapfile_size(f, i), values[i]);
        heapfile_free(f);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes),       cmocka_unit_test(strings), cmocka_unit_test(graph),
        cmocka_unit_test(other_forms), cmocka_unit_test(cut_off), cmocka_unit_test(broken),
        cmocka_unit_test(deep),        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
