/* Joins the kernel's regions, V8's pages, malloc's spans and what V8's objects hold outside into
 * one account: claims over address ranges, laid over the regions, with residency deciding the
 * bytes. */
#include "base/limits.h"
#include "collect/collect.h"
#include "collect/unclaimed.h"

#include <stdio.h>
#include <string.h>

/* Who claims a range of addresses whole. Claims do not overlap. */
struct claim {
    uint64_t start, end;
    enum {
        CLAIM_V8,     /* a page: its parts are in the V8 census already */
        CLAIM_MALLOC, /* a span: its states are in the malloc census already */
        CLAIM_NAMED,  /* all of it belongs to `path` */
    } kind;
    const char *path; /* owner, for CLAIM_NAMED; label for the others */
};

struct builder {
    const struct image *img;
    const struct residency *res;
    struct evidence *ev;
    struct account *a;
    VEC(struct claim) claims;
    VEC(char *) strings;
    struct unclaimed unclaimed;
    uint64_t v8_resident, v8_pss, v8_swap; /* over all V8 pages, by pieces */
    uint64_t malloc_resident, malloc_pss, malloc_swap;
};

static const char *keep(struct builder *b, char *s) {
    vec_push(&b->strings, s);
    return s;
}

static void claim(struct builder *b, uint64_t start, uint64_t end, int kind, const char *path) {
    if (start < end)
        vec_push(&b->claims, (struct claim){start, end, kind, path});
}

/* --- claims --- */

/* "v8/main/old": one string per space, as there are thousands of pages. */
static const char *page_label(struct builder *b, const struct v8_range *page,
                              const char *(*labels)[V8_SPACES]) {
    const struct v8_census *c = &b->ev->v8;
    if (page->space < 0)
        return c->layout_known ? "v8/pool" : "v8";
    if (page->isolate < 0 || (size_t)page->isolate >= c->isolates.n)
        return "v8/read-only";
    const char **label = &labels[page->isolate][page->space];
    if (!*label)
        *label = keep(b, mem_printf("v8/%s/%s", c->isolates.at[page->isolate].name,
                                    v8_space_name((enum v8_space)page->space)));
    return *label;
}

static void claim_v8(struct builder *b) {
    const struct v8_census *c = &b->ev->v8;
    const char *(*labels)[V8_SPACES] = mem_zalloc((c->isolates.n + 1) * sizeof *labels);
    for (size_t i = 0; i < c->pages.n; i++) {
        const struct v8_range *page = &c->pages.at[i];
        claim(b, page->start, page->end, CLAIM_V8, page_label(b, page, labels));
    }
    free(labels);
}

static void claim_malloc(struct builder *b) {
    const struct malloc_census *c = &b->ev->malloc;
    for (size_t i = 0; b->ev->has_malloc && i < c->spans.n; i++) {
        const struct malloc_span *s = &c->spans.at[i];
        const char *label = s->arena == MALLOC_SPAN_MMAPPED ? "malloc/mmapped"
                            : s->arena == MALLOC_SPAN_WHOLE
                                ? keep(b, mem_printf("malloc/%s", malloc_kind_name(c->kind)))
                                : keep(b, mem_printf("malloc/arena-%d", s->arena));
        claim(b, s->start, s->end, CLAIM_MALLOC, label);
    }
}

static const char *store_path(const struct v8_store *s, bool in_arena) {
    switch (s->kind) {
    case V8_STORE_WASM:
        return "wasm/memory";
    case V8_STORE_STRING:
        return "strings/external";
    case V8_STORE_SHARED:
        return "arraybuffers/shared";
    case V8_STORE_BUFFER:
        break;
    }
    return in_arena ? "arraybuffers/malloc" : "arraybuffers/mmap";
}

/* Stores with a mapping of their own, or in that of an allocator which is not walked; those in
 * memory that is are moved between owners later. */
static void claim_stores(struct builder *b) {
    const struct v8_census *c = &b->ev->v8;
    bool other = b->ev->has_malloc && b->ev->malloc.kind != MALLOC_GLIBC;
    const struct region_list *l = image_regions(b->img);
    uint64_t done = 0;
    size_t span;
    for (size_t i = 0; b->ev->has_v8 && i < c->stores.n; i++) {
        const struct v8_store *s = &c->stores.at[i];
        uint64_t start = s->addr > done ? s->addr : done, end = s->addr + s->bytes;
        if (end <= start || v8_census_page(c, s->addr) ||
            (b->ev->has_malloc && malloc_census_owner(&b->ev->malloc, s->addr, &span)))
            continue;
        size_t r = region_lower_bound(l, s->addr);
        if (r == l->n || l->at[r].start > s->addr || l->at[r].kind != REGION_ANON)
            continue;
        if (end > l->at[r].end)
            end = l->at[r].end;
        if (!other)
            end = (end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1); /* it has the mapping to itself */
        done = end;
        claim(b, start, end, CLAIM_NAMED, store_path(s, other));
    }
}

static bool claimed(const struct builder *b, uint64_t addr) {
    for (size_t i = 0; i < b->claims.n; i++)
        if (addr >= b->claims.at[i].start && addr < b->claims.at[i].end)
            return true;
    return false;
}

/* WebAssembly memories whose JSArrayBuffer V8 has not made (version 14 makes it when asked). */
static void claim_wasm(struct builder *b) {
    const struct region_list *l = image_regions(b->img);
    for (size_t i = 0; b->ev->has_v8 && i < l->n; i++) {
        const struct region *r = &l->at[i];
        if (r->kind == REGION_ANON && r->prot == (REGION_R | REGION_W) && !r->shared &&
            region_is_guarded(l, i) && !claimed(b, r->start))
            claim(b, r->start, r->end, CLAIM_NAMED, "wasm/memory");
    }
}

static const char *thread_label(struct builder *b, const struct image_thread *t) {
    for (size_t i = 0; b->ev->has_v8 && i < b->ev->v8.isolates.n; i++)
        if (b->ev->v8.isolates.at[i].tid == t->tid)
            return keep(b, mem_printf("stacks/%s", b->ev->v8.isolates.at[i].name));
    return keep(b, mem_printf("stacks/%s", t->name[0] ? t->name : "thread"));
}

/* The kernel makes one mapping of neighbours: what others claim of it around `addr` is theirs. */
static void clip(const struct builder *b, uint64_t addr, uint64_t *start, uint64_t *end) {
    for (size_t i = 0; i < b->claims.n; i++) {
        const struct claim *c = &b->claims.at[i];
        if (c->start > addr && c->start < *end)
            *end = c->start;
        if (c->end <= addr && c->end > *start)
            *start = c->end;
    }
}

/* A thread's stack: the mapping its stack pointer is in. glibc puts the thread's control block and
 * static TLS at its top end, so the mapping may be cut where that ends. */
static void claim_stacks(struct builder *b) {
    enum { CONTROL_BLOCK_MAX = 4096 };
    size_t n;
    const struct image_thread *t = image_threads(b->img, &n);
    for (size_t i = 0; i < n; i++) {
        if (!t[i].has_regs)
            continue;
        const struct region *r = region_find(image_regions(b->img), t[i].regs[IMAGE_RSP]);
        if (!r || r->kind != REGION_ANON || claimed(b, t[i].regs[IMAGE_RSP]))
            continue;
        uint64_t fs = t[i].regs[IMAGE_FS_BASE], end = r->end;
        if (fs > t[i].regs[IMAGE_RSP] && fs < end) {
            uint64_t top = (fs + CONTROL_BLOCK_MAX + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
            if (top < end)
                end = top;
        }
        uint64_t start = r->start;
        clip(b, t[i].regs[IMAGE_RSP], &start, &end);
        claim(b, start, end, CLAIM_NAMED, thread_label(b, &t[i]));
    }
}

static int by_start(const void *x, const void *y) {
    const struct claim *a = x, *b = y;
    return a->start < b->start ? -1 : a->start > b->start;
}

/* Sort, and cut what overlaps an earlier claim: a hostile target may make us claim twice. */
static void settle_claims(struct builder *b) {
    vec_sort(&b->claims, by_start);
    uint64_t end = 0;
    size_t kept = 0;
    for (size_t i = 0; i < b->claims.n; i++) {
        struct claim c = b->claims.at[i];
        if (c.start < end)
            c.start = end;
        if (c.start >= c.end)
            continue;
        end = c.end;
        b->claims.at[kept++] = c;
    }
    b->claims.n = kept;
}

/* --- bytes --- */

/* Figures of smaps for a piece: its share of the region's, by resident bytes. */
static void apportion(const struct builder *b, const struct region *r, uint64_t resident,
                      uint64_t *ret_pss, uint64_t *ret_swap) {
    const struct evidence *ev = b->ev;
    const struct region *u = ev->usages ? region_find(&ev->usage_regions, r->start) : NULL;
    uint64_t rss = 0, pss = 0, swap = 0;
    *ret_pss = resident;
    *ret_swap = 0;
    if (!u)
        return;
    const struct usage *usage = &ev->usages[u - ev->usage_regions.at];
    if (usage_get(usage, USAGE_RSS, &rss) && usage_get(usage, USAGE_PSS, &pss) && rss)
        *ret_pss = (uint64_t)((double)resident * (double)pss / (double)rss + 0.5);
    if (usage_get(usage, USAGE_SWAP, &swap) && swap && rss)
        *ret_swap = (uint64_t)((double)resident * (double)swap / (double)rss + 0.5);
    else if (swap && u->start == r->start)
        *ret_swap = swap;
}

static void add_piece(struct builder *b, size_t region, uint64_t start, uint64_t end,
                      const struct claim *c, const char *label) {
    uint64_t resident = residency_bytes(b->res, start, end), pss, swap;
    apportion(b, &image_regions(b->img)->at[region], resident, &pss, &swap);
    vec_push(&b->a->pieces, (struct account_piece){.start = start,
                                                   .end = end,
                                                   .resident_bytes = resident,
                                                   .region = (uint32_t)region,
                                                   .owner = account_label(b->a, label)});
    if (c && c->kind == CLAIM_V8) {
        b->v8_resident += resident;
        b->v8_pss += pss;
        b->v8_swap += swap;
        return;
    }
    if (c && c->kind == CLAIM_MALLOC) {
        b->malloc_resident += resident;
        b->malloc_pss += pss;
        b->malloc_swap += swap;
        return;
    }
    struct owner *o = account_owner(b->a, label);
    o->resident_bytes += resident;
    o->pss_bytes += pss;
    o->swap_bytes += swap;
    if (!c || resident || strcmp(label, "unknown") != 0)
        o->virtual_bytes += end - start;
    if (strcmp(label, "unknown") == 0 && resident)
        vec_push(&b->a->unknown, (struct unknown_range){start, end, resident});
}

/* What nobody claimed. Reservations with nothing in them are left out; a core may call them
 * writable. */
static void add_unclaimed(struct builder *b, size_t region, uint64_t start, uint64_t end) {
    const struct region *r = &image_regions(b->img)->at[region];
    if ((!r->prot || (b->res->estimated && r->kind == REGION_ANON)) &&
        !residency_bytes(b->res, start, end))
        return;
    while (start < end) {
        uint64_t stop = end;
        const char *label = unclaimed_label(&b->unclaimed, region, start, &stop);
        add_piece(b, region, start, stop, NULL, label);
        start = stop;
    }
}

/* Lay the claims over the regions. */
static void walk_regions(struct builder *b) {
    const struct region_list *l = image_regions(b->img);
    size_t k = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct region *r = &l->at[i];
        uint64_t at = r->start;
        while (k < b->claims.n && b->claims.at[k].end <= at)
            k++;
        for (size_t j = k; at < r->end; j++) {
            const struct claim *c =
                j < b->claims.n && b->claims.at[j].start < r->end ? &b->claims.at[j] : NULL;
            uint64_t stop = c ? (c->start > at ? c->start : at) : r->end;
            add_unclaimed(b, i, at, stop);
            if (!c)
                break;
            at = c->end < r->end ? c->end : r->end;
            add_piece(b, i, stop, at, c, c->path);
        }
    }
}

static void add_tally(struct builder *b, uint64_t bytes, uint64_t resident, uint64_t pss_whole,
                      uint64_t swap_whole, uint64_t whole, const char *path) {
    struct owner *o = account_owner(b->a, path);
    o->virtual_bytes += bytes;
    o->resident_bytes += resident;
    if (whole) {
        o->pss_bytes += (uint64_t)((double)resident / (double)whole * (double)pss_whole + 0.5);
        o->swap_bytes += (uint64_t)((double)resident / (double)whole * (double)swap_whole + 0.5);
    }
}

static void add_v8(struct builder *b, const char *path, uint64_t bytes, uint64_t resident) {
    add_tally(b, bytes, resident, b->v8_pss, b->v8_swap, b->v8_resident, path);
}

static void add_space(struct builder *b, const char *prefix, const struct v8_space_census *s) {
    char path[128];
    for (int p = 0; p < V8_PARTS; p++) {
        if (!s->part[p].bytes)
            continue;
        snprintf(path, sizeof path, "%s/%s", prefix, v8_part_name((enum v8_part)p));
        add_v8(b, path, s->part[p].bytes, s->part[p].resident);
    }
}

static void distribute_v8(struct builder *b) {
    const struct v8_census *c = &b->ev->v8;
    char prefix[96];
    if (!b->ev->has_v8) {
        uint64_t bytes = 0;
        for (size_t i = 0; i < c->pages.n; i++)
            bytes += c->pages.at[i].end - c->pages.at[i].start;
        add_v8(b, "v8/pages", bytes, b->v8_resident);
        return;
    }
    for (size_t i = 0; i < c->isolates.n; i++)
        for (int s = 0; s < V8_SPACES; s++) {
            snprintf(prefix, sizeof prefix, "v8/%s/%s", c->isolates.at[i].name,
                     v8_space_name((enum v8_space)s));
            add_space(b, prefix, &c->isolates.at[i].space[s]);
        }
    add_space(b, "v8/read-only", &c->read_only);
    add_v8(b, "v8/pool", c->stale.bytes, c->stale.resident);
}

static void add_malloc(struct builder *b, const char *path, uint64_t bytes, uint64_t resident) {
    add_tally(b, bytes, resident, b->malloc_pss, b->malloc_swap, b->malloc_resident, path);
}

static const char *state_leaf(enum malloc_state s) {
    switch (s) {
    case MALLOC_IN_USE:
        return "in-use";
    case MALLOC_TCACHED:
        return "tcached";
    case MALLOC_FAST:
    case MALLOC_BINNED:
        return "free";
    case MALLOC_TOP:
        return "top";
    case MALLOC_METADATA:
        return "metadata";
    case MALLOC_RESERVE:
        return "reserve";
    case MALLOC_FREE_PAGES:
        return "free-pages";
    case MALLOC_UNWALKED:
    case MALLOC_STATES:
        break;
    }
    return "unwalked";
}

static void distribute_malloc(struct builder *b) {
    const struct malloc_census *c = &b->ev->malloc;
    char path[96];
    if (!b->ev->has_malloc)
        return;
    for (size_t i = 0; i < c->arenas.n; i++)
        for (int s = 0; s < MALLOC_STATES; s++) {
            const struct malloc_share *share = &c->arenas.at[i].share[s];
            snprintf(path, sizeof path, "malloc/arena-%zu/%s", i, state_leaf((enum malloc_state)s));
            if (share->bytes)
                add_malloc(b, path, share->bytes, share->resident);
        }
    if (c->mmapped.bytes)
        add_malloc(b, "malloc/mmapped/in-use", c->mmapped.bytes, c->mmapped.resident);
    for (int s = 0; s < MALLOC_STATES; s++) {
        snprintf(path, sizeof path, "malloc/%s/%s", malloc_kind_name(c->kind),
                 state_leaf((enum malloc_state)s));
        if (c->own[s].bytes)
            add_malloc(b, path, c->own[s].bytes, c->own[s].resident);
    }
}

/* Bytes of a store that lies in malloc memory leave the chunk's owner. */
static void move_store(struct builder *b, const struct v8_store *s, const struct malloc_span *span,
                       uint64_t start, uint64_t end) {
    char from[64];
    if (end > span->end)
        end = span->end;
    uint64_t resident = residency_bytes(b->res, start, end);
    if (span->arena >= 0)
        snprintf(from, sizeof from, "malloc/arena-%d/in-use", span->arena);
    else if (span->arena == MALLOC_SPAN_MMAPPED)
        snprintf(from, sizeof from, "malloc/mmapped/in-use");
    else
        snprintf(from, sizeof from, "malloc/%s/%s", malloc_kind_name(b->ev->malloc.kind),
                 b->ev->malloc.own_walked ? "in-use" : "unwalked");
    struct owner *o = account_owner(b->a, from);
    if (o->resident_bytes < resident || o->virtual_bytes < end - start)
        return; /* the store is in a chunk that is not in use: it was freed just now */
    o->resident_bytes -= resident;
    o->virtual_bytes -= end - start;
    uint64_t pss = o->pss_bytes < resident ? o->pss_bytes : resident;
    o->pss_bytes -= pss;
    const char *to = s->kind == V8_STORE_STRING           ? "strings/external"
                     : s->kind == V8_STORE_SHARED         ? "arraybuffers/shared"
                     : span->arena == MALLOC_SPAN_MMAPPED ? "arraybuffers/mmap"
                                                          : "arraybuffers/malloc";
    o = account_owner(b->a, to);
    o->resident_bytes += resident;
    o->virtual_bytes += end - start;
    o->pss_bytes += pss;
}

/* Is the chunk that holds this store in use? True where the census was not asked. */
static bool store_in_use(const struct malloc_census *c, size_t i) {
    if (i >= c->wanted.n)
        return true;
    const struct malloc_chunk *k = &c->wanted.at[i];
    return !k->size || k->state == MALLOC_IN_USE;
}

static void move_stores(struct builder *b) {
    const struct v8_census *v8 = &b->ev->v8;
    const struct malloc_census *c = &b->ev->malloc;
    uint64_t done = 0;
    size_t span;
    if (!b->ev->has_v8 || !b->ev->has_malloc)
        return;
    for (size_t i = 0; i < v8->stores.n; i++) {
        const struct v8_store *s = &v8->stores.at[i];
        uint64_t start = s->addr > done ? s->addr : done, end = s->addr + s->bytes;
        if (start >= end || !malloc_census_owner(c, start, &span) || !store_in_use(c, i))
            continue;
        done = end;
        move_store(b, s, &c->spans.at[span], start, end);
    }
}

void account_build(const struct image *img, struct evidence *ev) {
    struct builder b = {.img = img, .res = image_residency(img), .ev = ev, .a = &ev->account};
    if (!b.res)
        return;
    claim_v8(&b);
    claim_malloc(&b);
    claim_stacks(&b);
    claim_stores(&b);
    claim_wasm(&b);
    settle_claims(&b);
    unclaimed_init(&b.unclaimed, img, ev);
    walk_regions(&b);
    distribute_v8(&b);
    distribute_malloc(&b);
    move_stores(&b);
    ev->account.rss_bytes = image_kernel_rss(img);
    ev->account.has_pss = ev->usages != NULL;
    account_finish(&ev->account);
    ev->has_account = true;
    for (size_t i = 0; i < b.strings.n; i++)
        free(b.strings.at[i]);
    vec_free(&b.strings);
    unclaimed_done(&b.unclaimed);
    vec_free(&b.claims);
}
