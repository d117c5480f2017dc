/* memwhy suspects: what on the JavaScript heap looks like a leak, in words. */
#include "collect/suspects.h"
#include "base/fmt.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "report/document.h"
#include <inttypes.h>

static void put_text(json_t *to, const char *key, const char *text) {
    if (text)
        json_object_set_new(to, key, text_json(text));
}

static void put_count(json_t *to, const char *key, uint64_t n) {
    if (n)
        json_object_set_new(to, key, json_integer((json_int_t)n));
}

static void put_addr(json_t *to, const char *key, uint64_t addr) {
    char text[24];
    snprintf(text, sizeof text, "0x%" PRIx64, addr);
    if (addr)
        json_object_set_new(to, key, json_string(text));
}

static json_t *to_json(const struct suspect *s) {
    json_t *row = json_object(), *parts = json_array();
    json_object_set_new(row, "kind", json_string(s->kind));
    put_text(row, "text", s->text);
    put_text(row, "path", s->path);
    put_addr(row, "addr", s->addr);
    put_addr(row, "sample", s->sample);
    put_count(row, "count", s->count);
    json_object_set_new(row, "bytes", json_integer((json_int_t)s->bytes));
    for (size_t i = 0; i < s->parts.n; i++) {
        json_t *part = json_object();
        put_text(part, "text", s->parts.at[i].text);
        put_addr(part, "addr", s->parts.at[i].addr);
        put_count(part, "count", s->parts.at[i].count);
        put_count(part, "bytes", s->parts.at[i].bytes);
        json_array_append_new(parts, part);
    }
    json_object_set_new(row, "parts", parts);
    return row;
}

static void print_part(struct run *r, const struct suspect_part *p) {
    char bytes[FMT_MAX], count[FMT_MAX];
    cleanup_free char *text = text_printable(p->text);
    fprintf(r->out, "     ");
    if (p->count > 1)
        fprintf(r->out, "%s × ", fmt_count(count, p->count));
    fputs(text, r->out);
    if (p->bytes)
        fprintf(r->out, ", %s", fmt_bytes(bytes, p->bytes));
    if (p->addr)
        fprintf(r->out, "  0x%" PRIx64, p->addr);
    fputc('\n', r->out);
}

static void print_one(struct run *r, size_t number, const struct suspect *s, uint64_t live) {
    char share[FMT_MAX];
    cleanup_free char *text = text_printable(s->text);
    fprintf(r->out, "%2zu. %s (%s of what lives)  [%s]\n", number, text,
            fmt_percent(share, s->bytes, live), s->kind);
    if (s->path) {
        cleanup_free char *path = text_printable(s->path);
        fprintf(r->out, "     %s %s\n", s->addr ? "reached by" : "one of them by", path);
    }
    for (size_t i = 0; i < s->parts.n; i++)
        print_part(r, &s->parts.at[i]);
    if (s->addr)
        fprintf(r->out, "     its holder is 0x%" PRIx64 "\n", s->addr);
    if (s->sample)
        fprintf(r->out, "     one of them is 0x%" PRIx64 "\n", s->sample);
    fputc('\n', r->out);
}

static void print(struct run *r, const struct evidence *ev, const struct suspects *s) {
    char live[FMT_MAX], least[FMT_MAX];
    if (r->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < s->list.n; i++)
            json_array_append_new(list, to_json(&s->list.at[i]));
        document_common(r->doc, ev);
        json_object_set_new(r->doc, "live_bytes", json_integer((json_int_t)s->live_bytes));
        json_object_set_new(r->doc, "suspects", list);
        return;
    }
    for (size_t i = 0; i < s->list.n; i++)
        print_one(r, i + 1, &s->list.at[i], s->live_bytes);
    if (!s->list.n)
        fprintf(r->out,
                "Nothing holds %s or more of the %s that live. --min=SIZE asks for less.\n\n",
                fmt_bytes(least, s->least), fmt_bytes(live, s->live_bytes));
    document_footer(r->out, ev);
}

static int run_suspects(struct run *r) {
    const char *const *args;
    struct evidence ev;
    struct suspects s = {.least = opt_u64(r->opts, "min", 0)};
    opt_args(r->opts, &args);
    int rc = look_at_heap(r, args[0], &(struct v8_visit){&s, suspects_see}, &ev);
    if (rc < 0)
        return rc;
    print(r, &ev, &s);
    rc = ev.v8.unwalked_bytes || ev.v8.in_collection ? 4 : s.list.n ? 1 : 0;
    suspects_done(&s);
    evidence_done(&ev);
    return rc;
}

static const struct opt opts[] = {
    {"min", 'm', OPT_BYTES, "SIZE", "only what holds so much (a twentieth of what lives)"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_suspects = {
    .name = "suspects",
    .args = "TARGET",
    .group = GROUP_HEAP,
    .summary = "what on the JavaScript heap looks like a leak, in words",
    .help =
        "Looks for what holds much and has no bound that one could see: collections with many\n"
        "entries, chains, single large objects, listeners of one event, closures of one\n"
        "function, timers, async functions that wait, slices that keep long strings, views\n"
        "that keep Buffer's pool, vm contexts, modules loaded again, what only handles of\n"
        "native code or V8's compilation cache keep. Only what lives counts; garbage is no\n"
        "suspect. Two of them may hold the same bytes: an array of closures is a collection,\n"
        "and its closures are of one function.\n"
        "\n"
        "`memwhy inspect TARGET 0x...` shows the holder or one of the objects, `memwhy path` what\n"
        "keeps it. A suspect is no verdict. Whether a cache of 118 MiB is a leak its owner knows, "
        "or a\n"
        "second look at another time shows.\n"
        "\n"
        "  $ memwhy suspects 2043476           all that hold a twentieth of what lives\n"
        "  $ memwhy suspects --min=1M core     smaller ones too, of a core file\n"
        "\n"
        "Exit codes: 0 none, 1 there are some, 4 part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_suspects,
};
