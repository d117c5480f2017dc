#include "cmd/suspect_rows.h"

#include "base/fmt.h"
#include "base/text.h"

static void put_text(json_t *to, const char *key, const char *text) {
    if (text)
        json_object_set_new(to, key, text_json(text));
}

static void put_count(json_t *to, const char *key, uint64_t n) {
    if (n)
        json_object_set_new(to, key, json_integer((json_int_t)n));
}

static void put_ref(json_t *to, const char *key, uint64_t value, enum object_ref how) {
    if (value)
        json_object_set_new(to, key, object_ref_json(how, value));
}

static json_t *to_json(const struct suspect *s, enum object_ref how) {
    json_t *row = json_object(), *parts = json_array();
    json_object_set_new(row, "kind", json_string(s->kind));
    put_text(row, "text", s->text);
    put_text(row, "path", s->path);
    put_ref(row, object_ref_key(how), s->addr, how);
    put_ref(row, "sample", s->sample, how);
    put_count(row, "count", s->count);
    json_object_set_new(row, "bytes", json_integer((json_int_t)s->bytes));
    for (size_t i = 0; i < s->parts.n; i++) {
        json_t *part = json_object();
        put_text(part, "text", s->parts.at[i].text);
        put_ref(part, object_ref_key(how), s->parts.at[i].addr, how);
        put_count(part, "count", s->parts.at[i].count);
        put_count(part, "bytes", s->parts.at[i].bytes);
        json_array_append_new(parts, part);
    }
    json_object_set_new(row, "parts", parts);
    return row;
}

static void print_part(struct run *r, const struct suspect_part *p, enum object_ref how) {
    char bytes[FMT_MAX], count[FMT_MAX], ref[OBJECT_REF_MAX];
    cleanup_free char *text = text_printable(p->text);
    fprintf(r->out, "     ");
    if (p->count > 1)
        fprintf(r->out, "%s × ", fmt_count(count, p->count));
    fputs(text, r->out);
    if (p->bytes)
        fprintf(r->out, ", %s", fmt_bytes(bytes, p->bytes));
    if (p->addr)
        fprintf(r->out, "  %s", object_ref_text(how, p->addr, ref));
    fputc('\n', r->out);
}

static void print_one(struct run *r, size_t number, const struct suspect *s, uint64_t live,
                      enum object_ref how) {
    char share[FMT_MAX], ref[OBJECT_REF_MAX];
    cleanup_free char *text = text_printable(s->text);
    fprintf(r->out, "%2zu. %s (%s of what lives)  [%s]\n", number, text,
            fmt_percent(share, s->bytes, live), s->kind);
    if (s->path) {
        cleanup_free char *path = text_printable(s->path);
        fprintf(r->out, "     %s %s\n", s->addr ? "reached by" : "one of them by", path);
    }
    for (size_t i = 0; i < s->parts.n; i++)
        print_part(r, &s->parts.at[i], how);
    if (s->addr)
        fprintf(r->out, "     its holder is %s\n", object_ref_text(how, s->addr, ref));
    if (s->sample)
        fprintf(r->out, "     one of them is %s\n", object_ref_text(how, s->sample, ref));
    fputc('\n', r->out);
}

json_t *suspect_rows_json(const struct suspects *s, enum object_ref how) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->list.n; i++)
        json_array_append_new(list, to_json(&s->list.at[i], how));
    return list;
}

void suspect_rows_print(struct run *r, const struct suspects *s, enum object_ref how) {
    char live[FMT_MAX], least[FMT_MAX];
    for (size_t i = 0; i < s->list.n; i++)
        print_one(r, i + 1, &s->list.at[i], s->live_bytes, how);
    if (!s->list.n)
        fprintf(r->out,
                "Nothing holds %s or more of the %s that live. --min=SIZE asks for less.\n\n",
                fmt_bytes(least, s->least), fmt_bytes(live, s->live_bytes));
}
