#include "cmd/native_rows.h"

#include "base/fmt.h"
#include "base/text.h"
#include "cmd/malloc_notes.h"
#include "report/document.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

int native_check_addr(const struct whole *whole, uint64_t addr, struct err *e) {
    if (region_find(image_regions(whole->img), addr))
        return 0;
    return err_set(
        e, -EINVAL,
        "V8 moves objects of a running process: take addresses from a core or a capture. "
        "`memwhy map` lists what is mapped.",
        "nothing is mapped at 0x%" PRIx64, addr);
}

bool native_note_gaps(struct evidence *ev, uint64_t unread_bytes) {
    bool has_chunks = ev->has_malloc && ev->malloc.kind == MALLOC_GLIBC;
    if (!has_chunks)
        evidence_note(ev, "malloc's chunks are not told apart here: what they hold is not known");
    else
        malloc_notes_add(ev);
    if (unread_bytes)
        evidence_note(ev, "%" PRIu64 " bytes that may hold references could not be read",
                      unread_bytes);
    if (ev->residency.swap_bytes)
        evidence_note(ev, "%" PRIu64 " bytes are in swap and were not looked at",
                      ev->residency.swap_bytes);
    return has_chunks && malloc_census_complete(&ev->malloc) && !unread_bytes &&
           !ev->residency.swap_bytes;
}

/* ---- who refers to it ---- */

enum { H_FROM, H_CLASS, H_SUMMARY, H_NAME, H_DOUBT, H_KIND, H_AT, H_HOW, H_TO, KEEPER_COLUMNS };

static void put_addr(struct table *t, int column, uint64_t addr) {
    char s[24];
    snprintf(s, sizeof s, "0x%" PRIx64, addr);
    if (addr)
        table_text(t, (size_t)column, s);
}

static void put_text(struct table *t, int column, const char *text) {
    if (!text)
        return;
    cleanup_free char *clean = text_printable(text);
    table_text(t, (size_t)column, clean);
}

struct table *keeper_rows(const struct keepers *h, uint64_t to) {
    static const struct column columns[KEEPER_COLUMNS] = {
        [H_FROM] = {"from", "ADDRESS", COL_TEXT},
        [H_CLASS] = {"from_class", NULL, COL_TEXT},
        [H_SUMMARY] = {"from_summary", "IN", COL_TEXT},
        [H_NAME] = {"name", "WHERE", COL_TEXT},
        [H_DOUBT] = {NULL, "HOW", COL_TEXT},
        [H_KIND] = {"kind", NULL, COL_TEXT},
        [H_AT] = {"at", NULL, COL_TEXT},
        [H_HOW] = {"how", NULL, COL_TEXT},
        [H_TO] = {"to", NULL, COL_TEXT},
    };
    struct table *t = table_new(columns, KEEPER_COLUMNS);
    for (size_t i = 0; i < h->list.n; i++) {
        const struct keeper *one = &h->list.at[i];
        const char *doubt = keeper_doubt(one);
        table_row(t);
        put_addr(t, H_FROM, one->from);
        put_text(t, H_CLASS, one->class);
        put_text(t, H_SUMMARY, one->summary);
        put_text(t, H_NAME, one->name);
        table_text(t, H_DOUBT, *doubt ? doubt : "its address");
        table_text(t, H_KIND, place_kind_name(one->kind));
        put_addr(t, H_AT, one->word.at);
        table_text(t, H_HOW, pointer_how_name(one->word.how));
        put_addr(t, H_TO, to);
        table_json_field(t, "live", json_boolean(!one->dead));
        if (one->is_owner)
            table_json_field(t, "owner", json_true());
    }
    return t;
}

struct table *word_rows(const struct spot *s) {
    enum { W_NAME, W_TO, W_SUMMARY, W_KIND, WORD_COLUMNS };
    static const struct column columns[WORD_COLUMNS] = {
        [W_NAME] = {"name", "WHERE", COL_TEXT},
        [W_TO] = {"to", "TO", COL_TEXT},
        [W_SUMMARY] = {"to_summary", "WHICH IS", COL_TEXT},
        [W_KIND] = {"kind", NULL, COL_TEXT},
    };
    struct table *t = table_new(columns, WORD_COLUMNS);
    for (size_t i = 0; i < s->words.n; i++) {
        const struct spot_word *w = &s->words.at[i];
        char name[24];
        if (!w->text)
            continue;
        snprintf(name, sizeof name, "+0x%" PRIx64, w->at - s->place.start);
        table_row(t);
        table_text(t, W_NAME, name);
        put_addr(t, W_TO, w->to);
        put_text(t, W_SUMMARY, w->text);
        table_text(t, W_KIND, w->kind);
    }
    return t;
}

/* ---- what it is ---- */

static void print_word(FILE *out, const struct spot *s, const struct spot_word *w) {
    uint8_t bytes[8];
    memcpy(bytes, &w->value, sizeof bytes);
    fprintf(out, "  +0x%-5" PRIx64, w->at - s->place.start);
    for (int i = 0; i < 8; i++)
        if (i < w->n)
            fprintf(out, " %02x", bytes[i]);
        else
            fputs("   ", out);
    fputs("  ", out);
    for (int i = 0; i < w->n; i++)
        fputc(isprint(bytes[i]) && bytes[i] < 0x7f ? bytes[i] : '.', out);
    if (w->text) {
        cleanup_free char *text = text_printable(w->text);
        fprintf(out, "%*s  %s  @0x%" PRIx64, 8 - w->n, "", text, w->to);
    }
    fputc('\n', out);
}

static bool is_same(const struct spot_word *a, const struct spot_word *b) {
    return a->value == b->value && a->n == b->n;
}

/* Equal words in a row are shown once. */
static void print_words(FILE *out, const struct spot *s) {
    char bytes[FMT_MAX];
    for (size_t i = 0; i < s->words.n; i++) {
        size_t same = i + 1;
        while (same < s->words.n && is_same(&s->words.at[i], &s->words.at[same]))
            same++;
        print_word(out, s, &s->words.at[i]);
        if (same - i <= 2)
            continue;
        fprintf(out, "  ... the same to +0x%" PRIx64 "\n",
                s->words.at[same - 1].at + 7 - s->place.start);
        i = same - 1;
    }
    if (s->more_bytes)
        fprintf(out, "  ... and %s more (--full)\n", fmt_bytes(bytes, s->more_bytes));
}

static void print_chunk(FILE *out, const struct spot *s) {
    char size[FMT_MAX];
    fprintf(out, "  %s with malloc's header, %s", fmt_bytes(size, s->size),
            malloc_state_name(s->state));
    if (s->arena >= 0)
        fprintf(out, ", arena %d", s->arena);
    else if (s->arena == MALLOC_SPAN_MMAPPED)
        fputs(", a mapping of its own", out);
    if (s->shape)
        fprintf(out, "; its first words: %s", s->shape);
    fputc('\n', out);
}

static void print_keepers(FILE *out, const struct spot *s) {
    char count[FMT_MAX];
    const struct keepers *h = &s->keepers;
    bool is_free = s->place.kind == PLACE_CHUNK && s->state != MALLOC_IN_USE;
    bool is_held = s->place.kind == PLACE_CHUNK || s->place.kind == PLACE_MAPPING;
    if (!h->list.n) {
        if (is_held) /* others are by themselves */
            fprintf(out, "  nothing refers to it\n");
        return;
    }
    fprintf(out, "  referred to by%s\n", is_free ? " (it is free: left over, or dangling)" : "");
    for (size_t i = 0; i < h->list.n; i++) {
        const struct keeper *one = &h->list.at[i];
        const char *doubt = keeper_doubt(one);
        cleanup_free char *summary = text_printable(one->summary);
        fprintf(out, "    %s%s%s", summary, *one->name ? "  " : "", one->name);
        fprintf(out, "%s%s%s", *doubt ? "  (" : "", doubt, *doubt ? ")" : "");
        if (one->from)
            fprintf(out, "  @0x%" PRIx64, one->from);
        fputc('\n', out);
    }
    if (h->left_out)
        fprintf(out, "    and %s more (`memwhy refs`)\n", fmt_count(count, h->left_out));
}

void spot_print(struct run *r, const struct spot *s) {
    char resident[FMT_MAX];
    const struct place *p = &s->place;
    cleanup_free char *text = text_printable(s->text);
    uint64_t at = p->kind == PLACE_CHUNK ? p->start : p->addr;
    fprintf(r->out, "%s  @0x%" PRIx64 "\n", text, at);
    if (p->kind == PLACE_CHUNK)
        print_chunk(r->out, s);
    if (p->end > p->start + 1)
        fprintf(r->out, "  0x%" PRIx64 " to 0x%" PRIx64 ", %s in memory", p->start, p->end,
                fmt_bytes(resident, s->resident));
    if (p->addr != p->start && p->end > p->start + 1)
        fprintf(r->out, "; 0x%" PRIx64 " is %s0x%" PRIx64, p->addr,
                p->addr > p->start ? "+" : "in its header, -",
                p->addr > p->start ? p->addr - p->start : p->start - p->addr);
    if (s->mapping)
        fprintf(r->out, "%s%s", p->end > p->start + 1 ? "; " : "  ", s->mapping);
    fputc('\n', r->out);
    print_keepers(r->out, s);
    print_words(r->out, s);
    fputc('\n', r->out);
}

/* ---- JSON ---- */

static void set_addr(json_t *j, const char *name, uint64_t addr) {
    char text[24];
    snprintf(text, sizeof text, "0x%" PRIx64, addr);
    if (addr)
        json_object_set_new(j, name, json_string(text));
}

static void set_text(json_t *j, const char *name, const char *text) {
    if (text)
        json_object_set_new(j, name, text_json(text));
}

static json_t *words_json(const struct spot *s) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->words.n; i++) {
        const struct spot_word *w = &s->words.at[i];
        json_t *j = json_object();
        char value[24];
        uint8_t bytes[8];
        memcpy(bytes, &w->value, sizeof bytes);
        for (int k = 0; k < w->n; k++)
            snprintf(value + 2 * k, 3, "%02x", bytes[k]);
        document_u64(j, "offset", w->at - s->place.start);
        json_object_set_new(j, "bytes", json_string(value)); /* as they stand in memory */
        set_text(j, "summary", w->text);
        set_text(j, "kind", w->kind);
        set_addr(j, "to", w->to);
        json_array_append_new(list, j);
    }
    return list;
}

static void set_chunk(json_t *j, const struct spot *s) {
    document_u64(j, "size", s->size);
    json_object_set_new(j, "state", json_string(malloc_state_name(s->state)));
    if (s->arena >= 0)
        document_u64(j, "arena", (uint64_t)s->arena);
    if (s->arena == MALLOC_SPAN_MMAPPED)
        json_object_set_new(j, "mmapped", json_true());
    set_text(j, "shape", s->shape);
    set_text(j, "text", s->begins);
}

json_t *spot_json(const struct spot *s) {
    json_t *j = json_object();
    const struct place *p = &s->place;
    json_object_set_new(j, "kind", json_string(place_kind_name(p->kind)));
    set_addr(j, "addr", p->kind == PLACE_CHUNK ? p->start : p->addr);
    set_addr(j, "start", p->start);
    set_addr(j, "end", p->end);
    set_addr(j, "asked", p->addr);
    set_text(j, "summary", s->text);
    set_text(j, "name", s->name);
    set_text(j, "module", s->module);
    set_text(j, "mapping", s->mapping);
    document_u64(j, "resident", s->resident);
    if (p->kind == PLACE_CHUNK)
        set_chunk(j, s);
    json_object_set_new(j, "words", words_json(s));
    document_u64(j, "more_bytes", s->more_bytes);
    struct table *t = keeper_rows(&s->keepers, 0);
    json_object_set_new(j, "refs", table_to_json(t));
    document_u64(j, "refs_found", s->keepers.found);
    table_free(t);
    return j;
}
