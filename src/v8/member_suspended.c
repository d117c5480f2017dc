/* What waits: promises and their reactions, generators, async functions. */
#include "v8/member_list.h"

#include "v8/generators.h"
#include "v8/names.h"
#include "v8/promises.h"
#include "v8/values.h"

enum { REACTIONS_MAX = 1 << 16 };

/* "async function load at /app/server.js:12:3" */
static char *awaiting(struct v8_decoder *d, uint64_t generator) {
    struct v8_generator g;
    struct v8_shared s;
    if (v8_generator_read(d->o, generator, &g) < 0 ||
        v8_shared_read(d->o, v8_shared_of(d->o, g.function), &s) < 0)
        return NULL;
    cleanup_free char *name = v8_function_name(d->o, g.function, &s);
    cleanup_free char *place = v8_member_place(d, &s, g.offset);
    return mem_printf("async function %s%s%s", *name ? name : "<anonymous>", place ? " at " : "",
                      place ? place : "");
}

static void add_reaction(struct v8_decoder *d, const struct v8_reaction *r, struct v8_members *m) {
    if (r->generator) {
        v8_members_text(d, m, "AwaitedBy", awaiting(d, r->generator));
        v8_members_slot(d, m, "Awaiter", r->generator);
        return;
    }
    if (v8_kind(d->o, r->on_fulfilled) == KIND_FUNCTION)
        v8_members_slot(d, m, "OnFulfilled", r->on_fulfilled);
    if (v8_kind(d->o, r->on_rejected) == KIND_FUNCTION)
        v8_members_slot(d, m, "OnRejected", r->on_rejected);
    if (v8_type(d->o, r->target) == TYPE_JS_PROMISE)
        v8_members_slot(d, m, "ThenPromise", r->target);
}

static void add_promise(struct v8_decoder *d, uint64_t promise, struct v8_members *m) {
    struct v8_promise p;
    if (v8_promise_read(d->o, promise, &p) < 0)
        return;
    v8_members_text(d, m, "PromiseState", mem_strdup(v8_promise_state(&p)));
    if (p.state == PROMISE_PENDING)
        v8_members_text(d, m, "PromiseResult", mem_strdup("undefined"));
    else
        v8_members_slot(d, m, "PromiseResult", p.result);
    v8_members_text(d, m, "PromiseIsHandled", mem_strdup(p.is_handled ? "true" : "false"));
    struct v8_reaction r = {.next = p.reactions};
    for (int i = 0; p.reactions && i < REACTIONS_MAX; i++) {
        if (v8_reaction_read(d->o, r.next, &r) < 0)
            break;
        if ((size_t)i < d->limit)
            add_reaction(d, &r, m);
        else
            m->more[MEMBER_SLOT]++;
    }
}

void v8_members_suspended(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    struct v8_generator g;
    struct v8_shared s;
    add_promise(d, object, m);
    if (v8_generator_read(d->o, object, &g) < 0)
        return;
    v8_members_text(d, m, "GeneratorState", mem_strdup(v8_generator_state(&g)));
    v8_members_slot(d, m, "GeneratorFunction", g.function);
    v8_members_slot(d, m, "GeneratorReceiver", g.receiver);
    if (g.promise)
        v8_members_slot(d, m, "Promise", g.promise);
    if (v8_shared_read(d->o, v8_shared_of(d->o, g.function), &s) == 0 &&
        g.state == GENERATOR_SUSPENDED)
        v8_members_text(d, m, "GeneratorLocation", v8_member_place(d, &s, g.offset));
    v8_members_scopes(d, g.context, m);
}
