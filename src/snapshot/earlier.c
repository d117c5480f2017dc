#include "snapshot/earlier.h"

#include "base/bits.h"
#include "heapfile/heapfile.h"
#include "snapshot/same.h"
#include "snapshot/trail.h"
#include "v8/edges.h"
#include "v8/heap.h"
#include "v8/nodes.h"
#include <errno.h>
#include <string.h>

struct snapshot_earlier {
    char *path;
    struct heapfile *file;
    uint64_t process;
    uint32_t first;  /* its first object */
    uint64_t *taken; /* units of numbers */
};

/* --- the file --- */

struct trail_source {
    const struct spool *spool;
    uint64_t at;
};

static size_t more_trail(void *arg, char *buf, size_t n) {
    struct trail_source *s = arg;
    if (n > s->spool->n - s->at)
        n = (size_t)(s->spool->n - s->at);
    if (spool_read(s->spool, s->at, buf, n) < 0)
        return 0;
    s->at += n;
    return n;
}

static struct snapshot_trail *trail_new(struct trail_source *from) {
    struct snapshot_trail *t = mem_alloc(sizeof *t);
    t->more = more_trail;
    t->arg = from;
    return t;
}

static int refuse(const struct snapshot_earlier *s, const char *what, struct err *e) {
    return err_set(e, -EBADMSG, "Give one that `memwhy snapshot` wrote of this process before.",
                   "%s: %s", s->path, what);
}

/* Fresh numbers come from units that are not taken; so all of its own must be. */
static bool are_ids_taken(const struct snapshot_earlier *s) {
    const struct heapfile *f = s->file;
    for (uint32_t i = 0; i < f->nodes; i++)
        if (f->id[i] % 2 && !bits_get(s->taken, f->id[i] >> 16))
            return false;
    return true;
}

static int check(struct snapshot_earlier *s, struct err *e) {
    struct trail_source source = {&s->file->trail, 0};
    struct snapshot_trail *t = trail_new(&source);
    int r = s->file->trail.n ? 0 : refuse(s, "it does not say where its objects stood", e);
    if (r == 0 && (snapshot_trail_begin(t, &s->process, &s->first, s->taken) < 0 ||
                   s->first > s->file->nodes || !are_ids_taken(s)))
        r = refuse(s, "what it says of where its objects stood is damaged", e);
    free(t);
    return r;
}

int snapshot_earlier_open(const char *path, struct progress *p, struct snapshot_earlier **ret,
                          struct err *e) {
    struct heapfile *file;
    int r = heapfile_open(path, p, &file, e);
    if (r < 0)
        return r;
    struct snapshot_earlier *s = mem_zalloc(sizeof *s);
    s->path = mem_strdup(path);
    s->file = file;
    s->taken = bits_new(SNAPSHOT_UNITS);
    r = check(s, e);
    if (r < 0) {
        snapshot_earlier_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

void snapshot_earlier_free(struct snapshot_earlier *s) {
    if (!s)
        return;
    heapfile_free(s->file);
    free(s->taken);
    free(s->path);
    free(s);
}

/* --- names: strings of then as numbers of now --- */

/* Names of what is not there now, and of edges of ephemerons, which hold numbers. */
enum { NO_NAME = 0x1fffffff, EPHEMERON_NAME = 0x1ffffffe };

static int hex(char c) {
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Of a string as it is written in a snapshot of ours (snapshot/text.h). */
static uint64_t hash_written(const char *p, size_t n) {
    uint64_t hash = 0;
    for (const char *end = p + n; p < end;) {
        uint64_t unit = (unsigned char)*p++;
        if (unit == '\\' && p < end) {
            char c = *p++;
            unit = c == 'n' ? '\n' : (unsigned char)c;
            if (c == 'u' && end - p >= 4) {
                unit = (uint64_t)(hex(p[0]) << 12 | hex(p[1]) << 8 | hex(p[2]) << 4 | hex(p[3]));
                p += 4;
            }
        }
        hash = snapshot_hash_step(hash, unit);
    }
    return hash;
}

/* NULL: they cannot be read. */
static uint32_t *numbers_of_names(const struct heapfile *f, const struct snapshot_names *names) {
    enum { PIECE = 1 << 20 };
    uint32_t *ret = mem_alloc((f->strings + 1ull) * sizeof *ret);
    cleanup_free char *buf = NULL;
    size_t cap = 0;
    for (uint32_t i = 0, end; i < f->strings; i = end) {
        uint64_t from = i ? f->text_end[i - 1] : 0;
        for (end = i + 1; end < f->strings && f->text_end[end] - from <= PIECE;)
            end++;
        size_t n = (size_t)(f->text_end[end - 1] - from);
        if (n > cap)
            buf = mem_grow(buf, cap = n, 1);
        if (n && spool_read(&f->text, from, buf, n) < 0) {
            free(ret);
            return NULL;
        }
        for (uint32_t k = i; k < end; k++) {
            uint64_t at = k == i ? from : f->text_end[k - 1];
            uint32_t number =
                snapshot_name_find(names, hash_written(buf + (at - from), f->text_end[k] - at));
            ret[k] = number ? number : NO_NAME;
        }
    }
    for (size_t i = 0; i < f->ephemerons.n; i++)
        ret[f->ephemerons.at[i].string] = EPHEMERON_NAME;
    return ret;
}

/* --- two graphs --- */

static uint32_t fold(uint64_t a, uint64_t b) {
    uint64_t h = hash_mix(a ^ 0x9E3779B97F4A7C15ull, b ^ 0xD6E8FEB86659FD93ull);
    return (uint32_t)(h ^ h >> 32);
}

/* Strings and regular expressions are named by their content, which may be blanked. */
static uint32_t look_of(unsigned kind, uint32_t name) {
    return fold(kind, kind == V8_NODE_STRING || kind == V8_NODE_REGEXP ? 0 : name);
}

static uint32_t key_of(unsigned kind, uint32_t name) {
    return name << 3 | kind;
}

/* `first` remains the caller's. */
static void graph_new(struct snapshot_graph *g, uint32_t n, uint64_t edges, uint32_t *first) {
    g->n = n;
    g->first = first;
    g->edge = mem_alloc_random((edges + 1) * sizeof *g->edge);
    g->look = mem_alloc((n + 1ull) * sizeof *g->look);
    g->content = mem_zalloc((n + 1ull) * sizeof *g->content);
    g->numbered = bits_new(n);
    g->young = bits_new(n);
}

static void graph_done(struct snapshot_graph *g) {
    free(g->edge);
    free(g->look);
    free(g->content);
    free(g->numbered);
    vec_free(&g->number);
    free(g->rank);
    free(g->young);
}

static int then_edges(const struct heapfile *f, const uint32_t *number, struct snapshot_graph *g) {
    enum { PIECE = 4096 };
    struct heapfile_edges edges = {0};
    int r = 0;
    for (uint32_t at = 0, end; at < f->nodes && r == 0; at = end) {
        end = f->nodes - at < PIECE ? f->nodes : at + PIECE;
        r = heapfile_edges(f, at, end, &edges);
        for (size_t i = 0; i < edges.list.n; i++) {
            const struct heapfile_edge *e = &edges.list.at[i];
            g->edge[f->first_edge[at] + i] = (struct snapshot_step){
                key_of(e->kind, heapfile_edge_is_named(e) ? number[e->name] : e->name), e->to};
        }
    }
    vec_free(&edges.list);
    return r;
}

static int find_then(const struct snapshot_earlier *s, const struct snapshot_names *names,
                     struct snapshot_graph *ret) {
    const struct heapfile *f = s->file;
    cleanup_free uint32_t *number = numbers_of_names(f, names);
    if (!number)
        return -EIO;
    graph_new(ret, f->nodes, f->edges, f->first_edge);
    for (uint32_t i = 0; i < f->nodes; i++) {
        ret->look[i] = look_of(f->kind[i], number[f->name[i]]);
        ret->content[i] = fold(0, heapfile_size(f, i));
    }
    return then_edges(f, number, ret);
}

static void now_nodes(const struct snapshot_later *l, struct snapshot_graph *g) {
    const struct snapshot_plan *p = l->plan;
    uint32_t n = v8_nodes_count(p->view->nodes), at = 0;
    struct trail_source source = {l->trail, 0};
    struct snapshot_trail *t = trail_new(&source);
    snapshot_trail_begin_objects(t);
    for (; at < p->first_heap; at++) {
        g->look[at] = look_of(V8_NODE_SYNTHETIC, l->name[at]);
        g->content[at] = fold(0, 0);
    }
    for (uint32_t node = 0; node < n; node++) {
        if (!bits_get(p->in, node))
            continue;
        enum v8_node_kind kind = snapshot_kind(l->kinds, node);
        g->look[at] = look_of(kind, l->name[at]);
        snapshot_trail_next(t);
        g->content[at] = fold(t->content.all, snapshot_bytes(p, l->look, node, kind));
        snapshot_graph_number(g, at, t->content.first);
        if (t->is_young)
            bits_set(g->young, at);
        at++;
    }
    for (size_t i = 0; i < p->stores.n; i++, at++) {
        g->look[at] = look_of(V8_NODE_NATIVE, l->name[at]);
        g->content[at] = fold(0, p->stores.at[i].bytes);
    }
    free(t);
}

static int find_now(const struct snapshot_later *l, struct snapshot_graph *ret) {
    uint32_t n = l->plan->n, name, to;
    uint64_t at = 0;
    unsigned kind;
    int r = 0;
    uint32_t *first = mem_alloc((n + 1ull) * sizeof *first);
    graph_new(ret, n, l->spool->edges, first);
    now_nodes(l, ret);
    first[0] = 0;
    for (uint32_t i = 0; i < n; i++)
        first[i + 1] = first[i] + snapshot_count(l->counts, i);
    struct snapshot_block *block = mem_alloc(sizeof *block);
    for (size_t i = 0; i < l->spool->block.n && r == 0; i++) {
        r = snapshot_block_read(l->spool, i, block);
        while (r == 0 && snapshot_block_next(block, &kind, &name, &to)) {
            bool named = kind != EDGE_ELEMENT && kind != EDGE_HIDDEN;
            if (named && name && name < l->names->first)
                name = EPHEMERON_NAME;
            ret->edge[at++] = (struct snapshot_step){key_of(kind, name), to};
        }
    }
    free(block);
    return r;
}

/* --- where objects stood --- */

/* A page of the young generation is emptied as a whole, and soon filled again: nothing in it stands
 * where it stood unless all does, what has become garbage too. As it is, it may also become one of
 * the old generation, or others are filled where it was. */
struct standing {
    const struct snapshot_later *later;
    struct snapshot_same *same;
    VEC(bool) emptied; /* by unit */
    VEC(uint32_t) end; /* the same: behind its last node */
    uint64_t objects;  /* of then */
};

static void take_object(struct standing *st, const struct heapfile *f, uint32_t i,
                        const struct snapshot_trail *t) {
    const struct snapshot_plan *p = st->later->plan;
    uint32_t node = v8_node_at(p->view->nodes, t->addr | 1);
    const struct v8_page *page = v8_pages_at(&p->view->heap->pages, t->addr);
    bool is_there =
        node != V8_NO_NODE && (f->kind[i] == V8_NODE_STRING || !heapfile_size(f, i) ||
                               v8_node_bytes(p->view->nodes, node) == heapfile_size(f, i));
    if (t->is_young && page && page->space == V8_NEW && !is_there)
        st->emptied.at[st->emptied.n - 1] = true;
    uint32_t ordinal = node == V8_NO_NODE ? SNAPSHOT_NOT : snapshot_ordinal(p, node);
    struct snapshot_graph *then = &st->same->then, *now = &st->same->now;
    then->content[i] = fold(t->content.all, heapfile_size(f, i));
    snapshot_graph_number(then, i, t->content.first);
    if (t->is_young)
        bits_set(then->young, i);
    st->end.at[st->end.n - 1] = i + 1;
    if (ordinal != SNAPSHOT_NOT && now->look[ordinal] == then->look[i] &&
        (bits_get(now->young, ordinal) == t->is_young || now->content[ordinal] == then->content[i]))
        st->same->there[i] = ordinal;
}

static int find_standing(const struct snapshot_earlier *s, struct standing *st) {
    struct trail_source source = {&s->file->trail, 0};
    struct snapshot_trail *t = trail_new(&source);
    struct snapshot_same *same = st->same;
    uint32_t n = s->file->nodes, first = 0;
    uint64_t process;
    cleanup_free uint64_t *taken = bits_new(SNAPSHOT_UNITS);
    same->there = mem_alloc((n + 1ull) * sizeof *same->there);
    memset(same->there, 0xff, n * sizeof *same->there);
    int r = snapshot_trail_begin(t, &process, &first, taken);
    for (uint32_t i = first; r == 0 && i < n && snapshot_trail_next(t); i++) {
        if (t->begins || !st->emptied.n) {
            vec_push(&st->emptied, false);
            vec_push(&st->end, i);
        }
        take_object(st, s->file, i, t);
        st->objects++;
    }
    free(t);
    same->units = (uint32_t)st->end.n;
    same->unit_first = first;
    same->unit_end = st->end.at;
    for (uint32_t u = 0, i = first; u < same->units; u++)
        for (; i < same->unit_end[u]; i++)
            if (st->emptied.at[u])
                same->there[i] = SNAPSHOT_NONE;
    return r;
}

/* --- numbers --- */

/* What is still there has the number it had. */
static int give(const struct snapshot_earlier *s, const struct snapshot_same *same,
                struct snapshot_plan *p, uint64_t *ret_kept) {
    uint32_t *id = same->then_of; /* may be overwritten */
    uint64_t kept = 0;
    memcpy(p->ids.taken, s->taken, SNAPSHOT_UNITS / 8);
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t then = same->then_of[i];
        if (i < p->first_heap)
            id[i] = 2 * i + 1;
        else if (then != SNAPSHOT_NONE)
            id[i] = s->file->id[then];
        else if (!(id[i] = snapshot_id_fresh(&p->ids)))
            return -E2BIG;
        kept += i >= p->first_heap && i < p->first_store && then != SNAPSHOT_NONE;
    }
    *ret_kept = kept;
    return 0;
}

static int match(const struct snapshot_earlier *s, const struct snapshot_later *l,
                 struct snapshot_same *same, uint64_t *ret_kept, uint64_t *ret_before) {
    struct standing st = {.later = l, .same = same};
    int r = find_now(l, &same->now);
    if (r == 0)
        r = find_then(s, l->names, &same->then);
    if (r == 0)
        r = find_standing(s, &st);
    vec_free(&st.emptied);
    *ret_before = st.objects;
    if (r < 0)
        return r;
    same->lists = SNAPSHOT_FIRST_SUBROOT + l->plan->n_subroots;
    if (s->first < same->lists)
        return -EBADMSG;
    snapshot_same_find(same);
    return give(s, same, l->plan, ret_kept);
}

int snapshot_earlier_match(const struct snapshot_earlier *s, const struct snapshot_later *later,
                           uint64_t *ret_kept, uint64_t *ret_before, struct err *e) {
    struct snapshot_same same = {0};
    if (snapshot_process(later->secret) != s->process)
        return err_set(e, -EINVAL, "Compare by classes: `memwhy compare`.",
                       "%s is of another process, or of another of its isolates", s->path);
    int r = match(s, later, &same, ret_kept, ret_before);
    if (r == -E2BIG)
        err_set(e, r, "Begin anew: take one without --after.",
                "all numbers that objects of a snapshot can have were given before %s", s->path);
    else if (r < 0)
        err_set(e, r, "Begin anew: take one without --after.", "%s cannot be read: %s", s->path,
                strerror(-r));
    later->plan->given = r == 0 ? same.then_of : NULL;
    graph_done(&same.then);
    graph_done(&same.now);
    free(same.now.first);
    free(same.there);
    free(same.unit_end);
    free(same.now_of);
    if (r < 0)
        free(same.then_of);
    return r;
}
