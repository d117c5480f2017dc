#include "v8/v8.h"

#include "base/debug.h"
#include "v8/heap.h"
#include "v8/limits.h"
#include "v8/liveness.h"
#include "v8/shapes.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void note(struct v8_census *c, const char *fmt, ...) {
    char *s = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) >= 0)
        vec_push(&c->notes, s);
    va_end(ap);
}

static int by_address(const void *a, const void *b) {
    const struct v8_store *x = a, *y = b;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->isolate < y->isolate ? -1 : x->isolate > y->isolate;
}

/* Several objects may share one store (also across isolates): keep the longest view of each, and
 * the first isolate, whatever order the walkers met them in. */
static void take_stores(const struct image *img, struct v8_census *c, struct v8_walk *walk) {
    const struct region_list *regions = image_regions(img);
    vec_sort(&walk->stores, by_address);
    for (size_t i = 0; i < walk->stores.n; i++) {
        struct v8_store s = walk->stores.at[i];
        if (c->stores.n && c->stores.at[c->stores.n - 1].addr == s.addr)
            continue;
        size_t r = region_lower_bound(regions, s.addr);
        if (s.kind == V8_STORE_STRING && r < regions->n && regions->at[r].start <= s.addr &&
            regions->at[r].kind == REGION_FILE)
            continue; /* Node's own sources: the text is part of the binary */
        if (s.kind != V8_STORE_STRING && !s.resizable && r < regions->n &&
            regions->at[r].start == s.addr && region_is_guarded(regions, r))
            s.kind = V8_STORE_WASM;
        vec_push(&c->stores, s);
        if (s.isolate >= c->isolates.n)
            continue;
        struct v8_isolate_census *iso = &c->isolates.at[s.isolate];
        if (s.kind == V8_STORE_STRING) {
            iso->external_string_bytes += s.bytes;
        } else if (s.kind != V8_STORE_WASM && !s.resizable) {
            iso->array_buffer_bytes += s.bytes;
            iso->array_buffer_count++;
        }
    }
}

static uint64_t space_counter(const struct image *img, const struct v8_layout *l, uint64_t owner) {
    uint64_t v = 0;
    if (l->facts.space_size_word >= 0)
        image_read_u64(img, owner + 8 * (uint64_t)l->facts.space_size_word, &v);
    return v;
}

static bool is_paged(int space) {
    return space == V8_OLD || space == V8_CODE || space == V8_MAP || space == V8_TRUSTED ||
           space == V8_SHARED || space == V8_SHARED_TRUSTED;
}

/* NewSpace::Size() up to the page `g` with the top: earlier pages count whole, fillers and all. */
static uint64_t filled_up_to(struct v8_pages *p, const struct v8_page *g, uint64_t top) {
    uint64_t sum = top - g->area_start;
    size_t guard = 0;
    for (const struct v8_page *n = v8_pages_by_base(p, g->prev);
         n && n->owner == g->owner && guard++ < p->list.n; n = v8_pages_by_base(p, n->prev))
        sum += n->area_end - n->area_start;
    return sum;
}

/* The new space is filled in the order of its list, up to the top of its area. Where no area is
 * open, or several may be it, the one that explains what the walk found is it. */
static uint64_t new_space_used(struct v8_pages *p, const struct v8_lab_list *labs, int isolate,
                               uint64_t walked) {
    uint64_t best = walked;
    bool best_open = false;
    for (size_t i = 0; i < labs->list.n; i++) {
        const struct v8_lab *lab = &labs->list.at[i];
        const struct v8_page *g = v8_pages_at(p, lab->top - 8);
        bool open = lab->limit > lab->top;
        if (!g || !g->in_use || g->isolate != isolate || g->space != V8_NEW ||
            !(g->flags & V8_PAGE_TO) || lab->top < g->area_start || lab->top > g->area_end)
            continue;
        uint64_t filled = filled_up_to(p, g, lab->top);
        if (filled >= walked && (best == walked || (open && !best_open))) {
            best = filled;
            best_open = open;
        }
    }
    return best;
}

/* What V8 reports as space_used_size. A paged space keeps a counter, which is higher than the sum
 * of objects by what was cut off them in place; where it cannot be, the walk's sum stands. */
static uint64_t space_used(const struct v8_layout *l, const struct v8_space_census *s) {
    uint64_t objects = s->part[V8_OBJECTS].bytes, lab = s->part[V8_LAB].bytes;
    uint64_t walked = objects + (l->facts.used_counts_lab ? lab : 0);
    uint64_t counted =
        l->facts.used_counts_lab || s->accounted < lab ? s->accounted : s->accounted - lab;
    bool sane = counted >= objects && counted - objects <= lab + s->part[V8_FREE].bytes;
    return s->accounted && sane ? counted : walked;
}

static void take_spaces(const struct image *img, const struct v8_layout *l, struct v8_pages *p,
                        const struct v8_lab_list *labs, struct v8_walk *walk, struct v8_census *c) {
    size_t n = c->isolates.n;
    for (size_t i = 0; i < n; i++)
        for (int s = 0; s < V8_SPACES; s++) {
            struct v8_space_census *to = &c->isolates.at[i].space[s];
            *to = walk->space[i][s];
            c->unwalked_bytes += to->part[V8_UNWALKED].bytes;
        }
    c->read_only = walk->space[n][V8_READ_ONLY];
    c->read_only.used = c->read_only.part[V8_OBJECTS].bytes;
    c->unwalked_bytes += c->read_only.part[V8_UNWALKED].bytes;
    for (size_t i = 0; i < p->list.n; i++) {
        const struct v8_page *g = &p->list.at[i];
        if (!g->in_use || g->isolate < 0 || !is_paged(g->space))
            continue;
        struct v8_space_census *s = &c->isolates.at[g->isolate].space[g->space];
        if (!s->accounted)
            s->accounted = space_counter(img, l, g->owner);
    }
    for (size_t i = 0; i < n; i++)
        for (int s = 0; s < V8_SPACES; s++) {
            struct v8_space_census *to = &c->isolates.at[i].space[s];
            to->used = s == V8_NEW ? new_space_used(p, labs, (int)i, to->part[V8_OBJECTS].bytes)
                                   : space_used(l, to);
        }
}

static void take_pages(const struct image *img, const struct v8_pages *p, struct v8_census *c) {
    const struct residency *res = image_residency(img);
    for (size_t i = 0; i < p->list.n; i++) {
        const struct v8_page *g = &p->list.at[i];
        vec_push(&c->pages, (struct v8_range){.start = g->addr,
                                              .end = g->addr + g->size,
                                              .space = g->in_use ? (int16_t)g->space : -1,
                                              .isolate = g->in_use ? g->isolate : -1});
        if (g->in_use)
            continue;
        c->stale.pages++;
        c->stale.bytes += g->size;
        if (res)
            c->stale.resident += residency_bytes(res, g->addr, g->addr + g->size);
    }
}

/* Whose thread runs an isolate: the one on whose stack the isolate's address stands most often. */
static void name_isolates(const struct image *img, struct v8_census *c) {
    enum { STACK_LOOK = 256 << 10 };
    size_t n_threads;
    const struct image_thread *t = image_threads(img, &n_threads);
    size_t n = c->isolates.n;
    cleanup_free unsigned *best = mem_zalloc((n + 1) * sizeof *best);
    cleanup_free uint64_t *buf = mem_alloc(STACK_LOOK);
    cleanup_free unsigned *votes = mem_zalloc((n + 1) * sizeof *votes);
    for (size_t i = 0; i < n_threads; i++) {
        if (!t[i].has_regs)
            continue;
        const struct region *r = region_find(image_regions(img), t[i].regs[IMAGE_RSP]);
        if (!r)
            continue;
        uint64_t from = t[i].regs[IMAGE_RSP] & ~7ull;
        uint64_t len = r->end - from < STACK_LOOK ? r->end - from : STACK_LOOK;
        size_t words = image_read_prefix(img, from, buf, len) / 8;
        memset(votes, 0, n * sizeof *votes);
        for (size_t k = 0; k < words; k++)
            for (size_t v = 0; v < n; v++)
                votes[v] += buf[k] == c->isolates.at[v].isolate && buf[k];
        for (size_t v = 0; v < n; v++)
            if (votes[v] > best[v]) {
                best[v] = votes[v];
                c->isolates.at[v].tid = t[i].tid;
            }
    }
}

static void sort_isolates(struct v8_census *c, struct v8_pages *p, pid_t pid) {
    /* Main first: the isolate of the main thread; where no stack tells, the first that was found.
     */
    size_t main_index = 0;
    for (size_t i = 0; i < c->isolates.n; i++)
        if (c->isolates.at[i].tid == pid)
            main_index = i;
    if (main_index) {
        struct v8_isolate_census tmp = c->isolates.at[0];
        c->isolates.at[0] = c->isolates.at[main_index];
        c->isolates.at[main_index] = tmp;
        for (size_t i = 0; i < p->list.n; i++) {
            int *k = &p->list.at[i].isolate;
            *k = *k == 0 ? (int)main_index : *k == (int)main_index ? 0 : *k;
        }
    }
    for (size_t i = 0; i < c->isolates.n; i++) {
        struct v8_isolate_census *iso = &c->isolates.at[i];
        if (i == 0)
            snprintf(iso->name, sizeof iso->name, "main");
        else
            snprintf(iso->name, sizeof iso->name, "worker-%zu", i);
    }
}

/* What a census finds on its way. */
struct finding {
    struct v8_heap heap;
    struct v8_liveness liveness;
    struct v8_shape_counter *counter;
    struct v8_shapes shapes;
};

static void finding_done(struct finding *f) {
    v8_shapes_done(&f->shapes);
    v8_shape_counter_free(f->counter);
    v8_liveness_done(&f->liveness);
    v8_heap_done(&f->heap);
}

static const char *why_unknown(const struct v8_liveness *k) {
    return k->roots.globals_found ? "a page claims more references than it can hold"
                                  : "the global handles of an isolate were not found";
}

/* Whoever wants to be told of objects, at most one. */
static void set_sink(struct image *img, const struct v8_layout *l, unsigned flags,
                     struct finding *f) {
    if (flags & V8_LIVENESS && v8_nodes_new(img, l, &f->heap.pages, &f->liveness.nodes) == 0) {
        f->heap.walk.sink = v8_nodes_sink(f->liveness.nodes);
    } else if (flags & V8_SHAPES) {
        f->counter = v8_shape_counter_new(&f->heap.pages);
        f->heap.walk.sink = v8_shape_counter_sink(f->counter);
    }
}

static int find_everything(struct image *img, const struct v8_layout *l, unsigned flags,
                           struct finding *f, struct v8_census *c, struct err *e) {
    struct v8_heap *heap = &f->heap;
    v8_heap_find(img, l, heap);
    unsigned semi_spaces = v8_limits_semi_spaces(img, l);
    for (size_t i = 0; i < heap->isolates.list.n; i++) {
        const struct v8_isolate *iso = &heap->isolates.list.at[i];
        struct v8_isolate_census ic = {.isolate = iso->isolate,
                                       .heap = iso->heap,
                                       .roots = iso->roots,
                                       .gc_state = iso->gc_state};
        v8_limits_read(img, l, iso->heap, semi_spaces, &ic.limits);
        vec_push(&c->isolates, ic);
    }
    c->in_collection = v8_heap_in_collection(heap);
    if (c->in_collection && !(flags & V8_ACCEPT_COLLECTION))
        return -EAGAIN;
    if (!heap->isolates.list.n)
        return err_set(e, -ENODATA, NULL, "no isolate was found (V8 is starting or has ended)");
    name_isolates(img, c);
    sort_isolates(c, &heap->pages, image_pid(img));
    set_sink(img, l, flags, f);
    v8_heap_walk(img, l, heap);
    take_spaces(img, l, &heap->pages, &heap->labs, &heap->walk, c);
    take_stores(img, c, &heap->walk);
    if (f->counter)
        f->shapes = v8_shape_counter_end(f->counter);
    if (f->liveness.nodes)
        v8_liveness_take(img, l, heap, &f->liveness, c);
    if (f->liveness.nodes && !c->has_liveness)
        note(c, "which objects live is not known: %s", why_unknown(&f->liveness));
    return 0;
}

/* A table made for another version is believed only if it explains the whole heap: every page of a
 * live isolate is in a space's list, and every page walks to its end. */
static bool explains(const struct v8_pages *p, const struct v8_census *c) {
    uint64_t in_use = 0, left_over = 0;
    for (size_t i = 0; i < p->list.n; i++) {
        const struct v8_page *g = &p->list.at[i];
        in_use += g->in_use ? g->size : 0;
        for (size_t k = 0; !g->in_use && k < c->isolates.n; k++)
            left_over += g->heap == c->isolates.at[k].heap ? g->size : 0;
    }
    return left_over <= in_use / 8 && c->unwalked_bytes == 0;
}

/* Pages are all that is certain: whose they are and what is in them is not. */
static void forget_isolates(const struct v8_layout *l, struct v8_census *c) {
    vec_free(&c->isolates);
    vec_free(&c->stores);
    c->read_only = (struct v8_space_census){0};
    c->stale = (struct v8_stale){0};
    c->unwalked_bytes = 0;
    note(c,
         "no layout is known for V8 %s, and that of %s does not explain this heap: its pages are "
         "counted, what is in them is not known",
         l->v8_version, l->table);
}

static int visit_heap(struct image *img, const struct v8_layout *l, const struct finding *f,
                      const struct v8_census *c, const struct v8_visit *visit, struct err *e) {
    struct v8_view view = {.img = img, .l = l, .heap = &f->heap, .census = c};
    if (f->liveness.live) {
        view.nodes = f->liveness.nodes;
        view.roots = &f->liveness.roots;
        view.live = f->liveness.live;
    } else if (f->counter) {
        view.shapes = &f->shapes;
    }
    if (!visit || !c->layout_known || (!view.live && !view.shapes))
        return 0;
    if (view.live && !c->has_liveness)
        return err_set(e, -ENOTSUP, NULL, "which objects live is not known: %s",
                       why_unknown(&f->liveness));
    return visit->see(visit->arg, &view, e);
}

int v8_census_take(struct image *img, const struct v8_layout *l, unsigned flags,
                   const struct v8_visit *visit, struct v8_census *ret, struct err *e) {
    struct finding found = {0};
    struct v8_pages *pages = &found.heap.pages;
    int r = 0;
    snprintf(ret->v8_version, sizeof ret->v8_version, "%s", l->v8_version);
    snprintf(ret->node_version, sizeof ret->node_version, "%s", l->node_version);
    if (!l->explained) {
        v8_pages_find(img, l, 0, pages);
        take_pages(img, pages, ret);
        ret->stale = (struct v8_stale){0};
        finding_done(&found);
        return 0;
    }
    r = find_everything(img, l, flags, &found, ret, e);
    if (r == -ENODATA && pages->list.n) {
        take_pages(img, pages, ret);
        ret->stale = (struct v8_stale){0};
        note(ret, "V8's pages are there, but no isolate that owns them could be found");
        r = 0;
    } else if (r == 0) {
        ret->layout_known = l->exact || explains(pages, ret);
        take_pages(img, pages, ret);
        if (ret->layout_known && !l->exact)
            note(ret,
                 "no table is made for V8 %s; that of %s explains this whole heap and was used",
                 l->v8_version, l->table);
        if (!ret->layout_known)
            forget_isolates(l, ret);
        if (ret->unwalked_bytes && !(flags & V8_ACCEPT_UNWALKED))
            r = -EBUSY;
        else if (ret->unwalked_bytes)
            note(ret, "%llu bytes on V8's heap could not be walked%s",
                 (unsigned long long)ret->unwalked_bytes,
                 ret->in_collection ? " because a collection was under way" : "");
        if (r == 0)
            r = visit_heap(img, l, &found, ret, visit, e);
    }
    finding_done(&found);
    return r;
}
