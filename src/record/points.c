#include "record/points.h"

#include "base/limits.h"
#include <errno.h>
#include <string.h>

enum { VERSION = 1, SPREAD = 1 };
enum { ALL_KNOWN, SOME_KNOWN };

#define ALL_FIELDS (UINT64_MAX >> (64 - SAMPLE_FIELDS))

void point_of_sample(const struct sample *s, uint64_t time_ms, struct point *ret) {
    ret->time_ms = ret->last_ms = time_ms;
    ret->samples = 1;
    ret->known = s->known & ALL_FIELDS;
    for (unsigned f = 0; f < SAMPLE_FIELDS; f++)
        for (unsigned k = 0; k < POINT_VALUES; k++)
            ret->value[f][k] = s->known >> f & 1 ? s->value[f] : 0;
}

/* Of a sum, what only rises is one number; the rest has three. */
static bool has_spread(unsigned field, bool spread) {
    return spread && !sample_field_info(field)->cumulative;
}

static void pack_times(const struct points *p, uint64_t start_ms, bool spread, uint64_t *room,
                       struct packed *ret) {
    size_t n = p->list.n;
    for (size_t i = 0; i < n; i++)
        room[i] = p->list.at[i].time_ms - (i ? p->list.at[i - 1].time_ms : start_ms);
    packed_put_column(ret, room, n);
    if (!spread)
        return;
    for (size_t i = 0; i < n; i++)
        room[i] = p->list.at[i].last_ms - p->list.at[i].time_ms;
    packed_put_column(ret, room, n);
    for (size_t i = 0; i < n; i++)
        room[i] = p->list.at[i].samples;
    packed_put_column(ret, room, n);
}

/* Which points know the field; how many do. */
static size_t pack_known(const struct points *p, unsigned f, struct packed *ret) {
    size_t n = p->list.n, known = 0;
    for (size_t i = 0; i < n; i++)
        known += p->list.at[i].known >> f & 1;
    packed_put_u8(ret, known == n ? ALL_KNOWN : SOME_KNOWN);
    if (known == n)
        return known;
    for (size_t i = 0; i < n; i += 8) {
        uint8_t byte = 0;
        for (size_t k = i; k < n && k < i + 8; k++)
            byte |= (uint8_t)((p->list.at[k].known >> f & 1) << (k - i));
        packed_put_u8(ret, byte);
    }
    return known;
}

static void pack_field(const struct points *p, unsigned f, bool spread, uint64_t *room,
                       struct packed *ret) {
    size_t known = pack_known(p, f, ret);
    for (unsigned which = 0; which < (has_spread(f, spread) ? POINT_VALUES : 1u); which++) {
        size_t n = 0;
        for (size_t i = 0; i < p->list.n; i++) {
            const struct point *x = &p->list.at[i];
            if (!(x->known >> f & 1))
                continue;
            const uint64_t *v = x->value[f];
            room[n++] = which == POINT_MEAN  ? v[POINT_MEAN]
                        : which == POINT_MIN ? v[POINT_MEAN] - v[POINT_MIN]
                                             : v[POINT_MAX] - v[POINT_MEAN];
        }
        packed_put_column(ret, room, known);
    }
}

void points_pack(const struct points *p, uint64_t start_ms, bool spread, struct packed *ret) {
    uint64_t fields = 0;
    size_t n = p->list.n;
    cleanup_free uint64_t *room = mem_alloc((n + 1) * sizeof *room);
    struct packed column = {0};
    for (size_t i = 0; i < n; i++)
        fields |= p->list.at[i].known;
    packed_put_u8(ret, VERSION);
    packed_put_u8(ret, spread ? SPREAD : 0);
    packed_put(ret, n);
    packed_put(ret, fields);
    pack_times(p, start_ms, spread, room, ret);
    for (unsigned f = 0; f < SAMPLE_FIELDS; f++) {
        if (!(fields >> f & 1))
            continue;
        column.bytes.n = 0;
        pack_field(p, f, spread, room, &column);
        packed_put(ret, column.bytes.n);
        packed_put_bytes(ret, column.bytes.at, column.bytes.n);
    }
    packed_done(&column);
}

/* A block on its way out of its bytes: `n` points at `at`, each of which knows nothing yet. */
struct block {
    struct unpacking u;
    struct point *at;
    uint64_t *room;
    size_t n;
    bool spread;
};

static void unpack_times(struct block *b, uint64_t start_ms) {
    uint64_t at = start_ms;
    unpack_column(&b->u, b->room, b->n);
    for (size_t i = 0; i < b->n; i++) {
        at += b->room[i];
        b->at[i].time_ms = b->at[i].last_ms = at;
        b->at[i].samples = 1;
        b->at[i].known = 0;
        /* An hour from its beginning is the most there is; and a store's times do not wrap. */
        if (at < start_ms || at - start_ms > LIMIT_RECORD_BLOCK_MS)
            b->u.bad = true;
    }
    if (!b->spread)
        return;
    unpack_column(&b->u, b->room, b->n);
    for (size_t i = 0; i < b->n; i++) {
        b->at[i].last_ms += b->room[i];
        if (b->room[i] > LIMIT_RECORD_BLOCK_MS)
            b->u.bad = true;
    }
    unpack_column(&b->u, b->room, b->n);
    for (size_t i = 0; i < b->n; i++)
        b->at[i].samples = b->room[i] & UINT32_MAX;
}

static bool bit_of(const uint8_t *bits, size_t i) {
    return !bits || (bits[i / 8] >> i % 8 & 1);
}

static void set_values(const struct block *b, unsigned f, unsigned which, const uint8_t *bits) {
    size_t next = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (!bit_of(bits, i))
            continue;
        uint64_t v = b->room[next++], *to = b->at[i].value[f];
        if (which == POINT_MEAN)
            to[POINT_MEAN] = to[POINT_MIN] = to[POINT_MAX] = v;
        else if (which == POINT_MIN)
            to[POINT_MIN] -= v;
        else
            to[POINT_MAX] += v;
    }
}

static void unpack_field(struct block *b, struct unpacking column, unsigned f) {
    const uint8_t *bits = NULL;
    size_t known = b->n;
    if (unpack_at_most(&column, SOME_KNOWN) == SOME_KNOWN) {
        bits = unpack_bytes(&column, (b->n + 7) / 8);
        known = 0;
        for (size_t i = 0; bits && i < b->n; i++)
            known += bit_of(bits, i);
    }
    for (unsigned which = 0; which < (has_spread(f, b->spread) ? POINT_VALUES : 1u); which++) {
        unpack_column(&column, b->room, known);
        if (!column.bad)
            set_values(b, f, which, bits);
    }
    b->u.bad |= !unpacking_ended(&column);
    for (size_t i = 0; !b->u.bad && i < b->n; i++)
        b->at[i].known |= (uint64_t)bit_of(bits, i) << f;
}

int points_unpack(const void *bytes, size_t n, uint64_t start_ms, uint64_t fields,
                  struct points *ret) {
    struct block b = {.u = unpacking_of(bytes, n)};
    b.u.bad |= unpack_u8(&b.u) != VERSION;
    b.spread = unpack_at_most(&b.u, SPREAD) == SPREAD;
    b.n = unpack_at_most(&b.u, LIMIT_RECORD_POINTS);
    uint64_t held = unpack(&b.u);
    if (b.u.bad)
        return -EBADMSG;
    vec_reserve(&ret->list, ret->list.n + b.n);
    b.at = ret->list.at + ret->list.n;
    b.room = mem_alloc((b.n + 1) * sizeof *b.room);
    unpack_times(&b, start_ms);
    /* Fields of a later memwhy are passed over. */
    for (unsigned f = 0; f < 64 && !b.u.bad; f++) {
        if (!(held >> f & 1))
            continue;
        uint64_t size = unpack(&b.u);
        const uint8_t *column = unpack_bytes(&b.u, size);
        if (column && f < SAMPLE_FIELDS && (fields >> f & 1))
            unpack_field(&b, unpacking_of(column, size), f);
    }
    free(b.room);
    if (!unpacking_ended(&b.u))
        return -EBADMSG;
    ret->list.n += b.n;
    return 0;
}

/* How coarse a sum of that field may be, in bits. */
static unsigned grain_bits(unsigned f) {
    static const unsigned bits[] = {[SAMPLE_BYTES] = 12, [SAMPLE_COUNT] = 0, [SAMPLE_NS] = 20};
    return bits[sample_field_info(f)->unit];
}

/* The points of one step, [first, end), as one. */
static void sum_field(const struct point *at, size_t n, unsigned f, struct point *ret) {
    unsigned __int128 sum = 0;
    uint64_t least = UINT64_MAX, most = 0, last = 0, samples = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(at[i].known >> f & 1))
            continue;
        const uint64_t *v = at[i].value[f];
        uint64_t weight = at[i].samples ? at[i].samples : 1;
        least = v[POINT_MIN] < least ? v[POINT_MIN] : least;
        most = v[POINT_MAX] > most ? v[POINT_MAX] : most;
        last = v[POINT_MEAN];
        sum += (unsigned __int128)v[POINT_MEAN] * weight;
        samples += weight;
    }
    if (!samples)
        return;
    uint64_t below = (UINT64_C(1) << grain_bits(f)) - 1;
    uint64_t mean = (uint64_t)(sum / samples);
    uint64_t *to = ret->value[f];
    ret->known |= UINT64_C(1) << f;
    if (sample_field_info(f)->cumulative) {
        to[POINT_MEAN] = to[POINT_MIN] = to[POINT_MAX] = last & ~below;
        return;
    }
    to[POINT_MIN] = least & ~below;
    to[POINT_MAX] = most > UINT64_MAX - below ? most : (most + below) & ~below;
    to[POINT_MEAN] = mean & ~below;
    if (to[POINT_MEAN] < to[POINT_MIN]) /* of a hostile block */
        to[POINT_MEAN] = to[POINT_MIN];
}

void points_sum(const struct points *p, uint64_t step_ms, struct points *ret) {
    for (size_t i = 0, end; i < p->list.n; i = end) {
        const struct point *at = &p->list.at[i];
        uint64_t start = at->time_ms - at->time_ms % step_ms;
        struct point sum = {.time_ms = start};
        for (end = i; end < p->list.n && p->list.at[end].time_ms - start < step_ms; end++) {
            sum.samples += p->list.at[end].samples;
            sum.last_ms = p->list.at[end].last_ms;
        }
        for (unsigned f = 0; f < SAMPLE_FIELDS; f++)
            sum_field(at, end - i, f, &sum);
        vec_push(&ret->list, sum);
    }
}

void points_done(struct points *p) {
    vec_free(&p->list);
}
