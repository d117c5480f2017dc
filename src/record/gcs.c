#include "record/gcs.h"

#include "base/limits.h"
#include <errno.h>

enum { VERSION = 1, ISOLATES_MOST = 64 };

static enum gc_kind unpack_kind(struct unpacking *u) {
    uint64_t kind = unpack(u);
    return kind < GC_KINDS ? (enum gc_kind)kind : GC_UNKNOWN; /* or of a later memwhy */
}

/* What does not depend on where it stands. */
static void put_rest(struct packed *to, const struct gc *gc) {
    packed_put(to, gc->kind);
    packed_put(to, gc->reason);
    packed_put(to, gc->pause_ns);
    packed_put(to, gc->before_bytes);
    packed_put_signed(to, (int64_t)(gc->after_bytes - gc->before_bytes));
}

static void unpack_rest(struct unpacking *u, struct gc *ret) {
    ret->kind = unpack_kind(u);
    ret->reason = (uint32_t)unpack_at_most(u, UINT32_MAX);
    ret->pause_ns = unpack(u);
    ret->before_bytes = unpack(u);
    ret->after_bytes = ret->before_bytes + (uint64_t)unpack_signed(u);
}

void gcs_put(struct packed *round, const struct gc *gc) {
    packed_put(round, gc->process_key);
    packed_put(round, gc->time_us);
    packed_put(round, gc->isolate);
    put_rest(round, gc);
}

int gcs_unpack_round(const void *bytes, size_t n, struct gcs *ret) {
    struct unpacking u = unpacking_of(bytes, n);
    size_t before = ret->list.n;
    while (!u.bad && u.at < u.end) {
        struct gc gc = {0};
        gc.process_key = unpack(&u);
        gc.time_us = unpack(&u);
        gc.isolate = unpack(&u);
        unpack_rest(&u, &gc);
        vec_push(&ret->list, gc);
    }
    if (!u.bad)
        return 0;
    ret->list.n = before;
    return -EBADMSG;
}

static void add(struct gc_sum *sum, const struct gc *gc) {
    sum->count++;
    sum->pause_ns += gc->pause_ns;
    sum->longest_ns = gc->pause_ns > sum->longest_ns ? gc->pause_ns : sum->longest_ns;
    if (gc->before_bytes && gc->after_bytes && gc->before_bytes > gc->after_bytes)
        sum->freed_bytes += gc->before_bytes - gc->after_bytes;
    sum->before_bytes = gc->before_bytes;
    sum->after_bytes = gc->after_bytes;
}

void gcs_sum(const struct gcs *g, uint64_t minute_ms, struct gc_sums *ret) {
    struct gc_sum sums[GC_KINDS] = {0};
    for (size_t i = 0; i < g->list.n; i++)
        add(&sums[g->list.at[i].kind], &g->list.at[i]);
    for (unsigned k = 0; k < GC_KINDS; k++) {
        sums[k].kind = (enum gc_kind)k;
        sums[k].minute_ms = minute_ms;
        if (sums[k].count)
            vec_push(&ret->list, sums[k]);
    }
}

static void put_sums(struct packed *to, const struct gc_sums *s, uint64_t start_ms) {
    packed_put(to, s->list.n);
    for (size_t i = 0; i < s->list.n; i++) {
        const struct gc_sum *x = &s->list.at[i];
        packed_put(to, (x->minute_ms - start_ms) / 1000);
        packed_put(to, x->kind);
        packed_put(to, x->count);
        packed_put(to, x->pause_ns);
        packed_put(to, x->longest_ns);
        packed_put(to, x->freed_bytes);
        packed_put(to, x->before_bytes);
        packed_put(to, x->after_bytes);
    }
}

static void unpack_sums(struct unpacking *u, uint64_t start_ms, struct gc_sums *ret) {
    uint64_t n = unpack_at_most(u, LIMIT_RECORD_POINTS);
    for (uint64_t i = 0; i < n && !u->bad; i++) {
        struct gc_sum x = {0};
        x.minute_ms = start_ms + unpack_at_most(u, LIMIT_RECORD_BLOCK_MS / 1000) * 1000;
        x.kind = unpack_kind(u);
        x.count = unpack_at_most(u, UINT32_MAX);
        x.pause_ns = unpack(u);
        x.longest_ns = unpack(u);
        x.freed_bytes = unpack(u);
        x.before_bytes = unpack(u);
        x.after_bytes = unpack(u);
        vec_push(&ret->list, x);
    }
}

/* The index of an isolate in the table of a block, which has 0 for unknown; those that do not fit
 * are unknown. */
static uint64_t isolate_index(uint64_t *table, size_t *n, uint64_t isolate) {
    for (size_t i = 0; i < *n; i++)
        if (table[i] == isolate)
            return i;
    if (*n == ISOLATES_MOST)
        return 0;
    table[*n] = isolate;
    return (*n)++;
}

void gcs_pack(const struct gcs *g, uint64_t minute_ms, struct packed *ret) {
    struct gc_sums sums = {0};
    struct packed each = {0};
    uint64_t isolates[ISOLATES_MOST] = {0}, before = minute_ms * 1000;
    size_t n_isolates = 1, n = g->list.n < LIMIT_RECORD_GCS ? g->list.n : LIMIT_RECORD_GCS;
    gcs_sum(g, minute_ms, &sums);
    for (size_t i = 0; i < n; i++) {
        const struct gc *gc = &g->list.at[i];
        packed_put_signed(&each, (int64_t)(gc->time_us - before));
        packed_put(&each, isolate_index(isolates, &n_isolates, gc->isolate));
        put_rest(&each, gc);
        before = gc->time_us;
    }
    packed_put_u8(ret, VERSION);
    put_sums(ret, &sums, minute_ms);
    packed_put(ret, n_isolates);
    for (size_t i = 0; i < n_isolates; i++)
        packed_put(ret, isolates[i]);
    packed_put(ret, n);
    packed_put_bytes(ret, each.bytes.at, each.bytes.n);
    packed_done(&each);
    gc_sums_done(&sums);
}

int gcs_unpack(const void *bytes, size_t n, uint64_t minute_ms, struct gcs *ret,
               struct gc_sums *ret_sums) {
    struct unpacking u = unpacking_of(bytes, n);
    struct gc_sums sums = {0};
    uint64_t isolates[ISOLATES_MOST] = {0}, at_us = minute_ms * 1000;
    size_t before = ret ? ret->list.n : 0;
    u.bad |= unpack_u8(&u) != VERSION;
    unpack_sums(&u, minute_ms, &sums);
    uint64_t n_isolates = unpack_at_most(&u, ISOLATES_MOST);
    for (uint64_t i = 0; i < n_isolates; i++)
        isolates[i] = unpack(&u);
    uint64_t n_gcs = unpack_at_most(&u, LIMIT_RECORD_GCS);
    for (uint64_t i = 0; ret && i < n_gcs && !u.bad; i++) {
        struct gc gc = {0};
        at_us += (uint64_t)unpack_signed(&u);
        gc.time_us = at_us;
        gc.isolate = isolates[unpack_at_most(&u, ISOLATES_MOST - 1)];
        unpack_rest(&u, &gc);
        vec_push(&ret->list, gc);
    }
    bool bad = ret ? !unpacking_ended(&u) : u.bad;
    if (bad && ret)
        ret->list.n = before;
    for (size_t i = 0; ret_sums && !bad && i < sums.list.n; i++)
        vec_push(&ret_sums->list, sums.list.at[i]);
    gc_sums_done(&sums);
    return bad ? -EBADMSG : 0;
}

void gc_sums_pack(const struct gc_sums *s, uint64_t start_ms, struct packed *ret) {
    packed_put_u8(ret, VERSION);
    put_sums(ret, s, start_ms);
}

int gc_sums_unpack(const void *bytes, size_t n, uint64_t start_ms, struct gc_sums *ret) {
    struct unpacking u = unpacking_of(bytes, n);
    size_t before = ret->list.n;
    u.bad |= unpack_u8(&u) != VERSION;
    unpack_sums(&u, start_ms, ret);
    if (unpacking_ended(&u))
        return 0;
    ret->list.n = before;
    return -EBADMSG;
}

void gcs_done(struct gcs *g) {
    vec_free(&g->list);
}

void gc_sums_done(struct gc_sums *s) {
    vec_free(&s->list);
}
