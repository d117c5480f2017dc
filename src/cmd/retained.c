/* memwhy retained: what an object keeps alive. */
#include "collect/retained.h"
#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/query_opts.h"
#include "report/document.h"

static json_t *addr_json(uint64_t addr) {
    return json_sprintf("0x%llx", (unsigned long long)addr);
}

static void set_u64(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static json_t *object_json(const struct retained_object *o) {
    json_t *json = json_object(), *chain = json_array();
    json_object_set_new(json, "addr", addr_json(o->addr));
    json_object_set_new(json, "class", text_json(o->class));
    json_object_set_new(json, "summary", text_json(o->summary));
    json_object_set_new(json, "live", json_boolean(o->live));
    set_u64(json, "shallow", o->shallow);
    for (size_t i = 0; i < o->chain.n; i++) {
        const struct retained_step *s = &o->chain.at[i];
        json_t *step = json_object();
        json_object_set_new(step, "addr", addr_json(s->addr));
        json_object_set_new(step, "class", text_json(s->class));
        json_object_set_new(step, "summary", text_json(s->summary));
        set_u64(step, "retained", s->retained);
        json_array_append_new(chain, step);
    }
    if (o->live) {
        set_u64(json, "retained", o->retained);
        set_u64(json, "count", o->count);
        set_u64(json, "off_heap", o->off_heap);
        json_object_set(json, "dominators", chain);
    }
    json_decref(chain);
    return json;
}

static void to_json(struct run *r, const struct evidence *ev, const struct retained *k) {
    json_t *objects = json_array(), *freed = json_object();
    for (size_t i = 0; i < k->list.n; i++)
        json_array_append_new(objects, object_json(&k->list.at[i]));
    set_u64(freed, "bytes", k->together.bytes);
    set_u64(freed, "count", k->together.count);
    set_u64(freed, "off_heap", k->together.off_heap);
    document_common(r->doc, ev);
    json_object_set_new(r->doc, "objects", objects);
    json_object_set_new(r->doc, "freed_without_them", freed);
}

static void print_object(FILE *out, const struct retained_object *o) {
    char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX], d[FMT_MAX];
    cleanup_free char *summary = text_printable(o->summary);
    fprintf(out, "0x%llx %s\n", (unsigned long long)o->addr, summary);
    if (!o->live) {
        fprintf(out, "  garbage, %s: retains nothing\n\n", fmt_bytes(a, o->shallow));
        return;
    }
    fprintf(out, "  retains %s in %s object%s, %s of it outside the heap; %s itself\n",
            fmt_bytes(a, o->retained), fmt_count(b, o->count), o->count == 1 ? "" : "s",
            fmt_bytes(c, o->off_heap), fmt_bytes(d, o->shallow));
    for (size_t i = 0; i < o->chain.n; i++) {
        const struct retained_step *s = &o->chain.at[i];
        cleanup_free char *text = text_printable(s->summary);
        fprintf(out, "  dominated by 0x%llx %s, which retains %s\n", (unsigned long long)s->addr,
                text, fmt_bytes(a, s->retained));
    }
    fprintf(out, "%s\n", o->chain_cut ? "  and so on\n" : "");
}

static void print(struct run *r, const struct evidence *ev, const struct retained *k) {
    char a[FMT_MAX], b[FMT_MAX];
    if (r->json) {
        to_json(r, ev, k);
        return;
    }
    for (size_t i = 0; i < k->list.n; i++)
        print_object(r->out, &k->list.at[i]);
    fprintf(r->out, "Without %s %s would be freed, %s objects.\n\n",
            k->list.n == 1 ? "it" : "them all", fmt_bytes(a, k->together.bytes),
            fmt_count(b, k->together.count));
    document_footer(r->out, ev);
}

static int run_retained(struct run *r) {
    const char *const *args;
    struct evidence ev;
    struct retained k = {0};
    size_t n = opt_args(r->opts, &args);
    int rc = 0;
    for (size_t i = 1; i < n && rc == 0; i++) {
        struct retained_object o = {0};
        rc = query_addr(r, args[i], &o.addr);
        vec_push(&k.list, o);
    }
    if (rc == 0)
        rc = look_at_heap(r, args[0], &(struct v8_visit){&k, retained_see}, &ev);
    if (rc == 0) {
        print(r, &ev, &k);
        rc = ev.v8.unwalked_bytes || ev.v8.in_collection ? 4 : 0;
        evidence_done(&ev);
    }
    retained_done(&k);
    return rc;
}

static const struct opt opts[] = {LOOK_OPT_FREEZE, LOOK_OPT_MAX_PAUSE, {0}};

const struct command cmd_retained = {
    .name = "retained",
    .args = "TARGET ADDR...",
    .group = GROUP_HEAP,
    .summary = "what an object keeps alive, and what keeps it",
    .help =
        "For each object: the bytes that it alone keeps alive, and its dominators up to the\n"
        "roots: each of them would take it along. The last line is what would be freed if all of\n"
        "the given objects went at once, which may be more than the sum of each (what two of them\n"
        "share) or less (what V8's own handles refer to as well, as for open sockets).\n"
        "\n"
        "  $ memwhy retained core 0x2c2cdf7e6391                  one object\n"
        "  $ memwhy retained core 0x2c2cdf7e6391 0x2c2cdf7e6401   two, and both together\n"
        "\n"
        "V8 moves objects of a running process: take addresses from the same core or capture.\n"
        "\n"
        "Exit code 4: part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_retained,
};
