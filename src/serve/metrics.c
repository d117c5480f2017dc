#include "serve/metrics.h"

#include "base/text.h"
#include "model/sample.h"
#include "serve/process_labels.h"
#include <string.h>

/* A process whose samples are written, and its labels. */
struct shown {
    const struct sampler_row *row;
    struct metric_labels labels;
};

struct page {
    const struct serve_view *view;
    struct shown *at; /* ascending by pid */
    size_t n;
    unsigned cut_labels;
    struct metric_text *text;
};

enum { KINDS_MAX = 3 };

/* A family whose samples are fields of a sample as they are. */
struct field_family {
    struct metric_family family;
    struct {
        const char *label; /* NULL: no more */
        enum sample_field field;
    } of[KINDS_MAX];
};

static const struct field_family field_families[] = {
    /* prom-client's */
    {{"process_cpu_user_seconds", METRIC_COUNTER, "seconds",
      "Total user CPU time spent in seconds."},
     {{"", SAMPLE_CPU_USER_NS}}},
    {{"process_cpu_system_seconds", METRIC_COUNTER, "seconds",
      "Total system CPU time spent in seconds."},
     {{"", SAMPLE_CPU_SYSTEM_NS}}},
    {{"process_resident_memory_bytes", METRIC_GAUGE, "bytes", "Resident memory size in bytes."},
     {{"", SAMPLE_RSS}}},
    {{"process_virtual_memory_bytes", METRIC_GAUGE, "bytes", "Virtual memory size in bytes."},
     {{"", SAMPLE_VM_SIZE}}},
    {{"process_heap_bytes", METRIC_GAUGE, "bytes", "Process heap size in bytes."},
     {{"", SAMPLE_VM_DATA}}},
    {{"process_open_fds", METRIC_GAUGE, NULL, "Number of open file descriptors."},
     {{"", SAMPLE_FDS}}},
    {{"nodejs_heap_size_total_bytes", METRIC_GAUGE, "bytes",
      "Process heap size from Node.js in bytes."},
     {{"", SAMPLE_HEAP_TOTAL}}},
    {{"nodejs_heap_size_used_bytes", METRIC_GAUGE, "bytes",
      "Process heap size used from Node.js in bytes."},
     {{"", SAMPLE_HEAP_USED}}},
    {{"nodejs_external_memory_bytes", METRIC_GAUGE, "bytes",
      "Node.js external memory size in bytes."},
     {{"", SAMPLE_EXTERNAL}}},
    /* memwhy's */
    {{"memwhy_resident_memory_bytes", METRIC_GAUGE, "bytes",
      "Resident memory by what backs it; the kinds add up to process_resident_memory_bytes."},
     {{"kind=\"anon\"", SAMPLE_RSS_ANON},
      {"kind=\"file\"", SAMPLE_RSS_FILE},
      {"kind=\"shmem\"", SAMPLE_RSS_SHMEM}}},
    {{"memwhy_swap_bytes", METRIC_GAUGE, "bytes", "Memory of the process that is in swap."},
     {{"", SAMPLE_SWAP}}},
    {{"memwhy_page_tables_bytes", METRIC_GAUGE, "bytes",
      "Page tables the kernel keeps for the process, which count in its cgroup and in no RSS."},
     {{"", SAMPLE_PAGE_TABLES}}},
    {{"memwhy_heap_limit_bytes", METRIC_GAUGE, "bytes",
      "What V8 lets the heap of the main thread grow to before it ends the process."},
     {{"", SAMPLE_HEAP_LIMIT}}},
    {{"memwhy_old_generation_limit_bytes", METRIC_GAUGE, "bytes",
      "The limit of the old generation (--max-old-space-size): beyond it the process ends."},
     {{"", SAMPLE_OLD_GENERATION_LIMIT}}},
    {{"memwhy_heap_live_after_gc_bytes", METRIC_GAUGE, "bytes",
      "Heap used right after the last full collection: the floor under the saw."},
     {{"", SAMPLE_LIVE_AFTER_GC}}},
    {{"memwhy_array_buffers_bytes", METRIC_GAUGE, "bytes",
      "ArrayBuffers and Buffers outside the heap; part of nodejs_external_memory_bytes."},
     {{"", SAMPLE_ARRAY_BUFFERS}}},
    {{"memwhy_workers", METRIC_GAUGE, NULL, "Isolates beside that of the main thread."},
     {{"", SAMPLE_WORKERS}}},
    {{"memwhy_workers_heap_total_bytes", METRIC_GAUGE, "bytes", "Heaps of all workers together."},
     {{"", SAMPLE_WORKERS_HEAP_TOTAL}}},
    {{"memwhy_workers_heap_used_bytes", METRIC_GAUGE, "bytes",
      "What is used of the heaps of all workers together."},
     {{"", SAMPLE_WORKERS_HEAP_USED}}},
    {{"memwhy_malloc_bytes", METRIC_GAUGE, "bytes",
      "What malloc took from the kernel: for its arenas, and for blocks with mappings of their "
      "own."},
     {{"kind=\"arenas\"", SAMPLE_MALLOC_ARENAS}, {"kind=\"mapped\"", SAMPLE_MALLOC_MAPPED}}},
    {{"memwhy_collections", METRIC_COUNTER, NULL,
      "Garbage collections since the process began, by V8's own counters."},
     {{"kind=\"major\"", SAMPLE_GC_MAJOR}, {"kind=\"minor\"", SAMPLE_GC_MINOR}}},
    {{"memwhy_page_faults", METRIC_COUNTER, NULL, "Page faults since the process began."},
     {{"kind=\"major\"", SAMPLE_FAULTS_MAJOR}, {"kind=\"minor\"", SAMPLE_FAULTS_MINOR}}},
    {{"memwhy_context_switches", METRIC_COUNTER, NULL, "Context switches since the process began."},
     {{"kind=\"voluntary\"", SAMPLE_SWITCHES_VOLUNTARY},
      {"kind=\"forced\"", SAMPLE_SWITCHES_FORCED}}},
    {{"memwhy_threads", METRIC_GAUGE, NULL, "Threads of the process."}, {{"", SAMPLE_THREADS}}},
    {{"memwhy_cgroup_memory_bytes", METRIC_GAUGE, "bytes",
      "What the memory cgroup of the process uses, of all processes in it."},
     {{"", SAMPLE_CGROUP_CURRENT}}},
    {{"memwhy_cgroup_limit_bytes", METRIC_GAUGE, "bytes",
      "The least limit of that cgroup and those above it; absent when there is none."},
     {{"", SAMPLE_CGROUP_LIMIT}}},
    {{"memwhy_cgroup_oom_kills", METRIC_COUNTER, NULL,
      "Processes of the cgroup that the kernel killed for memory."},
     {{"", SAMPLE_CGROUP_OOM_KILLS}}},
    {{"memwhy_cgroup_limit_hits", METRIC_COUNTER, NULL,
      "How often the cgroup was at its limit and had to reclaim."},
     {{"", SAMPLE_CGROUP_LIMIT_HITS}}},
    {{"memwhy_cgroup_memory_pressure_seconds", METRIC_COUNTER, "seconds",
      "Time in which some, or all, tasks of the cgroup waited for memory."},
     {{"tasks=\"some\"", SAMPLE_PRESSURE_SOME_NS}, {"tasks=\"all\"", SAMPLE_PRESSURE_FULL_NS}}},
};

static void put_field(struct page *p, const struct shown *s, enum sample_field f,
                      const char *label) {
    uint64_t value;
    if (!sample_get(&s->row->sample, f, &value))
        return;
    if (sample_field_info(f)->unit == SAMPLE_NS)
        metric_seconds(p->text, s->labels.at, label, value);
    else
        metric_count(p->text, s->labels.at, label, value);
}

static void put_fields(struct page *p, const struct field_family *f) {
    metric_begin(p->text, &f->family);
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < KINDS_MAX && f->of[k].label; k++)
            put_field(p, &p->at[i], f->of[k].field, f->of[k].label);
}

static void put_cpu(struct page *p) {
    static const struct metric_family family = {"process_cpu_seconds", METRIC_COUNTER, "seconds",
                                                "Total user and system CPU time spent in seconds."};
    uint64_t user, system;
    metric_begin(p->text, &family);
    for (size_t i = 0; i < p->n; i++)
        if (sample_get(&p->at[i].row->sample, SAMPLE_CPU_USER_NS, &user) &&
            sample_get(&p->at[i].row->sample, SAMPLE_CPU_SYSTEM_NS, &system))
            metric_seconds(p->text, p->at[i].labels.at, "", user + system);
}

static void put_starts(struct page *p) {
    static const struct metric_family family = {
        "process_start_time_seconds", METRIC_GAUGE, "seconds",
        "Start time of the process since unix epoch in seconds."};
    enum { CENTISECOND_NS = 10000000 }; /* the kernel's own resolution */
    metric_begin(p->text, &family);
    for (size_t i = 0; i < p->n; i++) {
        uint64_t ns = p->view->boot_ns + p->at[i].row->process->id.started_ns;
        metric_seconds(p->text, p->at[i].labels.at, "", ns - ns % CENTISECOND_NS);
    }
}

static void put_spaces(struct page *p) {
    static const struct metric_family
        used = {"nodejs_heap_space_size_used_bytes", METRIC_GAUGE, "bytes",
                "Process heap space size used from Node.js in bytes."},
        total = {"nodejs_heap_space_size_total_bytes", METRIC_GAUGE, "bytes",
                 "Process heap space size total from Node.js in "
                 "bytes."};
    for (int want_used = 0; want_used < 2; want_used++) {
        metric_begin(p->text, want_used ? &used : &total);
        for (size_t k = 0; k < V8_SPACES; k++) {
            cleanup_free char *label = mem_printf("space=\"%s\"", v8_space_name(k));
            for (size_t i = 0; i < p->n; i++) {
                const struct sample *s = &p->at[i].row->sample;
                if (s->known_spaces >> k & 1)
                    metric_count(p->text, p->at[i].labels.at, label,
                                 want_used ? s->space[k].used : s->space[k].total);
            }
        }
    }
}

/* As prom-client does: with a "v", and its three numbers. */
static void put_versions(struct page *p) {
    static const struct metric_family family = {"nodejs_version", METRIC_INFO, NULL,
                                                "Node.js version info."};
    static const char *const parts[] = {"major", "minor", "patch"};
    metric_begin(p->text, &family);
    for (size_t i = 0; i < p->n; i++) {
        const char *version = p->at[i].row->process->version;
        struct metric_labels labels = {0};
        if (!*version)
            continue;
        cleanup_free char *name = mem_printf("v%s", version);
        metric_label(&labels, "version", name);
        for (size_t k = 0; k < 3; k++) {
            size_t n = strspn(version, "0123456789");
            cleanup_free char *number = mem_strndup(version, n);
            metric_label(&labels, parts[k], number);
            version += n + (version[n] == '.');
        }
        metric_count(p->text, p->at[i].labels.at, labels.at, 1);
        metric_labels_done(&labels);
    }
}

static void put_collections(struct page *p) {
    static const struct metric_family family = {
        "nodejs_gc_duration_seconds", METRIC_HISTOGRAM, "seconds",
        "Garbage collection duration by kind, one of major, minor, incremental or weakcb."};
    metric_begin(p->text, &family);
    for (size_t i = 0; i < p->n; i++) {
        const struct gc_tally_row *row = gc_tally_find(p->view->gc, p->at[i].row->process->id);
        for (int k = 0; row && k < GC_LABELS; k++) {
            cleanup_free char *kind = mem_printf("kind=\"%s\"", gc_label_name(k));
            metric_histogram(p->text, p->at[i].labels.at, kind, gc_bounds_ns, GC_BOUNDS,
                             row->of[k].count, row->of[k].sum_ns);
        }
    }
}

static void put_more(struct page *p) {
    static const struct metric_family about = {
        "memwhy_process", METRIC_INFO, NULL,
        "What is known of the process: its parent, version, cgroup, container and pod."};
    static const struct metric_family unread = {
        "memwhy_v8_unknown", METRIC_INFO, NULL,
        "V8's counters of the process cannot be had, and why."};
    metric_begin(p->text, &about);
    for (size_t i = 0; i < p->n; i++) {
        struct metric_labels labels = {0};
        process_labels_more(p->at[i].row->process, &labels);
        metric_count(p->text, labels.at, "", 1);
        p->cut_labels += labels.cut;
        metric_labels_done(&labels);
    }
    metric_begin(p->text, &unread);
    for (size_t i = 0; i < p->n; i++) {
        struct metric_labels labels = {0};
        if (!p->at[i].row->process->no_v8)
            continue;
        metric_label(&labels, "why", p->at[i].row->process->no_v8);
        metric_count(p->text, p->at[i].labels.at, labels.at, 1);
        metric_labels_done(&labels);
    }
}

static void put_one(struct page *p, const struct metric_family *f, uint64_t value, bool is_ns) {
    metric_begin(p->text, f);
    if (is_ns)
        metric_seconds(p->text, "", "", value);
    else
        metric_count(p->text, "", "", value);
}

/* What memwhy costs, and what it left out. */
static void put_own(struct page *p) {
    const struct serve_own *own = &p->view->own;
    const struct sampler_round *round = p->view->round;
    const struct {
        struct metric_family family;
        uint64_t value;
        bool is_ns, is_unknown;
    } all[] = {
        {{"memwhy_processes", METRIC_GAUGE, NULL, "Node.js processes that were seen."},
         round->rows.n},
        {{"memwhy_processes_left_out", METRIC_GAUGE, NULL,
          "Of these, how many have no samples here, as there are more than memwhy may serve."},
         round->rows.n - p->n},
        {{"memwhy_labels_cut", METRIC_GAUGE, NULL, "Label values that were too long."},
         p->cut_labels},
        {{"memwhy_observer_cpu_seconds", METRIC_COUNTER, "seconds", "CPU time memwhy has used."},
         own->cpu_ns,
         true},
        {{"memwhy_observer_resident_memory_bytes", METRIC_GAUGE, "bytes",
          "Resident memory of memwhy itself."},
         own->rss_bytes,
         .is_unknown = !own->rss_bytes},
        {{"memwhy_observer_rounds", METRIC_COUNTER, NULL, "Rounds in which samples were taken."},
         own->rounds.rounds},
        {{"memwhy_observer_failed_rounds", METRIC_COUNTER, NULL, "Rounds that gave no samples."},
         own->failed_rounds},
        {{"memwhy_observer_rounds_cpu_seconds", METRIC_COUNTER, "seconds",
          "CPU time of taking samples."},
         own->rounds.cpu_ns,
         true},
        {{"memwhy_observer_longest_round_seconds", METRIC_GAUGE, "seconds",
          "The most CPU time a round took."},
         own->rounds.longest_ns,
         true},
        {{"memwhy_observer_round_time_seconds", METRIC_GAUGE, "seconds",
          "When these samples were taken, since unix epoch: time() less this is their age."},
         round->time_ns,
         true},
        {{"memwhy_observer_collections_lost", METRIC_COUNTER, NULL,
          "Collections that happened and are missing in nodejs_gc_duration_seconds."},
         own->lost_collections,
         .is_unknown = !own->sees_collections},
        {{"memwhy_observer_scrapes", METRIC_COUNTER, NULL, "Requests that got metrics."},
         own->scrapes},
        {{"memwhy_observer_refused", METRIC_COUNTER, NULL, "Requests that did not."}, own->refused},
        {{"memwhy_observer_cut_off", METRIC_COUNTER, NULL,
          "Connections ended because they took too long over a request."},
         own->cut_off},
    };
    static const struct metric_family build = {"memwhy_build", METRIC_INFO, NULL,
                                               "The version of memwhy."};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!all[i].is_unknown)
            put_one(p, &all[i].family, all[i].value, all[i].is_ns);
    metric_begin(p->text, &build);
    metric_count(p->text, "version=\"" MEMWHY_VERSION "\"", "", 1);
}

static int by_age(const void *a, const void *b) {
    const struct sampled_process *x = ((const struct shown *)a)->row->process,
                                 *y = ((const struct shown *)b)->row->process;
    if (x->first_seen_ns != y->first_seen_ns)
        return x->first_seen_ns < y->first_seen_ns ? -1 : 1;
    return (x->id.pid > y->id.pid) - (x->id.pid < y->id.pid);
}

static int by_pid(const void *a, const void *b) {
    pid_t x = ((const struct shown *)a)->row->process->id.pid,
          y = ((const struct shown *)b)->row->process->id.pid;
    return (x > y) - (x < y);
}

/* Which processes: when there are too many, those that were here first, as a series that comes and
 * goes is worth nothing. */
static void choose(struct page *p) {
    const struct sampler_round *round = p->view->round;
    p->n = round->rows.n;
    p->at = mem_zalloc(p->n * sizeof *p->at);
    for (size_t i = 0; i < p->n; i++)
        p->at[i].row = &round->rows.at[i];
    if (p->n > p->view->max_processes) {
        qsort(p->at, p->n, sizeof *p->at, by_age);
        p->n = p->view->max_processes;
        qsort(p->at, p->n, sizeof *p->at, by_pid);
    }
    for (size_t i = 0; i < p->n; i++)
        process_labels(p->at[i].row->process, &p->at[i].labels);
}

void metrics_render(const struct serve_view *v, struct metric_text *ret) {
    struct page p = {.view = v, .text = ret};
    choose(&p);
    for (size_t i = 0; i < sizeof field_families / sizeof *field_families; i++)
        put_fields(&p, &field_families[i]);
    put_cpu(&p);
    put_starts(&p);
    put_spaces(&p);
    put_versions(&p);
    put_collections(&p);
    put_more(&p);
    put_own(&p);
    metric_end(ret);
    for (size_t i = 0; i < p.n; i++)
        metric_labels_done(&p.at[i].labels);
    free(p.at);
}
