/* memwhy heap: V8's spaces, as V8 names and counts them, beside what the kernel holds of them. */
#include "base/fmt.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "model/budget.h"
#include "report/document.h"
#include <errno.h>
#include <string.h>

enum {
    H_NAME,
    H_COMMITTED,
    H_RESIDENT,
    H_USED,
    H_OBJECTS,
    H_LIVE,
    H_GARBAGE,
    H_WEAK,
    H_FREE,
    H_AREAS,
    H_HEADERS,
    H_UNUSED,
    H_UNWALKED,
    H_PAGES,
    H_OBJECT_BYTES,
    H_FREE_RESIDENT,
    H_ACCOUNTED,
    H_COLUMNS
};

static const struct column all_columns[H_COLUMNS] = {
    [H_NAME] = {"name", "SPACE", COL_TEXT},
    [H_COMMITTED] = {"committed", "COMMITTED", COL_BYTES},
    [H_RESIDENT] = {"resident", "RESIDENT", COL_BYTES},
    [H_USED] = {"used", "USED", COL_BYTES},
    [H_OBJECTS] = {"object_count", "OBJECTS", COL_COUNT},
    [H_LIVE] = {"live", "LIVE", COL_BYTES},
    [H_GARBAGE] = {"garbage", "GARBAGE", COL_BYTES},
    [H_WEAK] = {"weak_only", NULL, COL_BYTES}, /* of the garbage */
    [H_FREE] = {"free", "FREE", COL_BYTES},
    [H_AREAS] = {"allocation_areas", "AREAS", COL_BYTES},
    [H_HEADERS] = {"headers", "HEADERS", COL_BYTES},
    [H_UNUSED] = {"unused", "UNUSED", COL_BYTES},
    [H_UNWALKED] = {"unwalked", "UNWALKED", COL_BYTES},
    [H_PAGES] = {"pages", NULL, COL_COUNT},
    [H_OBJECT_BYTES] = {"object_bytes", NULL, COL_BYTES},
    [H_FREE_RESIDENT] = {"free_resident", NULL, COL_BYTES},
    [H_ACCOUNTED] = {"accounted", NULL, COL_BYTES}, /* V8's own counter */
};

/* As v8.getHeapSpaceStatistics() spells them. */
static const char *const v8_names[V8_SPACES] = {
    [V8_READ_ONLY] = "read_only_space",
    [V8_NEW] = "new_space",
    [V8_OLD] = "old_space",
    [V8_CODE] = "code_space",
    [V8_MAP] = "map_space",
    [V8_TRUSTED] = "trusted_space",
    [V8_SHARED] = "shared_space",
    [V8_SHARED_TRUSTED] = "shared_trusted_space",
    [V8_LARGE] = "large_object_space",
    [V8_NEW_LARGE] = "new_large_object_space",
    [V8_CODE_LARGE] = "code_large_object_space",
    [V8_TRUSTED_LARGE] = "trusted_large_object_space",
    [V8_SHARED_LARGE] = "shared_large_object_space",
    [V8_SHARED_TRUSTED_LARGE] = "shared_trusted_large_object_space",
};

static uint64_t resident_of(const struct v8_space_census *s) {
    uint64_t sum = 0;
    for (int p = 0; p < V8_PARTS; p++)
        sum += s->part[p].resident;
    return sum;
}

static void add_space(struct table *t, const char *name, const struct v8_space_census *s,
                      bool resident, bool live) {
    table_row(t);
    table_text(t, H_NAME, name);
    table_u64(t, H_COMMITTED, s->committed);
    if (resident) {
        table_u64(t, H_RESIDENT, resident_of(s));
        table_u64(t, H_FREE_RESIDENT, s->part[V8_FREE].resident);
    }
    table_u64(t, H_USED, s->used);
    table_u64(t, H_OBJECTS, s->objects);
    if (live) {
        table_u64(t, H_LIVE, s->live);
        table_u64(t, H_GARBAGE, s->part[V8_OBJECTS].bytes - s->live);
        table_u64(t, H_WEAK, s->weak_only);
    }
    table_u64(t, H_FREE, s->part[V8_FREE].bytes);
    table_u64(t, H_AREAS, s->part[V8_LAB].bytes);
    table_u64(t, H_HEADERS, s->part[V8_HEADER].bytes);
    table_u64(t, H_UNUSED, s->part[V8_UNUSED].bytes);
    table_u64(t, H_UNWALKED, s->part[V8_UNWALKED].bytes);
    table_u64(t, H_PAGES, s->pages);
    if (s->accounted)
        table_u64(t, H_ACCOUNTED, s->accounted);
    table_u64(t, H_OBJECT_BYTES, s->part[V8_OBJECTS].bytes);
}

static struct v8_space_census sum_of(const struct v8_isolate_census *iso) {
    struct v8_space_census sum = {0};
    for (int i = 0; i < V8_SPACES; i++) {
        const struct v8_space_census *s = &iso->space[i];
        sum.pages += s->pages;
        sum.objects += s->objects;
        sum.committed += s->committed;
        sum.used += s->used;
        sum.live += s->live;
        sum.weak_only += s->weak_only;
        for (int p = 0; p < V8_PARTS; p++) {
            sum.part[p].bytes += s->part[p].bytes;
            sum.part[p].resident += s->part[p].resident;
        }
    }
    return sum;
}

/* Columns in which nothing would stand are not shown. */
static void choose_columns(const struct v8_space_census *sum, bool live,
                           struct column ret[H_COLUMNS]) {
    memcpy(ret, all_columns, sizeof all_columns);
    if (!live)
        ret[H_LIVE].title = ret[H_GARBAGE].title = NULL;
    if (!sum->part[V8_UNUSED].bytes)
        ret[H_UNUSED].title = NULL;
    if (!sum->part[V8_UNWALKED].bytes)
        ret[H_UNWALKED].title = NULL;
}

/* The spaces that have pages. `columns` must live as long as the table. */
static struct table *spaces_table(const struct v8_isolate_census *iso,
                                  const struct column columns[H_COLUMNS], const struct evidence *ev,
                                  bool total) {
    bool resident = ev->has_residency, live = ev->v8.has_liveness;
    struct v8_space_census sum = sum_of(iso);
    struct table *t = table_new(columns, H_COLUMNS);
    for (int i = 0; i < V8_SPACES; i++)
        if (iso->space[i].pages)
            add_space(t, v8_names[i], &iso->space[i], resident, live);
    if (total) {
        table_rule(t);
        add_space(t, "total", &sum, resident, live);
    }
    return t;
}

/* --- JSON --- */

static void set_u64(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void set_addr(json_t *o, const char *key, uint64_t v) {
    if (v)
        json_object_set_new(o, key, json_sprintf("0x%llx", (unsigned long long)v));
}

static json_t *limits_json(const struct v8_isolate_census *iso) {
    struct v8_old_generation old = v8_old_generation_of(iso);
    json_t *o = json_object();
    set_u64(o, "heap_size_limit", v8_heap_limit(iso));
    set_u64(o, "old_generation", iso->limits.old_bytes);
    set_u64(o, "semi_space", iso->limits.semi_space_bytes);
    set_u64(o, "semi_spaces", iso->limits.semi_spaces);
    set_u64(o, "old_generation_committed", old.committed);
    set_u64(o, "old_generation_used", old.used);
    return o;
}

static json_t *isolate_json(const struct evidence *ev, const struct v8_isolate_census *iso) {
    json_t *o = json_object();
    struct v8_space_census sum = sum_of(iso);
    struct table *t = spaces_table(iso, all_columns, ev, false);
    json_object_set_new(o, "name", json_string(iso->name));
    set_addr(o, "isolate", iso->isolate);
    set_addr(o, "heap", iso->heap);
    if (iso->tid > 0)
        set_u64(o, "tid", (uint64_t)iso->tid);
    if (iso->limits.semi_spaces)
        json_object_set_new(o, "limits", limits_json(iso));
    if (iso->gc_state != UINT32_MAX)
        set_u64(o, "gc_state", iso->gc_state);
    set_u64(o, "heap_total", sum.committed);
    set_u64(o, "heap_used", sum.used);
    if (ev->has_residency)
        set_u64(o, "heap_resident", resident_of(&sum));
    set_u64(o, "array_buffers", iso->array_buffer_bytes);
    set_u64(o, "array_buffer_count", iso->array_buffer_count);
    set_u64(o, "external_strings", iso->external_string_bytes);
    if (ev->v8.has_liveness) {
        set_u64(o, "live_bytes", sum.live);
        set_u64(o, "garbage_bytes", sum.part[V8_OBJECTS].bytes - sum.live);
        set_u64(o, "weak_only_bytes", sum.weak_only);
        set_u64(o, "array_buffer_garbage", iso->array_buffer_garbage);
        set_u64(o, "pages_to_free", iso->pages_to_free);
        if (ev->has_residency)
            set_u64(o, "gc_would_free_rss", iso->resident_to_free);
        if (ev->has_residency && ev->v8.has_page_pool)
            set_u64(o, "gc_would_pool_rss", iso->resident_to_pool);
    }
    json_object_set_new(o, "spaces", table_to_json(t));
    if (ev->v8.isolates.n == 1 && ev->has_residency) /* whose it was cannot be told otherwise */
        set_u64(o, "stale_resident", ev->v8.stale.resident);
    table_free(t);
    return o;
}

static void to_json(struct run *r, const struct evidence *ev) {
    const struct v8_census *c = &ev->v8;
    json_t *isolates = json_array(), *stale = json_object();
    for (size_t i = 0; i < c->isolates.n; i++)
        json_array_append_new(isolates, isolate_json(ev, &c->isolates.at[i]));
    set_u64(stale, "pages", c->stale.pages);
    set_u64(stale, "bytes", c->stale.bytes);
    if (ev->has_residency)
        set_u64(stale, "resident", c->stale.resident);
    document_common(r->doc, ev);
    json_object_set_new(r->doc, "isolates", isolates);
    if (c->read_only.pages) {
        struct table *t = table_new(all_columns, H_COLUMNS);
        add_space(t, v8_names[V8_READ_ONLY], &c->read_only, ev->has_residency, false);
        json_t *rows = table_to_json(t);
        json_object_set(r->doc, "read_only", json_array_get(rows, 0));
        json_decref(rows);
        table_free(t);
    }
    json_object_set_new(r->doc, "stale", stale);
    if (c->has_liveness)
        set_u64(r->doc, "live_by_stack_only", c->stack_only);
}

/* --- text --- */

static void print_freed(struct run *r, const struct v8_isolate_census *iso) {
    char a[FMT_MAX];
    fprintf(r->out, "%llu pages hold nothing live. A full collection now would give back %s",
            (unsigned long long)iso->pages_to_free, fmt_bytes(a, iso->resident_to_free));
    if (iso->resident_to_pool)
        fprintf(r->out, " and keep %s in V8's page pool, where it stays resident for a while",
                fmt_bytes(a, iso->resident_to_pool));
    fputs(".\n", r->out);
}

static void print_limits(struct run *r, const struct v8_isolate_census *iso, bool live) {
    char used[FMT_MAX], old[FMT_MAX], share[FMT_MAX], semi[FMT_MAX], all[FMT_MAX];
    struct v8_old_generation g = v8_old_generation_of(iso);
    uint64_t counted = live ? g.live : g.used;
    fprintf(r->out,
            "Of the old generation %s %s; V8 lets it grow to %s (%s). Young: %u x %s; "
            "heap_size_limit %s.\n",
            fmt_bytes(used, counted), live ? "lives" : "is used",
            fmt_bytes(old, iso->limits.old_bytes),
            fmt_percent(share, counted, iso->limits.old_bytes), iso->limits.semi_spaces,
            fmt_bytes(semi, iso->limits.semi_space_bytes), fmt_bytes(all, v8_heap_limit(iso)));
}

static void print_isolate(struct run *r, const struct evidence *ev,
                          const struct v8_isolate_census *iso) {
    char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX];
    struct v8_space_census sum = sum_of(iso);
    struct column columns[H_COLUMNS];
    choose_columns(&sum, ev->v8.has_liveness, columns);
    struct table *t = spaces_table(iso, columns, ev, true);
    fprintf(r->out, "%s", iso->name);
    if (iso->tid > 0)
        fprintf(r->out, " (thread %d)", (int)iso->tid);
    fprintf(r->out, ": heapTotal %s, heapUsed %s", fmt_bytes(a, sum.committed),
            fmt_bytes(b, sum.used));
    if (iso->array_buffer_bytes)
        fprintf(r->out, ", arrayBuffers %s", fmt_bytes(c, iso->array_buffer_bytes));
    if (ev->v8.has_liveness && iso->array_buffer_garbage)
        fprintf(r->out, " (%s of it garbage)", fmt_bytes(c, iso->array_buffer_garbage));
    if (iso->external_string_bytes)
        fprintf(r->out, ", external strings %s", fmt_bytes(c, iso->external_string_bytes));
    fputs("\n", r->out);
    table_print(t, r->out, r->width);
    if (ev->v8.has_liveness && ev->has_residency && iso->pages_to_free)
        print_freed(r, iso);
    if (iso->limits.semi_spaces)
        print_limits(r, iso, ev->v8.has_liveness);
    fputs("\n", r->out);
    table_free(t);
}

static void to_text(struct run *r, const struct evidence *ev) {
    const struct v8_census *c = &ev->v8;
    char a[FMT_MAX], b[FMT_MAX];
    fprintf(r->out, "V8 %s%s%s, %zu isolate%s\n\n", c->v8_version,
            c->node_version[0] ? " of Node " : "", c->node_version, c->isolates.n,
            c->isolates.n == 1 ? "" : "s");
    for (size_t i = 0; i < c->isolates.n; i++)
        print_isolate(r, ev, &c->isolates.at[i]);
    if (c->read_only.pages)
        fprintf(r->out, "Read-only, shared by all isolates and in none of these sums: %s.\n",
                fmt_bytes(a, c->read_only.committed));
    if (c->stale.pages)
        fprintf(r->out,
                "Pages of no space (pooled, or of an isolate that has ended): %s, %s of it in "
                "memory.\n",
                fmt_bytes(a, c->stale.bytes), fmt_bytes(b, c->stale.resident));
    if (c->read_only.pages || c->stale.pages)
        fputs("\n", r->out);
    document_footer(r->out, ev);
}

static int run_heap(struct run *r) {
    const char *const *args;
    struct evidence ev;
    opt_args(r->opts, &args);
    int rc = look_at(r, args[0], NEED_V8 | NEED_LIVENESS, &ev);
    if (rc == -EBUSY) { /* too long a stop: what can be counted in less */
        char why[sizeof r->err.what];
        snprintf(why, sizeof why, "%s", r->err.what);
        rc = look_at(r, args[0], NEED_V8, &ev);
        if (rc == 0)
            evidence_note(&ev, "garbage is not told from live objects: %s", why);
    }
    if (rc < 0)
        return rc;
    if (!ev.has_v8 || !ev.v8.layout_known) {
        rc = look_explain_absence(r, &ev);
    } else {
        if (r->json)
            to_json(r, &ev);
        else
            to_text(r, &ev);
        rc = ev.v8.unwalked_bytes || ev.v8.in_collection ? 4 : 0;
    }
    evidence_done(&ev);
    return rc;
}

static const struct opt opts[] = {LOOK_OPT_FREEZE, LOOK_OPT_MAX_PAUSE, {0}};

const struct command cmd_heap = {
    .name = "heap",
    .args = "TARGET",
    .group = GROUP_HEAP,
    .summary = "V8's spaces: committed, resident, used, free",
    .help =
        "Walks the JavaScript heap of every isolate object by object and shows each space as V8\n"
        "names it. COMMITTED is V8's space_size and USED its space_used_size, so the totals are\n"
        "heapTotal and heapUsed of process.memoryUsage(). RESIDENT is what the kernel holds of it\n"
        "in memory. FREE is between objects, for later ones; AREAS are reserved for the next\n"
        "allocations of a thread; UNUSED is the half of the new space a scavenge will copy to.\n"
        "OBJECTS counts what is on the heap, collected or not. LIVE is what the roots reach, as a\n"
        "full collection would find it, and GARBAGE what it would free; pages without a live\n"
        "object would go back to the kernel, from Node 22 on only large objects and code at once:\n"
        "other pages go into V8's pool: resident, of no space, in no counter of V8's, and given\n"
        "back some time after a later collection, if at all.\n"
        "\n"
        "  $ memwhy heap 2043476               the spaces of a process\n"
        "  $ memwhy heap --json core.2043476   the same of a core file, for a script\n"
        "\n"
        "Under it stands how much of the old generation lives and what V8 lets it grow to: beyond\n"
        "that the process ends. heap_size_limit is that and the young generation, which counts\n"
        "three times.\n"
        "\n"
        "When RESIDENT is far above USED and FREE is large, the heap is fragmented or was once\n"
        "larger. The process is held for a fork of it: about 40 ms for 1 GB. Exit code 4: part\n"
        "of the heap could not be walked, or a collection was under way all the time.\n",
    .opts = opts,
    .run = run_heap,
};
