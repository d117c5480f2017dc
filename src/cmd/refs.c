/* memwhy refs: who refers to an object, and by what name. */
#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/native_rows.h"
#include "cmd/query_opts.h"
#include "collect/referrers.h"
#include "report/document.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    R_FROM,
    R_CLASS,
    R_FROM_SUMMARY,
    R_TEXT,
    R_STATE,
    R_TO_SUMMARY,
    R_KIND,
    R_NAME,
    R_TO,
    R_COLUMNS
};

/* The addresses behind TARGET; the caller frees them. */
static int ask_addrs(struct run *r, const char *const *words, size_t n, uint64_t **ret) {
    uint64_t *addrs = mem_alloc((n + 1) * sizeof *addrs);
    for (size_t i = 0; i < n; i++) {
        int rc = query_addr(r, words[i], &addrs[i]);
        if (rc < 0) {
            free(addrs);
            return rc;
        }
    }
    *ret = addrs;
    return 0;
}

static int ask(struct run *r, struct referrers *q) {
    const char *string = opt_string(r->opts, "string", NULL);
    const char *name = opt_string(r->opts, "name", NULL);
    const char *value = opt_string(r->opts, "value", NULL);
    q->garbage = opt_flag(r->opts, "garbage");
    q->internal = r->json || opt_flag(r->opts, "internal");
    q->limit = opt_u64(r->opts, "limit", r->json ? 0 : 50);
    if ((q->n_addrs > 0) + (string != NULL) + (name != NULL) + (value != NULL) != 1)
        return err_set(&r->err, -EINVAL,
                       "Give the address of an object (`memwhy instances` shows them), or one of "
                       "--string, --value, --name.",
                       "it is not said whom the references are to lead to");
    if (string || name) {
        q->of = string ? REFERRERS_OF_STRING : REFERRERS_BY_NAME;
        q->text = string ? string : name;
    } else if (value) {
        char *end;
        q->of = REFERRERS_OF_NUMBER;
        q->number = strtod(value, &end);
        if (end == value || *end)
            return err_set(&r->err, -EINVAL, "Give a number, as --value=42.",
                           "this is no number: %s", value);
    } else {
        q->of = opt_flag(r->opts, "outgoing") ? REFERRERS_FROM : REFERRERS_OF_OBJECT;
    }
    return 0;
}

static void put_addr(struct table *t, int column, uint64_t addr) {
    char s[24];
    snprintf(s, sizeof s, "0x%llx", (unsigned long long)addr);
    if (addr)
        table_text(t, column, s);
}

/* Outgoing edges are listed by where they lead, all others by where they come from. */
static struct table *rows(const struct referrers *q, const struct column columns[R_COLUMNS]) {
    struct table *t = table_new(columns, R_COLUMNS);
    for (size_t i = 0; i < q->list.n; i++) {
        const struct referrer *one = &q->list.at[i];
        table_row(t);
        put_addr(t, R_FROM, one->from);
        if (one->from_class)
            table_text(t, R_CLASS, one->from_class);
        table_text(t, R_FROM_SUMMARY, one->from_summary ? one->from_summary : "");
        table_text(t, R_TEXT, one->text + (*one->text == ' '));
        table_text(t, R_STATE, one->live ? "live" : "garbage");
        if (one->to_summary)
            table_text(t, R_TO_SUMMARY, one->to_summary);
        table_text(t, R_KIND, one->kind);
        table_text(t, R_NAME, one->name);
        put_addr(t, R_TO, one->to);
        table_json_field(t, "live", json_boolean(one->live));
        table_json_field(t, "in_snapshots", json_boolean(!one->is_ours));
    }
    return t;
}

static void print_left_out(FILE *out, const struct referrers *q) {
    char n[FMT_MAX];
    if (q->left_out)
        fprintf(out, "and %s more (--limit=0 shows all)\n", fmt_count(n, q->left_out));
    if (q->garbage_count)
        fprintf(out, "%s more from garbage (--garbage shows them)\n",
                fmt_count(n, q->garbage_count));
    if (!q->list.n && !q->garbage_count)
        fprintf(out, "%s\n",
                q->of == REFERRERS_FROM      ? "It refers to nothing."
                : q->of == REFERRERS_BY_NAME ? "No object has a property of this name."
                                             : "Nothing refers to it.");
    if (q->cut)
        fputs("There are more candidates than are looked at: this is a part.\n", out);
}

static void print(struct run *r, const struct evidence *ev, const struct referrers *q) {
    bool several = q->summary == NULL, out = q->of == REFERRERS_FROM;
    const struct column columns[R_COLUMNS] = {
        [R_FROM] = {"from", out && !several ? NULL : "ADDRESS", COL_TEXT},
        [R_CLASS] = {"from_class", NULL, COL_TEXT},
        [R_FROM_SUMMARY] = {"from_summary", out && !several ? NULL : "OBJECT", COL_TEXT},
        [R_TEXT] = {"text", "REFERENCE", COL_TEXT},
        [R_STATE] = {NULL, q->garbage && !out ? "STATE" : NULL, COL_TEXT},
        [R_TO_SUMMARY] = {"to_summary", out || several ? "TO" : NULL, COL_TEXT},
        [R_KIND] = {"kind", out ? "KIND" : NULL, COL_TEXT},
        [R_NAME] = {"name", NULL, COL_TEXT},
        [R_TO] = {"to", out ? "AT" : NULL, COL_TEXT},
    };
    struct table *t = rows(q, columns);
    if (r->json) {
        document_common(r->doc, ev);
        if (q->summary)
            json_object_set_new(r->doc, "summary", text_json(q->summary));
        json_object_set_new(r->doc, "found", json_integer((json_int_t)q->found));
        json_object_set_new(r->doc, "garbage_left_out", json_integer((json_int_t)q->garbage_count));
        json_object_set_new(r->doc, "complete", json_boolean(!q->cut && !q->left_out));
        json_object_set_new(r->doc, "refs", table_to_json(t));
    } else {
        cleanup_free char *summary = q->summary ? text_printable(q->summary) : NULL;
        if (summary)
            fprintf(r->out, "%s%s\n\n", summary, out ? " refers to" : " is referred to by");
        if (q->list.n)
            table_print(t, r->out, r->width);
        print_left_out(r->out, q);
        fputs("\n", r->out);
        document_footer(r->out, ev);
    }
    table_free(t);
}

/* --- addresses outside V8's heap --- */

struct native_refs {
    uint64_t addr; /* of what it was found to be: where that begins */
    char *summary;
    struct keepers keepers;
    struct spot spot; /* with --outgoing */
};

/* Either kind of address, but all of one. */
struct question {
    const uint64_t *addrs;
    size_t n_addrs;
    bool exact; /* of what is no object: only words that are the address itself */
    struct referrers objects;
    VEC(struct native_refs) natives;
};

static void forget_natives(struct question *q) {
    for (size_t i = 0; i < q->natives.n; i++) {
        free(q->natives.at[i].summary);
        keepers_done(&q->natives.at[i].keepers);
        spot_done(&q->natives.at[i].spot);
    }
    vec_free(&q->natives);
}

static void find_natives(struct question *q, const struct whole *whole) {
    enum { ALL_BYTES = 1 << 24 };
    struct places *places = places_new(whole);
    for (size_t i = 0; i < q->n_addrs; i++) {
        struct place of = keepers_stretch(places, q->addrs[i]), begin = of;
        begin.addr = of.start;
        if (q->exact) {
            of.start = q->addrs[i];
            of.end = q->addrs[i] + 1;
            of.piece = CHUNK_NONE; /* its other words count, too */
        }
        struct native_refs one = {
            .addr = of.start,
            .summary = place_text(places, &begin),
            .keepers = {.with_dead = q->objects.garbage, .max = q->objects.limit}};
        if (q->objects.of == REFERRERS_FROM)
            spot_look(places, of.start, ALL_BYTES, &one.spot);
        else
            keepers_find(places, &of, &one.keepers);
        vec_push(&q->natives, one);
    }
    places_free(places);
}

static int see(void *question, const struct whole *whole, struct err *e) {
    struct question *q = question;
    size_t of_heap = 0;
    forget_natives(q);
    for (size_t i = 0; i < q->n_addrs; i++)
        of_heap += place_is_of_heap(whole, q->addrs[i]);
    if (of_heap == q->n_addrs)
        return referrers_see(&q->objects, whole->heap, e);
    if (of_heap)
        return err_set(e, -EINVAL, "Ask for objects of JavaScript and for native memory apart.",
                       "some of these addresses are objects' and some are not");
    for (size_t i = 0; i < q->n_addrs; i++) {
        int r = native_check_addr(whole, q->addrs[i], e);
        if (r < 0)
            return r;
    }
    find_natives(q, whole);
    return 0;
}

static void print_native(struct run *r, const struct native_refs *n, const struct table *t,
                         bool out) {
    char count[FMT_MAX];
    cleanup_free char *summary = text_printable(n->summary);
    fprintf(r->out, "%s  @0x%llx%s\n", summary, (unsigned long long)n->addr,
            out ? " refers to" : " is referred to by");
    if (table_rows(t)) {
        fputc('\n', r->out);
        table_print(t, r->out, r->width);
    } else {
        fputs(out ? "nothing that is known.\n" : "nothing.\n", r->out);
    }
    if (n->keepers.left_out)
        fprintf(r->out, "and %s more (--limit=0 shows all)\n",
                fmt_count(count, n->keepers.left_out));
    if (n->keepers.dead)
        fprintf(r->out, "%s more from what is free or garbage (--garbage shows them)\n",
                fmt_count(count, n->keepers.dead));
    if (n->keepers.cut)
        fputs("There are more than are looked at: this is a part.\n", r->out);
    fputc('\n', r->out);
}

static void print_natives(struct run *r, const struct evidence *ev, const struct question *q) {
    bool out = q->objects.of == REFERRERS_FROM, complete = true;
    uint64_t found = 0, dead = 0;
    json_t *list = json_array();
    for (size_t i = 0; i < q->natives.n; i++) {
        const struct native_refs *n = &q->natives.at[i];
        struct table *t = out ? word_rows(&n->spot) : keeper_rows(&n->keepers, n->addr);
        json_t *rows = table_to_json(t);
        if (!r->json)
            print_native(r, n, t, out);
        found += out ? table_rows(t) : n->keepers.found;
        dead += n->keepers.dead;
        complete = complete && !n->keepers.cut && !n->keepers.left_out;
        json_array_extend(list, rows);
        json_decref(rows);
        table_free(t);
    }
    if (r->json) {
        document_common(r->doc, ev);
        if (q->natives.n == 1)
            json_object_set_new(r->doc, "summary", text_json(q->natives.at[0].summary));
        json_object_set_new(r->doc, "native", json_true());
        json_object_set_new(r->doc, "found", json_integer((json_int_t)found));
        json_object_set_new(r->doc, "garbage_left_out", json_integer((json_int_t)dead));
        json_object_set_new(r->doc, "complete", json_boolean(complete));
        json_object_set(r->doc, "refs", list);
    } else {
        document_footer(r->out, ev);
    }
    json_decref(list);
}

static bool natives_are_whole(struct evidence *ev, const struct question *q) {
    uint64_t unread = 0;
    bool cut = false;
    for (size_t i = 0; i < q->natives.n; i++) {
        unread += q->natives.at[i].keepers.unread_bytes;
        cut = cut || q->natives.at[i].keepers.cut;
    }
    return native_note_gaps(ev, unread) && !cut;
}

/* --- both --- */

static int look(struct run *r, const char *target, struct question *q, struct evidence *ev) {
    if (q->n_addrs)
        return look_at_whole(r, target, NATIVE_NEEDS, &(struct whole_visit){q, see}, ev);
    return look_at_heap(r, target, &(struct v8_visit){&q->objects, referrers_see}, ev);
}

static int run_refs(struct run *r) {
    const char *const *args;
    struct evidence ev;
    cleanup_free uint64_t *addrs = NULL;
    size_t n = opt_args(r->opts, &args);
    int rc = ask_addrs(r, args + 1, n - 1, &addrs);
    struct question q = {.addrs = addrs, .n_addrs = n - 1};
    q.objects.addrs = addrs;
    q.objects.n_addrs = n - 1;
    q.exact = opt_flag(r->opts, "exact");
    if (rc == 0)
        rc = ask(r, &q.objects);
    if (rc == 0)
        rc = look(r, args[0], &q, &ev);
    if (rc == 0) {
        bool whole = !ev.v8.unwalked_bytes && !ev.v8.in_collection && !q.objects.cut;
        if (q.natives.n)
            whole = natives_are_whole(&ev, &q) && whole;
        if (q.natives.n)
            print_natives(r, &ev, &q);
        else
            print(r, &ev, &q.objects);
        rc = whole ? 0 : 4;
        evidence_done(&ev);
    }
    forget_natives(&q);
    referrers_done(&q.objects);
    return rc;
}

static const struct opt opts[] = {
    {"outgoing", 0, OPT_FLAG, NULL, "what ADDR refers to itself"},
    {"exact", 0, OPT_FLAG, NULL, "of native memory: who has ADDR itself, not what it lies in"},
    {"string", 0, OPT_STRING, "TEXT", "who refers to a string that reads TEXT"},
    {"value", 0, OPT_STRING, "NUMBER", "who refers to this number"},
    {"name", 0, OPT_STRING, "NAME", "which objects have a property NAME"},
    {"garbage", 0, OPT_FLAG, NULL, "also what is garbage itself"},
    {"internal", 0, OPT_FLAG, NULL, "also arrays and tables that objects keep their properties in"},
    {"limit", 'n', OPT_U64, "N", "at most so many; 0: all (text: 50)"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_refs = {
    .name = "refs",
    .args = "TARGET [ADDR...]",
    .group = GROUP_HEAP,
    .summary = "who refers to an object, or to native memory, and how",
    .help =
        "Lists what refers to the object at ADDR (as `memwhy instances` prints it), one reference\n"
        "a line: the referrer, and how it refers. [988] is an element, .list a property, "
        ".get(\"a\")\n"
        "the value of a Map, `variable list` a variable that closures share, and <...> a field of\n"
        "V8's own, as heap snapshots name it; <weak ...> does not keep the object. (root)\n"
        "references come from outside the heap. What is garbage itself is left out. See\n"
        "`memwhy path` for the whole way from a root.\n"
        "\n"
        "  $ memwhy refs core 0x2c2cdf7e6391       who refers to this object\n"
        "  $ memwhy refs --outgoing core 0x2c2cdf7e6391   what it refers to itself\n"
        "  $ memwhy refs --string=hello 2043476    who refers to a string \"hello\"\n"
        "  $ memwhy refs --name=_idleStart core    every object with a property of this name\n"
        "\n"
        "Of an address outside V8's heap (a chunk, a variable, a mapping) it lists every word "
        "that\n"
        "refers to it: in chunks that are in use, variables of modules, stacks, registers, "
        "thread-local\n"
        "storage, other mappings, and V8's objects, those first to whom it belongs: as the store\n"
        "of an ArrayBuffer, the characters of a string, the C++ object in an internal field. HOW\n"
        "says what the word is: its address, one inside, one that glibc mangled, or a number that\n"
        "equals it, which may be an accident, as any word may that only looks like an address.\n"
        "\n"
        "In JSON \"kind\" says what refers: object, chunk, data, stack, register, tls, mapping; "
        "\"at\"\n"
        "where the word stands, \"how\" what it is, \"owner\" that the memory belongs to the "
        "object.\n"
        "\n"
        "  $ memwhy refs core 0x5581c0a3d2f0       who refers to this chunk\n"
        "\n"
        "V8 moves objects of a running process: take addresses from a core or capture. Exit code\n"
        "4: part of the heap could not be walked, or there is too much to look at.\n",
    .opts = opts,
    .run = run_refs,
};
