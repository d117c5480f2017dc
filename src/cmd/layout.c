/* memwhy layout: what is known of this V8 and this malloc, from where, and what confirmed it. */
#include "base/table.h"
#include "base/text.h"
#include "base/vec.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "collect/collect.h"
#include "report/document.h"
#include "v8/flags.h"
#include "v8/node_options.h"
#include "v8/sizes.h"
#include <errno.h>
#include <string.h>

static const struct opt opts[] = {
    {"all", 'a', OPT_FLAG, NULL, "also how the size of each kind of object is found"},
    {"flags", 0, OPT_FLAG, NULL, "also every flag of V8: what it is set to, and its default"},
    {"live", 'l', OPT_FLAG, NULL, "do not stop the target: facts only, no isolates, no malloc"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {NULL},
};

enum { PASSED_MAX = 12 };

struct known {
    struct image *img;
    struct v8_layout *layout; /* NULL: no V8 */
    struct evidence ev;
    bool has_evidence;
    const char *passed[PASSED_MAX];
    size_t n_passed;
    const char *failed; /* NULL: all passed */
};

/* --- facts --- */

enum { F_NAME, F_VALUE, F_SOURCE, F_TEXT };

static const struct column fact_columns[] = {
    [F_NAME] = {"name", "FACT", COL_TEXT},
    [F_VALUE] = {NULL, "VALUE", COL_TEXT},
    [F_SOURCE] = {"source", "SOURCE", COL_TEXT},
    [F_TEXT] = {"text", "WHAT IT IS", COL_TEXT},
};

static void add_fact(struct table *t, const char *name, int64_t value, bool hex, const char *source,
                     const char *text) {
    cleanup_free char *shown = hex ? mem_printf("0x%llx", (unsigned long long)value)
                                   : mem_printf("%lld", (long long)value);
    table_row(t);
    table_text(t, F_NAME, name);
    table_text(t, F_VALUE, shown);
    table_json_field(t, "value", json_integer((json_int_t)value));
    table_text(t, F_SOURCE, source);
    table_text(t, F_TEXT, text);
}

static void add_text_fact(struct table *t, const char *name, const char *value, const char *source,
                          const char *text) {
    table_row(t);
    table_text(t, F_NAME, name);
    table_text(t, F_VALUE, value);
    table_json_field(t, "value", text_json(value));
    table_text(t, F_SOURCE, source);
    table_text(t, F_TEXT, text);
}

static struct table *v8_facts_table(const struct v8_layout *l) {
    struct table *t = table_new(fact_columns, sizeof fact_columns / sizeof *fact_columns);
    for (int i = 0; i < V8_FACT_COUNT; i++) {
        enum v8_fact_id id = (enum v8_fact_id)i;
        int32_t v = v8_fact_get(&l->facts, id);
        if (l->source[id])
            add_fact(t, v8_fact_name(id), v, v >= 0x100 && id != FACT_roots_count, l->source[id],
                     v8_fact_text(id));
    }
    return t;
}

/* Addresses and offsets that the walk of malloc's structures found or confirmed. */
static struct table *malloc_facts_table(const struct malloc_glibc *f) {
    static const char found[] = "structure in the target", lib[] = "the library's text";
    static const char params[] = "mp_ in the target";
    struct table *t = table_new(fact_columns, sizeof fact_columns / sizeof *fact_columns);
    if (f->version[0])
        add_text_fact(t, "version", f->version, lib, "glibc");
    add_fact(t, "main_arena", (int64_t)f->main_arena, true, found, "struct malloc_state");
    add_fact(t, "bins_offset", f->bins_at, true, found, "bins in struct malloc_state");
    add_fact(t, "fastbins", f->has_fastbins, false, found, "this version has fastbins");
    if (f->mangling_known)
        add_fact(t, "mangled_lists", f->mangled, false, found,
                 "pointers of fastbins and tcaches are mangled (safe-linking)");
    if (f->heap_info)
        add_fact(t, "heap_info_bytes", f->heap_info, false, found, "sizeof(heap_info)");
    if (f->tcache_layout) {
        add_text_fact(t, "tcache_layout", f->tcache_layout, found,
                      "struct tcache_perthread_struct");
        add_fact(t, "tcache_tls_offset", (int64_t)f->tcache_tls, true, found,
                 "a thread's tcache hangs at fs_base minus this");
    }
    if (!f->mp_addr)
        return t;
    add_fact(t, "mp", (int64_t)f->mp_addr, true, found, "mp_.n_mmaps");
    add_fact(t, "mmap_threshold", (int64_t)f->mmap_threshold, false, params,
             "chunks from this size on are mappings of their own");
    add_fact(t, "mmap_threshold_dynamic", f->mmap_threshold_dynamic, false, params,
             "the threshold moves with use");
    add_fact(t, "trim_threshold", (int64_t)f->trim_threshold, false, params,
             "the brk arena is cut when its top exceeds this");
    add_fact(t, "top_pad", (int64_t)f->top_pad, false, params, "M_TOP_PAD");
    add_fact(t, "arena_max", (int64_t)f->arena_max, false, params,
             "most arenas there may be; 0: 8 per CPU");
    if (f->has_tcache_settings)
        add_fact(t, "tcache_count", (int64_t)f->tcache_count, false, params,
                 "chunks per bin of a tcache");
    return t;
}

/* --- sizes --- */

static const char *const rule_texts[] = {
    [SIZE_NONE] = "unknown",
    [SIZE_ARRAY] = "header + 8 * smi at 8",
    [SIZE_FREE_SPACE] = "smi at 8, in bytes or words",
    [SIZE_BYTES] = "header + smi at 8",
    [SIZE_ONE_BYTE] = "16 + u32 at 12",
    [SIZE_TWO_BYTE] = "16 + 2 * u32 at 12",
    [SIZE_VECTOR] = "header + 8 * its length",
    [SIZE_METADATA] = "16 + 4 per 6 slots + 2 per closure slot",
    [SIZE_BIGINT] = "16 + 8 * length in the bit field",
    [SIZE_PREPARSE] = "16 + data + 8 per child",
    [SIZE_PROPERTIES] = "16 + 8 * low 10 bits of smi at 8",
    [SIZE_DESCRIPTORS] = "header + 24 * i16 at 8",
    [SIZE_SCOPE_INFO] = "by its flags",
    [SIZE_CODE] = "header + instructions + metadata",
    [SIZE_STREAM] = "header + body",
    [SIZE_SMALL_MAP] = "by buckets, 2 words an entry",
    [SIZE_SMALL_SET] = "by buckets, 1 word an entry",
    [SIZE_SMALL_NAMES] = "by buckets, 3 words an entry",
    [SIZE_SWISS] = "40 + 18 * i32 at 12",
    [SIZE_PAIRS] = "16 + 16 * i32 at 8",
    [SIZE_CONSTANT] = "header",
    [SIZE_HOLE] = "hole_size",
    [SIZE_WASM_ARRAY] = "header + element size * u32 at 16",
    [SIZE_WASM_STRUCT] = "u16 at byte 9 of its map",
    [SIZE_WASM_TABLE] = "header + entry * i32 at 12",
    [SIZE_WASM_IMPORTS] = "header + entry * i32 at 8",
    [SIZE_WASM_TYPE_INFO] = "header + 8 * supertypes",
};

static struct table *sizes_table(const struct known *k) {
    static const struct column columns[] = {
        {"root", "ROOT MAP", COL_TEXT},        {"type", "TYPE", COL_COUNT},
        {"size_bytes", "SIZE", COL_COUNT},     {"rule", "RULE", COL_TEXT},
        {"header_bytes", "HEADER", COL_COUNT}, {"address", NULL, COL_ADDR},
    };
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    const struct v8_layout *l = k->layout;
    for (size_t i = 0; i < l->n_roots; i++) {
        size_t len = strlen(l->root_names[i]);
        struct v8_map_info m;
        uint64_t map;
        if (len < 4 || strcmp(l->root_names[i] + len - 4, "_map") != 0 ||
            image_read_u64(k->img, l->main_roots + 8 * i, &map) < 0 ||
            v8_map_read(k->img, l, map, &m) < 0)
            continue;
        table_row(t);
        table_text(t, 0, l->root_names[i]);
        table_u64(t, 1, m.type);
        table_u64(t, 5, map - 1);
        if (m.fixed_size) {
            table_u64(t, 2, m.fixed_size);
            continue;
        }
        if (m.rule < sizeof rule_texts / sizeof *rule_texts && rule_texts[m.rule])
            table_text(t, 3, rule_texts[m.rule]);
        if (m.header)
            table_u64(t, 4, m.header);
    }
    return t;
}

/* --- spaces, types, isolates --- */

static struct table *spaces_table(const struct v8_layout *l) {
    static const struct column columns[] = {{"space", "SPACE", COL_TEXT},
                                            {"vtable", "VTABLE", COL_ADDR}};
    struct table *t = table_new(columns, 2);
    for (size_t i = 0; i < l->n_vtables; i++) {
        table_row(t);
        table_text(t, 0, v8_space_name(l->vtables[i].space));
        table_u64(t, 1, l->vtables[i].addr);
    }
    return t;
}

static struct table *types_table(const struct v8_layout *l) {
    static const struct column columns[] = {{"name", "INSTANCE TYPE", COL_TEXT},
                                            {"type", "NUMBER", COL_COUNT}};
    const struct {
        const char *name;
        uint16_t type;
    } types[] = {
        {"MAP_TYPE", l->map_type},
        {"JS_ARRAY_BUFFER_TYPE", l->array_buffer_type},
        {"WASM_MEMORY_OBJECT_TYPE", l->wasm_memory_type},
        {"WASM_STRUCT_TYPE", l->wasm_struct_type},
        {"WASM_ARRAY_TYPE", l->wasm_array_type},
        {"NATIVE_CONTEXT_TYPE", l->native_context_type},
        {"FIRST_CONTEXT_TYPE", l->first_context_type},
        {"LAST_CONTEXT_TYPE", l->last_context_type},
        {"FIRST_NONSTRING_TYPE", l->first_nonstring_type},
        {"FREE_SPACE_TYPE", l->free_space_type},
        {"FILLER_TYPE", l->filler_type},
    };
    struct table *t = table_new(columns, 2);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!types[i].type)
            continue;
        table_row(t);
        table_text(t, 0, types[i].name);
        table_u64(t, 1, types[i].type);
    }
    return t;
}

static struct table *isolates_table(const struct v8_census *c) {
    static const struct column columns[] = {
        {"name", "ISOLATE", COL_TEXT},       {"isolate", "ADDRESS", COL_ADDR},
        {"heap", "HEAP", COL_ADDR},          {"roots", "ROOTS TABLE", COL_ADDR},
        {"gc_state", "GC STATE", COL_COUNT}, {NULL, "THREAD", COL_TEXT},
    };
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < c->isolates.n; i++) {
        const struct v8_isolate_census *iso = &c->isolates.at[i];
        table_row(t);
        table_text(t, 0, iso->name);
        if (iso->isolate)
            table_u64(t, 1, iso->isolate);
        table_u64(t, 2, iso->heap);
        table_u64(t, 3, iso->roots);
        if (iso->gc_state != UINT32_MAX)
            table_u64(t, 4, iso->gc_state);
        if (iso->tid > 0) {
            cleanup_free char *tid = mem_printf("%d", (int)iso->tid);
            table_text(t, 5, tid);
            table_json_field(t, "tid", json_integer(iso->tid));
        }
    }
    return t;
}

static struct table *flags_table(const struct known *k) {
    static const struct column columns[] = {{"name", "FLAG", COL_TEXT},
                                            {"type", "TYPE", COL_TEXT},
                                            {"value", "VALUE", COL_TEXT},
                                            {"default", "DEFAULT", COL_TEXT}};
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    struct flag_list flags = {0};
    v8_flags_read(k->img, k->layout, &flags);
    for (size_t i = 0; i < flags.list.n; i++) {
        const struct flag *f = &flags.list.at[i];
        table_row(t);
        table_text(t, 0, f->name);
        table_text(t, 1, flag_kind_name(f->kind));
        if (f->value)
            table_text(t, 2, f->value);
        if (f->otherwise)
            table_text(t, 3, f->otherwise);
    }
    flags_done(&flags);
    return t;
}

static json_t *node_options_json(const struct known *k) {
    json_t *names = json_array();
    struct flag_list flags = {0};
    v8_node_options_read(k->img, k->layout, &flags);
    for (size_t i = 0; i < flags.options.n; i++)
        json_array_append_new(names, text_json(flags.options.at[i]));
    flags_done(&flags);
    return names;
}

/* --- what confirmed it --- */

static void judge(struct known *k) {
    const struct v8_layout *l = k->layout;
    for (size_t i = 0; l && i < l->n_passed; i++)
        k->passed[k->n_passed++] = l->passed[i];
    k->failed = l ? l->failed : NULL;
    if (!l || !l->explained || !k->has_evidence || k->failed)
        return;
    if (!k->ev.has_v8 || !k->ev.v8.layout_known) {
        k->failed = "no isolate was found (V8 is starting or has ended)";
        return;
    }
    k->passed[k->n_passed++] = "the pages of each space form one list";
    if (k->ev.v8.unwalked_bytes && !k->ev.v8.in_collection)
        k->failed = "a heap page did not walk to its end, object by object";
    else if (!k->ev.v8.unwalked_bytes)
        k->passed[k->n_passed++] = "every heap page walks to its end, object by object";
}

/* --- output --- */

static void set_table(json_t *doc, const char *key, struct table *t) {
    json_object_set_new(doc, key, table_to_json(t));
    table_free(t);
}

static void v8_to_json(struct run *r, const struct known *k) {
    const struct v8_layout *l = k->layout;
    json_t *checks = json_array();
    if (l->table)
        json_object_set_new(r->doc, "table", json_string(l->table));
    json_object_set_new(r->doc, "table_is_exact", json_boolean(l->exact));
    json_object_set_new(r->doc, "explained", json_boolean(!k->failed));
    for (size_t i = 0; i < k->n_passed; i++)
        json_array_append_new(checks, json_pack("{s:s, s:b}", "check", k->passed[i], "passed", 1));
    if (k->failed)
        json_array_append_new(checks, json_pack("{s:s, s:b}", "check", k->failed, "passed", 0));
    json_object_set_new(r->doc, "checks", checks);
    set_table(r->doc, "facts", v8_facts_table(l));
    set_table(r->doc, "spaces", spaces_table(l));
    set_table(r->doc, "types", types_table(l));
    if (l->n_roots)
        json_object_set_new(r->doc, "roots", json_integer((json_int_t)l->n_roots));
    if (l->explained)
        set_table(r->doc, "sizes", sizes_table(k));
    if (opt_flag(r->opts, "flags")) {
        set_table(r->doc, "flags", flags_table(k));
        json_object_set_new(r->doc, "node_options", node_options_json(k));
    }
    if (k->ev.has_v8)
        set_table(r->doc, "isolates", isolates_table(&k->ev.v8));
}

static void to_json(struct run *r, const struct known *k) {
    document_common(r->doc, &k->ev);
    if (k->layout)
        v8_to_json(r, k);
    if (k->ev.has_malloc) {
        json_t *o = json_object();
        json_object_set_new(o, "allocator", json_string(malloc_kind_name(k->ev.malloc.kind)));
        json_object_set_new(o, "recognised_by", text_json(k->ev.malloc.how));
        if (k->ev.malloc.glibc.main_arena)
            set_table(o, "facts", malloc_facts_table(&k->ev.malloc.glibc));
        json_object_set_new(r->doc, "malloc", o);
    }
}

static void print_table(struct run *r, struct table *t) {
    if (table_rows(t)) {
        table_print(t, r->out, r->width);
        fputc('\n', r->out);
    }
    table_free(t);
}

static void v8_to_text(struct run *r, const struct known *k) {
    const struct v8_layout *l = k->layout;
    fprintf(r->out, "V8 %s%s%s\n", l->v8_version[0] ? l->v8_version : "of unknown version",
            l->node_version[0] ? " of Node " : "", l->node_version);
    if (l->table)
        fprintf(r->out, "Table: %s%s\n", l->table,
                l->exact ? "" : ", the nearest there is; this version has none of its own");
    for (size_t i = 0; i < k->n_passed; i++)
        fprintf(r->out, "  ok      %s\n", k->passed[i]);
    if (k->failed)
        fprintf(r->out, "  FAILED  %s\n", k->failed);
    fputc('\n', r->out);
    print_table(r, v8_facts_table(l));
    if (k->ev.has_v8)
        print_table(r, isolates_table(&k->ev.v8));
    print_table(r, spaces_table(l));
    print_table(r, types_table(l));
    if (opt_flag(r->opts, "flags"))
        print_table(r, flags_table(k));
    if (l->explained && opt_flag(r->opts, "all"))
        print_table(r, sizes_table(k));
}

static void to_text(struct run *r, const struct known *k) {
    if (k->layout)
        v8_to_text(r, k);
    else
        fputs("There is no V8 in this target.\n\n", r->out);
    if (k->ev.has_malloc) {
        fprintf(r->out, "malloc: %s (%s)\n", malloc_kind_name(k->ev.malloc.kind), k->ev.malloc.how);
        if (k->ev.malloc.glibc.main_arena)
            print_table(r, malloc_facts_table(&k->ev.malloc.glibc));
    }
    if (k->has_evidence)
        document_footer(r->out, &k->ev);
}

/* Without a stop the document still says what was looked at. */
static void describe_live(struct known *k) {
    struct evidence *ev = &k->ev;
    *ev = (struct evidence){.target = {.kind = image_kind(k->img) == IMAGE_CORE ? "core" : "live",
                                       .pid = image_pid(k->img),
                                       .engine = k->layout ? ENGINE_V8 : ENGINE_NONE}};
    if (image_exe(k->img)[0])
        ev->target.exe = mem_strdup(image_exe(k->img));
    if (!k->layout)
        return;
    memcpy(ev->v8.v8_version, k->layout->v8_version, sizeof ev->v8.v8_version);
    memcpy(ev->v8.node_version, k->layout->node_version, sizeof ev->v8.node_version);
}

static int learn(struct run *r, struct known *k) {
    struct err why = {0};
    struct image_freeze_how how;
    int rc = look_freeze_how(r, &how);
    if (rc < 0)
        return rc;
    rc = v8_layout_open(k->img, &k->layout, &why);
    if (opt_flag(r->opts, "live")) {
        describe_live(k);
        if (rc < 0 && rc != -ENODATA)
            evidence_note(&k->ev, "%s", why.what);
    } else {
        rc = collect_image(k->img, NEED_V8 | NEED_MALLOC, &how, &k->ev, &r->err);
        if (rc < 0)
            return rc;
        k->has_evidence = true;
    }
    judge(k);
    return 0;
}

static int run_layout(struct run *r) {
    const char *const *args;
    struct known k = {0};
    opt_args(r->opts, &args);
    int rc = target_open(args[0], &k.img, &r->err);
    if (rc < 0)
        return rc;
    rc = learn(r, &k);
    if (rc == 0) {
        if (r->json)
            to_json(r, &k);
        else
            to_text(r, &k);
        rc = k.failed ? 4 : 0;
        evidence_done(&k.ev);
    }
    v8_layout_free(k.layout);
    image_free(k.img);
    return rc;
}

const struct command cmd_layout = {
    .name = "layout",
    .args = "TARGET",
    .group = GROUP_EVIDENCE,
    .summary = "what is known of this V8 and this malloc, and from where",
    .help =
        "Everything memwhy says of a JavaScript heap rests on facts about one build of V8: where\n"
        "a page's header keeps its size, how long a ScopeInfo is. Each is listed with its value\n"
        "and its source: a table measured on a named build, the binary itself, or the target's\n"
        "data. None is believed before the checks on top have passed. -1: this version has no\n"
        "such thing. The same for the structures of malloc.\n"
        "\n"
        "  $ memwhy layout 2043476            facts, checks, isolates\n"
        "  $ memwhy layout --live 2043476     without stopping the process\n"
        "  $ memwhy layout --all 2043476      also the size rule of every root map\n"
        "  $ memwhy layout --flags 2043476    also V8's flags as they are in this process\n"
        "\n"
        "FAILED names the first check that did not pass; then memwhy shows of this heap only what\n"
        "does not depend on it, and this command's exit code is 4.\n",
    .opts = opts,
    .run = run_layout,
};
