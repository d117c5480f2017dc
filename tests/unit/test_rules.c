/* Each rule: one case that fires, one that stays silent. Evidence is plain data, made by hand. */
#include "rules/rule.h"
#include "unit.h"

#define MIB (1ull << 20)

static struct evidence process(uint64_t rss) {
    struct evidence ev = {.target = {.kind = "stopped", .pid = 42, .threads = 7}};
    ev.has_account = true;
    ev.account.rss_bytes = rss;
    return ev;
}

static void owns(struct evidence *ev, const char *path, uint64_t bytes) {
    account_owner(&ev->account, path)->resident_bytes += bytes;
}

static void add_arena(struct evidence *ev, bool is_main, uint64_t trimmable) {
    struct malloc_arena a = {.is_main = is_main, .trimmable = trimmable};
    a.share[MALLOC_BINNED] = (struct malloc_share){trimmable, trimmable, 10};
    ev->has_malloc = true;
    ev->malloc.kind = MALLOC_GLIBC;
    ev->malloc.has_residency = true;
    vec_push(&ev->malloc.arenas, a);
}

/* The causes found, first to last, as "a b"; ends the evidence. */
static char *causes(struct evidence *ev) {
    static char text[256];
    struct diagnosis d = {0};
    rules_run(ev, &d);
    assert_non_null(d.verdict);
    text[0] = 0;
    for (size_t i = 0; i < d.findings.n; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "", d.findings.at[i].cause);
        assert_non_null(d.findings.at[i].why);
        assert_true(d.findings.at[i].evidence.n > 0);
    }
    diagnosis_done(&d);
    evidence_done(ev);
    return text;
}

static void nothing_to_say(void **state) {
    (void)state;
    struct evidence ev = process(60 * MIB);
    owns(&ev, "code/node", 40 * MIB);
    owns(&ev, "v8/main/old/objects", 10 * MIB);
    add_arena(&ev, true, 2 * MIB);
    assert_string_equal(causes(&ev), "");
}

/* Of 300 MiB: `pages` whole, the rest of 200 in holes. */
static struct evidence other_allocator(uint64_t pages) {
    struct evidence ev = process(300 * MIB);
    struct malloc_census *c = &ev.malloc;
    ev.has_malloc = c->has_residency = c->own_walked = true;
    c->kind = MALLOC_MIMALLOC;
    c->own_give_back = "MIMALLOC_PURGE_DELAY=0";
    c->own[MALLOC_FREE_PAGES].resident = pages;
    c->own[MALLOC_BINNED].resident = 200 * MIB - pages;
    return ev;
}

static void other_malloc_keeps(void **state) {
    (void)state;
    struct evidence ev = other_allocator(150 * MIB);
    struct diagnosis d = {0};
    rules_run(&ev, &d);
    assert_int_equal(d.findings.n, 1);
    const struct finding *f = &d.findings.at[0];
    assert_string_equal(f->cause, "allocator-retention");
    assert_int_equal(f->bytes, 200 * MIB);
    assert_true(f->has_saving);
    assert_int_equal(f->saving_bytes, 150 * MIB);
    assert_string_equal(f->remedy_class, "limit-arenas-or-trim");
    assert_non_null(strstr(f->remedy, "MIMALLOC_PURGE_DELAY=0"));
    diagnosis_done(&d);
    evidence_done(&ev);

    ev = other_allocator(150 * MIB); /* no setting that is known */
    ev.malloc.own_give_back = NULL;
    d = (struct diagnosis){0};
    rules_run(&ev, &d);
    assert_false(d.findings.at[0].has_saving);
    assert_string_equal(d.findings.at[0].remedy_class, "use-other-allocator");
    diagnosis_done(&d);
    evidence_done(&ev);

    ev = other_allocator(150 * MIB); /* what was not walked is not known to be free */
    ev.malloc.own_walked = false;
    assert_string_equal(causes(&ev), "");
    ev = other_allocator(150 * MIB);
    ev.malloc.residency_estimated = true;
    assert_string_equal(causes(&ev), "");
}

static void malloc_keeps(void **state) {
    (void)state;
    struct evidence ev = process(300 * MIB);
    add_arena(&ev, true, 200 * MIB);
    assert_string_equal(causes(&ev), "glibc-retention");

    ev = process(300 * MIB); /* mostly in the threads' arenas */
    add_arena(&ev, true, 20 * MIB);
    for (int i = 0; i < 6; i++)
        add_arena(&ev, false, 30 * MIB);
    assert_string_equal(causes(&ev), "glibc-arena-fragmentation");

    ev = process(300 * MIB); /* one thread's arena only: arenas are not the cause */
    add_arena(&ev, true, 10 * MIB);
    add_arena(&ev, false, 190 * MIB);
    assert_string_equal(causes(&ev), "glibc-retention");

    ev = process(300 * MIB); /* a core does not say what is resident */
    add_arena(&ev, true, 200 * MIB);
    ev.malloc.residency_estimated = true;
    assert_string_equal(causes(&ev), "");

    ev = process(300 * MIB);
    add_arena(&ev, true, 29 * MIB); /* under a tenth */
    assert_string_equal(causes(&ev), "");
}

/* Free and resident as before, but hardly a whole page of it. */
static void malloc_has_holes(void **state) {
    (void)state;
    struct evidence ev = process(300 * MIB);
    add_arena(&ev, true, 200 * MIB);
    ev.malloc.arenas.at[0].trimmable = 5 * MIB;
    assert_string_equal(causes(&ev), "glibc-heap-fragmentation");

    ev = process(300 * MIB); /* an end is no hole */
    add_arena(&ev, false, 0);
    ev.malloc.arenas.at[0].share[MALLOC_TOP] = (struct malloc_share){200 * MIB, 200 * MIB, 0};
    assert_string_equal(causes(&ev), "");

    ev = process(300 * MIB); /* both: what explains more comes first */
    add_arena(&ev, true, 200 * MIB);
    ev.malloc.arenas.at[0].trimmable = 60 * MIB;
    assert_string_equal(causes(&ev), "glibc-heap-fragmentation glibc-retention");
}

static void saving_is_what_trim_gives(void **state) {
    (void)state;
    struct evidence ev = process(300 * MIB);
    struct diagnosis d = {0};
    add_arena(&ev, true, 150 * MIB);
    add_arena(&ev, false, 50 * MIB);
    rules_run(&ev, &d);
    assert_int_equal(d.findings.n, 1);
    assert_true(d.findings.at[0].has_saving);
    assert_int_equal(d.findings.at[0].saving_bytes, 200 * MIB);
    diagnosis_done(&d);
    evidence_done(&ev);
}

static void page_pool(void **state) {
    (void)state;
    struct evidence ev = process(400 * MIB);
    ev.has_v8 = true;
    ev.v8.stale = (struct v8_stale){1200, 300 * MIB, 290 * MIB};
    assert_string_equal(causes(&ev), "v8-page-pool");
    ev = process(400 * MIB);
    ev.has_v8 = true;
    ev.v8.stale = (struct v8_stale){1200, 300 * MIB, 2 * MIB}; /* not in memory */
    assert_string_equal(causes(&ev), "");
}

static void off_heap(void **state) {
    (void)state;
    struct evidence ev = process(300 * MIB);
    ev.has_v8 = true;
    owns(&ev, "arraybuffers/mmap", 200 * MIB);
    assert_string_equal(causes(&ev), "off-heap-retention");

    struct diagnosis d = {0};
    ev = process(300 * MIB);
    ev.has_v8 = true;
    owns(&ev, "wasm/memory", 200 * MIB);
    rules_run(&ev, &d);
    assert_int_equal(d.findings.at[0].confidence, CONFIDENCE_POSSIBLE);
    assert_false(d.findings.at[0].has_saving); /* live or garbage is not known */
    assert_int_equal(d.undecided.n, 1);
    diagnosis_done(&d);
    evidence_done(&ev);

    ev = process(300 * MIB);
    ev.has_v8 = true;
    owns(&ev, "arraybuffers/mmap", 60 * MIB);
    assert_string_equal(causes(&ev), "");
}

static void files_and_shared_memory(void **state) {
    (void)state;
    struct evidence ev = process(300 * MIB);
    owns(&ev, "file/data/index.bin", 200 * MIB);
    assert_string_equal(causes(&ev), "file-mapping");
    ev = process(300 * MIB);
    owns(&ev, "shared-memory/memfd:frames", 200 * MIB);
    assert_string_equal(causes(&ev), "shared-memory");
    ev = process(300 * MIB);
    owns(&ev, "libraries/libnode.so.108", 200 * MIB); /* the program itself */
    assert_string_equal(causes(&ev), "");
}

static struct evidence old_generation(uint64_t used, uint64_t live, bool has_liveness) {
    struct evidence ev = process(100 * MIB);
    struct v8_isolate_census iso = {.name = "main", .limits = {64 * MIB, 2 * MIB, 3}};
    iso.space[V8_OLD] = (struct v8_space_census){.used = used, .live = live};
    iso.space[V8_NEW] = (struct v8_space_census){.used = 40 * MIB, .live = 40 * MIB};
    ev.has_v8 = true;
    ev.v8.has_liveness = has_liveness;
    vec_push(&ev.v8.isolates, iso);
    return ev;
}

static void near_heap_limit(void **state) {
    (void)state;
    struct evidence ev = old_generation(60 * MIB, 56 * MIB, true);
    assert_string_equal(causes(&ev), "near-heap-limit");
    ev = old_generation(60 * MIB, 40 * MIB, true); /* garbage, most of it */
    assert_string_equal(causes(&ev), "");
    ev = old_generation(50 * MIB, 50 * MIB, true); /* the young generation has its own limit */
    assert_string_equal(causes(&ev), "");
    ev = old_generation(60 * MIB, 0, false); /* it may all be garbage */
    struct diagnosis d = {0};
    rules_run(&ev, &d);
    assert_int_equal(d.findings.n, 0);
    assert_int_equal(d.undecided.n, 1);
    diagnosis_done(&d);
    evidence_done(&ev);
}

/* What a remedy names is looked up in the target. */
static void flags_of_remedies(void **state) {
    (void)state;
    struct evidence ev = old_generation(60 * MIB, 56 * MIB, true);
    struct flag f = {mem_strdup("max_old_space_size"), FLAG_SIZE_T, mem_strdup("64"),
                     mem_strdup("0")};
    ev.has_flags = true;
    struct diagnosis d = {0};
    rules_run(&ev, &d);
    assert_int_equal(d.findings.at[0].flags.n, 1);
    assert_false(d.findings.at[0].flags.at[0].exists);
    diagnosis_done(&d);
    d = (struct diagnosis){0};
    vec_push(&ev.flags.list, f);
    rules_run(&ev, &d);
    assert_string_equal(d.findings.at[0].flags.at[0].name, "--max-old-space-size");
    assert_true(d.findings.at[0].flags.at[0].exists);
    assert_string_equal(d.findings.at[0].flags.at[0].value, "64");
    assert_false(d.findings.at[0].flags.at[0].is_default);
    diagnosis_done(&d);
    evidence_done(&ev);
}

static void threads(void **state) {
    (void)state;
    struct evidence ev = process(400 * MIB);
    ev.has_v8 = true;
    for (int i = 0; i < 25; i++) {
        char path[64];
        vec_push(&ev.v8.isolates, (struct v8_isolate_census){.isolate = (uint64_t)i + 1});
        snprintf(path, sizeof path, "v8/worker-%d/old/objects", i);
        if (i)
            owns(&ev, path, 10 * MIB);
    }
    assert_string_equal(causes(&ev), "worker-leak");

    ev = process(400 * MIB); /* one worker with much in it: not its number is the cause */
    ev.has_v8 = true;
    for (int i = 0; i < 2; i++)
        vec_push(&ev.v8.isolates, (struct v8_isolate_census){.isolate = (uint64_t)i + 1});
    owns(&ev, "v8/worker-1/old/objects", 300 * MIB);
    assert_string_equal(causes(&ev), "");
}

/* A heap of which it is known what lives: all in the old space. */
static struct evidence heap(uint64_t rss, uint64_t used, uint64_t live) {
    struct evidence ev = process(rss);
    struct v8_isolate_census iso = {.isolate = 1, .name = "main"};
    iso.limits = (struct v8_limits){1024 * MIB, 16 * MIB, 3};
    iso.space[V8_OLD] = (struct v8_space_census){.used = used, .committed = used, .live = live};
    iso.space[V8_OLD].part[V8_OBJECTS] = (struct v8_tally){used, used};
    vec_push(&ev.v8.isolates, iso);
    ev.has_v8 = ev.v8.has_liveness = ev.has_suspects = ev.has_malloc = true;
    ev.suspects.live_bytes = live;
    owns(&ev, "v8/main/old/objects", used);
    return ev;
}

static void suspect(struct evidence *ev, const char *kind, uint64_t bytes, uint64_t outside) {
    vec_push(&ev->suspects.list, (struct suspect){.kind = kind,
                                                  .text = mem_strdup("one Map(7) holds much"),
                                                  .path = mem_strdup("variable all"),
                                                  .addr = 0x1001,
                                                  .count = 7,
                                                  .bytes = bytes,
                                                  .outside = outside});
}

static void what_is_kept(void **state) {
    (void)state;
    struct evidence ev = heap(300 * MIB, 200 * MIB, 190 * MIB);
    suspect(&ev, "listener-leak", 150 * MIB, 0);
    suspect(&ev, "collection-leak", 9 * MIB, 0); /* a thirtieth of the process */
    assert_string_equal(causes(&ev), "listener-leak");
    ev = heap(300 * MIB, 10 * MIB, 9 * MIB); /* small on the heap, large outside it */
    owns(&ev, "arraybuffers/mmap", 220 * MIB);
    ev.v8.isolates.at[0].array_buffer_bytes = 220 * MIB;
    suspect(&ev, "collection-leak", 215 * MIB, 210 * MIB);
    assert_string_equal(causes(&ev), "arraybuffer-retention");
    ev = heap(300 * MIB, 10 * MIB, 9 * MIB); /* nobody in particular holds them */
    owns(&ev, "strings/external", 220 * MIB);
    assert_string_equal(causes(&ev), "external-string-retention");
}

static struct evidence at_work(struct evidence ev, double share) {
    ev.activity = (struct evidence_activity){true, share};
    return ev;
}

static void garbage(void **state) {
    (void)state;
    struct evidence ev = heap(200 * MIB, 110 * MIB, 30 * MIB);
    assert_string_equal(causes(&ev), "v8-garbage-not-collected");
    ev = at_work(heap(200 * MIB, 110 * MIB, 30 * MIB), 0.01);
    assert_string_equal(causes(&ev), "v8-garbage-not-collected");
    ev = at_work(heap(200 * MIB, 110 * MIB, 30 * MIB), 0.3); /* V8 will see to it */
    assert_string_equal(causes(&ev), "");
    ev = at_work(heap(200 * MIB, 150 * MIB, 30 * MIB), 0.3); /* over 4 times 30 and 16 */
    assert_string_equal(causes(&ev), "v8-garbage-not-collected");
    ev = heap(200 * MIB, 40 * MIB, 30 * MIB);
    ev.v8.isolates.at[0].array_buffer_garbage = 100 * MIB;
    owns(&ev, "arraybuffers/mmap", 100 * MIB);
    assert_string_equal(causes(&ev), "external-garbage-not-collected");
    ev = heap(200 * MIB, 40 * MIB, 40 * MIB);
    owns(&ev, "v8/main/old/free", 70 * MIB);
    assert_string_equal(causes(&ev), "v8-heap-fragmentation");
}

static struct evidence lost(uint64_t bytes, uint64_t handles) {
    struct evidence ev = process(300 * MIB);
    owns(&ev, "malloc/arena-0/in-use", 200 * MIB);
    ev.lost = (struct lost_native){.is_known = true,
                                   .in_use_bytes = 200 * MIB,
                                   .count = bytes / 8192,
                                   .bytes = bytes,
                                   .handle_blocks = handles / 8192,
                                   .handle_bytes = handles};
    vec_push(&ev.lost.groups, (struct lost_blocks){8192, bytes / 8192, bytes, NULL, 0x1000});
    return ev;
}

static void native_leaks(void **state) {
    (void)state;
    struct evidence ev = lost(150 * MIB, 0);
    assert_string_equal(causes(&ev), "native-leak-lost");
    ev = lost(0, 150 * MIB);
    assert_string_equal(causes(&ev), "handlescope-leak");
    ev = lost(2 * MIB, 0); /* all is referred to: one look cannot say */
    struct diagnosis d = {0};
    rules_run(&ev, &d);
    assert_int_equal(d.findings.n, 0);
    assert_int_equal(d.undecided.n, 1);
    diagnosis_done(&d);
    evidence_done(&ev);
}

static const char *healthy(struct evidence *ev) {
    struct diagnosis d = {0};
    rules_run(ev, &d);
    assert_int_equal(d.findings.n, 0);
    const char *word = d.healthy ? d.healthy : "";
    diagnosis_done(&d);
    evidence_done(ev);
    return word;
}

static void nothing_to_do(void **state) {
    (void)state;
    struct evidence ev = heap(100 * MIB, 12 * MIB, 11 * MIB);
    assert_string_equal(healthy(&ev), "healthy");
    ev = at_work(heap(100 * MIB, 60 * MIB, 30 * MIB), 0.3);
    assert_string_equal(healthy(&ev), "seesaw");
    ev = heap(100 * MIB, 12 * MIB, 11 * MIB);
    ev.has_process = true;
    ev.process.sizes[PROCESS_RSS_PEAK] = 400 * MIB;
    ev.process.known_sizes = 1u << PROCESS_RSS_PEAK;
    assert_string_equal(healthy(&ev), "peak-released");
    ev = heap(100 * MIB, 12 * MIB, 11 * MIB); /* not all was looked at */
    ev.has_suspects = false;
    assert_string_equal(healthy(&ev), "");
}

static void someone_else(void **state) {
    (void)state;
    struct evidence ev = process(60 * MIB);
    vec_push(&ev.neighbours,
             (struct evidence_neighbour){.pid = 43, .name = "chrome", .rss_bytes = 700 * MIB});
    assert_string_equal(causes(&ev), "other-process-in-pod");
    ev = process(60 * MIB);
    vec_push(&ev.neighbours,
             (struct evidence_neighbour){.pid = 43, .name = "sh", .rss_bytes = 3 * MIB});
    assert_string_equal(causes(&ev), "");
}

static void page_cache(void **state) {
    (void)state;
    for (int limited = 0; limited < 2; limited++) {
        struct evidence ev = process(60 * MIB);
        ev.has_cgroup = true;
        ev.cgroup.values[CGROUP_CURRENT] = 500 * MIB;
        ev.cgroup.values[CGROUP_FILE] = 400 * MIB;
        ev.cgroup.known = 1ull << CGROUP_CURRENT | 1ull << CGROUP_FILE;
        if (limited) {
            ev.cgroup.effective_max.state = CGROUP_LIMIT_SET;
            ev.cgroup.effective_max.bytes = 512 * MIB;
        }
        assert_string_equal(causes(&ev), limited ? "page-cache-in-cgroup" : "");
    }
}

static void largest_first(void **state) {
    (void)state;
    struct evidence ev = process(600 * MIB);
    ev.has_v8 = true;
    ev.v8.stale = (struct v8_stale){400, 100 * MIB, 100 * MIB};
    add_arena(&ev, true, 200 * MIB);
    assert_string_equal(causes(&ev), "glibc-retention v8-page-pool");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_say),   cmocka_unit_test(other_malloc_keeps),
        cmocka_unit_test(malloc_keeps),     cmocka_unit_test(saving_is_what_trim_gives),
        cmocka_unit_test(malloc_has_holes), cmocka_unit_test(page_pool),
        cmocka_unit_test(what_is_kept),     cmocka_unit_test(garbage),
        cmocka_unit_test(native_leaks),     cmocka_unit_test(nothing_to_do),
        cmocka_unit_test(off_heap),         cmocka_unit_test(files_and_shared_memory),
        cmocka_unit_test(near_heap_limit),  cmocka_unit_test(flags_of_remedies),
        cmocka_unit_test(threads),          cmocka_unit_test(someone_else),
        cmocka_unit_test(page_cache),       cmocka_unit_test(largest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
