/* memwhy malloc: arenas, size classes, and what malloc_trim(0) would give back. */
#include "malloc/malloc.h"
#include "base/fmt.h"
#include "base/mem.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

struct taken {
    struct image *img;
    struct malloc_census census;
    uint64_t walk_ns;
};

/* A pid or a core file, held while the census is taken and let go at once. */
static int take(const char *target, struct taken *t, struct err *e) {
    char *end;
    long pid = strtol(target, &end, 10);
    struct malloc_allocator allocator;
    bool is_pid = pid > 0 && !*end;
    int r = is_pid ? image_open_live((pid_t)pid, &t->img, e) : image_open_core(target, &t->img, e);
    if (r < 0)
        return r;
    malloc_recognise(t->img, &allocator);
    r = image_stop(t->img, e);
    if (r < 0)
        return r;
    uint64_t began = now_ns();
    r = malloc_census_take(t->img, &(struct malloc_hints){.allocator = &allocator}, &t->census, e);
    t->walk_ns = now_ns() - began;
    image_release(t->img);
    return r;
}

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
    A_IN_USE_COUNT,
    A_IN_USE_RESIDENT,
    A_HEADERS,
    A_MMAPPED,
};

/* "4711 node, 4713 libuv-worker (+3)" */
static void thread_names(const struct image *img, const struct malloc_arena *a, char *buf,
                         size_t size) {
    size_t n, used = 0, shown = 0;
    const struct image_thread *th = image_threads(img, &n);
    buf[0] = 0;
    for (size_t i = 0; i < a->tids.n && shown < 2; i++)
        for (size_t k = 0; k < n; k++)
            if (th[k].tid == a->tids.at[i]) {
                used += (size_t)snprintf(buf + used, size - used, "%s%d %s", shown ? ", " : "",
                                         (int)th[k].tid, th[k].name);
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
    for (int s = 0; s < MALLOC_STATES; s++) {
        json_t *j = json_pack("{s:I, s:I}", "bytes", (json_int_t)a->share[s].bytes, "resident",
                              (json_int_t)a->share[s].resident);
        if (s <= MALLOC_BINNED)
            json_object_set_new(j, "count", json_integer((json_int_t)a->share[s].count));
        json_object_set_new(o, malloc_state_name((enum malloc_state)s), j);
    }
    return o;
}

static void add_arena(const struct taken *t, size_t i, struct table *tb) {
    const struct malloc_arena *a = &t->census.arenas.at[i];
    struct malloc_share free = malloc_arena_free(a);
    char threads[96];
    table_row(tb);
    table_u64(tb, A_INDEX, i);
    table_text(tb, A_KIND, a->is_main ? "brk" : "thread");
    table_u64(tb, A_SYSTEM, a->system_bytes);
    table_u64(tb, A_IN_USE, a->share[MALLOC_IN_USE].bytes);
    table_u64(tb, A_TCACHED, a->share[MALLOC_TCACHED].bytes);
    table_u64(tb, A_FREE, free.bytes);
    if (t->census.has_residency) {
        table_u64(tb, A_FREE_RESIDENT, free.resident);
        table_u64(tb, A_TRIMMABLE, a->trimmable);
        table_u64(tb, A_IN_USE_RESIDENT, a->share[MALLOC_IN_USE].resident);
    }
    table_u64(tb, A_BIGGEST, a->biggest_free);
    table_u64(tb, A_CHUNKS, chunk_count(a));
    thread_names(t->img, a, threads, sizeof threads);
    table_text(tb, A_THREADS, threads);
    table_u64(tb, A_ADDRESS, a->addr);
    table_u64(tb, A_HEAPS, a->heaps);
    table_u64(tb, A_IN_USE_COUNT, a->share[MALLOC_IN_USE].count);
    table_u64(tb, A_HEADERS, a->header_bytes);
    if (a->is_main)
        table_u64(tb, A_MMAPPED, t->census.mmapped.bytes);
    json_t *tids = json_array();
    for (size_t k = 0; k < a->tids.n; k++)
        json_array_append_new(tids, json_integer(a->tids.at[k]));
    table_json_field(tb, "threads", tids);
    table_json_field(tb, "states", states_to_json(a));
    if (a->has_attached)
        table_json_field(tb, "attached", json_integer((json_int_t)a->attached));
    table_json_field(tb, "busy", json_boolean(a->busy));
}

static struct table *arenas_table(const struct taken *t) {
    struct table *tb = table_new(arena_columns, sizeof arena_columns / sizeof *arena_columns);
    for (size_t i = 0; i < t->census.arenas.n; i++)
        add_arena(t, i, tb);
    return tb;
}

static struct table *classes_table(const struct malloc_census *c) {
    static const struct column columns[] = {
        {"size", "chunks up to", COL_COUNT},     {"in_use_count", "in use", COL_COUNT},
        {"in_use_bytes", "bytes", COL_BYTES},    {"tcached_count", "tcached", COL_COUNT},
        {"tcached_bytes", NULL, COL_BYTES},      {"free_count", "free", COL_COUNT},
        {"free_bytes", "free bytes", COL_BYTES},
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
        table_u64(tb, 3, k->tcached_count);
        table_u64(tb, 4, k->tcached_bytes);
        table_u64(tb, 5, k->free_count);
        table_u64(tb, 6, k->free_bytes);
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

static void set_int(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void set_addr(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_sprintf("0x%llx", (unsigned long long)v));
}

static json_t *facts_to_json(const struct malloc_glibc *f) {
    json_t *o = json_object();
    if (f->version[0])
        json_object_set_new(o, "version", json_string(f->version));
    set_addr(o, "main_arena", f->main_arena);
    set_int(o, "bins_offset", f->bins_at);
    json_object_set_new(o, "fastbins", json_boolean(f->has_fastbins));
    if (f->mangling_known)
        json_object_set_new(o, "mangled_lists", json_boolean(f->mangled));
    if (f->heap_info)
        set_int(o, "heap_info_bytes", f->heap_info);
    if (f->tcache_layout) {
        json_object_set_new(o, "tcache_layout", json_string(f->tcache_layout));
        set_int(o, "tcache_tls_offset", f->tcache_tls);
    }
    if (!f->mp_addr)
        return o;
    set_addr(o, "sbrk_base", f->sbrk_base);
    set_int(o, "mmap_threshold", f->mmap_threshold);
    json_object_set_new(o, "mmap_threshold_dynamic", json_boolean(f->mmap_threshold_dynamic));
    set_int(o, "trim_threshold", f->trim_threshold);
    set_int(o, "top_pad", f->top_pad);
    set_int(o, "arena_max", f->arena_max);
    set_int(o, "arena_test", f->arena_test);
    set_int(o, "n_mmaps", f->n_mmaps);
    set_int(o, "max_n_mmaps", f->max_n_mmaps);
    set_int(o, "mmapped_mem", f->mmapped_mem);
    set_int(o, "max_mmapped_mem", f->max_mmapped_mem);
    if (f->has_tcache_settings) {
        set_int(o, "tcache_count", f->tcache_count);
        set_int(o, "tcache_max_bytes", f->tcache_max_bytes);
    }
    return o;
}

static json_t *totals_to_json(const struct malloc_census *c) {
    json_t *o = json_object();
    struct malloc_share fast = malloc_census_sum(c, MALLOC_FAST),
                        top = malloc_census_sum(c, MALLOC_TOP);
    struct malloc_share binned = malloc_census_sum(c, MALLOC_BINNED);
    set_int(o, "in_use", malloc_census_sum(c, MALLOC_IN_USE).bytes);
    set_int(o, "tcached", malloc_census_sum(c, MALLOC_TCACHED).bytes);
    set_int(o, "free", fast.bytes + binned.bytes + top.bytes);
    set_int(o, "fast", fast.bytes);
    set_int(o, "binned", binned.bytes);
    set_int(o, "top", top.bytes);
    set_int(o, "metadata", malloc_census_sum(c, MALLOC_METADATA).bytes);
    set_int(o, "unwalked", malloc_census_sum(c, MALLOC_UNWALKED).bytes);
    set_int(o, "mmapped", c->mmapped.bytes);
    set_int(o, "mmapped_count", c->mmapped.count);
    if (c->has_residency) {
        set_int(o, "free_resident", fast.resident + binned.resident + top.resident);
        set_int(o, "trimmable", malloc_census_trimmable(c));
        set_int(o, "mmapped_resident", c->mmapped.resident);
    }
    return o;
}

/* What the census could not see, a sentence each. */
static json_t *notes(const struct malloc_census *c) {
    const struct malloc_coverage *v = &c->coverage;
    json_t *list = json_array();
#define NOTE(condition, ...)                                                                       \
    if (condition)                                                                                 \
    json_array_append_new(list, json_sprintf(__VA_ARGS__))
    NOTE(c->note[0], "%s", c->note);
    NOTE(v->walk_errors,
         "%llu chunk headers made no sense; what follows each is counted as unwalked.",
         (unsigned long long)v->walk_errors);
    NOTE(v->list_errors, "%llu entries of free lists led nowhere.",
         (unsigned long long)v->list_errors);
    NOTE(v->faults, "%llu pages could not be read.", (unsigned long long)v->faults);
    NOTE(v->not_resident, "%llu chunk headers are on pages that are swapped out or missing.",
         (unsigned long long)v->not_resident);
    NOTE(v->threads_with_regs < v->threads,
         "The registers of %u threads are not known: what is in their caches counts as in use.",
         v->threads - v->threads_with_regs);
    NOTE(v->tcaches_missing, "%u thread caches did not hold together.", v->tcaches_missing);
    NOTE(v->busy_arenas, "%u arenas were locked: their threads were inside malloc.",
         v->busy_arenas);
    NOTE(v->in_flight, "%u arenas were just being changed; nothing is lost by it.", v->in_flight);
    NOTE(v->mmapped_missing, "%llu mmapped chunks were not found.",
         (unsigned long long)v->mmapped_missing);
    NOTE(v->arena_missing_bytes, "%llu bytes of the main arena were not found.",
         (unsigned long long)v->arena_missing_bytes);
    NOTE(v->truncated, "A limit was reached: the heap is larger than memwhy will follow.");
#undef NOTE
    return list;
}

static int print_json(struct run *r, const struct taken *t, struct table *arenas) {
    const struct malloc_census *c = &t->census;
    static const char *const kinds[] = {[IMAGE_LIVE] = "live",
                                        [IMAGE_STOPPED] = "stopped",
                                        [IMAGE_CORE] = "core",
                                        [IMAGE_FAKE] = "core"};
    size_t n;
    image_threads(t->img, &n);
    json_t *target =
        json_pack("{s:s, s:I}", "kind", kinds[image_kind(t->img)], "threads", (json_int_t)n);
    if (image_pid(t->img))
        set_int(target, "pid", (uint64_t)image_pid(t->img));
    if (*image_exe(t->img))
        json_object_set_new(target, "exe", text_json(image_exe(t->img)));
    json_object_set_new(r->doc, "target", target);
    json_object_set_new(r->doc, "cost",
                        json_pack("{s:I, s:I}", "pause_ns", (json_int_t)image_pause_ns(t->img),
                                  "walk_ns", (json_int_t)t->walk_ns));
    json_object_set_new(
        r->doc, "coverage",
        json_pack("{s:b, s:o}", "complete", (int)malloc_census_complete(c), "notes", notes(c)));
    json_object_set_new(r->doc, "allocator", json_string(malloc_kind_name(c->kind)));
    json_object_set_new(r->doc, "recognised_by", text_json(c->how));
    if (c->glibc.main_arena)
        json_object_set_new(r->doc, "glibc", facts_to_json(&c->glibc));
    json_object_set_new(r->doc, "totals", totals_to_json(c));
    json_object_set_new(r->doc, "arenas", table_to_json(arenas));
    struct table *classes = classes_table(c), *mmapped = mmapped_table(c);
    json_object_set_new(r->doc, "classes", table_to_json(classes));
    json_object_set_new(r->doc, "mmapped_chunks", table_to_json(mmapped));
    table_free(classes);
    table_free(mmapped);
    return 0;
}

static void print_facts(FILE *out, const struct malloc_census *c) {
    const struct malloc_glibc *f = &c->glibc;
    char a[FMT_MAX], b[FMT_MAX];
    if (!f->mp_addr)
        return;
    fprintf(out,
            "\nSettings: chunks from %s are mapped by themselves (%s); the brk arena is cut when "
            "its top exceeds %s",
            fmt_bytes(a, f->mmap_threshold), f->mmap_threshold_dynamic ? "moves with use" : "fixed",
            fmt_bytes(b, f->trim_threshold));
    if (f->arena_max)
        fprintf(out, "; at most %llu arenas", (unsigned long long)f->arena_max);
    fprintf(out, ".\n");
}

static void print_totals(FILE *out, const struct malloc_census *c) {
    char a[FMT_MAX], b[FMT_MAX], d[FMT_MAX], n[FMT_MAX];
    uint64_t free = 0, resident = 0;
    for (size_t i = 0; i < c->arenas.n; i++) {
        free += malloc_arena_free(&c->arenas.at[i]).bytes;
        resident += malloc_arena_free(&c->arenas.at[i]).resident;
    }
    fprintf(out, "%s%s%s: %s in use, %s free, %s in %s mmapped chunks.\n",
            malloc_kind_name(c->kind), *c->glibc.version ? " " : "", c->glibc.version,
            fmt_bytes(a, malloc_census_sum(c, MALLOC_IN_USE).bytes), fmt_bytes(b, free),
            fmt_bytes(d, c->mmapped.bytes), fmt_count(n, c->mmapped.count));
    if (c->has_residency)
        fprintf(out, "Of the free, %s is in memory; malloc_trim(0) would give back %s.\n",
                fmt_bytes(a, resident), fmt_bytes(b, malloc_census_trimmable(c)));
}

static void print_text(struct run *r, const struct taken *t, struct table *arenas) {
    const struct malloc_census *c = &t->census;
    char a[FMT_MAX], b[FMT_MAX];
    if (c->kind == MALLOC_GLIBC) {
        print_totals(r->out, c);
    } else {
        fprintf(r->out, "%s (%s).\n", malloc_kind_name(c->kind), c->how);
        if (c->whole.bytes)
            fprintf(r->out, "Known to be its own: %s, of it in memory %s.\n",
                    fmt_bytes(a, c->whole.bytes), fmt_bytes(b, c->whole.resident));
    }
    if (table_rows(arenas)) {
        fputc('\n', r->out);
        table_print(arenas, r->out, r->width);
    }
    struct table *classes = classes_table(c), *mmapped = mmapped_table(c);
    if (opt_flag(r->opts, "classes") || opt_flag(r->opts, "sizes")) {
        fputc('\n', r->out);
        table_print(classes, r->out, r->width);
    }
    if (opt_flag(r->opts, "mmapped") && table_rows(mmapped)) {
        fputc('\n', r->out);
        table_print(mmapped, r->out, r->width);
    }
    table_free(classes);
    table_free(mmapped);
    print_facts(r->out, c);
    json_t *list = notes(c), *one;
    size_t i;
    json_array_foreach(list, i, one) fprintf(r->out, "Note: %s\n", json_string_value(one));
    json_decref(list);
}

static int run(struct run *r) {
    const char *const *args;
    struct taken t = {0};
    opt_args(r->opts, &args);
    int rc = take(args[0], &t, &r->err);
    if (rc == 0) {
        struct table *arenas = arenas_table(&t);
        if (r->json)
            print_json(r, &t, arenas);
        else
            print_text(r, &t, arenas);
        table_free(arenas);
        const struct malloc_census *c = &t.census;
        rc = c->kind == MALLOC_GLIBC && malloc_census_complete(c) ? 0 : 4;
    }
    malloc_census_done(&t.census);
    image_free(t.img);
    return rc;
}

static const struct opt opts[] = {
    {"classes", 'c', OPT_FLAG, NULL, "list size classes: how many chunks are in use and free"},
    {"sizes", 0, OPT_FLAG, NULL, "the same as --classes"},
    {"mmapped", 'm', OPT_FLAG, NULL, "list the chunks that are mappings of their own"},
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
        "Example\n"
        "  $ memwhy malloc 4711 --classes\n"
        "  Much \"resident\" and \"trimmable\": retention; see `memwhy explain 4711` for the\n"
        "  remedy. Much \"in use\" in one size class: something of that size is leaking.\n",
    .opts = opts,
    .run = run,
};
