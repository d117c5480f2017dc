#include "growth/growth.h"

#include <string.h>

enum {
    MEMBERS_MIN = 16,       /* fewer more, and few bytes, are nothing */
    BYTES_MIN = 4096,       /* however many more there are */
    BYTES_MANY = 256 << 10, /* however few more; and for growth without members */
    SAMPLE_MIN = 8,         /* fewer members of a sample say nothing */
    SIGMAS = 4,
};

/* --- the rule --- */

/* How many of the members of the step before are gone: at most, as far as the sample can tell. */
static uint64_t gone(const struct growth_step *before, const struct growth_step *s) {
    uint64_t members = before->members;
    if (s->asked && s->asked >= members) /* all of them */
        return s->asked - s->kept;
    if (s->asked < SAMPLE_MIN)
        return members;
    return members * (s->asked - s->kept + 1ull) / (s->asked + 1ull);
}

/* As many come as go, by chance: the difference of two such numbers has a deviation of the root of
 * twice that. A few more for sets that are small. */
static bool is_beyond_chance(const struct growth_step *before, const struct growth_step *s) {
    enum { FEW = 3 };
    if (s->members <= before->members + FEW)
        return false;
    double more = (double)(s->members - before->members - FEW);
    return more * more > SIGMAS * SIGMAS * 2.0 * (double)gone(before, s);
}

static bool turns(const struct growth_step *s) {
    return s->asked >= SAMPLE_MIN && s->kept < s->asked / 2;
}

/* Is it known that they stay? Of one that was not there before: by those that are not young. */
static bool stays_known(const struct growth_step *before, const struct growth_step *s,
                        bool is_new) {
    return is_new ? s->lasting >= s->members / 2
                  : s->asked >= SAMPLE_MIN || s->asked >= before->members;
}

static double rate(uint64_t before, uint64_t now, double seconds) {
    double more = now > before ? (double)(now - before) : 0;
    return seconds > 0 ? more / seconds : more;
}

static uint64_t grown(uint64_t before, uint64_t now) {
    return now > before ? now - before : 0;
}

/* Less than a third of what came in the interval before: load alone varies by less. */
static bool slows(const struct growth_step *s, bool by_bytes) {
    double first = by_bytes ? rate(s[0].bytes, s[1].bytes, s[1].seconds)
                            : rate(s[0].members, s[1].members, s[1].seconds);
    double last = by_bytes ? rate(s[1].bytes, s[2].bytes, s[2].seconds)
                           : rate(s[1].members, s[2].members, s[2].seconds);
    return last < first / 3;
}

static enum growth_verdict judge_members(const struct growth_step *s, size_t n,
                                         struct growth_case c) {
    for (size_t i = 1; i < n; i++)
        if (!is_beyond_chance(&s[i - 1], &s[i]))
            return GROWTH_NONE;
    uint64_t bytes = grown(s[0].bytes, s[n - 1].bytes);
    if (bytes < BYTES_MIN ||
        (grown(s[0].members, s[n - 1].members) < MEMBERS_MIN && bytes < BYTES_MANY))
        return GROWTH_NONE;
    for (size_t i = 1; i < n; i++)
        if (turns(&s[i]))
            return GROWTH_TURNS;
    if (!c.has_no_names && !stays_known(&s[n - 2], &s[n - 1], c.is_new && n == 2))
        return GROWTH_YOUNG;
    return n > 2 && slows(s, false) ? GROWTH_SLOWS : GROWTH_GROWS;
}

/* Its members are the same, and hold more each time: an eighth more, which work under way in the
 * same places does not make by chance three times in a row. */
static enum growth_verdict judge_bytes(const struct growth_step *s, size_t n) {
    for (size_t i = 1; i < n; i++) {
        uint64_t more = grown(s[i - 1].bytes, s[i].bytes);
        bool stays = s[i].members == 0 ||
                     (s[i].asked >= SAMPLE_MIN && s[i].kept >= s[i].asked - s[i].asked / 10);
        if (!stays || more < BYTES_MANY || more < s[i - 1].bytes / 8)
            return GROWTH_NONE;
    }
    return n > 2 && slows(s, true) ? GROWTH_SLOWS : n > 2 ? GROWTH_GROWS : GROWTH_NONE;
}

enum growth_verdict growth_judge(const struct growth_step *steps, size_t n, struct growth_case c,
                                 bool *ret_by_bytes) {
    enum growth_verdict v = judge_members(steps, n, c);
    *ret_by_bytes = false;
    if (v != GROWTH_NONE || c.is_new)
        return v;
    v = judge_bytes(steps, n);
    *ret_by_bytes = v != GROWTH_NONE;
    return v;
}

/* --- the holders of the looks --- */

static double seconds_of(const struct growth_look *looks, size_t n) {
    double sum = 0;
    for (size_t i = 1; i < n; i++) {
        if (!(looks[i].seconds > 0))
            return 0;
        sum += looks[i].seconds;
    }
    return sum;
}

/* Was there no collection between the looks? Then all young objects are where they were. */
static bool is_uncollected(const struct holders *then, const struct holders *now) {
    uint32_t kept, asked = sketch_compare(&then->young, &now->young, &kept);
    return asked >= SAMPLE_MIN && kept >= asked - asked / 100;
}

/* Of a holder that was not found, what is known is that it had hardly any members. */
static struct growth_step step_of(const struct holder *before, const struct holder *h,
                                  bool uncollected) {
    struct growth_step s = {0};
    uint32_t kept = 0;
    if (!h)
        return s;
    s.members = h->members;
    s.bytes = h->retained;
    s.lasting = h->lasting;
    if (!before)
        return s;
    s.asked = sketch_compare(&before->sketch, &h->sketch, &s.kept);
    if (uncollected) {
        s.asked += sketch_compare(&before->young, &h->young, &kept);
        s.kept += kept;
    }
    return s;
}

static bool by_address(const struct holder *a, const struct holder *b) {
    return a->addr == b->addr && a->addr && !a->is_moving && !b->is_moving;
}

/* A bound that is months away bounds something else, or nothing. */
static bool is_filling(const struct growth *g) {
    enum { DAY_SECONDS = 86400, TIMES = 1000 };
    const struct holder *h = g->now;
    if (!h->bound_name || h->bound <= h->members || g->by_bytes)
        return false;
    double left = (double)(h->bound - h->members);
    return g->members_per_second > 0 ? left < g->members_per_second * DAY_SECONDS
                                     : h->bound / TIMES < h->members;
}

static struct growth judge(const struct growth_look *looks, size_t n, const struct holder *now,
                           bool same_process) {
    const struct holder *at[GROWTH_LOOKS_MAX] = {0};
    struct growth_step steps[GROWTH_LOOKS_MAX];
    const struct holder *like = now;
    at[n - 1] = now;
    for (size_t i = n - 1; i > 0; i--) {
        at[i - 1] = holders_same(looks[i - 1].holders, like, same_process);
        like = at[i - 1] ? at[i - 1] : like;
    }
    for (size_t i = 0; i < n; i++) {
        bool uncollected = i && is_uncollected(looks[i - 1].holders, looks[i].holders);
        steps[i] = step_of(i && same_process ? at[i - 1] : NULL, at[i], uncollected);
        steps[i].seconds = looks[i].seconds;
    }
    struct growth g = {.now = now, .then = at[0]};
    g.identity = !like || like == now                    ? GROWTH_NEW
                 : same_process && by_address(like, now) ? GROWTH_BY_ADDRESS
                                                         : GROWTH_BY_PATH;
    g.verdict = growth_judge(steps, n, (struct growth_case){!at[0], !same_process}, &g.by_bytes);
    g.members_delta = (int64_t)(steps[n - 1].members - steps[0].members);
    g.bytes_delta = (int64_t)(steps[n - 1].bytes - steps[0].bytes);
    g.asked = steps[n - 1].asked;
    g.kept = steps[n - 1].kept;
    double seconds = seconds_of(looks, n);
    if (seconds > 0) {
        g.members_per_second = (double)g.members_delta / seconds;
        g.bytes_per_second = (double)g.bytes_delta / seconds;
    }
    if (g.verdict == GROWTH_GROWS && is_filling(&g))
        g.verdict = GROWTH_BOUNDED;
    return g;
}

static bool is_within(const struct holder *in, const struct holder *h) {
    return in->position <= h->position && h->end <= in->end && in->end;
}

static bool is_most_of(int64_t part, int64_t whole) {
    return part > 0 && part >= whole / 10 * 6;
}

/* Two views of the same growth: of a chain of objects and contexts each is one, and the outermost
 * is told; of what hangs on something, the nearest; and a collection before either. */
static bool is_view_of(const struct growth *g, const struct growth *by) {
    bool alike = is_most_of(g->members_delta, by->members_delta) &&
                 is_most_of(by->members_delta, g->members_delta);
    bool inside = is_within(g->now, by->now), outside = is_within(by->now, g->now);
    if (!alike || by->by_bytes || (!inside && !outside))
        return false;
    if (g->now->position == by->now->position)
        return by->now->kind < g->now->kind;
    if (by->now->kind < HOLDER_LINKED)
        return g->now->kind == HOLDER_LINKED || (g->now->kind == HOLDER_OWNER && inside);
    return g->now->kind == HOLDER_OWNER
               ? inside
               : g->now->kind == HOLDER_LINKED && by->now->kind == HOLDER_LINKED && outside;
}

/* What it holds grows because something in it does, which is told, or it is another view of that.
 */
static bool is_told_by(const struct growth *g, const struct growth *by) {
    if (g == by || by->verdict == GROWTH_NONE)
        return false;
    return g->by_bytes ? is_within(g->now, by->now) && is_most_of(by->bytes_delta, g->bytes_delta)
                       : is_view_of(g, by);
}

static int most_first(const void *a, const void *b) {
    const struct growth *x = a, *y = b;
    bool gx = x->verdict == GROWTH_GROWS, gy = y->verdict == GROWTH_GROWS;
    if (gx != gy)
        return gx ? -1 : 1;
    if (x->bytes_delta != y->bytes_delta)
        return x->bytes_delta > y->bytes_delta ? -1 : 1;
    return (x->now->addr > y->now->addr) - (x->now->addr < y->now->addr);
}

void growth_find(const struct growth_look *looks, size_t n, bool same_process,
                 struct growth_list *ret) {
    const struct holders *last = looks[n - 1].holders;
    struct growth_list all = {0};
    *ret = (struct growth_list){0};
    for (size_t i = 0; i < last->list.n; i++) {
        struct growth g = judge(looks, n, &last->list.at[i], same_process);
        if (g.verdict != GROWTH_NONE)
            vec_push(&all.list, g);
    }
    for (size_t i = 0; i < all.list.n; i++) {
        bool told = false;
        for (size_t k = 0; k < all.list.n && !told; k++)
            told = is_told_by(&all.list.at[i], &all.list.at[k]);
        if (!told)
            vec_push(&ret->list, all.list.at[i]);
    }
    vec_free(&all.list);
    vec_sort(&ret->list, most_first);
}
