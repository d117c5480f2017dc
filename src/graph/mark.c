#include "graph/mark.h"

#include "base/bits.h"
#include "base/map64.h"
#include "base/parallel.h"
#include <pthread.h>
#include <string.h>

/* A thread shares half of what it has when it has more than this and another has nothing. */
enum { SHARE = 32, MAX_THREADS = 4 };

/* A value that waits for its key; its table lives. */
struct waiting {
    uint32_t value;
    uint32_t next; /* of the same key: index + 1, 0 ends */
};

struct marking {
    const struct graph_source *source;
    uint64_t *live;
    uint32_t added;
    uint64_t strays;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t more;
    VEC(uint32_t) shared; /* marked, not looked at, anybody's */
    unsigned busy;        /* threads that may still find something */
    unsigned hungry;      /* threads that wait; read without the lock, as a hint */

    pthread_mutex_t keys_lock; /* for what follows */
    struct map64 keys;         /* key + 1 -> index + 1 of its first in `waits` */
    VEC(struct waiting) waits;
    uint64_t *awaited; /* set of keys in `keys`; read without the lock */
};

/* One thread's part. */
struct marker {
    struct marking *m;
    struct graph_sink sink;
    VEC(uint32_t) stack;
    uint32_t added;
};

static void reach(struct marker *k, uint32_t node) {
    if (bits_claim(k->m->live, node)) {
        k->added++;
        vec_push(&k->stack, node);
    }
}

/* Either this sees the key's mark, or the one who looks at the key later sees it awaited: each
 * writes its own before it reads the other's, in one order for all threads. */
static void await_key(struct marker *k, uint32_t key, uint32_t value) {
    struct marking *m = k->m;
    if (bits_get(m->live, value))
        return;
    pthread_mutex_lock(&m->keys_lock);
    bits_claim(m->awaited, key);
    if (bits_get(m->live, key)) {
        reach(k, value);
    } else {
        uint64_t first = 0;
        map64_get(&m->keys, key + 1ull, &first);
        vec_push(&m->waits, (struct waiting){value, (uint32_t)first});
        map64_put(&m->keys, key + 1ull, m->waits.n);
    }
    pthread_mutex_unlock(&m->keys_lock);
}

static void release_values(struct marker *k, uint32_t key) {
    struct marking *m = k->m;
    uint64_t i = 0;
    pthread_mutex_lock(&m->keys_lock);
    map64_get(&m->keys, key + 1ull, &i);
    for (; i; i = m->waits.at[i - 1].next)
        reach(k, m->waits.at[i - 1].value);
    pthread_mutex_unlock(&m->keys_lock);
}

static void look_at(struct marker *k, uint32_t node) {
    struct graph_sink *s = &k->sink;
    s->first = s->from = node;
    s->end = node + 1;
    s->to.n = s->ephemerons.n = 0;
    k->m->source->edges(k->m->source->ctx, node, node + 1, s);
    for (size_t i = 0; i < s->to.n; i++)
        reach(k, s->to.at[i]);
    for (size_t i = 0; i < s->ephemerons.n; i++)
        await_key(k, s->ephemerons.at[i].key, s->ephemerons.at[i].value);
    if (bits_get(k->m->awaited, node))
        release_values(k, node);
}

/* The older half: nearer to the roots, so that more hangs on it. */
static void share(struct marker *k) {
    struct marking *m = k->m;
    size_t half = k->stack.n / 2;
    pthread_mutex_lock(&m->lock);
    vec_reserve(&m->shared, m->shared.n + half);
    memcpy(m->shared.at + m->shared.n, k->stack.at, half * sizeof *k->stack.at);
    m->shared.n += half;
    pthread_cond_broadcast(&m->more);
    pthread_mutex_unlock(&m->lock);
    k->stack.n -= half;
    memmove(k->stack.at, k->stack.at + half, k->stack.n * sizeof *k->stack.at);
}

/* Half of what is shared; false when nothing is and nobody can find more. The caller is not busy
 * before, and is after true. */
static bool take(struct marker *k) {
    struct marking *m = k->m;
    pthread_mutex_lock(&m->lock);
    while (!m->shared.n && m->busy) {
        __atomic_fetch_add(&m->hungry, 1, __ATOMIC_RELAXED);
        pthread_cond_wait(&m->more, &m->lock);
        __atomic_fetch_sub(&m->hungry, 1, __ATOMIC_RELAXED);
    }
    size_t n = (m->shared.n + 1) / 2;
    if (n) {
        vec_reserve(&k->stack, n);
        memcpy(k->stack.at, m->shared.at + m->shared.n - n, n * sizeof *k->stack.at);
        m->shared.n -= n;
        k->stack.n = n;
        m->busy++;
    }
    pthread_mutex_unlock(&m->lock);
    return n != 0;
}

static void rest(struct marking *m) {
    pthread_mutex_lock(&m->lock);
    if (!--m->busy)
        pthread_cond_broadcast(&m->more);
    pthread_mutex_unlock(&m->lock);
}

static void run(void *arg, size_t thread) {
    (void)thread;
    struct marking *m = arg;
    struct marker k = {.m = m, .sink = {.nodes = m->source->nodes}};
    uint32_t end;
    k.sink.ends = &end;
    while (take(&k)) {
        while (k.stack.n) {
            look_at(&k, k.stack.at[--k.stack.n]);
            if (k.stack.n > SHARE && __atomic_load_n(&m->hungry, __ATOMIC_RELAXED))
                share(&k);
        }
        rest(m);
    }
    pthread_mutex_lock(&m->lock);
    m->added += k.added;
    m->strays += k.sink.strays;
    pthread_mutex_unlock(&m->lock);
    vec_free(&k.stack);
    vec_free(&k.sink.to);
    vec_free(&k.sink.ephemerons);
}

static void start(struct marking *m) {
    uint32_t nodes = m->source->nodes;
    struct graph_sink s = {.nodes = nodes, .first = nodes, .from = nodes, .end = nodes + 1};
    m->source->roots(m->source->ctx, &s);
    for (size_t i = 0; i < s.to.n; i++)
        if (bits_claim(m->live, s.to.at[i])) {
            m->added++;
            vec_push(&m->shared, s.to.at[i]);
        }
    m->strays += s.strays;
    vec_free(&s.to);
    vec_free(&s.ephemerons);
}

uint32_t graph_mark(const struct graph_source *source, uint64_t *live, uint64_t *strays) {
    struct marking m = {.source = source, .live = live, .awaited = bits_new(source->nodes)};
    pthread_mutex_init(&m.lock, NULL);
    pthread_mutex_init(&m.keys_lock, NULL);
    pthread_cond_init(&m.more, NULL);
    start(&m);
    parallel_for(source->threads ? source->threads : MAX_THREADS, run, &m);
    pthread_mutex_destroy(&m.lock);
    pthread_mutex_destroy(&m.keys_lock);
    pthread_cond_destroy(&m.more);
    vec_free(&m.shared);
    vec_free(&m.waits);
    map64_done(&m.keys);
    free(m.awaited);
    if (strays)
        *strays += m.strays;
    return m.added;
}
