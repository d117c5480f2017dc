#include "v8/async.h"

#include "v8/names.h"

/* JSPromise, JSGeneratorObject, AsyncGeneratorRequest: src/objects/promise.tq, js-generator.tq, the
 * same from 9.4 to 14.6. Offsets in bytes. */
enum {
    PROMISE_REACTIONS = 24,
    PROMISE_FLAGS = 32, /* status in the lowest two bits: 0 pending */
    GENERATOR_FUNCTION = 24,
    GENERATOR_RECEIVER = 40,
    GENERATOR_AT = 48,    /* input_or_debug_pos: where in the bytecode it is suspended */
    GENERATOR_STATE = 64, /* EXECUTING, or where it goes on */
    EXECUTING = -2,
    ASYNC_PROMISE = 80,   /* of an async function's object; the queue of an async generator's */
    REQUEST_PROMISE = 32, /* of the first request in that queue */
    CAPABILITY_PROMISE = 8,
    CHAIN_MAX = 10000,
};

/* Slots of contexts: after scope info and previous context. */
enum { CONTEXT_FIRST = 32, CONTEXT_SECOND = 40 };

/* A combinator's element closure: its number among the promises is its identity hash less one
 * (PromiseBuiltins, src/builtins/promise-all.tq). */
static const struct {
    const char *root, *newer_root, *name;
    int since;    /* version that shows it, ten times */
    bool rejects; /* the closure is the handler of a rejection */
} combinators[] = {
    {"promise_all_resolve_element_shared_fun", "promise_all_resolve_element_closure_shared_fun",
     "Promise.all", 94, false},
    {"promise_all_settled_resolve_element_shared_fun",
     "promise_all_settled_resolve_element_closure_shared_fun", "Promise.allSettled", 102, false},
    {"promise_any_reject_element_shared_fun", "promise_any_reject_element_closure_shared_fun",
     "Promise.any", 94, true},
};

/* What is looked for, by instance types. */
struct chain {
    struct v8_places *p;
    struct v8_objects *o;
    const struct v8_isolate *isolate;
    int promise, reaction, capability, async_function, async_generator;
    struct thread_stack *ret;
};

static int type_constant(const struct v8_objects *o, const char *name) {
    return v8_layout_constant(o->img, o->l, name, -1);
}

static bool is_type(const struct chain *c, uint64_t object, int type) {
    return type >= 0 && v8_instance_type(c->o, object) == type;
}

static uint64_t root(const struct chain *c, const char *name) {
    uint64_t v;
    int i = v8_layout_root(c->o->l, name);
    return i >= 0 && v8_objects_read(c->o, c->isolate->roots + 8 * (uint64_t)i, &v, 8) == 0 ? v : 0;
}

/* Fields of PromiseReaction, and of the job made of it: next or argument, reject handler or
 * context, handler, promise or capability. */
enum { NEXT = 0, REJECTED = 8, HANDLER = 16, TARGET = 24 };

static uint64_t reaction_field(const struct chain *c, uint64_t reaction, int which) {
    return v8_field_or_0(c->o, reaction, c->o->l->facts.reaction_next + which);
}

/* The promise that is settled with the reaction. */
static uint64_t target_of(const struct chain *c, uint64_t reaction) {
    uint64_t target = reaction_field(c, reaction, TARGET);
    if (is_type(c, target, c->capability))
        target = v8_field_or_0(c->o, target, CAPABILITY_PROMISE);
    return is_type(c, target, c->promise) ? target : 0;
}

static uint64_t context_slot(const struct chain *c, uint64_t function, int slot) {
    uint64_t context = v8_shared_of(c->o, function)
                           ? v8_field_or_0(c->o, function, c->o->l->facts.function_shared + 8)
                           : 0;
    return context ? v8_field_or_0(c->o, context, slot) : 0;
}

/* The async function or generator that a handler resumes: the closures made for an `await` keep it
 * in their context. 0 when it is no such handler. */
static uint64_t generator_of(const struct chain *c, uint64_t handler) {
    uint64_t g = context_slot(c, handler, CONTEXT_FIRST);
    return is_type(c, g, c->async_function) || is_type(c, g, c->async_generator) ? g : 0;
}

/* The promise that a generator settles when it is done. */
static uint64_t promise_of(const struct chain *c, uint64_t generator) {
    uint64_t p = v8_field_or_0(c->o, generator, ASYNC_PROMISE);
    if (is_type(c, generator, c->async_generator))
        p = v8_field_or_0(c->o, p, REQUEST_PROMISE);
    return is_type(c, p, c->promise) ? p : 0;
}

static void push_generator(const struct chain *c, uint64_t generator) {
    struct v8_call call = {
        .function = v8_field_or_0(c->o, generator, GENERATOR_FUNCTION),
        .receiver = v8_field_or_0(c->o, generator, GENERATOR_RECEIVER),
        .has_receiver = true,
    };
    uint64_t at = v8_field_or_0(c->o, generator, GENERATOR_AT);
    if (v8_shared_read(c->o, v8_shared_of(c->o, call.function), &call.shared) < 0)
        return;
    struct stack_frame frame = {.kind = FRAME_JS, .is_async = true, .function = call.function};
    frame.name = v8_call_name(c->o, &call);
    /* Counted from the tagged array on, as in the frames of the interpreter. */
    int32_t offset = v8_is_smi(at) ? v8_smi(at) - (c->o->l->facts.bytecode_header - 1) : -1;
    v8_place_set(c->p, &call.shared, call.shared.bytecode, offset >= 0 ? offset : PLACE_FUNCTION,
                 &frame);
    vec_push(&c->ret->frames, frame);
}

static void push_index(const struct chain *c, uint64_t handler, const char *name) {
    struct stack_frame frame = {.kind = FRAME_BUILTIN, .is_async = true, .function = handler};
    uint64_t hash = v8_field_or_0(c->o, handler, 8); /* a Smi while it has no properties */
    frame.name = v8_is_smi(hash) && v8_smi(hash) > 0
                     ? mem_printf("%s (index %d)", name, v8_smi(hash) - 1)
                     : mem_strdup(name);
    vec_push(&c->ret->frames, frame);
}

/* A closure of Promise.all and its like: its frame, and in *ret the promise that waits for all of
 * them. */
static bool push_combinator(const struct chain *c, uint64_t reaction, uint64_t *ret) {
    int version = 10 * c->o->l->version[0] + c->o->l->version[1];
    for (size_t i = 0; i < sizeof combinators / sizeof *combinators; i++) {
        uint64_t handler = reaction_field(c, reaction, combinators[i].rejects ? REJECTED : HANDLER);
        uint64_t shared = v8_shared_of(c->o, handler);
        if (!shared || version < combinators[i].since ||
            (shared != root(c, combinators[i].root) &&
             shared != root(c, combinators[i].newer_root)))
            continue;
        push_index(c, handler, combinators[i].name);
        uint64_t capability = context_slot(c, handler, CONTEXT_SECOND);
        *ret = is_type(c, capability, c->capability)
                   ? v8_field_or_0(c->o, capability, CAPABILITY_PROMISE)
                   : 0;
        return true;
    }
    return false;
}

/* Where the chain goes on from a promise's only reaction; 0: it ends. */
static uint64_t follow(const struct chain *c, uint64_t reaction) {
    uint64_t handler = reaction_field(c, reaction, HANDLER);
    uint64_t generator = generator_of(c, handler), waits;
    if (generator) {
        push_generator(c, generator);
        return promise_of(c, generator);
    }
    if (push_combinator(c, reaction, &waits))
        return is_type(c, waits, c->promise) ? waits : 0;
    uint64_t shared = v8_shared_of(c->o, handler);
    if (shared && shared == root(c, "promise_capability_default_resolve_shared_fun")) {
        waits = context_slot(c, handler, CONTEXT_FIRST);
        return is_type(c, waits, c->promise) ? waits : 0;
    }
    return target_of(c, reaction);
}

/* The promise that the job under way settles; 0: there is none, or nothing can wait for it. */
static uint64_t promise_of_job(const struct chain *c) {
    const struct v8_objects *o = c->o;
    int fulfill = type_constant(
        o, "type_PromiseFulfillReactionJobTask__PROMISE_FULFILL_REACTION_JOB_TASK_TYPE");
    int reject = type_constant(
        o, "type_PromiseRejectReactionJobTask__PROMISE_REJECT_REACTION_JOB_TASK_TYPE");
    int thenable = type_constant(
        o, "type_PromiseResolveThenableJobTask__PROMISE_RESOLVE_THENABLE_JOB_TASK_TYPE");
    uint64_t job = root(c, "current_microtask");
    if (is_type(c, job, thenable) && o->l->version[0] >= 14) /* not followed before */
        return reaction_field(c, job, REJECTED);             /* promise_to_resolve */
    if (!is_type(c, job, fulfill) && !is_type(c, job, reject))
        return 0;
    uint64_t generator = generator_of(c, reaction_field(c, job, HANDLER));
    if (!generator)
        return target_of(c, job);
    /* When it has ended, what runs is something else. */
    return v8_smi(v8_field_or_0(c->o, generator, GENERATOR_STATE)) == EXECUTING
               ? promise_of(c, generator)
               : 0;
}

void v8_async_frames(struct v8_places *p, const struct v8_isolate *isolate,
                     struct thread_stack *ret) {
    struct v8_objects *o = p->o;
    struct chain c = {
        .p = p,
        .o = o,
        .isolate = isolate,
        .promise = type_constant(o, "type_JSPromise__JS_PROMISE_TYPE"),
        .reaction = type_constant(o, "type_PromiseReaction__PROMISE_REACTION_TYPE"),
        .capability = type_constant(o, "type_PromiseCapability__PROMISE_CAPABILITY_TYPE"),
        .async_function =
            type_constant(o, "type_JSAsyncFunctionObject__JS_ASYNC_FUNCTION_OBJECT_TYPE"),
        .async_generator =
            type_constant(o, "type_JSAsyncGeneratorObject__JS_ASYNC_GENERATOR_OBJECT_TYPE"),
        .ret = ret,
    };
    uint64_t promise = promise_of_job(&c);
    for (int i = 0; is_type(&c, promise, c.promise) && i < CHAIN_MAX; i++) {
        uint64_t flags = v8_field_or_0(o, promise, PROMISE_FLAGS);
        uint64_t reaction = v8_field_or_0(o, promise, PROMISE_REACTIONS);
        if (!v8_is_smi(flags) || v8_smi(flags) & 3 || !is_type(&c, reaction, c.reaction) ||
            !v8_is_smi(reaction_field(&c, reaction, NEXT)))
            return; /* settled, or waited for by none or by several */
        promise = follow(&c, reaction);
    }
}
