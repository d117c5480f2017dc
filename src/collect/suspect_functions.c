/* What there is of one function many times: closures, calls that wait, timers. */
#include "collect/suspect.h"

#include "v8/functions.h"
#include "v8/properties.h"
#include <string.h>

enum {
    MANY = 64,               /* fewer of one function are no heap of them */
    GENERATOR_FUNCTION = 24, /* JSGeneratorObject::function, js-generator.tq, 9.4 to 14.6 */
    GENERATOR_CONTINUATION = 64,
    GENERATOR_CLOSED = -1,
};

/* In the low bits of a key, which a SharedFunctionInfo's address leaves free. */
enum what { CLOSURE = 1, WAITING, TIMER };

struct source {
    struct suspect_search *s;
    struct v8_classes *classes;
    struct map64 timers; /* class + 1 -> is it "Timeout" + 1 */
};

static uint64_t shared_of(struct suspect_search *s, uint64_t function) {
    return v8_shared_of(&s->look.objects, function);
}

static uint64_t waiting_in(struct suspect_search *s, uint64_t generator) {
    struct v8_objects *o = &s->look.objects;
    uint64_t at = v8_field_or_0(o, generator, GENERATOR_CONTINUATION);
    if (!v8_is_smi(at) || v8_smi(at) == GENERATOR_CLOSED)
        return 0;
    return shared_of(s, v8_field_or_0(o, generator, GENERATOR_FUNCTION));
}

static bool is_timeout(struct source *f, uint32_t node) {
    uint32_t class = v8_class_of(f->classes, node);
    uint64_t known;
    if (!map64_get(&f->timers, class + 1ull, &known)) {
        known = strcmp(v8_class_name(f->classes, class), "Timeout") == 0 ? 2 : 1;
        map64_put(&f->timers, class + 1ull, known);
    }
    return known == 2;
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
                   is_timeout(f, node)
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
    struct source f = {.s = s, .classes = heap_look_classes(&s->look)};
    struct suspect_groups groups;
    suspect_groups_find(s, key_of, &f, &groups);
    for (size_t i = 0; i < groups.list.n && groups.list.at[i].bytes >= s->least; i++)
        if (groups.list.at[i].count >= MANY)
            tell(s, &groups.list.at[i]);
    suspect_groups_done(&groups);
    map64_done(&f.timers);
}
