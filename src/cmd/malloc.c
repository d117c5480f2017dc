/* memwhy malloc: arenas, size classes, and what malloc_trim(0) would give back. */
#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/malloc_chunks.h"
#include "cmd/malloc_notes.h"
#include "cmd/malloc_own.h"
#include "model/malloc_remedies.h"
#include "report/document.h"
#include <errno.h>

enum { EXIT_PARTIAL = 4 };

static const struct column arena_columns[] = {
    {"index", "arena", COL_COUNT},
    {"kind", "kind", COL_TEXT},
    {"system", "system", COL_BYTES},
    {"in_use", "in use", COL_BYTES},
    {"tcached", "tcached", COL_BYTES},
    {"free", "free", COL_BYTES},
    {"free_resident", "resident", COL_BYTES},
    {"trimmable", "trimmable", COL_BYTES},
    {"biggest_free", "biggest", COL_BYTES},
    {"chunks", "chunks", COL_COUNT},
    {NULL, "threads", COL_TEXT},
    {"address", NULL, COL_ADDR},
    {"heaps", NULL, COL_COUNT},
    {"max_system", NULL, COL_BYTES},
    {"free_pages", NULL, COL_BYTES},
    {"in_use_count", NULL, COL_COUNT},
    {"in_use_resident", NULL, COL_BYTES},
    {"header_bytes", NULL, COL_BYTES},
    {"mmapped", NULL, COL_BYTES},
};
enum {
    A_INDEX,
    A_KIND,
    A_SYSTEM,
    A_IN_USE,
    A_TCACHED,
    A_FREE,
    A_FREE_RESIDENT,
    A_TRIMMABLE,
    A_BIGGEST,
    A_CHUNKS,
    A_THREADS,
    A_ADDRESS,
    A_HEAPS,
    A_MAX_SYSTEM,
    A_FREE_PAGES,
    A_IN_USE_COUNT,
    A_IN_USE_RESIDENT,
    A_HEADERS,
    A_MMAPPED,
};

/* "4711 node, 4713 libuv-worker (+3)" */
static void thread_names(const struct evidence *ev, const struct malloc_arena *a, char *buf,
                         size_t size) {
    size_t used = 0, shown = 0;
    buf[0] = 0;
    for (size_t i = 0; i < a->tids.n && shown < 2; i++)
        for (size_t k = 0; k < ev->threads.n; k++)
            if (ev->threads.at[k].tid == a->tids.at[i]) {
                used += (size_t)snprintf(buf + used, size - used, "%s%d %s", shown ? ", " : "",
                                         (int)a->tids.at[i], ev->threads.at[k].name);
                shown++;
                break;
            }
    if (a->tids.n > shown && used < size)
        snprintf(buf + used, size - used, " (+%zu)", a->tids.n - shown);
}

static uint64_t chunk_count(const struct malloc_arena *a) {
    return a->share[MALLOC_IN_USE].count + a->share[MALLOC_TCACHED].count +
           a->share[MALLOC_FAST].count + a->share[MALLOC_BINNED].count;
}

static json_t *states_to_json(const struct malloc_arena *a) {
    json_t *o = json_object();
    for (int s = 0; s < MALLOC_FREE_PAGES; s++) {
        json_t *j = json_pack("{s:I, s:I}", "bytes", (json_int_t)a->share[s].bytes, "resident",
                              (json_int_t)a->share[s].resident);
        if (s <= MALLOC_BINNED)
            json_object_set_new(j, "count", json_integer((json_int_t)a->share[s].count));
        json_object_set_new(o, malloc_state_name((enum malloc_state)s), j);
    }
    return o;
}

static void add_arena(const struct evidence *ev, size_t i, struct table *tb) {
    const struct malloc_arena *a = &ev->malloc.arenas.at[i];
    struct malloc_share free = malloc_arena_free(a);
    char threads[96];
    table_row(tb);
    table_u64(tb, A_INDEX, i);
    table_text(tb, A_KIND, a->is_main ? "brk" : "thread");
    table_u64(tb, A_SYSTEM, a->system_bytes);
    table_u64(tb, A_IN_USE, a->share[MALLOC_IN_USE].bytes);
    table_u64(tb, A_TCACHED, a->share[MALLOC_TCACHED].bytes);
    table_u64(tb, A_FREE, free.bytes);
    if (ev->malloc.has_residency) {
        table_u64(tb, A_FREE_RESIDENT, free.resident);
        table_u64(tb, A_TRIMMABLE, a->trimmable);
        table_u64(tb, A_IN_USE_RESIDENT, a->share[MALLOC_IN_USE].resident);
    }
    table_u64(tb, A_BIGGEST, a->biggest_free);
    table_u64(tb, A_CHUNKS, chunk_count(a));
    thread_names(ev, a, threads, sizeof threads);
    table_text(tb, A_THREADS, threads);
    table_u64(tb, A_ADDRESS, a->addr);
    table_u64(tb, A_HEAPS, a->heaps);
    table_u64(tb, A_MAX_SYSTEM, a->max_system_bytes);
    table_u64(tb, A_FREE_PAGES, a->free_pages);
    table_u64(tb, A_IN_USE_COUNT, a->share[MALLOC_IN_USE].count);
    table_u64(tb, A_HEADERS, a->header_bytes);
    if (a->is_main)
        table_u64(tb, A_MMAPPED, ev->malloc.mmapped.bytes);
    json_t *tids = json_array();
    for (size_t k = 0; k < a->tids.n; k++)
        json_array_append_new(tids, json_integer(a->tids.at[k]));
    table_json_field(tb, "threads", tids);
    table_json_field(tb, "states", states_to_json(a));
    if (a->has_attached)
        table_json_field(tb, "attached", json_integer((json_int_t)a->attached));
    table_json_field(tb, "busy", json_boolean(a->busy));
}

static struct table *arenas_table(const struct evidence *ev) {
    struct table *tb = table_new(arena_columns, sizeof arena_columns / sizeof *arena_columns);
    for (size_t i = 0; i < ev->malloc.arenas.n; i++)
        add_arena(ev, i, tb);
    return tb;
}

static struct table *classes_table(const struct malloc_census *c) {
    static const struct column columns[] = {
        {"size", "chunks up to", COL_COUNT},      {"in_use_count", "in use", COL_COUNT},
        {"in_use_bytes", "bytes", COL_BYTES},     {"in_use_resident", "resident", COL_BYTES},
        {"tcached_count", "tcached", COL_COUNT},  {"tcached_bytes", NULL, COL_BYTES},
        {"free_count", "free", COL_COUNT},        {"free_bytes", "free bytes", COL_BYTES},
        {"free_resident", "resident", COL_BYTES},
    };
    struct table *tb = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < MALLOC_SIZE_CLASSES; i++) {
        const struct malloc_size_class *k = &c->classes[i];
        if (!k->in_use_count && !k->tcached_count && !k->free_count)
            continue;
        table_row(tb);
        table_u64(tb, 0, k->size);
        table_u64(tb, 1, k->in_use_count);
        table_u64(tb, 2, k->in_use_bytes);
        if (c->has_residency)
            table_u64(tb, 3, k->in_use_resident);
        table_u64(tb, 4, k->tcached_count);
        table_u64(tb, 5, k->tcached_bytes);
        table_u64(tb, 6, k->free_count);
        table_u64(tb, 7, k->free_bytes);
        if (c->has_residency)
            table_u64(tb, 8, k->free_resident);
    }
    return tb;
}

/* The largest chunks that are mappings of their own, with what of each is in memory. */
static struct table *mmapped_table(const struct malloc_census *c) {
    static const struct column columns[] = {
        {"address", "mmapped chunk", COL_ADDR},
        {"size", "size", COL_BYTES},
        {"resident", "resident", COL_BYTES},
    };
    struct table *tb = table_new(columns, 3);
    for (size_t i = 0; i < c->spans.n; i++) {
        const struct malloc_span *s = &c->spans.at[i];
        if (s->arena != MALLOC_SPAN_MMAPPED)
            continue;
        table_row(tb);
        table_u64(tb, 0, s->start);
        table_u64(tb, 1, s->end - s->start);
        if (c->has_residency)
            table_u64(tb, 2, s->resident);
    }
    return tb;
}

static void set_chance(struct table *tb, const struct malloc_remedy *m) {
    char text[2 * FMT_MAX + 4], a[FMT_MAX], b[FMT_MAX];
    snprintf(text, sizeof text, "%s to %s", fmt_bytes(a, m->least_bytes),
             fmt_bytes(b, m->most_bytes));
    table_text(tb, 3, text);
    table_json_field(tb, "rss_least", json_integer((json_int_t)m->least_bytes));
    table_json_field(tb, "rss_most", json_integer((json_int_t)m->most_bytes));
}

/* What the usual advice would do. */
static struct table *remedies_table(const struct evidence *ev) {
    static const struct column columns[] = {
        {"setting", "remedy", COL_TEXT}, {"rss", "RSS then", COL_BYTES},
        {"delta", "change", COL_DELTA},  {NULL, "or by chance", COL_TEXT},
        {"basis", "known", COL_TEXT},    {"why", "why", COL_TEXT},
        {"effect", NULL, COL_TEXT},
    };
    struct table *tb = table_new(columns, sizeof columns / sizeof *columns);
    struct malloc_remedy all[MALLOC_REMEDIES];
    size_t n = malloc_remedies_of(ev, all);
    for (size_t i = 0; i < n; i++) {
        const struct malloc_remedy *m = &all[i];
        table_row(tb);
        table_text(tb, 0, m->setting);
        if (m->has_estimate) {
            table_u64(tb, 1, m->rss_bytes);
            table_i64(tb, 2, (int64_t)(m->rss_bytes - ev->residency.total_bytes));
        }
        if (m->has_estimate && m->least_bytes < m->most_bytes)
            set_chance(tb, m);
        table_text(tb, 4, m->exact ? "counted" : m->has_estimate ? "inferred" : "not: try it");
        table_text(tb, 5, m->why);
        table_text(tb, 6, malloc_effect_name(m->effect));
        table_json_field(tb, "exact", json_boolean(m->exact));
        table_json_field(tb, "at_next_start", json_boolean(!m->is_now));
    }
    return tb;
}

static void add_pin(struct table *tb, size_t arena, const struct malloc_pin *p,
                    bool has_residency) {
    table_row(tb);
    table_u64(tb, 0, arena);
    table_u64(tb, 1, p->addr);
    table_u64(tb, 2, p->size);
    table_text(tb, 3, malloc_state_name(p->state));
    table_u64(tb, 4, p->count);
    table_u64(tb, 5, p->bytes);
    table_u64(tb, 6, p->below_bytes);
    if (has_residency)
        table_u64(tb, 7, p->below_resident);
}

/* What lies before the free ends of arenas, the nearest first. */
static struct table *pins_table(const struct malloc_census *c) {
    static const struct column columns[] = {
        {"arena", "arena", COL_COUNT},      {"address", "last pin", COL_ADDR},
        {"size", "size", COL_COUNT},        {"state", "state", COL_TEXT},
        {"count", "together", COL_COUNT},   {"bytes", "bytes", COL_BYTES},
        {"below", "free below", COL_BYTES}, {"below_resident", "resident", COL_BYTES},
    };
    struct table *tb = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < c->arenas.n; i++)
        for (uint32_t k = 0; k < c->arenas.at[i].n_pins; k++)
            add_pin(tb, i, &c->arenas.at[i].pins[k], c->has_residency);
    return tb;
}

static void set_addr(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_sprintf("0x%llx", (unsigned long long)v));
}

/* glibc makes up to 8 arenas for each processor the process may run on (malloc/arena.c, arena_get2;
 * NARENAS_FROM_NCORES, 2.17-2.43, on 64 bits); cgroup quotas it does not know. */
enum { ARENAS_PER_CPU = 8 };

static json_t *facts_to_json(const struct evidence *ev) {
    const struct malloc_glibc *f = &ev->malloc.glibc;
    json_t *o = json_object();
    if (ev->has_cpus) {
        document_u64(o, "cpus_online", ev->cpus.online);
        document_u64(o, "cpus_allowed", ev->cpus.allowed);
        if (ev->cpus.has_quota)
            json_object_set_new(o, "cpu_quota", json_real(ev->cpus.quota));
    }
    if (f->version[0])
        json_object_set_new(o, "version", json_string(f->version));
    set_addr(o, "main_arena", f->main_arena);
    document_u64(o, "bins_offset", f->bins_at);
    json_object_set_new(o, "fastbins", json_boolean(f->has_fastbins));
    if (f->mangling_known)
        json_object_set_new(o, "mangled_lists", json_boolean(f->mangled));
    if (f->heap_info)
        document_u64(o, "heap_info_bytes", f->heap_info);
    if (f->tcache_layout) {
        json_object_set_new(o, "tcache_layout", json_string(f->tcache_layout));
        document_u64(o, "tcache_tls_offset", f->tcache_tls);
    }
    if (!f->mp_addr)
        return o;
    set_addr(o, "sbrk_base", f->sbrk_base);
    document_u64(o, "mmap_threshold", f->mmap_threshold);
    json_object_set_new(o, "mmap_threshold_dynamic", json_boolean(f->mmap_threshold_dynamic));
    document_u64(o, "trim_threshold", f->trim_threshold);
    document_u64(o, "top_pad", f->top_pad);
    document_u64(o, "arena_max", f->arena_max);
    document_u64(o, "arena_test", f->arena_test);
    document_u64(o, "n_mmaps", f->n_mmaps);
    document_u64(o, "max_n_mmaps", f->max_n_mmaps);
    document_u64(o, "mmapped_mem", f->mmapped_mem);
    document_u64(o, "max_mmapped_mem", f->max_mmapped_mem);
    if (f->has_tcache_settings) {
        document_u64(o, "tcache_count", f->tcache_count);
        document_u64(o, "tcache_max_bytes", f->tcache_max_bytes);
    }
    return o;
}

static json_t *totals_to_json(const struct malloc_census *c) {
    json_t *o = json_object();
    struct malloc_share fast = malloc_census_sum(c, MALLOC_FAST),
                        top = malloc_census_sum(c, MALLOC_TOP);
    struct malloc_share binned = malloc_census_sum(c, MALLOC_BINNED), free = malloc_census_free(c);
    document_u64(o, "in_use", malloc_census_sum(c, MALLOC_IN_USE).bytes);
    document_u64(o, "tcached", malloc_census_sum(c, MALLOC_TCACHED).bytes);
    document_u64(o, "free", free.bytes);
    document_u64(o, "fast", fast.bytes);
    document_u64(o, "binned", binned.bytes);
    document_u64(o, "top", top.bytes);
    document_u64(o, "metadata", malloc_census_sum(c, MALLOC_METADATA).bytes);
    document_u64(o, "unwalked", malloc_census_sum(c, MALLOC_UNWALKED).bytes);
    if (c->own_walked)
        document_u64(o, "free_pages", c->own[MALLOC_FREE_PAGES].bytes);
    document_u64(o, "mmapped", c->mmapped.bytes);
    document_u64(o, "mmapped_count", c->mmapped.count);
    if (c->has_residency) {
        document_u64(o, "free_resident", free.resident);
        if (c->kind == MALLOC_GLIBC)
            document_u64(o, "trimmable", malloc_census_trimmable(c));
        document_u64(o, "mmapped_resident", c->mmapped.resident);
    }
    return o;
}

static void print_json(struct run *r, const struct evidence *ev, const struct table *arenas) {
    const struct malloc_census *c = &ev->malloc;
    struct table *classes = classes_table(c), *mmapped = mmapped_table(c);
    struct table *remedies = remedies_table(ev);
    document_common(r->doc, ev);
    json_object_set_new(r->doc, "allocator", json_string(malloc_kind_name(c->kind)));
    json_object_set_new(r->doc, "recognised_by", text_json(c->how));
    if (c->glibc.main_arena)
        json_object_set_new(r->doc, "glibc", facts_to_json(ev));
    json_object_set_new(r->doc, "totals", totals_to_json(c));
    if (c->own_walked)
        json_object_set_new(r->doc, "states", malloc_own_json(c));
    json_object_set_new(r->doc, "arenas", table_to_json(arenas));
    json_object_set_new(r->doc, "classes", table_to_json(classes));
    json_object_set_new(r->doc, "mmapped_chunks", table_to_json(mmapped));
    table_free(classes);
    table_free(mmapped);
    if (c->arenas.n) {
        struct table *pins = pins_table(c);
        json_object_set_new(r->doc, "pins", table_to_json(pins));
        table_free(pins);
    }
    if (table_rows(remedies))
        json_object_set_new(r->doc, "remedies", table_to_json(remedies));
    table_free(remedies);
}

static void print_arena_limit(FILE *out, const struct evidence *ev) {
    const struct cpus *cpus = &ev->cpus;
    uint64_t max = ev->malloc.glibc.arena_max;
    if (max) {
        fprintf(out, "At most %llu arena%s: MALLOC_ARENA_MAX is set.\n", (unsigned long long)max,
                max == 1 ? "" : "s");
    } else if (ev->has_cpus) {
        fprintf(out, "At most %u arenas: 8 for each of the %u processor%s it may run on",
                ARENAS_PER_CPU * cpus->allowed, cpus->allowed, cpus->allowed == 1 ? "" : "s");
        if (cpus->allowed != cpus->online)
            fprintf(out, " (the machine has %u)", cpus->online);
        if (cpus->has_quota && cpus->quota < cpus->allowed)
            fprintf(out, "; its cgroup gives it the time of %.3g", cpus->quota);
        fprintf(out, ".\n");
    }
}

static void print_facts(FILE *out, const struct evidence *ev) {
    const struct malloc_glibc *f = &ev->malloc.glibc;
    char a[FMT_MAX], b[FMT_MAX];
    if (!f->mp_addr)
        return;
    fprintf(out,
            "\nSettings: chunks from %s are mapped by themselves (%s); the brk arena is cut when "
            "its top exceeds %s.\n",
            fmt_bytes(a, f->mmap_threshold), f->mmap_threshold_dynamic ? "moves with use" : "fixed",
            fmt_bytes(b, f->trim_threshold));
    print_arena_limit(out, ev);
}

/* Why what is free is not given back. */
static void print_fragmentation(FILE *out, const struct malloc_census *c) {
    char a[FMT_MAX], b[FMT_MAX], d[FMT_MAX];
    uint64_t resident = 0, trimmable = malloc_census_trimmable(c), pinned = 0;
    const struct malloc_arena *main = &c->arenas.at[0];
    for (size_t i = 0; i < c->arenas.n; i++)
        resident += malloc_arena_free(&c->arenas.at[i]).resident;
    pinned = malloc_arena_free(main).resident - main->share[MALLOC_TOP].resident;
    fprintf(
        out,
        "Of the free, %s is in memory: %s in whole pages, which malloc_trim(0) would give back, "
        "%s in holes\nsmaller than a page and at the ends of threads' arenas.\n",
        fmt_bytes(a, resident), fmt_bytes(b, trimmable),
        fmt_bytes(d, resident > trimmable ? resident - trimmable : 0));
    if (main->n_pins && pinned >= 1 << 20)
        fprintf(out,
                "In the brk heap %s lies below chunks that are not free, the last at 0x%llx (%llu "
                "bytes); "
                "only what\nis free above that goes back by itself.\n",
                fmt_bytes(a, pinned), (unsigned long long)main->pins[0].addr,
                (unsigned long long)main->pins[0].size);
}

static void print_totals(FILE *out, const struct malloc_census *c) {
    char a[FMT_MAX], b[FMT_MAX], d[FMT_MAX], n[FMT_MAX];
    fprintf(out, "%s%s%s: %s in use, %s free, %s in %s mmapped chunk%s.\n",
            malloc_kind_name(c->kind), *c->glibc.version ? " " : "", c->glibc.version,
            fmt_bytes(a, malloc_census_sum(c, MALLOC_IN_USE).bytes),
            fmt_bytes(b, malloc_census_free(c).bytes), fmt_bytes(d, c->mmapped.bytes),
            fmt_count(n, c->mmapped.count), c->mmapped.count == 1 ? "" : "s");
    if (c->has_residency && c->arenas.n)
        print_fragmentation(out, c);
}

/* One line per arena and state. */
static struct table *states_table(const struct malloc_census *c) {
    static const struct column columns[] = {
        {"arena", "arena", COL_COUNT},   {"state", "state", COL_TEXT},
        {"bytes", "bytes", COL_BYTES},   {"resident", "resident", COL_BYTES},
        {"chunks", "chunks", COL_COUNT},
    };
    struct table *tb = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < c->arenas.n; i++)
        for (int s = 0; s < MALLOC_STATES; s++) {
            const struct malloc_share *h = &c->arenas.at[i].share[s];
            if (!h->bytes)
                continue;
            table_row(tb);
            table_u64(tb, 0, i);
            table_text(tb, 1, malloc_state_name((enum malloc_state)s));
            table_u64(tb, 2, h->bytes);
            if (c->has_residency)
                table_u64(tb, 3, h->resident);
            if (s <= MALLOC_BINNED)
                table_u64(tb, 4, h->count);
        }
    return tb;
}

/* Takes the table over. */
static void print_table(struct run *r, struct table *tb) {
    if (table_rows(tb)) {
        fputc('\n', r->out);
        table_print(tb, r->out, r->width);
    }
    table_free(tb);
}

/* Why a remedy may come to less than is said of it. */
static void print_chance(FILE *out, const struct evidence *ev) {
    struct malloc_remedy all[MALLOC_REMEDIES];
    size_t n = malloc_remedies_of(ev, all), left = 0;
    for (size_t i = 0; i < n; i++)
        left += all[i].has_estimate && all[i].least_bytes < all[i].most_bytes;
    if (left)
        fprintf(
            out,
            "\n\"By chance\": which threads share an arena, and where the few chunks come to lie "
            "that keep a large\ngap in the brk heap (--pins), is another matter in each run, with "
            "or without a setting.\n");
}

static void print_text(struct run *r, const struct evidence *ev, const struct table *arenas) {
    const struct malloc_census *c = &ev->malloc;
    if (c->kind == MALLOC_GLIBC)
        print_totals(r->out, c);
    else
        malloc_own_print(r, c);
    if (table_rows(arenas)) {
        fputc('\n', r->out);
        table_print(arenas, r->out, r->width);
    }
    if (opt_flag(r->opts, "arenas"))
        print_table(r, states_table(c));
    if (opt_flag(r->opts, "classes"))
        print_table(r, classes_table(c));
    if (opt_flag(r->opts, "mmapped"))
        print_table(r, mmapped_table(c));
    if (opt_flag(r->opts, "pins") && c->arenas.n)
        print_table(r, pins_table(c));
    print_table(r, remedies_table(ev));
    print_chance(r->out, ev);
    print_facts(r->out, ev);
}

static int look(struct run *r, struct chunk_list *chunks, struct evidence *ret) {
    const unsigned needs = NEED_MALLOC | NEED_PROCESS | NEED_CGROUP;
    const char *const *args;
    bool wanted;
    opt_args(r->opts, &args);
    int rc = malloc_chunks_wanted(r, chunks, &wanted);
    if (rc < 0)
        return rc;
    if (!wanted)
        return look_at(r, args[0], needs, ret);
    const struct still_visit visit = chunk_list_visit(chunks);
    return look_at_still(r, args[0], needs | NEED_V8 | NEED_PIECES, &visit, ret);
}

static int run(struct run *r) {
    struct chunk_list chunks;
    struct evidence ev;
    int rc = look(r, &chunks, &ev);
    if (rc < 0) {
        chunk_list_done(&chunks);
        return rc;
    }
    if (!ev.has_malloc) {
        rc = err_set(&r->err, -ENODATA,
                     "If it has only just started, try again; a core must hold libc's data.", "%s",
                     ev.notes.n ? ev.notes.at[ev.notes.n - 1] : "malloc was not found");
        evidence_done(&ev);
        chunk_list_done(&chunks);
        return rc;
    }
    malloc_notes_add(&ev);
    if (chunks.names.n && ev.malloc.kind != MALLOC_GLIBC)
        evidence_note(&ev, "blocks are listed one by one of glibc's malloc only");
    struct table *arenas = arenas_table(&ev);
    if (r->json)
        print_json(r, &ev, arenas);
    else
        print_text(r, &ev, arenas);
    if (chunks.names.n && ev.malloc.kind == MALLOC_GLIBC)
        malloc_chunks_print(r, &chunks);
    if (!r->json)
        document_footer(r->out, &ev);
    table_free(arenas);
    chunk_list_done(&chunks);
    rc = malloc_census_complete(&ev.malloc) ? 0 : EXIT_PARTIAL;
    evidence_done(&ev);
    return rc;
}

static const struct opt opts[] = {
    {"classes", 'c', OPT_FLAG, NULL, "list size classes: how many chunks are in use and free"},
    {"arenas", 'a', OPT_FLAG, NULL, "split each arena by state, with what of each is in memory"},
    {"pins", 'p', OPT_FLAG, NULL,
     "list what lies before the free ends of arenas and keeps what is free below it"},
    {"mmapped", 'm', OPT_FLAG, NULL, "list the chunks that are mappings of their own"},
    {"chunks", 0, OPT_FLAG, NULL, "list every chunk, with what it is"},
    {"class", 0, OPT_STRING, "SIZE", "what the chunks of about this size are, by their content"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0},
};

const struct command cmd_malloc = {
    .name = "malloc",
    .args = "TARGET",
    .group = GROUP_NATIVE,
    .summary = "malloc's arenas, size classes, and what is free but kept",
    .help =
        "malloc keeps what the program frees, for later use: in bins, where any allocation of the\n"
        "same arena can take it, in each thread's cache, and at the top of a heap. None of that\n"
        "is given back to the kernel by itself, except from the end of the brk area.\n"
        "\n"
        "  in use      what the program holds, each chunk with its 8-byte header\n"
        "  tcached     freed, but reserved for one thread (mallinfo counts it as in use)\n"
        "  free        in fastbins, bins and at the top\n"
        "  resident    how much of the free is in memory: this is what you pay for\n"
        "  trimmable   what malloc_trim(0) would give back: whole pages inside free chunks\n"
        "  biggest     the largest free chunk; a small one beside much free memory is\n"
        "              fragmentation\n"
        "\n"
        "What is free below the last chunk that is not (--pins) stays until that goes, or until\n"
        "`memwhy trim`. The table of remedies says what RSS would be had the process been started\n"
        "with each setting and done the same. Only malloc_trim(0) is counted. The others are\n"
        "inferred from how the chunks lie, within a fifth or so; \"by chance\" is between which\n"
        "it may come out where each run differs. Try before you ship: `memwhy try`.\n"
        "\n"
        "jemalloc 5.3, mimalloc 2, tcmalloc (gperftools 2.10) and musl are read from their own\n"
        "structures. Of them it says per state what they have and what of that is in memory:\n"
        "\n"
        "  free        blocks between others in use: only blocks of their size go there\n"
        "  free-pages  whole pages they keep for any use; a setting gives these back\n"
        "  reserve     theirs, but given back to the kernel\n"
        "\n"
        "Example\n"
        "  $ memwhy malloc 4711 --classes\n"
        "  Much \"resident\" and \"trimmable\": retention; see the remedies. Much \"in use\" in "
        "one\n"
        "  size class: something of that size is leaking; `memwhy malloc 4711 --class 160` says\n"
        "  what is in it, `memwhy leaks 4711` what of it nothing refers to.\n",
    .opts = opts,
    .run = run,
};
