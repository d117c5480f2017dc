#include "cmd/malloc_chunks.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include <errno.h>

/* 64 bytes of ours each. */
#define CHUNKS_MAX (1u << 22)

int malloc_chunks_wanted(struct run *r, struct chunk_list *ret, bool *ret_wanted) {
    const char *word = opt_string(r->opts, "class", NULL);
    uint64_t size = 0;
    *ret_wanted = word || opt_flag(r->opts, "chunks");
    *ret = (struct chunk_list){.size_to = UINT64_MAX, .max = CHUNKS_MAX};
    if (!word)
        return 0;
    if (!opt_parse_bytes(word, &size) || !size || size >> 48)
        return err_set(&r->err, -EINVAL, "`memwhy malloc --classes` lists them.",
                       "--class takes the size of a chunk, in bytes: %s is none", word);
    size_t cls = malloc_size_class_of(size);
    ret->size_from = cls ? malloc_size_class_limit(cls - 1) + 1 : 0;
    ret->size_to = malloc_size_class_limit(cls);
    ret->with_text = true;
    return 0;
}

static void set_arena(struct table *t, size_t column, int32_t arena) {
    char text[16];
    snprintf(text, sizeof text, "%d", (int)arena);
    table_text(t, column, arena >= 0 ? text : "mmap");
}

static struct table *rows_table(const struct chunk_list *l) {
    static const struct column columns[] = {
        {"address", "chunk", COL_ADDR}, {"size", "size", COL_COUNT},  {"resident", NULL, COL_BYTES},
        {"state", "state", COL_TEXT},   {"arena", "arena", COL_TEXT}, {"name", "what", COL_TEXT},
    };
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < l->rows.n; i++) {
        const struct chunk_row *c = &l->rows.at[i];
        table_row(t);
        table_u64(t, 0, c->addr);
        table_u64(t, 1, c->size);
        table_u64(t, 2, c->resident);
        table_text(t, 3, malloc_state_name(c->state));
        set_arena(t, 4, c->arena);
        if (c->name)
            table_text(t, 5, l->names.at[c->name]);
    }
    return t;
}

/* --- one class --- */

static int by_content(const void *x, const void *y) {
    const struct chunk_row *a = *(const struct chunk_row *const *)x,
                           *b = *(const struct chunk_row *const *)y;
    if (a->state != b->state)
        return a->state < b->state ? -1 : 1;
    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    return a->addr < b->addr ? -1 : a->addr > b->addr;
}

struct content {
    const struct chunk_row *first;
    uint64_t count, bytes, resident;
    const char *text; /* the first there is */
};

static int by_bytes(const void *x, const void *y) {
    const struct content *a = x, *b = y;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a->first->addr < b->first->addr ? -1 : a->first->addr > b->first->addr;
}

static void add_content(struct table *t, const struct chunk_list *l, const struct content *c) {
    table_row(t);
    table_text(t, 0, malloc_state_name(c->first->state));
    table_u64(t, 1, c->count);
    table_u64(t, 2, c->bytes);
    table_u64(t, 3, c->resident);
    table_u64(t, 4, c->first->addr);
    if (c->first->name)
        table_text(t, 5, l->names.at[c->first->name]);
    if (c->text) {
        cleanup_free char *text = text_printable(c->text);
        table_text(t, 6, text);
    }
}

static struct table *contents_table(const struct chunk_list *l) {
    static const struct column columns[] = {
        {"state", "state", COL_TEXT},      {"count", "chunks", COL_COUNT},
        {"bytes", "bytes", COL_BYTES},     {"resident", NULL, COL_BYTES},
        {"sample", "one is", COL_ADDR},    {"name", "what", COL_TEXT},
        {"text", "begins with", COL_TEXT},
    };
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    VEC(const struct chunk_row *) rows = {0};
    VEC(struct content) all = {0};
    for (size_t i = 0; i < l->rows.n; i++)
        vec_push(&rows, &l->rows.at[i]);
    vec_sort(&rows, by_content);
    for (size_t i = 0; i < rows.n; i++) {
        const struct chunk_row *c = rows.at[i];
        if (i == 0 || c->state != rows.at[i - 1]->state || c->name != rows.at[i - 1]->name)
            vec_push(&all, (struct content){.first = c});
        struct content *k = &all.at[all.n - 1];
        k->count++;
        k->bytes += c->size;
        k->resident += c->resident;
        if (!k->text)
            k->text = c->text;
    }
    vec_sort(&all, by_bytes);
    for (size_t i = 0; i < all.n; i++)
        add_content(t, l, &all.at[i]);
    vec_free(&rows);
    vec_free(&all);
    return t;
}

void malloc_chunks_print(struct run *r, const struct chunk_list *l) {
    struct table *t = l->with_text ? contents_table(l) : rows_table(l);
    if (r->json) {
        json_object_set_new(r->doc, l->with_text ? "contents" : "chunks", table_to_json(t));
        if (l->more)
            json_object_set_new(r->doc, "chunks_left_out", json_integer((json_int_t)l->more));
    } else {
        char n[FMT_MAX];
        fputc('\n', r->out);
        if (l->with_text)
            fprintf(r->out, "Chunks of %llu to %llu bytes:\n\n", (unsigned long long)l->size_from,
                    (unsigned long long)l->size_to);
        table_print(t, r->out, r->width);
        if (l->more)
            fprintf(r->out, "... and %s more.\n", fmt_count(n, l->more));
    }
    table_free(t);
}
