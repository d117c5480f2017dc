#include "cmd/gc_lines.h"

#include "base/table.h"
#include <inttypes.h>

enum { T_PID, T_THREAD, T_KIND, T_COUNT, T_TOTAL, T_LONGEST, T_SHARE, T_STEPS, T_COLUMNS };

static bool is_worker(const struct gc_event *e) {
    return e->tid != e->process.pid;
}

static int by_process(const void *a, const void *b) {
    const struct gc_tally *x = a, *y = b;
    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    if (x->workers != y->workers)
        return x->workers ? 1 : -1;
    return (x->kind > y->kind) - (x->kind < y->kind);
}

void gc_tallies_add(struct gc_tallies *t, const struct gc_event *e) {
    struct gc_tally *of = NULL;
    for (size_t i = 0; i < t->list.n && !of; i++) {
        struct gc_tally *x = &t->list.at[i];
        if (x->pid == e->process.pid && x->workers == is_worker(e) && x->kind == e->kind)
            of = x;
    }
    if (!of) {
        struct gc_tally x = {.pid = e->process.pid, .workers = is_worker(e), .kind = e->kind};
        vec_push(&t->list, x);
        of = &t->list.at[t->list.n - 1];
    }
    of->count++;
    of->total_ns += e->pause_ns;
    of->steps_ns += e->steps_ns;
    if (e->pause_ns > of->longest_ns)
        of->longest_ns = e->pause_ns;
}

void gc_tallies_done(struct gc_tallies *t) {
    vec_free(&t->list);
}

/* V8's own words; those of GC_MARK_COMPACT and GC_MINOR_MARK changed over time, these are the last
 * ones. */
static const char *trace_name(enum gc_kind k) {
    return k == GC_SCAVENGE       ? "Scavenge"
           : k == GC_MARK_COMPACT ? "Mark-Compact"
           : k == GC_MINOR_MARK   ? "Minor Mark-Sweep"
                                  : gc_kind_name(k);
}

static double mb(uint64_t bytes) {
    return (double)bytes / (1 << 20);
}

static double ms(uint64_t ns) {
    return (double)ns / 1e6;
}

void gc_line_print(FILE *out, const struct gc_event *e, int64_t boot_ns) {
    int64_t since = (int64_t)(e->at_ns + e->pause_ns) + boot_ns - (int64_t)e->process.started_ns;
    fprintf(out, "[%d:0x%" PRIx64 "] %8.0f ms: %s%s %.1f (%.1f) -> %.1f (%.1f) MB, %.2f ms",
            (int)e->process.pid, e->isolate, (double)since / 1e6, trace_name(e->kind),
            e->reduces_memory ? " (reduce)" : "", mb(e->before_bytes),
            mb(e->committed_before_bytes), mb(e->after_bytes), mb(e->committed_after_bytes),
            ms(e->pause_ns));
    if (e->steps)
        fprintf(out, " (+ %.1f ms in %" PRIu32 " steps of marking)", ms(e->steps_ns), e->steps);
    else if (e->steps_ns)
        fprintf(out, " (+ %.1f ms in steps of marking)", ms(e->steps_ns));
    if (e->has_utilization)
        fprintf(out, " (average mu = %.3f, current mu = %.3f)", e->utilization,
                e->utilization_last);
    fprintf(out, " %s%s", e->reason ? e->reason : "", e->reason ? ";" : "");
    if (is_worker(e))
        fprintf(out, " worker %d", (int)e->tid);
    fputc('\n', out);
}

static void set_u64(json_t *to, const char *name, uint64_t value) {
    json_object_set_new(to, name, json_integer((json_int_t)value));
}

static void set_known(json_t *to, const char *name, uint64_t value) {
    if (value)
        set_u64(to, name, value);
}

json_t *gc_line_json(const struct gc_event *e) {
    char isolate[32];
    json_t *line = json_pack("{s:s, s:s, s:s}", "schema", "memwhy/1", "command", "gc-trace",
                             "event", "collection");
    set_u64(line, "pid", (uint64_t)e->process.pid);
    set_u64(line, "tid", (uint64_t)e->tid);
    json_object_set_new(line, "worker", json_boolean(is_worker(e)));
    snprintf(isolate, sizeof isolate, "0x%" PRIx64, e->isolate);
    if (e->isolate)
        json_object_set_new(line, "isolate", json_string(isolate));
    json_object_set_new(line, "kind", json_string(gc_kind_name(e->kind)));
    if (e->reason)
        json_object_set_new(line, "reason", json_string(e->reason));
    set_u64(line, "time_ns", e->time_ns);
    set_u64(line, "at_ns", e->at_ns);
    set_u64(line, "pause_ns", e->pause_ns);
    set_known(line, "before_bytes", e->before_bytes);
    set_known(line, "after_bytes", e->after_bytes);
    set_known(line, "committed_before_bytes", e->committed_before_bytes);
    set_known(line, "committed_after_bytes", e->committed_after_bytes);
    json_object_set_new(line, "reduces_memory", json_boolean(e->reduces_memory));
    set_known(line, "steps", e->steps);
    set_known(line, "steps_ns", e->steps_ns);
    if (e->has_utilization) {
        json_object_set_new(line, "utilization", json_real(e->utilization));
        json_object_set_new(line, "utilization_last", json_real(e->utilization_last));
    }
    return line;
}

static struct table *tallies_table(const struct gc_tallies *t, uint64_t watched_ns) {
    static const struct column columns[T_COLUMNS] = {
        [T_PID] = {"pid", "PID", COL_TEXT},
        [T_THREAD] = {"threads", "THREADS", COL_TEXT},
        [T_KIND] = {"kind", "KIND", COL_TEXT},
        [T_COUNT] = {"count", "COUNT", COL_COUNT},
        [T_TOTAL] = {"total_ns", "TOTAL", COL_DURATION},
        [T_LONGEST] = {"longest_ns", "LONGEST", COL_DURATION},
        [T_SHARE] = {"share_percent", "OF THE TIME", COL_PERCENT},
        [T_STEPS] = {"steps_ns", "STEPS BEFORE", COL_DURATION},
    };
    struct table *table = table_new(columns, T_COLUMNS);
    struct gc_tallies sorted = {0};
    for (size_t i = 0; i < t->list.n; i++)
        vec_push(&sorted.list, t->list.at[i]);
    vec_sort(&sorted.list, by_process);
    for (size_t i = 0; i < sorted.list.n; i++) {
        const struct gc_tally *x = &sorted.list.at[i];
        table_row(table);
        table_u64(table, T_PID, (uint64_t)x->pid);
        table_text(table, T_THREAD, x->workers ? "workers" : "main");
        table_text(table, T_KIND, gc_kind_name(x->kind));
        table_u64(table, T_COUNT, x->count);
        table_u64(table, T_TOTAL, x->total_ns);
        table_u64(table, T_LONGEST, x->longest_ns);
        if (watched_ns)
            table_real(table, T_SHARE, 100 * (double)x->total_ns / (double)watched_ns);
        if (x->steps_ns)
            table_u64(table, T_STEPS, x->steps_ns);
    }
    vec_free(&sorted.list);
    return table;
}

void gc_tallies_print(FILE *out, const struct gc_tallies *t, uint64_t watched_ns, unsigned width) {
    struct table *table = tallies_table(t, watched_ns);
    if (t->list.n)
        table_print(table, out, width);
    table_free(table);
}

json_t *gc_tallies_json(const struct gc_tallies *t, uint64_t watched_ns) {
    struct table *table = tallies_table(t, watched_ns);
    json_t *rows = table_to_json(table);
    table_free(table);
    return rows;
}
