/* Streams that were written to faster than they could pass it on. */
#include "suspects/suspect.h"

#include "v8/numbers.h"
#include "v8/strings.h"

enum { TOLD_MAX = 5, QUEUED_MIN = 1 << 16 /* a few times the usual high-water mark */ };

struct streams {
    struct suspect_search *s;
    struct suspect_property state;
    VEC(struct suspect_part) found;
    uint64_t bytes;
};

/* A count of bytes; 0 where there is no sensible one. */
static uint64_t bytes_in(struct v8_objects *o, uint64_t value) {
    double d;
    return v8_number(o, value, &d) && d > 0 && d < 1e15 ? (uint64_t)d : 0;
}

/* lib/internal/streams/writable.js: `length` of the state is what was written and not passed on, in
 * bytes, or in objects where the stream is of those. */
static void look_at(struct streams *k, uint32_t node) {
    struct suspect_search *s = k->s;
    struct v8_objects *o = &s->look.objects;
    struct v8_property state, length, objects;
    if (!suspect_property_of(s, &k->state, node, &state) ||
        !v8_property_own(o, state.value, "length", &length) || length.is_accessor)
        return;
    uint64_t bytes = bytes_in(o, length.value);
    if (bytes < QUEUED_MIN || (v8_property_own(o, state.value, "objectMode", &objects) &&
                               v8_kind(o, objects.value) == KIND_ODDBALL &&
                               v8_string_is(o, v8_field_or_0(o, objects.value, 16), "true")))
        return;
    vec_push(&k->found, (struct suspect_part){heap_look_summary(&s->look, node),
                                              heap_look_addr(&s->look, node), 0, bytes});
    k->bytes += bytes;
}

static int most_first(const void *a, const void *b) {
    const struct suspect_part *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes > y->bytes ? -1 : 1) : 0;
}

static void tell(struct streams *k) {
    struct suspect_search *s = k->s;
    char size[FMT_MAX], count[FMT_MAX];
    vec_sort(&k->found, most_first);
    struct suspect *x = suspect_add(
        s, (struct suspect){.kind = "stream-backpressure",
                            .text = mem_printf(
                                "%s stand in the queues of %s stream%s: written, and not passed on",
                                fmt_bytes(size, k->bytes), fmt_count(count, k->found.n),
                                k->found.n == 1 ? "" : "s"),
                            .addr = k->found.n == 1 ? k->found.at[0].addr : 0,
                            .sample = k->found.at[0].addr,
                            .count = k->found.n,
                            .bytes = k->bytes});
    for (size_t i = 0; i < k->found.n && i < TOLD_MAX; i++) {
        vec_push(&x->parts, k->found.at[i]);
        k->found.at[i].text = NULL;
    }
}

void suspect_streams(struct suspect_search *s) {
    struct streams k = {.s = s, .state = {"_writableState", {0}}};
    uint32_t n = v8_nodes_count(s->nodes);
    for (uint32_t node = 0; node < n; node++)
        look_at(&k, node);
    if (k.found.n && k.bytes >= s->least)
        tell(&k);
    for (size_t i = 0; i < k.found.n; i++)
        free(k.found.at[i].text);
    vec_free(&k.found);
    map64_done(&k.state.shapes);
}
