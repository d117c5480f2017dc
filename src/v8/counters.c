#include "v8/counters_plan.h"

#include "base/limits.h"
#include "base/vec.h"
#include <errno.h>
#include <string.h>

/* libstdc++'s unordered_map (bits/hashtable.h): buckets, how many, the first node, how many
 * elements, and the load factor, 1.0; a node begins with the next one and the key. */
struct platform_map {
    uint64_t buckets, n_buckets, first, n, load_factor;
};
#define LOAD_FACTOR 0x3f800000u

enum {
    MAP_FROM = 8,
    MAP_TO = 0x80
}; /* where in a NodePlatform it may be: at 0x30, Node 12 to 26 */

static const uint64_t first_wait_ns = 200u * 1000000u, last_wait_ns = 30u * 1000000000ull;

struct v8_counters {
    const struct v8_recipe *r;
    uint64_t bias;
    uint64_t map; /* address; 0: not found yet */
    struct platform_map seen;
    VEC(struct v8_plan *) plans; /* of the isolates that are set up */
    struct v8_plan *main;        /* one of them, or NULL */
    size_t n_missing;            /* isolates in the map without a plan */
    bool unknown;                /* one of those does not fit */
    bool stale;                  /* one has ended */
    uint64_t next_ns, wait_ns;   /* when to look for the missing ones again */
};

struct v8_counters *v8_counters_new(const struct v8_recipe *r, uint64_t bias) {
    struct v8_counters *c = mem_zalloc(sizeof *c);
    c->r = r;
    c->bias = bias;
    return c;
}

void v8_counters_free(struct v8_counters *c) {
    if (!c)
        return;
    for (size_t i = 0; i < c->plans.n; i++)
        free(c->plans.at[i]);
    vec_free(&c->plans);
    free(c);
}

static bool is_address(uint64_t a) {
    return !(a & 7) && a >= PAGE_BYTES && a < LIMIT_USER_ADDR;
}

/* node::per_process::v8_platform points to the NodePlatform. */
static int find_map(struct v8_counters *c, const struct image *img) {
    enum { WORDS = 16 };
    uint64_t holder[WORDS] = {0}, platform[MAP_TO / 8 + 8];
    size_t n = c->r->platform_bytes / 8 < WORDS ? c->r->platform_bytes / 8 : WORDS;
    if (image_read(img, c->r->platform + c->bias, holder, 8 * n) < 0)
        return -ENODATA;
    for (size_t i = 0; i < n; i++) {
        if (!is_address(holder[i]) || image_read(img, holder[i], platform, sizeof platform) < 0 ||
            platform[0] != c->r->platform_vtable + c->bias)
            continue;
        for (size_t k = MAP_FROM / 8; k < MAP_TO / 8; k++)
            if ((uint32_t)platform[k + 4] == LOAD_FACTOR && is_address(platform[k])) {
                c->map = holder[i] + 8 * k;
                return 0;
            }
    }
    return -ENODATA;
}

/* The isolates in it; it may change meanwhile. */
static int list_isolates(const struct image *img, const struct platform_map *m, uint64_t *ret,
                         size_t max, size_t *ret_n) {
    uint64_t node[2], at = m->first;
    size_t n = 0;
    for (; at; at = node[0]) {
        if (n == max || n == m->n || !is_address(at) || image_read(img, at, node, sizeof node) < 0)
            return -EAGAIN;
        ret[n++] = node[1];
    }
    *ret_n = n;
    return n == m->n ? 0 : -EAGAIN;
}

static void add_plan(struct v8_counters *c, const struct image *img, uint64_t isolate) {
    struct v8_plan *p = mem_alloc(sizeof *p);
    struct v8_counts counts;
    int r = v8_plan_make(c->r, c->bias, img, isolate, p);
    /* What never fits is no plan: a collection or a change under way ends. */
    for (int n = 0; r == 0 && n < 3; n++)
        if (v8_plan_read(p, img, &counts) == 0)
            break;
    if (r < 0) {
        c->n_missing++;
        c->unknown |= r == -ENOTSUP;
        free(p);
        return;
    }
    vec_push(&c->plans, p);
}

/* Node gives a worker's isolate a share in its allocator, the main one none
 * (src/node_main_instance.cc, src/node_worker.cc). */
static void find_main(struct v8_counters *c) {
    size_t n = 0;
    c->main = NULL;
    for (size_t i = 0; i < c->plans.n; i++)
        if (c->plans.at[i]->lone_allocator) {
            c->main = c->plans.at[i];
            n++;
        }
    if (n != 1)
        c->main = c->plans.n == 1 && !c->n_missing ? c->plans.at[0] : NULL;
}

/* Plans for the isolates there are. */
static int look(struct v8_counters *c, const struct image *img, const struct platform_map *m) {
    uint64_t isolates[LIMIT_V8_ISOLATES];
    size_t n;
    int r = list_isolates(img, m, isolates, LIMIT_V8_ISOLATES, &n);
    if (r < 0)
        return r;
    size_t kept = 0;
    for (size_t i = 0; i < c->plans.n; i++) {
        bool there = false;
        for (size_t k = 0; k < n; k++)
            if (isolates[k] == c->plans.at[i]->isolate) {
                there = true;
                isolates[k] = 0; /* it has its plan */
            }
        if (there)
            c->plans.at[kept++] = c->plans.at[i];
        else
            free(c->plans.at[i]);
    }
    c->plans.n = kept;
    c->n_missing = 0;
    c->unknown = false;
    for (size_t k = 0; k < n; k++)
        if (isolates[k])
            add_plan(c, img, isolates[k]);
    find_main(c);
    c->seen = *m;
    return 0;
}

/* What has ended leaves the list, so that the next look makes it anew. */
static void drop(struct v8_counters *c, size_t i) {
    free(c->plans.at[i]);
    c->plans.at[i] = c->plans.at[--c->plans.n];
    c->stale = true;
}

/* It has ended, or runs another program. */
static void forget(struct v8_counters *c) {
    for (size_t i = 0; i < c->plans.n; i++)
        free(c->plans.at[i]);
    c->plans.n = 0;
    c->map = 0;
    c->main = NULL;
    c->seen = (struct platform_map){0};
}

static int follow(struct v8_counters *c, const struct image *img, uint64_t now_ns) {
    struct platform_map m;
    if (!c->map && find_map(c, img) < 0)
        return -ENODATA;
    if (image_read(img, c->map, &m, sizeof m) < 0 || (uint32_t)m.load_factor != LOAD_FACTOR ||
        m.n > LIMIT_V8_ISOLATES) {
        forget(c);
        return -ENODATA;
    }
    bool changed = m.first != c->seen.first || m.n != c->seen.n;
    bool due = (c->n_missing || c->stale) && now_ns >= c->next_ns;
    if (changed)
        c->wait_ns = 0;
    if (!changed && !due)
        return 0;
    int r = look(c, img, &m);
    if (r < 0)
        return r;
    c->stale = false;
    c->wait_ns = c->wait_ns ? 2 * c->wait_ns : first_wait_ns;
    if (c->wait_ns > last_wait_ns)
        c->wait_ns = last_wait_ns;
    c->next_ns = now_ns + c->wait_ns;
    return 0;
}

static void set_main(const struct v8_plan *p, const struct v8_counts *n, struct sample *s) {
    static const enum v8_space old[] = {V8_OLD, V8_MAP, V8_TRUSTED, V8_SHARED, V8_SHARED_TRUSTED};
    uint64_t old_used = 0, large_used = 0;
    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        old_used += n->space[old[i]].used;
    for (int i = V8_LARGE; i <= V8_SHARED_TRUSTED_LARGE; i++)
        large_used += n->space[i].used;
    sample_set(s, SAMPLE_OLD_GENERATION_LIMIT, n->old_limit);
    sample_set(s, SAMPLE_HEAP_USED, n->heap_used);
    sample_set(s, SAMPLE_HEAP_TOTAL, n->heap_total);
    sample_set(s, SAMPLE_HEAP_LIMIT, n->heap_limit);
    sample_set(s, SAMPLE_EXTERNAL, n->external);
    if (p->array_buffers >= 0)
        sample_set(s, SAMPLE_ARRAY_BUFFERS, n->array_buffers);
    sample_set(s, SAMPLE_NEW_USED, n->space[V8_NEW].used);
    sample_set(s, SAMPLE_OLD_USED, old_used);
    sample_set(s, SAMPLE_CODE_USED, n->space[V8_CODE].used);
    sample_set(s, SAMPLE_LARGE_USED, large_used);
    sample_set(s, SAMPLE_GC_MAJOR, n->gc_major);
    sample_set(s, SAMPLE_GC_MINOR, n->gc_minor);
    if (n->live_after_gc)
        sample_set(s, SAMPLE_LIVE_AFTER_GC, n->live_after_gc);
    memcpy(s->space, n->space, sizeof s->space);
    s->known_spaces = n->known_spaces;
}

int v8_counters_sample(struct v8_counters *c, const struct image *img, uint64_t now_ns,
                       struct sample *ret) {
    uint64_t used = 0, total = 0;
    bool all = true, main_known = false;
    int r = follow(c, img, now_ns);
    if (r < 0)
        return r;
    for (size_t i = c->plans.n; i-- > 0;) {
        struct v8_plan *p = c->plans.at[i];
        struct v8_counts n;
        r = v8_plan_read(p, img, &n);
        if (r == 0 && p == c->main) {
            set_main(p, &n, ret);
            main_known = true;
        } else if (r == 0) {
            used += n.heap_used;
            total += n.heap_total;
        } else {
            all &= p == c->main;
            if (r == -ESTALE) {
                c->main = p == c->main ? NULL : c->main;
                drop(c, i);
            }
        }
    }
    if (c->main)
        sample_set(ret, SAMPLE_WORKERS, c->seen.n ? c->seen.n - 1 : 0);
    if (c->main && all && !c->n_missing) {
        sample_set(ret, SAMPLE_WORKERS_HEAP_USED, used);
        sample_set(ret, SAMPLE_WORKERS_HEAP_TOTAL, total);
    }
    if (main_known)
        return 0;
    return c->main ? -EAGAIN : c->unknown ? -ENOTSUP : -ENODATA;
}
