#include "v8/promises.h"

#include "v8/functions.h"
#include <errno.h>

/* JSPromise, PromiseCapability: src/objects/promise.tq, js-promise.tq, 9.4 to 14.6. */
enum {
    REACTIONS_OR_RESULT = 24,
    FLAGS = 32, /* status in the lowest two bits, has_handler, is_silent (9.4: handled_hint) */
    CAPABILITY_PROMISE = 8,
    CONTEXT_FIRST = 32, /* the slot after scope info and previous context */
};

int v8_promise_read(struct v8_objects *o, uint64_t promise, struct v8_promise *ret) {
    uint64_t flags, word;
    if (v8_type(o, promise) != TYPE_JS_PROMISE || !v8_field(o, promise, FLAGS, &flags) ||
        !v8_field(o, promise, REACTIONS_OR_RESULT, &word) || !v8_is_smi(flags) ||
        (v8_smi(flags) & 3) > PROMISE_REJECTED)
        return -EBADMSG;
    struct v8_promise p = {.state = v8_smi(flags) & 3, .is_handled = v8_smi(flags) >> 2 & 1};
    if (p.state == PROMISE_PENDING)
        p.reactions = word;
    else
        p.result = word;
    *ret = p;
    return 0;
}

const char *v8_promise_state(const struct v8_promise *p) {
    static const char *const names[] = {"pending", "fulfilled", "rejected"};
    return names[p->state];
}

/* The closures made for an `await` keep what they resume in their context. */
static uint64_t awaiting(struct v8_objects *o, uint64_t handler) {
    uint64_t context =
        v8_shared_of(o, handler) ? v8_field_or_0(o, handler, o->l->facts.function_shared + 8) : 0;
    uint64_t g = context ? v8_field_or_0(o, context, CONTEXT_FIRST) : 0;
    enum v8_type t = v8_type(o, g);
    return t == TYPE_JS_ASYNC_FUNCTION_OBJECT || t == TYPE_JS_ASYNC_GENERATOR_OBJECT ? g : 0;
}

int v8_reaction_read(struct v8_objects *o, uint64_t reaction, struct v8_reaction *ret) {
    struct v8_reaction r;
    int32_t next = o->l->facts.reaction_next;
    if (v8_type(o, reaction) != TYPE_PROMISE_REACTION || !v8_field(o, reaction, next, &r.next) ||
        !v8_field(o, reaction, next + 8, &r.on_rejected) ||
        !v8_field(o, reaction, next + 16, &r.on_fulfilled) ||
        !v8_field(o, reaction, next + 24, &r.target))
        return -EBADMSG;
    if (v8_type(o, r.target) == TYPE_PROMISE_CAPABILITY)
        r.target = v8_field_or_0(o, r.target, CAPABILITY_PROMISE);
    r.generator = awaiting(o, r.on_fulfilled);
    *ret = r;
    return 0;
}
