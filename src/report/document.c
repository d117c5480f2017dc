#include "report/document.h"

#include "base/fmt.h"
#include "base/text.h"

static void set_u64(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void set_text(json_t *o, const char *key, const char *s) {
    if (s && s[0])
        json_object_set_new(o, key, text_json(s));
}

static json_t *target_json(const struct evidence *ev) {
    static const char *const engines[] = {
        [ENGINE_UNKNOWN] = "unknown", [ENGINE_NONE] = "none", [ENGINE_V8] = "v8"};
    json_t *o = json_object();
    set_text(o, "kind", ev->target.kind);
    if (ev->target.pid > 0)
        set_u64(o, "pid", (uint64_t)ev->target.pid);
    set_text(o, "exe", ev->target.exe);
    set_text(o, "node_version", ev->v8.node_version);
    set_text(o, "v8_version", ev->v8.v8_version);
    set_text(o, "engine", engines[ev->target.engine]);
    if (ev->target.threads)
        set_u64(o, "threads", ev->target.threads);
    if (ev->has_v8)
        set_u64(o, "isolates", ev->v8.isolates.n);
    return o;
}

static json_t *cost_json(const struct evidence *ev) {
    json_t *o = json_object();
    set_u64(o, "pause_ns", ev->cost.pause_ns);
    set_u64(o, "longest_pause_ns", ev->cost.longest_ns);
    set_text(o, "freeze", ev->cost.freeze);
    set_text(o, "not_forked", ev->cost.not_forked);
    set_u64(o, "stops", ev->cost.stops);
    set_u64(o, "took_ns", ev->cost.took_ns);
    if (ev->activity.is_known) /* meanwhile */
        json_object_set_new(o, "main_thread_share", json_real(ev->activity.main_thread));
    set_u64(o, "own_rss_bytes", ev->cost.own_rss_bytes);
    if (ev->cost.reap_ns)
        set_u64(o, "reap_pause_ns", ev->cost.reap_ns);
    set_u64(o, "target_extra_bytes", ev->cost.extra_bytes); /* 0 unless it was forked */
    return o;
}

static json_t *coverage_json(const struct evidence *ev) {
    json_t *o = json_object(), *notes = json_array();
    for (size_t i = 0; i < ev->notes.n; i++)
        json_array_append_new(notes, text_json(ev->notes.at[i]));
    if (ev->has_v8) {
        set_u64(o, "unwalked_bytes", ev->v8.unwalked_bytes);
        json_object_set_new(o, "in_collection", json_boolean(ev->v8.in_collection));
    }
    json_object_set_new(o, "complete", json_boolean(ev->notes.n == 0));
    json_object_set_new(o, "notes", notes);
    return o;
}

void document_common(json_t *doc, const struct evidence *ev) {
    json_object_set_new(doc, "target", target_json(ev));
    json_object_set_new(doc, "cost", cost_json(ev));
    json_object_set_new(doc, "coverage", coverage_json(ev));
}

json_t *document_account(const struct account *a) {
    json_t *owners = json_array(), *unknown = json_array(), *o = json_object();
    for (size_t i = 0; i < a->owners.n; i++) {
        const struct owner *w = &a->owners.at[i];
        json_t *row = json_pack("{s:s}", "path", w->path);
        set_u64(row, "resident_bytes", w->resident_bytes);
        set_u64(row, "virtual_bytes", w->virtual_bytes);
        if (a->has_pss) {
            set_u64(row, "pss_bytes", w->pss_bytes);
            set_u64(row, "swap_bytes", w->swap_bytes);
        }
        json_array_append_new(owners, row);
    }
    for (size_t i = 0; i < a->unknown.n; i++) {
        char start[24], end[24];
        snprintf(start, sizeof start, "0x%llx", (unsigned long long)a->unknown.at[i].start);
        snprintf(end, sizeof end, "0x%llx", (unsigned long long)a->unknown.at[i].end);
        json_t *row = json_pack("{s:s, s:s}", "start", start, "end", end);
        set_u64(row, "resident_bytes", a->unknown.at[i].resident_bytes);
        json_array_append_new(unknown, row);
    }
    if (a->rss_bytes)
        set_u64(o, "rss_bytes", a->rss_bytes);
    set_u64(o, "attributed_bytes", a->attributed_bytes);
    json_object_set_new(o, "owners", owners);
    json_object_set_new(o, "unknown", unknown);
    return o;
}

void document_footer(FILE *out, const struct evidence *ev) {
    char pause[FMT_MAX], took[FMT_MAX], used[FMT_MAX];
    fmt_duration(took, ev->cost.took_ns);
    fmt_bytes(used, ev->cost.own_rss_bytes);
    if (ev->cost.pause_ns)
        fprintf(out, "Paused %s (%u stop%s), read in %s, memwhy used %s.\n",
                fmt_duration(pause, ev->cost.pause_ns), ev->cost.stops,
                ev->cost.stops == 1 ? "" : "s", took, used);
    else
        fprintf(out, "Read in %s, memwhy used %s.\n", took, used);
    if (ev->cost.not_forked) {
        cleanup_free char *why = text_printable(ev->cost.not_forked);
        fprintf(out, "Stopped, not forked: %s.\n", why);
    }
    if (ev->cost.reap_ns)
        fprintf(out, "Read from a forked copy: longest pause %s, %s to reap it; it cost %s.\n",
                fmt_duration(pause, ev->cost.longest_ns), fmt_duration(took, ev->cost.reap_ns),
                fmt_bytes(used, ev->cost.extra_bytes));
    for (size_t i = 0; i < ev->notes.n; i++) {
        cleanup_free char *note = text_printable(ev->notes.at[i]);
        fprintf(out, "note: %s\n", note);
    }
}
