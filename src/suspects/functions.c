/* What there is of one function many times: closures, calls that wait, timers. */
#include "suspects/suspect.h"

#include "v8/functions.h"
#include "v8/generators.h"
#include "v8/properties.h"

enum {
    MANY = 64, /* fewer of one function are no heap of them */
};

/* In the low bits of a key, which a SharedFunctionInfo's address leaves free. */
enum what { CLOSURE = 1, WAITING, TIMER };

struct source {
    struct suspect_search *s;
    struct suspect_class timeout;
};

static uint64_t shared_of(struct suspect_search *s, uint64_t function) {
    return v8_shared_of(&s->look.objects, function);
}

static uint64_t waiting_in(struct suspect_search *s, uint64_t generator) {
    struct v8_generator g;
    if (v8_generator_read(&s->look.objects, generator, &g) < 0 || g.state == GENERATOR_CLOSED)
        return 0;
    return shared_of(s, g.function);
}

/* lib/internal/timers.js: Timeout has its function in _onTimeout. */
static uint64_t called_by(struct suspect_search *s, uint64_t timeout) {
    struct v8_property p;
    return v8_property_own(&s->look.objects, timeout, "_onTimeout", &p) && !p.is_accessor
               ? shared_of(s, p.value)
               : 0;
}

static uint64_t keyed(uint64_t shared, enum what what) {
    return shared ? (shared & ~7ull) | what : 0;
}

static uint64_t key_of(void *ctx, uint32_t node) {
    struct source *f = ctx;
    struct suspect_search *s = f->s;
    uint64_t addr;
    switch (heap_look_type(&s->look, node)) {
    case TYPE_JS_ASYNC_FUNCTION_OBJECT:
    case TYPE_JS_ASYNC_GENERATOR_OBJECT:
        return keyed(waiting_in(s, heap_look_addr(&s->look, node)), WAITING);
    default:
        break;
    }
    addr = heap_look_addr(&s->look, node);
    int type = heap_look_instance_type(&s->look, node);
    if (type >= 0 && s->look.objects.kinds[type] == KIND_FUNCTION)
        return keyed(shared_of(s, addr), CLOSURE);
    return type >= 0 && v8_is_receiver((enum v8_kind)s->look.objects.kinds[type]) &&
                   suspect_is_a(s, &f->timeout, node)
               ? keyed(called_by(s, addr), TIMER)
               : 0;
}

static void tell(struct suspect_search *s, const struct suspect_group *g) {
    static const struct {
        const char *kind, *before, *behind;
    } words[] = {
        [CLOSURE] = {"closure-leak", "closures of", "hold"},
        [WAITING] = {"promise-leak", "calls of the async function", "wait, and hold"},
        [TIMER] = {"timer-leak", "timers that call", "hold"},
    };
    char size[FMT_MAX], count[FMT_MAX];
    enum what what = (enum what)(g->key & 7);
    cleanup_free char *function = suspect_function_text(s, (g->key & ~7ull) | 1);
    suspect_add(s,
                (struct suspect){.kind = words[what].kind,
                                 .text = mem_printf("%s %s %s %s %s", fmt_count(count, g->count),
                                                    words[what].before, function,
                                                    words[what].behind, fmt_bytes(size, g->bytes)),
                                 .sample = heap_look_addr(&s->look, g->first),
                                 .count = g->count,
                                 .bytes = g->bytes});
}

void suspect_functions(struct suspect_search *s) {
    struct source f = {.s = s, .timeout = {"Timeout", {0}}};
    struct suspect_groups groups;
    suspect_groups_find(s, key_of, &f, &groups);
    for (size_t i = 0; i < groups.list.n && groups.list.at[i].bytes >= s->least; i++)
        if (groups.list.at[i].count >= MANY)
            tell(s, &groups.list.at[i]);
    suspect_groups_done(&groups);
    map64_done(&f.timeout.known);
}
