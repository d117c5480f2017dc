#include "cmd/map_rows.h"

#include "base/search.h"

#include <stdio.h>
#include <string.h>

void map_perms(const struct region *r, char ret[5]) {
    ret[0] = r->prot & REGION_R ? 'r' : '-';
    ret[1] = r->prot & REGION_W ? 'w' : '-';
    ret[2] = r->prot & REGION_X ? 'x' : '-';
    ret[3] = r->shared ? 's' : 'p';
    ret[4] = 0;
}

/* --- rows --- */

static bool is_equal(const struct map_row *a, const struct map_row *b) {
    return a->end == b->start && a->region->prot == b->region->prot &&
           a->region->shared == b->region->shared && a->region->kind == b->region->kind &&
           (a->owner == b->owner || (a->owner && b->owner && strcmp(a->owner, b->owner) == 0)) &&
           strcmp(a->region->name, b->region->name) == 0;
}

static void add_row(struct map_rows *rows, const struct map_choice *choice, struct map_row row) {
    if (row.start >= row.end)
        return;
    if (!choice->all && !row.region->prot && !row.resident_bytes)
        return;
    if (choice->owner &&
        (!row.owner || strncmp(row.owner, choice->owner, strlen(choice->owner)) != 0))
        return;
    row.pieces = 1;
    struct map_row *last = rows->list.n ? &rows->list.at[rows->list.n - 1] : NULL;
    if (last && !choice->all && is_equal(last, &row)) {
        last->end = row.end;
        last->resident_bytes += row.resident_bytes;
        last->pieces++;
        return;
    }
    vec_push(&rows->list, row);
}

/* The account leaves out what is empty and inaccessible; between its pieces lies just that. */
static void add_gap(struct map_rows *rows, const struct map_choice *choice, const struct region *r,
                    uint64_t start, uint64_t end, bool has_account) {
    add_row(rows, choice,
            (struct map_row){.start = start,
                             .end = end,
                             .region = r,
                             .owner = !has_account ? NULL
                                      : r->prot    ? "unknown"
                                                   : "reserved"});
}

static int by_address(const void *x, const void *y) {
    const struct map_row *a = x, *b = y;
    return a->start < b->start ? -1 : a->start > b->start;
}

static int by_size(const void *x, const void *y) {
    const struct map_row *a = x, *b = y;
    uint64_t m = a->end - a->start, n = b->end - b->start;
    return m > n ? -1 : m < n ? 1 : by_address(x, y);
}

static int by_resident(const void *x, const void *y) {
    const struct map_row *a = x, *b = y;
    return a->resident_bytes > b->resident_bytes   ? -1
           : a->resident_bytes < b->resident_bytes ? 1
                                                   : by_size(x, y);
}

void map_rows_collect(const struct evidence *ev, const struct map_choice *choice,
                      struct map_rows *ret) {
    const struct account *a = &ev->account;
    size_t k = 0;
    ret->has_resident = ev->has_account;
    for (size_t i = 0; i < ev->regions.n; i++) {
        const struct region *r = &ev->regions.at[i];
        uint64_t at = r->start;
        for (; k < a->pieces.n && a->pieces.at[k].start < r->end; k++) {
            const struct account_piece *p = &a->pieces.at[k];
            if (p->start < at)
                continue;
            add_gap(ret, choice, r, at, p->start, true);
            add_row(ret, choice,
                    (struct map_row){.start = p->start,
                                     .end = p->end,
                                     .resident_bytes = p->resident_bytes,
                                     .region = r,
                                     .owner = a->labels.at[p->owner]});
            at = p->end;
        }
        add_gap(ret, choice, r, at, r->end, ev->has_account);
    }
    if (choice->order != MAP_BY_ADDRESS)
        vec_sort(&ret->list, choice->order == MAP_BY_SIZE ? by_size : by_resident);
}

void map_rows_done(struct map_rows *rows) {
    vec_free(&rows->list);
}

/* --- owners of a range --- */

static size_t first_piece(const struct account *a, uint64_t start) {
    return first_where(a->pieces.n, i, a->pieces.at[i].end > start);
}

const char *map_main_owner(const struct evidence *ev, uint64_t start, uint64_t end,
                           unsigned *ret_others) {
    const struct account *a = &ev->account;
    cleanup_free uint64_t *weights = mem_zalloc((a->labels.n + 1) * sizeof *weights);
    unsigned seen = 0;
    size_t best = a->labels.n;
    for (size_t i = first_piece(a, start); i < a->pieces.n && a->pieces.at[i].start < end; i++) {
        const struct account_piece *p = &a->pieces.at[i];
        seen += !weights[p->owner];
        weights[p->owner] += (p->resident_bytes << 12) + (p->end - p->start);
        if (best == a->labels.n || weights[p->owner] > weights[best])
            best = p->owner;
    }
    if (ret_others)
        *ret_others = seen ? seen - 1 : 0;
    return best < a->labels.n ? a->labels.at[best] : NULL;
}

/* --- sizes --- */

static bool is_counted(const struct region *r) {
    return r->kind == REGION_ANON && !r->shared && (r->prot & (REGION_R | REGION_W));
}

struct counted {
    uint64_t size_bytes, resident_bytes;
    const char *owner; /* NULL unknown */
};

static int by_counted_size(const void *x, const void *y) {
    const struct counted *a = x, *b = y;
    return a->size_bytes < b->size_bytes ? -1 : a->size_bytes > b->size_bytes;
}

static int by_count(const void *x, const void *y) {
    const struct map_size *a = x, *b = y;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return a->size_bytes > b->size_bytes ? -1 : a->size_bytes < b->size_bytes;
}

/* The owner of all of them; else what most of them have in common: "v8" of v8/main/old. */
static void name_owner(const struct counted *at, size_t n, char *ret, size_t size) {
    size_t best = 0, best_votes = 0;
    bool same = true;
    for (size_t i = 0; i < n; i++) {
        if (!at[i].owner)
            continue;
        size_t votes = 0, top = strcspn(at[i].owner, "/");
        if (i && i < 64) /* enough to tell */
            same = same && at[0].owner && strcmp(at[i].owner, at[0].owner) == 0;
        for (size_t k = 0; i < 64 && k < n; k++)
            votes += at[k].owner && strncmp(at[k].owner, at[i].owner, top) == 0 &&
                     strcspn(at[k].owner, "/") == top;
        if (votes > best_votes) {
            best = i;
            best_votes = votes;
        }
    }
    if (!best_votes)
        ret[0] = 0;
    else if (same && best_votes == n)
        snprintf(ret, size, "%s", at[best].owner);
    else
        snprintf(ret, size, "%.*s", (int)strcspn(at[best].owner, "/"), at[best].owner);
}

static void add_counted(struct map_size *to, const struct counted *c) {
    to->count++;
    to->size_bytes += c->size_bytes;
    to->resident_bytes += c->resident_bytes;
}

void map_sizes_collect(const struct evidence *ev, struct map_sizes *ret) {
    VEC(struct counted) all = {0};
    for (size_t i = 0; i < ev->regions.n; i++) {
        const struct region *r = &ev->regions.at[i];
        if (!is_counted(r))
            continue;
        struct counted c = {.size_bytes = r->end - r->start,
                            .resident_bytes = residency_bytes(&ev->residency, r->start, r->end),
                            .owner = map_main_owner(ev, r->start, r->end, NULL)};
        vec_push(&all, c);
        add_counted(&ret->bins[c.size_bytes < MAP_SMALL_BYTES     ? MAP_SMALL
                               : c.size_bytes <= MAP_MIDDLE_BYTES ? MAP_MIDDLE
                                                                  : MAP_LARGE],
                    &c);
    }
    vec_sort(&all, by_counted_size);
    for (size_t i = 0, k; i < all.n; i = k) {
        struct map_size s = {0};
        for (k = i; k < all.n && all.at[k].size_bytes == all.at[i].size_bytes; k++)
            add_counted(&s, &all.at[k]);
        s.size_bytes = all.at[i].size_bytes;
        name_owner(&all.at[i], k - i, s.owner, sizeof s.owner);
        vec_push(&ret->exact, s);
    }
    vec_sort(&ret->exact, by_count);
    vec_free(&all);
}

void map_sizes_done(struct map_sizes *s) {
    vec_free(&s->exact);
}
