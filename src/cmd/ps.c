/* memwhy ps: which processes of this host or container use what, and which of them are Node. */
#include "base/table.h"
#include "base/text.h"
#include "base/vec.h"
#include "cmd/cmd.h"
#include "cmd/ps_containers.h"
#include "collect/processes.h"
#include "image/image.h"
#include "v8/quick.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

/* 15 ms per GB: this bounds the whole list, and what one look does to a stranger's process. */
#define ROLLUP_MAX_BYTES (512ull << 20)

enum {
    P_PID,
    P_PPID,
    P_NAME,
    P_RSS,
    P_PSS,
    P_USS,
    P_PSS_ANON,
    P_PSS_FILE,
    P_PSS_SHMEM,
    P_SHARED_CLEAN,
    P_SHARED_DIRTY,
    P_PRIVATE_CLEAN,
    P_PRIVATE_DIRTY,
    P_ANON,
    P_FILE,
    P_SHMEM,
    P_SWAP,
    P_THREADS,
    P_AGE,
    P_WHAT,
    P_KIND,
    P_NODE_VERSION,
    P_HEAP_USED,
    P_HEAP_TOTAL,
    P_UID,
    P_STATE,
    P_CGROUP,
    P_SHOWN,
    P_COMMAND,
    P_COLUMNS
};

/* All there is; choose_columns() takes the headings of what is not asked for. */
static const struct column all_columns[P_COLUMNS] = {
    [P_PID] = {"pid", "PID", COL_TEXT}, /* a name, not a quantity: no separators */
    [P_PPID] = {"ppid", NULL, COL_TEXT},
    [P_NAME] = {"name", NULL, COL_TEXT},
    [P_RSS] = {"rss_bytes", "RSS", COL_BYTES},
    [P_PSS] = {"pss_bytes", "PSS", COL_BYTES},
    [P_USS] = {"uss_bytes", "USS", COL_BYTES},
    [P_PSS_ANON] = {"pss_anon_bytes", "PSS_ANON", COL_BYTES},
    [P_PSS_FILE] = {"pss_file_bytes", "PSS_FILE", COL_BYTES},
    [P_PSS_SHMEM] = {"pss_shmem_bytes", "PSS_SHMEM", COL_BYTES},
    [P_SHARED_CLEAN] = {"shared_clean_bytes", "SHARED_CLEAN", COL_BYTES},
    [P_SHARED_DIRTY] = {"shared_dirty_bytes", "SHARED_DIRTY", COL_BYTES},
    [P_PRIVATE_CLEAN] = {"private_clean_bytes", "PRIVATE_CLEAN", COL_BYTES},
    [P_PRIVATE_DIRTY] = {"private_dirty_bytes", "PRIVATE_DIRTY", COL_BYTES},
    [P_ANON] = {"anon_bytes", "ANON", COL_BYTES},
    [P_FILE] = {"file_bytes", "FILE", COL_BYTES},
    [P_SHMEM] = {"shmem_bytes", "SHMEM", COL_BYTES},
    [P_SWAP] = {"swap_bytes", "SWAP", COL_BYTES},
    [P_THREADS] = {"threads", "THR", COL_COUNT},
    [P_AGE] = {"age_ns", "AGE", COL_DURATION},
    [P_WHAT] = {NULL, "WHAT", COL_TEXT},
    [P_KIND] = {"kind", NULL, COL_TEXT},
    [P_NODE_VERSION] = {"node_version", NULL, COL_TEXT},
    [P_HEAP_USED] = {"heap_used", "V8 USED", COL_BYTES},
    [P_HEAP_TOTAL] = {"heap_total", "V8 TOTAL", COL_BYTES},
    [P_UID] = {"uid", NULL, COL_TEXT},
    [P_STATE] = {"state", NULL, COL_TEXT},
    [P_CGROUP] = {"cgroup", NULL, COL_TEXT},
    [P_SHOWN] = {NULL, "COMMAND", COL_TEXT}, /* indented in a tree */
    [P_COMMAND] = {"command", NULL, COL_TEXT},
};

static const struct opt opts[] = {
    {"all", 'a', OPT_FLAG, NULL, "kernel threads too"},
    {"container", 'c', OPT_U64, "PID", "only processes of this process's container or cgroup"},
    {"node", 'n', OPT_FLAG, NULL, "only Node.js processes"},
    {"pss", 'p', OPT_FLAG, NULL, "what PSS is made of; read for large processes too"},
    {"sort", 's', OPT_STRING, "KEY", "by rss (as without it), pss, uss or pid"},
    {"tree", 't', OPT_FLAG, NULL, "children below their parents"},
    {NULL},
};

/* The list as it is shown: rows in order, each at a depth. */
struct listing {
    struct process_rows rows;
    const struct process_row **order;
    unsigned *depths;
    size_t n;        /* of both */
    uint64_t now_ns; /* since boot */
};

static const char *const sort_keys[] = {"rss", "pss", "uss", "pid"};

static int parse_sort(struct run *r, size_t *ret) {
    const char *name = opt_string(r->opts, "sort", "rss");
    for (size_t i = 0; i < sizeof sort_keys / sizeof *sort_keys; i++)
        if (!strcmp(name, sort_keys[i])) {
            *ret = i;
            return 0;
        }
    return err_set(&r->err, -EINVAL, "It sorts by rss, pss, uss or pid.", "--sort %s is unknown.",
                   name);
}

/* What a row is sorted by; unknown comes last. */
static uint64_t sort_value(const struct process_row *row, size_t key) {
    uint64_t v = 0;
    bool known = key == 0   ? process_size_get(&row->process, PROCESS_RSS, &v)
                 : key == 1 ? usage_get(&row->usage, USAGE_PSS, &v)
                 : key == 2 ? usage_uss(&row->usage, &v)
                            : false;
    return known ? v + 1 : 0;
}

static int compare_rows(const void *a, const void *b, void *key) {
    const struct process_row *x = *(const struct process_row *const *)a;
    const struct process_row *y = *(const struct process_row *const *)b;
    uint64_t vx = sort_value(x, *(size_t *)key), vy = sort_value(y, *(size_t *)key);
    if (vx != vy)
        return vx < vy ? 1 : -1;
    return (x->process.pid > y->process.pid) - (x->process.pid < y->process.pid);
}

static bool has_parent(const struct listing *l, pid_t ppid) {
    for (size_t i = 0; i < l->rows.n; i++)
        if (l->rows.at[i].process.pid == ppid)
            return true;
    return false;
}

/* Reorder what is sorted: each process followed by its children. */
static void order_as_tree(struct listing *l) {
    size_t n = l->rows.n, n_out = 0, n_stack = 0;
    const struct process_row **out = mem_zalloc((n + 1) * sizeof *out);
    struct {
        const struct process_row *row;
        unsigned depth;
    } *stack = mem_zalloc((n + 1) * sizeof *stack), top;
    for (size_t i = n; i-- > 0;)
        if (!has_parent(l, l->order[i]->process.ppid)) {
            stack[n_stack].row = l->order[i];
            stack[n_stack++].depth = 0;
        }
    while (n_stack && n_out < n) {
        top = stack[--n_stack];
        l->depths[n_out] = top.depth;
        out[n_out++] = top.row;
        for (size_t i = n; i-- > 0;)
            if (l->order[i]->process.ppid == top.row->process.pid && n_stack < n) {
                stack[n_stack].row = l->order[i];
                stack[n_stack++].depth = top.depth + 1;
            }
    }
    free(stack);
    free(l->order);
    l->order = out;
    l->n = n_out;
}

static void put_in_order(struct run *r, size_t key, struct listing *l) {
    struct timespec t;
    size_t n = l->n = l->rows.n;
    clock_gettime(CLOCK_BOOTTIME, &t);
    l->now_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    l->order = mem_zalloc((n + 1) * sizeof *l->order);
    l->depths = mem_zalloc((n + 1) * sizeof *l->depths);
    for (size_t i = 0; i < n; i++)
        l->order[i] = &l->rows.at[i];
    qsort_r(l->order, n, sizeof *l->order, compare_rows, &key);
    if (opt_flag(r->opts, "tree"))
        order_as_tree(l);
}

/* V8's used and total heap, read from outside without a stop. 0 with the row's heap_* filled. */
static int fill_heap(struct v8_quick_cache *cache, struct process_row *row) {
    struct image *img;
    struct v8_quick heap;
    int rc = image_open_live(row->process.pid, &img, NULL);
    if (rc < 0)
        return rc;
    rc = v8_quick_heap(cache, img, &heap);
    image_free(img);
    if (rc < 0)
        return rc;
    row->heap_used_bytes = heap.heap_used_bytes;
    row->heap_total_bytes = heap.heap_total_bytes;
    return 0;
}

static void fill_heaps(struct listing *l) {
    struct v8_quick_cache *cache = v8_quick_cache_new();
    for (size_t i = 0; i < l->rows.n; i++) {
        struct process_row *row = &l->rows.at[i];
        row->heap_known = row->runtime.kind == RUNTIME_NODE && fill_heap(cache, row) == 0;
    }
    v8_quick_cache_free(cache);
}

static void set_size(struct table *t, size_t column, const struct process *p,
                     enum process_size size) {
    uint64_t v;
    if (process_size_get(p, size, &v))
        table_u64(t, column, v);
}

static void set_usage(struct table *t, const struct usage *u) {
    static const struct {
        size_t column;
        enum usage_field field;
    } fields[] = {
        {P_PSS, USAGE_PSS},
        {P_PSS_ANON, USAGE_PSS_ANON},
        {P_PSS_FILE, USAGE_PSS_FILE},
        {P_PSS_SHMEM, USAGE_PSS_SHMEM},
        {P_SHARED_CLEAN, USAGE_SHARED_CLEAN},
        {P_SHARED_DIRTY, USAGE_SHARED_DIRTY},
        {P_PRIVATE_CLEAN, USAGE_PRIVATE_CLEAN},
        {P_PRIVATE_DIRTY, USAGE_PRIVATE_DIRTY},
    };
    uint64_t v;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (usage_get(u, fields[i].field, &v))
            table_u64(t, fields[i].column, v);
    if (usage_uss(u, &v))
        table_u64(t, P_USS, v);
}

static void set_runtime(struct table *t, const struct process_row *row) {
    const struct runtime *r = &row->runtime;
    const char *kind = runtime_kind_name(r->kind);
    cleanup_free char *what = mem_printf("%s%s%s%s", kind, r->version[0] ? " " : "", r->version,
                                         r->by_name && r->kind != RUNTIME_OTHER ? "?" : "");
    if (r->kind == RUNTIME_OTHER && r->by_name)
        return; /* could not look, and the name says nothing */
    table_text(t, P_WHAT, what);
    table_text(t, P_KIND, kind);
    if (r->version[0])
        table_text(t, P_NODE_VERSION, r->version);
    if (row->heap_known) {
        table_u64(t, P_HEAP_USED, row->heap_used_bytes);
        table_u64(t, P_HEAP_TOTAL, row->heap_total_bytes);
    }
}

static void set_command(struct table *t, const struct process *p, unsigned depth) {
    cleanup_free char *command = process_command(p);
    cleanup_free char *shown = mem_printf("%*s%s", (int)(2 * depth), "", command);
    table_text(t, P_SHOWN, shown);
    table_text(t, P_COMMAND, command);
}

static void add_row(struct table *t, const struct listing *l, size_t i) {
    const struct process_row *row = l->order[i];
    const struct process *p = &row->process;
    const char state[] = {p->state, '\0'};
    table_row(t);
    table_u64(t, P_PID, (uint64_t)p->pid);
    table_u64(t, P_PPID, (uint64_t)p->ppid);
    table_text(t, P_NAME, p->name);
    set_size(t, P_RSS, p, PROCESS_RSS);
    set_size(t, P_ANON, p, PROCESS_RSS_ANON);
    set_size(t, P_FILE, p, PROCESS_RSS_FILE);
    set_size(t, P_SHMEM, p, PROCESS_RSS_SHMEM);
    set_size(t, P_SWAP, p, PROCESS_SWAP);
    set_usage(t, &row->usage);
    table_u64(t, P_THREADS, p->n_threads);
    if (l->now_ns >= p->started_ns)
        table_u64(t, P_AGE, l->now_ns - p->started_ns);
    set_runtime(t, row);
    if (p->parts & PROCESS_STATUS)
        table_u64(t, P_UID, p->uid);
    table_text(t, P_STATE, state);
    if (p->parts & PROCESS_CGROUP)
        table_text(t, P_CGROUP, p->cgroup);
    set_command(t, p, l->depths[i]);
}

static bool any_has(const struct listing *l, enum process_size size) {
    uint64_t v;
    for (size_t i = 0; i < l->n; i++)
        if (process_size_get(&l->order[i]->process, size, &v) && v)
            return true;
    return false;
}

/* Take the heading of what was not asked for, and of what would be empty all the way down. */
static void choose_columns(struct run *r, const struct listing *l, struct column ret[P_COLUMNS]) {
    bool pss = opt_flag(r->opts, "pss");
    memcpy(ret, all_columns, sizeof all_columns);
    for (size_t c = P_PSS_ANON; c <= P_PRIVATE_DIRTY; c++)
        ret[c].title = pss ? ret[c].title : NULL;
    for (size_t c = P_ANON; c <= P_AGE; c++)
        ret[c].title = pss ? NULL : ret[c].title;
    if (pss)
        ret[P_USS].title = NULL; /* private clean and dirty stand there */
    if (!any_has(l, PROCESS_SWAP))
        ret[P_SWAP].title = NULL;
    if (!any_has(l, PROCESS_RSS_SHMEM))
        ret[P_SHMEM].title = NULL;
    bool heap = false;
    for (size_t i = 0; i < l->n; i++)
        heap |= l->order[i]->heap_known;
    if (!heap)
        ret[P_HEAP_USED].title = ret[P_HEAP_TOTAL].title = NULL;
}

/* Sentences about what the list lacks, each said once. */
struct notes {
    char *at[2];
    size_t n;
};

static struct notes notes_of(const struct listing *l) {
    struct notes notes = {0};
    size_t denied = 0, skipped = 0;
    for (size_t i = 0; i < l->n; i++) {
        denied += l->order[i]->usage_denied;
        skipped += l->order[i]->usage_skipped;
    }
    if (denied)
        notes.at[notes.n++] = mem_printf(
            "PSS and USS of %zu process%s could not be read, as %s of other users or protected; "
            "root with CAP_SYS_PTRACE may.",
            denied, denied == 1 ? "" : "es", denied == 1 ? "it is" : "they are");
    if (skipped)
        notes.at[notes.n++] =
            mem_printf("PSS of %zu process%s over 512 MiB that %s not Node was "
                       "not read, to spare them; add --pss.",
                       skipped, skipped == 1 ? "" : "es", skipped == 1 ? "is" : "are");
    return notes;
}

static void notes_done(struct notes *notes) {
    for (size_t i = 0; i < notes->n; i++)
        free(notes->at[i]);
}

/* The container that was asked for, or else the largest: its index. */
static size_t main_container(struct run *r, const struct listing *l,
                             const struct containers *containers) {
    uint64_t pid = opt_u64(r->opts, "container", 0);
    for (size_t i = 0; i < l->n; i++) {
        const struct process *p = &l->order[i]->process;
        for (size_t c = 0; (uint64_t)p->pid == pid && c < containers->n; c++)
            if (p->parts & PROCESS_CGROUP && !strcmp(containers->at[c].path, p->cgroup))
                return c;
    }
    return 0;
}

static void to_json(struct run *r, const struct listing *l, const struct table *t,
                    const struct containers *containers, const struct notes *notes) {
    json_t *said = json_array();
    json_t *cgroups = ps_containers_json(containers);
    for (size_t i = 0; i < notes->n; i++)
        json_array_append_new(said, json_string(notes->at[i]));
    json_object_set_new(r->doc, "coverage",
                        json_pack("{s:b, s:o}", "complete", notes->n == 0, "notes", said));
    json_object_set_new(r->doc, "processes", table_to_json(t));
    if (containers->n)
        json_object_set(r->doc, "cgroup",
                        json_array_get(cgroups, main_container(r, l, containers)));
    json_object_set_new(r->doc, "cgroups", cgroups);
}

static void to_text(struct run *r, const struct table *t, const struct containers *containers,
                    const struct notes *notes) {
    if (!table_rows(t)) {
        fprintf(r->out, "No such process.\n");
        return;
    }
    table_print(t, r->out, r->width);
    fputc('\n', r->out);
    ps_containers_print(containers, r->out, r->width);
    for (size_t i = 0; i < notes->n; i++)
        fprintf(r->out, "%s%s\n", i ? "" : "\n", notes->at[i]);
}

static void show(struct run *r, const struct listing *l) {
    struct column columns[P_COLUMNS];
    struct containers containers;
    choose_columns(r, l, columns);
    struct table *t = table_new(columns, P_COLUMNS);
    for (size_t i = 0; i < l->n; i++)
        add_row(t, l, i);
    containers_collect("", &l->rows, &containers);
    struct notes notes = notes_of(l);
    if (r->json)
        to_json(r, l, t, &containers, &notes);
    else
        to_text(r, t, &containers, &notes);
    notes_done(&notes);
    containers_done(&containers);
    table_free(t);
}

/* Positional arguments: only these processes. The caller frees the array. */
static int parse_pids(struct run *r, pid_t **ret, size_t *ret_n) {
    const char *const *args;
    size_t n = opt_args(r->opts, &args);
    pid_t *pids = mem_zalloc((n + 1) * sizeof *pids);
    for (size_t i = 0; i < n; i++) {
        char *end;
        unsigned long v = strtoul(args[i], &end, 10);
        if (args[i][0] < '1' || args[i][0] > '9' || *end || v > INT32_MAX) {
            free(pids);
            return err_set(&r->err, -EINVAL, "memwhy ps alone lists all of them.",
                           "%s is not a process id.", args[i]);
        }
        pids[i] = (pid_t)v;
    }
    *ret = pids;
    *ret_n = n;
    return 0;
}

static int run(struct run *r) {
    cleanup_free pid_t *pids = NULL;
    struct listing l = {0};
    size_t key = 0, n_pids = 0;
    uint64_t container = opt_u64(r->opts, "container", 0);
    int rc = parse_sort(r, &key);
    if (rc == 0)
        rc = parse_pids(r, &pids, &n_pids);
    if (rc < 0)
        return rc;
    if (container > INT32_MAX)
        return err_set(&r->err, -EINVAL, "", "%" PRIu64 " is not a process id.", container);
    struct process_query q = {
        .root = "",
        .container = (pid_t)container,
        .pids = pids,
        .n_pids = n_pids,
        .only_node = opt_flag(r->opts, "node"),
        .kernel_threads = opt_flag(r->opts, "all"),
        .rollup_max_bytes = opt_flag(r->opts, "pss") ? UINT64_MAX : ROLLUP_MAX_BYTES,
    };
    rc = processes_collect(&q, &l.rows, &r->err);
    if (rc < 0)
        return rc;
    fill_heaps(&l);
    put_in_order(r, key, &l);
    show(r, &l);
    free(l.order);
    free(l.depths);
    processes_done(&l.rows);
    return 0;
}

const struct command cmd_ps = {
    .name = "ps",
    .args = "[PID...]",
    .summary = "which processes of this host or container use what",
    .help =
        "Lists processes with their memory as the kernel counts it, which of them are Node.js, "
        "and\n"
        "what their containers are charged and allowed. Nothing is stopped.\n"
        "\n"
        "RSS counts shared pages in full, so it does not add up; PSS divides them by their "
        "sharers,\n"
        "so it does; USS is what would be freed if the process ended. ANON is memory of its own\n"
        "making, FILE pages of binaries and mapped files, SHMEM shared memory. CHARGED is what "
        "the\n"
        "cgroup counts against its LIMIT; the WORKING SET leaves out file cache the kernel may "
        "drop,\n"
        "and is what Kubernetes evicts by. V8 TOTAL is the JavaScript heap by V8's own counters, "
        "of\n"
        "all its threads; V8 USED is about how much of that holds objects. '-' is unknown. '?' "
        "after\n"
        "WHAT: told by the name alone.\n"
        "\n"
        "  $ memwhy ps --container 2043476     the processes of one pod\n"
        "  $ memwhy ps --node --pss            all Node processes, and what their PSS is made of\n"
        "\n"
        "When CHARGED is far over the sum of PSS, the rest is file cache, tmpfs or the kernel's "
        "own;\n"
        "when one Node process has nearly all of it in ANON, go on with `memwhy explain PID`.\n",
    .opts = opts,
    .run = run,
};
