#include "snapshot/order.h"

#include "base/bits.h"
#include "base/vec.h"

/* How far objects of a stream are apart at most, by number: some between them are not known again.
 * How many make a stream. How many streams of one page are followed at once. */
enum { NEAR = 16, STREAM = 8, STREAMS = 4 };

struct stream {
    uint32_t last; /* a node of now */
    uint32_t number;
};

struct streams {
    struct stream open[STREAMS]; /* the one that went on last comes first */
    VEC(uint32_t) size;          /* by number */
    VEC(uint32_t) node, of;      /* of the page's objects: nodes of then, their streams */
};

/* To the front, with what it has now. */
static void go_on(struct streams *all, size_t at, struct stream s) {
    for (; at; at--)
        all->open[at] = all->open[at - 1];
    all->open[0] = s;
    all->size.at[s.number]++;
}

static void add(struct streams *all, uint32_t then, uint32_t now) {
    size_t at = 0;
    while (at < STREAMS && (all->open[at].last == SNAPSHOT_NONE || now <= all->open[at].last ||
                            now - all->open[at].last > NEAR))
        at++;
    struct stream s = {now, (uint32_t)all->size.n};
    if (at == STREAMS) {
        vec_push(&all->size, 0);
        at = STREAMS - 1;
    } else {
        s.number = all->open[at].number;
    }
    go_on(all, at, s);
    vec_push(&all->node, then);
    vec_push(&all->of, s.number);
}

static void begin(struct streams *all) {
    for (size_t i = 0; i < STREAMS; i++)
        all->open[i].last = SNAPSHOT_NONE;
    all->size.n = all->node.n = all->of.n = 0;
}

/* Of few objects nothing can be said. */
static void end(struct streams *all, struct snapshot_same *s) {
    for (size_t i = 0; all->node.n >= STREAM && i < all->node.n; i++) {
        uint32_t then = all->node.at[i];
        if (all->size.at[all->of.at[i]] >= STREAM)
            continue;
        s->then_of[s->now_of[then]] = SNAPSHOT_NONE;
        s->now_of[then] = SNAPSHOT_NONE;
    }
    begin(all);
}

void snapshot_order_check(struct snapshot_same *s) {
    struct streams all = {0};
    begin(&all);
    for (uint32_t u = 0, i = s->unit_first; u < s->units; u++) {
        for (; i < s->unit_end[u]; i++)
            if (!bits_get(s->then.young, i) && s->now_of[i] != SNAPSHOT_NONE &&
                s->now_of[i] != s->there[i])
                add(&all, i, s->now_of[i]);
        end(&all, s);
    }
    vec_free(&all.size);
    vec_free(&all.node);
    vec_free(&all.of);
}
