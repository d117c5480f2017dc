#include "snapshot/same.h"

#include "base/bits.h"
#include "base/hash.h"
#include "base/search.h"
#include "base/vec.h"
#include "snapshot/order.h"
#include <string.h>

enum { KEY_WEAK = 6, KEY_KIND = 7 };

/* How often a hash was met: never, once, more often; two that fall together count as one that was
 * met twice, which errs to the safe side. */
struct census {
    uint64_t *once, *more;
    uint64_t mask;
};

struct pair {
    uint32_t then, now;
};

enum round { STANDING, MOVED };

struct walk {
    struct snapshot_same *s;
    enum round round;
    uint64_t *stood;                              /* nodes of then whose page was not emptied */
    struct census content[2], number[2], deep[2]; /* of what is not settled: then, now */
    VEC(uint32_t) rest;                           /* the same, to be walked from: nodes of then */
    VEC(uint32_t) open;                           /* walked from, but not all below it was found */
    VEC(struct pair) doubtful;                    /* in the same place, but perhaps not the same */
    size_t doubted;
    uint64_t *was_doubtful; /* nodes of then */
    VEC(uint32_t) left[2];  /* of one pair: below it, not settled */
};

/* --- fingerprints --- */

static uint64_t mix(uint64_t a, uint64_t b) {
    return hash_mix(a ^ 0x9E3779B97F4A7C15ull, b ^ 0xD6E8FEB86659FD93ull);
}

static uint64_t plain(const struct snapshot_graph *g, uint32_t node) {
    return mix(g->look[node], g->content[node]);
}

/* 0: it has not several. */
static uint32_t number_of(const struct snapshot_graph *g, uint32_t node) {
    uint64_t below = (1ull << (node % 64)) - 1;
    if (!bits_get(g->numbered, node))
        return 0;
    return g->number
        .at[g->rank[node / 64] + (uint32_t)__builtin_popcountll(g->numbered[node / 64] & below)];
}

static void rank_numbers(struct snapshot_graph *g) {
    uint32_t rank = 0;
    g->rank = mem_alloc((g->n / 64 + 1) * sizeof *g->rank);
    for (uint32_t i = 0; i <= g->n / 64; i++) {
        g->rank[i] = rank;
        rank += (uint32_t)__builtin_popcountll(g->numbered[i]);
    }
}

static uint64_t numbered(const struct snapshot_graph *g, uint32_t node) {
    return mix(g->look[node], number_of(g, node));
}

static bool has_same_number(const struct snapshot_same *s, uint32_t then, uint32_t now) {
    uint32_t number = number_of(&s->now, now);
    return number && number == number_of(&s->then, then);
}

/* With what it refers to, in whatever order. */
static uint64_t deep(const struct snapshot_graph *g, uint32_t node) {
    uint64_t sum = plain(g, node);
    for (uint32_t e = g->first[node]; e < g->first[node + 1]; e++)
        if ((g->edge[e].key & KEY_KIND) != KEY_WEAK)
            sum += mix(g->edge[e].key, plain(g, g->edge[e].to));
    return sum;
}

static void census_open(struct census *c, uint64_t n) {
    const uint64_t most = 1ull << 28; /* 64 MiB */
    c->mask = 1024;
    while (c->mask < 8 * n && c->mask < most)
        c->mask *= 2;
    c->once = bits_new(c->mask);
    c->more = bits_new(c->mask);
    c->mask--;
}

static void census_done(struct census *c) {
    free(c->once);
    free(c->more);
}

static void census_add(struct census *c, uint64_t hash) {
    uint64_t i = (hash ^ hash >> 32) & c->mask;
    bits_set(bits_get(c->once, i) ? c->more : c->once, i);
}

static bool is_rare(const struct census c[2], uint64_t hash) {
    uint64_t i = (hash ^ hash >> 32);
    return !bits_get(c[0].more, i & c[0].mask) && !bits_get(c[1].more, i & c[1].mask);
}

/* --- pairs --- */

static void settle(struct walk *w, uint32_t then, uint32_t now) {
    w->s->now_of[then] = now;
    w->s->then_of[now] = then;
    vec_push(&w->rest, then);
}

/* Are they the same although one stood elsewhere? `sure`: they are in the same place of what is the
 * same. */
static bool is_alike(const struct walk *w, uint32_t then, uint32_t now, bool sure) {
    const struct snapshot_same *s = w->s;
    if (bits_get(s->now.young, now) && !bits_get(s->then.young, then))
        return false;
    if (has_same_number(s, then, now) && is_rare(w->number, numbered(&s->now, now)))
        return true;
    if (s->then.content[then] != s->now.content[now])
        return false;
    if (is_rare(w->content, plain(&s->now, now)))
        return true;
    uint64_t hash = deep(&s->then, then);
    return hash == deep(&s->now, now) && (sure || is_rare(w->deep, hash));
}

/* True when it is settled what has become of `then`. */
static bool judge(struct walk *w, uint32_t then, uint32_t now, bool sure) {
    struct snapshot_same *s = w->s;
    if (s->now_of[then] != SNAPSHOT_NONE)
        return true;
    if (s->then_of[now] != SNAPSHOT_NONE || s->then.look[then] != s->now.look[now])
        return false;
    if (s->there[then] == now ||
        (w->round == MOVED && !bits_get(w->stood, then) && is_alike(w, then, now, sure))) {
        settle(w, then, now);
        return true;
    }
    if (w->round == MOVED && !bits_get(w->was_doubtful, then)) {
        bits_set(w->was_doubtful, then);
        vec_push(&w->doubtful, (struct pair){then, now});
    }
    return false;
}

static int by_key(const void *a, const void *b) {
    const struct snapshot_step *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->to < y->to ? -1 : x->to > y->to;
}

static size_t run_of(const struct snapshot_step *e, size_t n) {
    size_t k = 1;
    while (k < n && e[k].key == e[0].key)
        k++;
    return k;
}

/* Lists that agree from the start on, as most do, need not be sorted. */
static bool judge_in_step(struct walk *w, struct snapshot_step **a, size_t *n,
                          struct snapshot_step **b, size_t *m, bool sure) {
    bool all = true;
    for (; *n && *m && (*a)->key == (*b)->key; --*n, --*m, ++*a, ++*b) {
        if (*n > 1 && (*a)[1].key == (*a)->key)
            return false;
        all &= judge(w, (*a)->to, (*b)->to, sure);
    }
    return all && !*n;
}

/* Edges of the same name; of those of which there are several, none. True: nothing below `then` is
 * left to be found. */
static bool judge_named(struct walk *w, uint32_t then, uint32_t now, bool sure) {
    const struct snapshot_graph *t = &w->s->then, *g = &w->s->now;
    struct snapshot_step *a = t->edge + t->first[then], *b = g->edge + g->first[now];
    size_t n = t->first[then + 1] - t->first[then], m = g->first[now + 1] - g->first[now];
    if (judge_in_step(w, &a, &n, &b, &m, sure))
        return true;
    if (n && m) {
        qsort(a, n, sizeof *a, by_key);
        qsort(b, m, sizeof *b, by_key);
    }
    while (n && m) {
        size_t i = run_of(a, n), k = run_of(b, m);
        int order = a->key < b->key ? -1 : a->key > b->key;
        if (order == 0 && i == 1 && k == 1)
            judge(w, a->to, b->to, sure);
        if (order <= 0)
            a += i, n -= i;
        if (order >= 0)
            b += k, m -= k;
    }
    return false;
}

/* --- what is left below a pair --- */

typedef uint64_t fingerprint(const struct snapshot_graph *g, uint32_t node);

struct print {
    uint64_t hash;
    uint32_t node;
};

static int by_node(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int by_hash(const void *a, const void *b) {
    const struct print *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

/* Each once, sorted. */
static void find_left(struct walk *w, unsigned side, const struct snapshot_graph *g,
                      const uint32_t *other, uint32_t node) {
    size_t n = 0;
    w->left[side].n = 0;
    for (uint32_t e = g->first[node]; e < g->first[node + 1]; e++)
        if (other[g->edge[e].to] == SNAPSHOT_NONE)
            vec_push(&w->left[side], g->edge[e].to);
    vec_sort(&w->left[side], by_node);
    for (size_t i = 0; i < w->left[side].n; i++)
        if (!i || w->left[side].at[i] != w->left[side].at[i - 1])
            w->left[side].at[n++] = w->left[side].at[i];
    w->left[side].n = n;
}

static bool has_same_numbers(const struct snapshot_same *s, uint32_t then, uint32_t now) {
    return s->then.content[then] == s->now.content[now] || has_same_number(s, then, now);
}

/* Without a name, that it stands there is not enough: room is used again for the like. */
static void judge_by_place(struct walk *w) {
    const uint32_t *now = w->left[1].at;
    for (size_t i = 0; i < w->left[0].n; i++) {
        uint32_t then = w->left[0].at[i], there = w->s->there[then];
        size_t at = first_where(w->left[1].n, k, now[k] >= there);
        if (at < w->left[1].n && now[at] == there && w->s->then_of[there] == SNAPSHOT_NONE &&
            has_same_numbers(w->s, then, there))
            settle(w, then, there);
    }
}

/* Sorted; in the second half those of now. */
static struct print *prints_of_left(const struct walk *w, fingerprint *of, size_t *ret_then,
                                    size_t *ret_now) {
    struct print *p = mem_alloc((w->left[0].n + w->left[1].n + 1) * sizeof *p);
    size_t n = 0, m = 0;
    for (size_t i = 0; i < w->left[0].n; i++) {
        uint32_t then = w->left[0].at[i];
        if (w->s->now_of[then] == SNAPSHOT_NONE && !bits_get(w->stood, then))
            p[n++] = (struct print){of(&w->s->then, then), then};
    }
    for (size_t i = 0; n && i < w->left[1].n; i++)
        if (w->s->then_of[w->left[1].at[i]] == SNAPSHOT_NONE)
            p[n + m++] = (struct print){of(&w->s->now, w->left[1].at[i]), w->left[1].at[i]};
    qsort(p, n, sizeof *p, by_hash);
    qsort(p + n, m, sizeof *p, by_hash);
    *ret_then = n;
    *ret_now = m;
    return p;
}

static bool is_single(const struct print *p, size_t n, size_t i) {
    return (i == 0 || p[i - 1].hash != p[i].hash) && (i + 1 == n || p[i + 1].hash != p[i].hash);
}

static void judge_by_look(struct walk *w, fingerprint *of, bool sure) {
    size_t n, m;
    struct print *then = prints_of_left(w, of, &n, &m), *now = then + n;
    for (size_t i = 0, k = 0; i < n; i++) {
        while (k < m && now[k].hash < then[i].hash)
            k++;
        if (k < m && now[k].hash == then[i].hash && is_single(then, n, i) && is_single(now, m, k) &&
            is_alike(w, then[i].node, now[k].node, sure))
            settle(w, then[i].node, now[k].node);
    }
    free(then);
}

static void judge_left(struct walk *w, uint32_t then, uint32_t now, bool sure) {
    find_left(w, 0, &w->s->then, w->s->now_of, then);
    if (!w->left[0].n)
        return;
    find_left(w, 1, &w->s->now, w->s->then_of, now);
    judge_by_place(w);
    if (w->round == STANDING)
        return;
    judge_by_look(w, deep, sure);
    judge_by_look(w, plain, sure);
    judge_by_look(w, numbered, sure);
}

/* --- the walk --- */

static void look_below(struct walk *w, uint32_t then, uint32_t now, bool sure) {
    if (then >= w->s->lists && judge_named(w, then, now, sure))
        return;
    judge_left(w, then, now, sure);
    if (w->round == STANDING)
        vec_push(&w->open, then);
}

static void go(struct walk *w) {
    for (;;) {
        while (w->rest.n) {
            uint32_t then = w->rest.at[--w->rest.n];
            look_below(w, then, w->s->now_of[then], true);
        }
        if (w->doubted == w->doubtful.n)
            return;
        struct pair p = w->doubtful.at[w->doubted++];
        if (w->s->now_of[p.then] == SNAPSHOT_NONE && w->s->then_of[p.now] == SNAPSHOT_NONE)
            look_below(w, p.then, p.now, false);
    }
}

/* One in 64 is enough to know that a page was not emptied: of most pages all is found again. */
static void find_stood(struct walk *w) {
    enum { ENOUGH = 64 };
    const struct snapshot_same *s = w->s;
    for (uint32_t u = 0, from = s->unit_first; u < s->units; from = s->unit_end[u++]) {
        uint32_t kept = 0, all = s->unit_end[u] - from;
        for (uint32_t i = from; i < s->unit_end[u]; i++)
            kept += s->now_of[i] != SNAPSHOT_NONE;
        for (uint32_t i = from; kept && kept >= all / ENOUGH && i < s->unit_end[u]; i++)
            bits_set(w->stood, i);
    }
}

static void count_unsettled(struct walk *w) {
    const struct snapshot_same *s = w->s;
    for (unsigned side = 0; side < 2; side++) {
        const struct snapshot_graph *g = side ? &s->now : &s->then;
        const uint32_t *other = side ? s->then_of : s->now_of;
        uint64_t n = 0;
        for (uint32_t i = 0; i < g->n; i++)
            n += other[i] == SNAPSHOT_NONE && (side || !bits_get(w->stood, i));
        census_open(&w->content[side], n);
        census_open(&w->number[side], n);
        census_open(&w->deep[side], n);
        for (uint32_t i = 0; i < g->n; i++)
            if (other[i] == SNAPSHOT_NONE && (side || !bits_get(w->stood, i))) {
                census_add(&w->content[side], plain(g, i));
                census_add(&w->number[side], numbered(g, i));
                census_add(&w->deep[side], deep(g, i));
            }
    }
}

/* Nothing is left of the rest. */
static void open_again(struct walk *w) {
    vec_free(&w->rest);
    w->rest.at = w->open.at;
    w->rest.n = w->open.n;
    w->rest.cap = w->open.cap;
    w->open.at = NULL;
    w->open.n = w->open.cap = 0;
}

static void walk_done(struct walk *w) {
    for (unsigned side = 0; side < 2; side++) {
        census_done(&w->content[side]);
        census_done(&w->number[side]);
        census_done(&w->deep[side]);
        vec_free(&w->left[side]);
    }
    free(w->stood);
    free(w->was_doubtful);
    vec_free(&w->rest);
    vec_free(&w->open);
    vec_free(&w->doubtful);
}

static uint32_t *nothing(uint32_t n) {
    uint32_t *list = mem_alloc((n + 1ull) * sizeof *list);
    memset(list, 0xff, (n + 1ull) * sizeof *list);
    return list;
}

void snapshot_same_find(struct snapshot_same *s) {
    struct walk w = {.s = s, .stood = bits_new(s->then.n), .was_doubtful = bits_new(s->then.n)};
    rank_numbers(&s->then);
    rank_numbers(&s->now);
    s->now_of = nothing(s->then.n);
    s->then_of = nothing(s->now.n);
    for (uint32_t i = 0; i < s->lists; i++)
        settle(&w, i, i);
    go(&w);
    find_stood(&w);
    count_unsettled(&w);
    w.round = MOVED;
    open_again(&w);
    go(&w);
    snapshot_order_check(s);
    walk_done(&w);
}
