#include "graph/mark.h"

#include "base/bits.h"
#include "base/drain.h"
#include "base/map64.h"
#include <pthread.h>

/* A value that waits for its key; its table lives. */
struct waiting {
    uint32_t value;
    uint32_t next; /* of the same key: index + 1, 0 ends */
};

/* One worker's part. */
struct marker {
    struct graph_sink sink;
    uint32_t end; /* where the one list of the sink ends */
    uint32_t added;
};

struct marking {
    const struct graph_source *source;
    uint64_t *live;
    struct marker marker[DRAIN_WORKERS];

    pthread_mutex_t keys_lock; /* for what follows */
    struct map64 keys;         /* key + 1 -> index + 1 of its first in `waits` */
    VEC(struct waiting) waits;
    uint64_t *awaited; /* set of keys in `keys`; read without the lock */
};

static void reach(struct marking *m, struct marker *k, uint32_t node, struct drain_list *todo) {
    if (bits_claim(m->live, node)) {
        k->added++;
        vec_push(todo, node);
    }
}

/* Either this sees the key's mark, or the one who looks at the key later sees it awaited: each
 * writes its own before it reads the other's, in one order for all threads. */
static void await_key(struct marking *m, struct marker *k, uint32_t key, uint32_t value,
                      struct drain_list *todo) {
    if (bits_get(m->live, value))
        return;
    pthread_mutex_lock(&m->keys_lock);
    bits_claim(m->awaited, key);
    if (bits_get(m->live, key)) {
        reach(m, k, value, todo);
    } else {
        uint64_t first = 0;
        map64_get(&m->keys, key + 1ull, &first);
        vec_push(&m->waits, (struct waiting){value, (uint32_t)first});
        map64_put(&m->keys, key + 1ull, m->waits.n);
    }
    pthread_mutex_unlock(&m->keys_lock);
}

static void release_values(struct marking *m, struct marker *k, uint32_t key,
                           struct drain_list *todo) {
    uint64_t i = 0;
    pthread_mutex_lock(&m->keys_lock);
    map64_get(&m->keys, key + 1ull, &i);
    for (; i; i = m->waits.at[i - 1].next)
        reach(m, k, m->waits.at[i - 1].value, todo);
    pthread_mutex_unlock(&m->keys_lock);
}

static void look_at(void *marking, size_t worker, uint32_t node, struct drain_list *todo) {
    struct marking *m = marking;
    struct marker *k = &m->marker[worker];
    struct graph_sink *s = &k->sink;
    s->first = s->from = node;
    s->end = node + 1;
    s->ends = &k->end;
    s->to.n = s->ephemerons.n = 0;
    m->source->edges(m->source->ctx, node, node + 1, s);
    for (size_t i = 0; i < s->to.n; i++)
        reach(m, k, s->to.at[i], todo);
    for (size_t i = 0; i < s->ephemerons.n; i++)
        await_key(m, k, s->ephemerons.at[i].key, s->ephemerons.at[i].value, todo);
    if (bits_get(m->awaited, node))
        release_values(m, k, node, todo);
}

static void start(struct marking *m, struct drain_list *first) {
    uint32_t nodes = m->source->nodes;
    struct marker *k = &m->marker[0];
    k->sink.first = k->sink.from = nodes;
    k->sink.end = nodes + 1;
    m->source->roots(m->source->ctx, &k->sink);
    for (size_t i = 0; i < k->sink.to.n; i++)
        reach(m, k, k->sink.to.at[i], first);
}

uint32_t graph_mark(const struct graph_source *source, uint64_t *live, uint64_t *strays) {
    struct marking m = {.source = source, .live = live, .awaited = bits_new(source->nodes)};
    struct drain_list first = {0};
    uint32_t added = 0;
    pthread_mutex_init(&m.keys_lock, NULL);
    for (size_t i = 0; i < DRAIN_WORKERS; i++)
        m.marker[i].sink.nodes = source->nodes;
    start(&m, &first);
    drain(&first, &(struct drain_work){.arg = &m, .threads = source->threads, .one = look_at});
    for (size_t i = 0; i < DRAIN_WORKERS; i++) {
        struct marker *k = &m.marker[i];
        added += k->added;
        if (strays)
            *strays += k->sink.strays;
        vec_free(&k->sink.to);
        vec_free(&k->sink.ephemerons);
    }
    pthread_mutex_destroy(&m.keys_lock);
    vec_free(&first);
    vec_free(&m.waits);
    map64_done(&m.keys);
    free(m.awaited);
    return added;
}
