#include "base/mem.h"
#include "kernel/cgroup.h"
#include "unit.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* A machine of files: each test makes the tree it wants under `root`. */
static char root[64];

static int setup(void **state) {
    (void)state;
    snprintf(root, sizeof root, "/tmp/memwhy-cgroup-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    cleanup_free char *clean = mem_printf("rm -r '%s'", root);
    return system(clean);
}

static void file(const char *path, const char *text) {
    cleanup_free char *full = mem_printf("%s%s", root, path);
    cleanup_free char *make = mem_printf("mkdir -p \"$(dirname '%s')\"", full);
    assert_int_equal(system(make), 0);
    cleanup_fclose FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
}

static void mounts(const char *path, const char *mount_root, const char *point, bool v1) {
    cleanup_free char *text = mem_printf(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "garbage\n"
        "30 22 0:27 %s %s rw,nosuid shared:9 master:3 - %s rw%s\n"
        "31 22 0:30 / /proc rw - proc proc rw\n",
        mount_root, point, v1 ? "cgroup cgroup" : "cgroup2 cgroup2", v1 ? ",memory" : "");
    file(path, text);
}

static void v2_group(const char *dir, const char *max) {
    char path[256];
    struct {
        const char *name, *text;
    } files[] = {
        {"cgroup.procs", ""},
        {"cgroup.type", "domain\n"},
        {"memory.current", "647823360\n"},
        {"memory.peak", "700000000\n"},
        {"memory.max", max},
        {"memory.high", "max\n"},
        {"memory.swap.current", "0\n"},
        {"memory.swap.max", "1048576\n"},
        {"memory.events", "low 0\nhigh 12\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n"},
        {"memory.stat", "anon 600000000\nfile 40000000\nkernel 5000000\nshmem 4096\n"
                        "inactive_file 30000000\nslab_reclaimable 10\nslab_unreclaimable 20\n"
                        "anon_thp 2097152\nsome_new_key 9\nbroken\nfile_dirty x\n"},
        {"memory.pressure", "some avg10=1.50 avg60=0.25 avg300=0.00 total=1234\n"
                            "full avg10=0.50 avg60=0.00 avg300=0.00 total=1000\n"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
        file(path, files[i].text);
    }
}

static uint64_t get(const struct cgroup *c, enum cgroup_field f) {
    uint64_t v = UINT64_MAX;
    assert_true(cgroup_get(c, f, &v));
    return v;
}

static void check_v2(const struct cgroup *c) {
    uint64_t v;
    assert_int_equal(c->version, 2);
    assert_int_equal(get(c, CGROUP_CURRENT), 647823360);
    assert_int_equal(get(c, CGROUP_ANON), 600000000);
    assert_int_equal(get(c, CGROUP_SLAB), 30);
    assert_int_equal(get(c, CGROUP_EVENTS_OOM_KILL), 1);
    assert_int_equal(get(c, CGROUP_EVENTS_MAX), 3);
    assert_false(cgroup_get(c, CGROUP_FILE_DIRTY, &v));
    assert_false(cgroup_get(c, CGROUP_ZSWAP, &v));
    assert_true(cgroup_working_set(c, &v));
    assert_int_equal(v, 617823360);
    assert_int_equal(c->high.state, CGROUP_LIMIT_NONE);
    assert_int_equal(c->swap_max.state, CGROUP_LIMIT_SET);
    assert_int_equal(c->swap_max.bytes, 1048576);
    assert_true(c->pressure.some.known && c->pressure.full.known);
    assert_true(c->pressure.some.avg10_percent == 1.5);
    assert_int_equal(c->pressure.full.total_ns, 1000000);
}

static void v2_on_the_host(void **state) {
    (void)state;
    struct cgroup c;
    file("/proc/7/cgroup", "0::/kubepods/pod1/ctr\n");
    mounts("/proc/self/mountinfo", "/", "/sys/fs/cgroup", false);
    file("/sys/fs/cgroup/cgroup.procs", "");
    v2_group("/sys/fs/cgroup/kubepods", "max\n");
    v2_group("/sys/fs/cgroup/kubepods/pod1", "805306368\n");
    v2_group("/sys/fs/cgroup/kubepods/pod1/ctr", "1073741824\n");
    assert_int_equal(cgroup_read(root, 7, &c), 0);
    check_v2(&c);
    assert_string_equal(c.path, "/kubepods/pod1/ctr");
    assert_int_equal(c.max.bytes, 1073741824);
    assert_int_equal(c.effective_max.state, CGROUP_LIMIT_SET); /* the pod's is the least */
    assert_int_equal(c.effective_max.bytes, 805306368);
    assert_non_null(strstr(c.effective_path, "/kubepods/pod1"));
    assert_false(c.ancestors_hidden);
    cgroup_done(&c);
    assert_int_equal(cgroup_read(root, 8, &c), -ESRCH);
}

/* A private cgroup namespace: the container is the root of what it sees. */
static void v2_inside(void **state) {
    (void)state;
    struct cgroup c;
    file("/proc/7/cgroup", "0::/\n");
    mounts("/proc/self/mountinfo", "/", "/sys/fs/cgroup", false);
    v2_group("/sys/fs/cgroup", "max\n");
    assert_int_equal(cgroup_read(root, 7, &c), 0);
    check_v2(&c);
    assert_int_equal(c.effective_max.state, CGROUP_LIMIT_NONE);
    assert_null(c.effective_path);
    assert_true(c.ancestors_hidden);
    cgroup_done(&c);
}

/* A debug container beside the target: only the target's own mount shows its cgroup. */
static void v2_from_a_sidecar(void **state) {
    (void)state;
    struct cgroup c;
    file("/proc/7/cgroup", "0::/../target\n");
    mounts("/proc/self/mountinfo", "/", "/sys/fs/cgroup", false);
    v2_group("/sys/fs/cgroup", "1000\n"); /* ours: must not be taken */
    assert_int_equal(cgroup_read(root, 7, &c), -ENODATA);
    mounts("/proc/7/mountinfo", "/../target", "/sys/fs/cgroup", false);
    v2_group("/proc/7/root/sys/fs/cgroup", "268435456\n");
    assert_int_equal(cgroup_read(root, 7, &c), 0);
    check_v2(&c);
    assert_int_equal(c.effective_max.bytes, 268435456);
    assert_non_null(strstr(c.dir, "/proc/7/root/sys/fs/cgroup"));
    cgroup_done(&c);
}

/* No namespace: the path is the host's, and the mount shows only what is below it. */
static void v2_bound_mount(void **state) {
    (void)state;
    struct cgroup c;
    file("/proc/7/cgroup", "0::/docker/abc/sub\n");
    mounts("/proc/self/mountinfo", "/docker/abc", "/mnt/c\\040g", false);
    v2_group("/mnt/c g", "512\n");
    v2_group("/mnt/c g/sub", "max\n");
    assert_int_equal(cgroup_read(root, 7, &c), 0);
    assert_int_equal(c.effective_max.bytes, 512);
    cgroup_done(&c);
    file("/proc/7/cgroup", "0::/docker/abcd\n"); /* another, with a longer name */
    assert_int_equal(cgroup_read(root, 7, &c), -ENODATA);
}

static void v2_usual_place_and_gone(void **state) {
    (void)state;
    struct cgroup c;
    file("/proc/7/cgroup", "0::/a\n");
    v2_group("/sys/fs/cgroup/a", "max\n"); /* no mountinfo at all */
    assert_int_equal(cgroup_read(root, 7, &c), 0);
    cgroup_done(&c);
    file("/proc/7/cgroup", "0::/b (deleted)\n");
    assert_int_equal(cgroup_read(root, 7, &c), -ENODATA);
    file("/proc/7/cgroup", "12:cpu,cpuacct:/b\nnonsense\n");
    assert_int_equal(cgroup_read(root, 7, &c), -ENODATA);
}

static void v1_group(const char *dir, const char *limit, const char *hierarchical) {
    char path[256];
    cleanup_free char *stat = mem_printf(
        "cache 5\nrss 6\nhierarchical_memory_limit %s\ntotal_cache 40960\ntotal_rss 81920\n"
        "total_shmem 4096\ntotal_swap 12288\ntotal_inactive_file 8192\ntotal_pgmajfault 9\n",
        hierarchical);
    struct {
        const char *name, *text;
    } files[] = {
        {"cgroup.procs", ""},
        {"memory.usage_in_bytes", "131072\n"},
        {"memory.max_usage_in_bytes", "262144\n"},
        {"memory.limit_in_bytes", limit},
        {"memory.soft_limit_in_bytes", "9223372036854771712\n"},
        {"memory.memsw.limit_in_bytes", "536870912\n"},
        {"memory.failcnt", "3\n"},
        {"memory.kmem.usage_in_bytes", "2048\n"},
        {"memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"},
        {"memory.stat", stat},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
        file(path, files[i].text);
    }
}

static void v1(void **state) {
    (void)state;
    struct cgroup c;
    uint64_t v;
    file("/proc/7/cgroup", "4:cpu,memory:/x/y\n1:name=systemd:/z\n0::/z\n");
    mounts("/proc/self/mountinfo", "/", "/sys/fs/cgroup/memory", true);
    v1_group("/sys/fs/cgroup/memory", "9223372036854771712\n", "9223372036854771712");
    v1_group("/sys/fs/cgroup/memory/x", "268435456\n", "268435456");
    v1_group("/sys/fs/cgroup/memory/x/y", "402653184\n", "268435456");
    assert_int_equal(cgroup_read(root, 7, &c), 0);
    assert_int_equal(c.version, 1);
    assert_string_equal(c.path, "/x/y");
    assert_int_equal(get(&c, CGROUP_CURRENT), 131072);
    assert_int_equal(get(&c, CGROUP_PEAK), 262144);
    assert_int_equal(get(&c, CGROUP_ANON), 81920); /* total_rss, not rss */
    assert_int_equal(get(&c, CGROUP_FILE), 40960);
    assert_int_equal(get(&c, CGROUP_SWAP_CURRENT), 12288);
    assert_int_equal(get(&c, CGROUP_EVENTS_MAX), 3);
    assert_int_equal(get(&c, CGROUP_EVENTS_OOM_KILL), 2);
    assert_true(cgroup_working_set(&c, &v));
    assert_int_equal(v, 122880);
    assert_int_equal(c.max.bytes, 402653184);
    assert_int_equal(c.high.state, CGROUP_LIMIT_NONE);
    assert_int_equal(c.swap_max.bytes, 536870912 - 402653184);
    assert_int_equal(c.effective_max.bytes, 268435456);
    assert_false(c.ancestors_hidden);
    assert_false(c.pressure.some.known);
    cgroup_done(&c);
}

/* In a container the limit above is not to be seen, but v1 says it. */
static void v1_inside(void **state) {
    (void)state;
    struct cgroup c;
    file("/proc/7/cgroup", "4:memory:/\n0::/\n");
    mounts("/proc/self/mountinfo", "/", "/sys/fs/cgroup/memory", true);
    v1_group("/sys/fs/cgroup/memory", "9223372036854771712\n", "1048576");
    assert_int_equal(cgroup_read(root, 7, &c), 0);
    assert_int_equal(c.max.state, CGROUP_LIMIT_NONE);
    assert_int_equal(c.swap_max.state, CGROUP_LIMIT_UNKNOWN);
    assert_int_equal(c.effective_max.state, CGROUP_LIMIT_SET);
    assert_int_equal(c.effective_max.bytes, 1048576);
    assert_null(c.effective_path);
    cgroup_done(&c);
}

/* Memory on v1, pressure on the unified hierarchy beside it. */
static void hybrid_pressure(void **state) {
    (void)state;
    struct cgroup c;
    file("/proc/7/cgroup", "4:memory:/x\n0::/u\n");
    v1_group("/sys/fs/cgroup/memory/x", "1048576\n", "1048576");
    file("/sys/fs/cgroup/unified/u/cgroup.procs", "");
    file("/sys/fs/cgroup/unified/u/cgroup.type", "domain\n");
    file("/sys/fs/cgroup/unified/u/memory.pressure",
         "some avg10=2.00 avg60=0.00 avg300=0.00 total=5\n");
    assert_int_equal(cgroup_read(root, 7, &c), 0);
    assert_true(c.pressure.some.known);
    assert_int_equal(c.pressure.some.total_ns, 5000);
    assert_false(c.pressure.full.known);
    cgroup_done(&c);
}

static void labels(void **state) {
    (void)state;
    static const struct {
        const char *path, *label;
    } cases[] = {
        {"/", "/"},
        {"/system.slice/cron.service", "cron.service"},
        {"/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         "0123456789ab"},
        {"/kubepods.slice/cri-containerd-"
         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope",
         "cri-containerd-0123456789ab.scope"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cleanup_free char *label = cgroup_label(cases[i].path);
        assert_string_equal(label, cases[i].label);
    }
}

static void own_process(void **state) {
    (void)state;
    struct cgroup c;
    struct pressure p;
    if (cgroup_read("", getpid(), &c) == 0) {
        assert_true(c.version == 1 || c.version == 2);
        cgroup_done(&c);
    }
    if (pressure_read("", &p) == 0)
        assert_true(p.some.known);
    assert_int_equal(pressure_parse("some avg10=x\n", &p), -EBADMSG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(v2_on_the_host, setup, teardown),
        cmocka_unit_test_setup_teardown(v2_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(v2_from_a_sidecar, setup, teardown),
        cmocka_unit_test_setup_teardown(v2_bound_mount, setup, teardown),
        cmocka_unit_test_setup_teardown(v2_usual_place_and_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(v1, setup, teardown),
        cmocka_unit_test_setup_teardown(v1_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(hybrid_pressure, setup, teardown),
        cmocka_unit_test(labels),
        cmocka_unit_test(own_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
