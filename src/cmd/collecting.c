#include "cmd/collecting.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "base/table.h"
#include "cmd/look.h"
#include "model/groups.h"
#include "report/document.h"
#include <time.h>

enum { NEEDS = NEED_V8 | NEED_MALLOC | NEED_ACCOUNT };

/* V8 frees the stores of ArrayBuffers, and sweeps, in other threads after the collection. */
#define SWEEP_NS 300000000ll

int collecting_collect(struct run *r, struct inspecting *i, uint64_t *ret_ns) {
    uint64_t began = clock_ns();
    int rc = inspector_client_call(i->session->client, "HeapProfiler.collectGarbage", NULL,
                                   i->session->how.timeout_ns, NULL, &r->err);
    *ret_ns = clock_ns() - began;
    nanosleep(&(struct timespec){0, SWEEP_NS}, NULL);
    return rc;
}

int collecting_run(struct run *r, struct inspecting *i, const char *pid, struct collecting *ret) {
    struct collecting c = {0};
    int rc = look_at_heap_and(r, pid, NEEDS, NULL, &c.before);
    if (rc < 0)
        return rc;
    c.foretold = collection_foretell(&c.before, &c.before_says);
    rc = collecting_collect(r, i, &c.took_ns);
    if (rc == 0)
        rc = look_at(r, pid, NEEDS, &c.after);
    if (rc < 0) {
        evidence_done(&c.before);
        return rc;
    }
    *ret = c;
    return 0;
}

void collecting_done(struct collecting *c) {
    evidence_done(&c->before);
    evidence_done(&c->after);
}

static uint64_t fell(uint64_t before, uint64_t after) {
    return before > after ? before - after : 0;
}

uint64_t collecting_freed(const struct collecting *c) {
    return fell(c->before.account.rss_bytes, c->after.account.rss_bytes);
}

static void add_row(struct table *t, const char *key, const char *what, uint64_t foretold,
                    uint64_t measured) {
    table_row(t);
    table_text(t, 0, what);
    table_json_field(t, "name", json_string(key));
    table_u64(t, 1, foretold);
    table_u64(t, 2, measured);
}

static struct table *foretold_rows(const struct collecting *c) {
    static const struct column columns[] = {{NULL, "", COL_TEXT},
                                            {"foretold", "FORETOLD", COL_BYTES},
                                            {"measured", "CAME OF IT", COL_BYTES}};
    const struct collection *k = &c->before_says;
    struct table *t = table_new(columns, 3);
    add_row(t, "heap_used_after", "heapUsed of main afterwards", k->live_bytes,
            v8_heap_used(&c->after.v8.isolates.at[0]));
    add_row(t, "heap", "the heap gives back", k->heap_bytes,
            fell(collection_heap_bytes(&c->before), collection_heap_bytes(&c->after)));
    add_row(t, "buffers", "Buffers with mappings of their own", k->mapped_bytes,
            fell(collection_mapped_bytes(&c->before), collection_mapped_bytes(&c->after)));
    add_row(t, "rss", "RSS falls by", k->heap_bytes + k->mapped_bytes, collecting_freed(c));
    return t;
}

void collecting_print(FILE *out, const struct collecting *c, unsigned width) {
    char a[FMT_MAX];
    const struct collection *k = &c->before_says;
    if (!c->foretold || !c->after.v8.isolates.n) {
        fputs("What lives was not known, so nothing was foretold.\n", out);
        return;
    }
    struct table *t = foretold_rows(c);
    table_print(t, out, width);
    table_free(t);
    uint64_t since = fell(v8_heap_used(&c->after.v8.isolates.at[0]), k->live_bytes);
    if (since >= 1 << 20 && since > k->live_bytes / 50)
        fprintf(out, "The program went on: %s are on its heap that came meanwhile.\n",
                fmt_bytes(a, since));
    uint64_t kept = fell(k->buffer_bytes, k->mapped_bytes);
    if (kept >= 1 << 20)
        fprintf(out, "Buffers of %s lay inside malloc's arenas, which keep what they can use.\n",
                fmt_bytes(a, kept));
}

static void set_u64(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

void collecting_json(json_t *doc, const struct collecting *c) {
    const struct collection *k = &c->before_says;
    json_object_set_new(doc, "before", document_account(&c->before.account));
    json_object_set_new(doc, "after", document_account(&c->after.account));
    set_u64(doc, "heap_used_before", v8_heap_used(&c->before.v8.isolates.at[0]));
    if (c->after.has_v8 && c->after.v8.isolates.n)
        set_u64(doc, "heap_used_after", v8_heap_used(&c->after.v8.isolates.at[0]));
    set_u64(doc, "freed_bytes", collecting_freed(c));
    set_u64(doc, "collection_ns", c->took_ns);
    if (!c->foretold)
        return;
    set_u64(doc, "predicted_bytes", k->heap_bytes + k->mapped_bytes);
    set_u64(doc, "predicted_live_bytes", k->live_bytes);
    set_u64(doc, "predicted_buffer_bytes", k->buffer_bytes);
    if (!c->after.v8.isolates.n)
        return;
    struct table *t = foretold_rows(c);
    json_object_set_new(doc, "foretold", table_to_json(t));
    table_free(t);
}
