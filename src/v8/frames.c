#include "v8/frames.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "v8/async.h"
#include "v8/code.h"
#include "v8/generated.h"
#include "v8/names.h"
#include "v8/places.h"
#include "v8/values.h"
#include <errno.h>
#include <string.h>

/* Words of a frame around its fp: src/execution/frame-constants.h, the same from 9.4 to 14.6. */
enum {
    AT_OFFSET = -5,   /* of the bytecode, in interpreted frames; from the tagged array on, a Smi */
    AT_BYTECODE = -4, /* in interpreted and baseline frames */
    AT_ARGC = -3,
    AT_FUNCTION = -2,
    AT_CONTEXT = -1, /* or the type of the frame, with an even lowest bit */
    AT_CALLER_FP = 0,
    AT_RECEIVER = 2, /* arguments follow */
    EXIT_NEW_TARGET = 2,
    EXIT_TARGET = 3,
    EXIT_ARGC = 4,
    FIRST_WORD = AT_OFFSET,
    LAST_WORD = 6,
    WORDS = LAST_WORD - FIRST_WORD + 1,
    ARGS_MAX = 16,
};

struct v8_frames {
    struct image *img;
    const struct v8_layout *l;
    struct v8_pages pages;
    struct v8_isolate_list isolates;
    bool has_objects; /* what is on the heap can be read */
    struct v8_objects objects;
    struct v8_places places;
    struct v8_bytecode_sizes sizes;
    struct v8_generated generated;
    int construct, fast_construct, entry, construct_entry, builtin_exit; /* frame types; -1 */
    /* Of the frame seen last, while a stack is walked: */
    uint64_t caller_fp; /* where it was called from */
    bool is_stale;      /* what a caller in the interpreter has saved may be of an earlier call */
    const uint64_t *regs;
    uint64_t pc; /* for that caller: the thread's registers, and where it stands */
};

/* --- opening --- */

static void find_frame_types(struct v8_frames *f) {
    f->entry = v8_layout_constant(f->img, f->l, "frametype_EntryFrame", -1);
    f->construct_entry = v8_layout_constant(f->img, f->l, "frametype_ConstructEntryFrame", -1);
    f->construct = v8_layout_constant(f->img, f->l, "frametype_ConstructFrame", -1);
    f->fast_construct = v8_layout_constant(f->img, f->l, "frametype_FastConstructFrame", -1);
    f->builtin_exit = v8_layout_constant(f->img, f->l, "frametype_BuiltinExitFrame", -1);
}

void v8_frames_prepare(const struct v8_layout *l) {
    struct elf_symbol any;
    if (l->elf) /* sorts the symbols by address */
        (void)elf_file_symbol_at(l->elf, elf_file_base(l->elf), &any);
}

int v8_frames_open(struct image *img, const struct v8_layout *l, struct v8_frames **ret) {
    struct v8_frames *f = mem_zalloc(sizeof *f);
    int rc = 0;
    f->img = img;
    f->l = l;
    v8_generated_init(img, l, &f->pages, &f->generated);
    if (l->elf) {
        v8_code_bytecode_sizes(l, &f->sizes);
        find_frame_types(f);
    }
    v8_pages_find(img, l, 0, &f->pages);
    if (l->explained) {
        v8_pages_assign(img, l, &f->pages);
        rc = v8_isolates_find(img, l, &f->pages, &f->isolates);
    }
    if (rc < 0) {
        v8_frames_free(f);
        return -ENODATA;
    }
    if (l->explained && v8_objects_open(img, l, &f->pages, &f->objects) == 0)
        f->has_objects = true;
    f->places.o = &f->objects;
    f->places.sizes = &f->sizes;
    *ret = f;
    return f->has_objects ? 0 : -ENOTSUP;
}

void v8_frames_free(struct v8_frames *f) {
    if (!f)
        return;
    v8_scripts_done(&f->places.scripts);
    if (f->has_objects)
        v8_objects_done(&f->objects);
    free((void *)f->sizes.at);
    vec_free(&f->isolates.list);
    v8_pages_done(&f->pages);
    free(f);
}

bool v8_frames_is_code(const struct v8_frames *f, uint64_t pc) {
    return v8_generated_holds(&f->generated, pc);
}

/* --- one frame --- */

struct look {
    struct v8_frames *f;
    const struct v8_machine_frame *at;
    bool with_args;
    struct thread_stack *ret;
    uint64_t words[WORDS];
    char *builtin; /* symbol of the builtin, without Builtins_; NULL: none */
    int isolate;
};

static uint64_t word(const struct look *k, int index) {
    return k->words[index - FIRST_WORD];
}

static struct stack_frame blank(const struct look *k, enum frame_kind kind) {
    return (struct stack_frame){.kind = kind, .pc = k->at->pc, .fp = k->at->fp};
}

static void push(const struct look *k, const struct stack_frame *frame) {
    vec_push(&k->ret->frames, *frame);
}

/* A frame that has only the name of V8's own code. */
static void push_builtin(const struct look *k, enum frame_kind kind) {
    struct stack_frame frame = blank(k, kind);
    frame.name = k->builtin ? mem_strdup(k->builtin) : NULL;
    push(k, &frame);
}

static char *builtin_name(const struct v8_frames *f, const struct v8_machine_frame *at) {
    static const char prefix[] = "Builtins_";
    struct elf_symbol s;
    uint64_t vaddr;
    if (!v8_generated_builtin(&f->generated, at->innermost ? at->pc : at->pc - 1, &vaddr) ||
        elf_file_symbol_at(f->l->elf, vaddr, &s) < 0)
        return NULL;
    return mem_strdup(strncmp(s.name, prefix, sizeof prefix - 1) == 0 ? s.name + sizeof prefix - 1
                                                                      : s.name);
}

/* The interpreter's own code has no frame: what is around it is the frame of a JS function. */
static bool is_interpreter(const char *builtin) {
    size_t n = strlen(builtin);
    return strncmp(builtin, "Interpreter", 11) == 0 || strncmp(builtin, "Baseline", 8) == 0 ||
           (n > 7 && strcmp(builtin + n - 7, "Handler") == 0);
}

/* The type of a typed frame, -1 of others. */
static int frame_type(uint64_t word_at_context) {
    return word_at_context & 1 || word_at_context > 1000 ? -1 : (int)(word_at_context >> 1);
}

static bool called_by_new(const struct look *k) {
    uint64_t marker;
    if (v8_objects_read(&k->f->objects, word(k, AT_CALLER_FP) + 8 * (uint64_t)(int64_t)AT_CONTEXT,
                        &marker, 8) < 0)
        return false;
    int type = frame_type(marker);
    return type >= 0 && (type == k->f->construct || type == k->f->fast_construct);
}

static void take_isolate(struct look *k, uint64_t object) {
    const struct v8_page *page = v8_pages_at(&k->f->pages, object);
    if (page && page->isolate >= 0)
        k->isolate = page->isolate;
}

static void take_args(const struct look *k, uint64_t argc, int first, struct stack_frame *frame) {
    uint64_t n = argc - (uint64_t)(k->f->l->facts.argc_counts_receiver > 0);
    if (!k->with_args || n > 1u << 16)
        return;
    for (uint64_t i = 0; i < n && i < ARGS_MAX; i++) {
        uint64_t v;
        if (v8_objects_read(&k->f->objects, k->at->fp + 8 * ((uint64_t)first + i), &v, 8) < 0)
            return;
        vec_push(&frame->args, v8_value_summary(&k->f->objects, v));
    }
    if (n > ARGS_MAX)
        vec_push(&frame->args, mem_strdup("..."));
}

/* What the function of a call is: its name, and where it stands for a builtin without a script. */
static struct stack_frame call_frame(const struct look *k, const struct v8_call *call) {
    struct stack_frame frame = blank(k, call->shared.script ? FRAME_JS : FRAME_BUILTIN);
    frame.function = call->function;
    frame.is_constructor = call->is_constructor;
    if (call->shared.script || v8_shared_is_native(&call->shared))
        frame.name = v8_call_name(&k->f->objects, call);
    else if (k->builtin)
        frame.name = mem_strdup(k->builtin);
    return frame;
}

/* The offset of the bytecode, from its distance to the tagged array; -1 when it is none. */
static int32_t bytecode_offset(const struct look *k, int64_t distance) {
    struct v8_objects *o = &k->f->objects;
    uint64_t bytecode = word(k, AT_BYTECODE);
    int64_t n = v8_kind(o, bytecode) == KIND_BYTECODE ? v8_array_length(o, bytecode) : -1;
    int64_t at = distance - (k->f->l->facts.bytecode_header - 1);
    return at >= 0 && at < n ? (int32_t)at : -1;
}

/* As the frame has it: right while the interpreter is in a call. */
static int32_t saved_offset(const struct look *k) {
    uint64_t offset = word(k, AT_OFFSET);
    return v8_is_smi(offset) ? bytecode_offset(k, v8_smi(offset)) : -1;
}

/* As the registers have it (kInterpreterBytecodeArrayRegister and its like,
 * src/codegen/x64/register-x64.h): right when the dispatch table leads from that bytecode to the
 * very handler the thread is in. -1 otherwise. */
static int32_t offset_in_registers(const struct look *k, const uint64_t *regs, uint64_t pc) {
    enum { DISPATCH = 0, BYTECODES = 3, OFFSET = 8, PER_SCALE = 256 };
    uint64_t entry, here, there;
    uint8_t code;
    if (!regs || regs[BYTECODES] != word(k, AT_BYTECODE) || regs[OFFSET] > INT32_MAX)
        return -1;
    int32_t at = bytecode_offset(k, (int64_t)regs[OFFSET]);
    if (at < 0 || image_read(k->f->img, regs[BYTECODES] + regs[OFFSET], &code, 1) < 0)
        return -1;
    /* Behind a prefix the offset is that of the bytecode itself, and its handler that of the scale.
     */
    struct elf_symbol symbol, handler;
    if (!v8_generated_builtin(&k->f->generated, pc, &here) ||
        elf_file_symbol_at(k->f->l->elf, here, &symbol) < 0)
        return -1;
    for (uint64_t scale = 0; scale < 3; scale++)
        if (image_read_u64(k->f->img, regs[DISPATCH] + 8 * (PER_SCALE * scale + code), &entry) ==
                0 &&
            v8_generated_builtin(&k->f->generated, entry, &there) &&
            elf_file_symbol_at(k->f->l->elf, there, &handler) == 0 && handler.value == symbol.value)
            return at;
    return -1;
}

/* Is the frame the interpreter's? Then *ret is where it is, PLACE_FUNCTION if that is not known. */
static bool interpreted_offset(const struct look *k, int32_t *ret) {
    int32_t saved = saved_offset(k), current = saved;
    if (saved < 0)
        return false;
    if (k->at->innermost && k->builtin && is_interpreter(k->builtin))
        current = offset_in_registers(k, k->at->regs, k->at->pc);
    else if (k->f->caller_fp == k->at->fp && k->f->is_stale)
        current = offset_in_registers(k, k->f->regs, k->f->pc);
    *ret = current >= 0 ? current : PLACE_FUNCTION;
    return true;
}

/* A function that has a frame of its own, run by the interpreter, by baseline code, or by optimised
 * code of which no table tells more. */
static void push_function(const struct look *k, const struct v8_call *call, enum frame_tier tier,
                          int32_t offset) {
    struct stack_frame frame = call_frame(k, call);
    frame.tier = tier;
    if (call->shared.script)
        v8_place_set(&k->f->places, &call->shared, word(k, AT_BYTECODE), offset, &frame);
    take_args(k, word(k, AT_ARGC) & UINT32_MAX, AT_RECEIVER + 1, &frame);
    push(k, &frame);
}

/* Optimised code: the frames of what was inlined, innermost first. */
static bool push_optimised(const struct look *k, const struct v8_call *call,
                           const struct v8_code *code, enum frame_tier tier) {
    struct v8_objects *o = &k->f->objects;
    struct v8_code_frame frames[V8_TRANSLATED_MAX];
    int n = k->at->innermost ? -ENODATA : v8_code_frames(o, code, k->at->pc, k->at->fp, frames);
    int outermost = 0;
    while (outermost < n && frames[outermost].kind == TRANSLATED_CONSTRUCT)
        outermost++;
    for (int i = n - 1; i >= outermost; i--) {
        struct v8_call c = {.function = frames[i].function,
                            .receiver = frames[i].receiver,
                            .has_receiver = frames[i].has_receiver};
        if (frames[i].kind == TRANSLATED_CONSTRUCT ||
            v8_shared_read(o, frames[i].shared, &c.shared) < 0)
            continue;
        c.is_constructor =
            i == outermost ? call->is_constructor : frames[i - 1].kind == TRANSLATED_CONSTRUCT;
        struct stack_frame frame = call_frame(k, &c);
        frame.tier = tier;
        frame.inlined = i > outermost;
        if (frames[i].kind == TRANSLATED_FUNCTION)
            v8_place_set(&k->f->places, &c.shared, c.shared.bytecode, frames[i].offset, &frame);
        if (!frame.inlined)
            take_args(k, word(k, AT_ARGC) & UINT32_MAX, AT_RECEIVER + 1, &frame);
        push(k, &frame);
    }
    return n > outermost;
}

static void push_compiled(const struct look *k, const struct v8_call *call,
                          const struct v8_code *code) {
    static const enum frame_tier tiers[] = {
        [CODE_OTHER] = TIER_UNKNOWN,
        [CODE_BASELINE] = TIER_BASELINE,
        [CODE_MAGLEV] = TIER_MAGLEV,
        [CODE_OPTIMISED] = TIER_OPTIMISED,
    };
    int32_t offset = PLACE_FUNCTION;
    if (code->kind == CODE_BASELINE && v8_code_baseline(&k->f->objects, code, word(k, AT_BYTECODE),
                                                        &k->f->sizes, k->at->pc, &offset) < 0)
        offset = PLACE_FUNCTION;
    if (code->kind <= CODE_BASELINE || !push_optimised(k, call, code, tiers[code->kind]))
        push_function(k, call, tiers[code->kind], offset);
}

/* A frame with a context and a function. */
static bool look_at_function(struct look *k) {
    struct v8_objects *o = &k->f->objects;
    struct v8_call call = {
        .function = word(k, AT_FUNCTION), .receiver = word(k, AT_RECEIVER), .has_receiver = true};
    struct v8_code code;
    int32_t offset;
    if (!(word(k, AT_CONTEXT) & 1) ||
        v8_shared_read(o, v8_shared_of(o, call.function), &call.shared) < 0)
        return false;
    call.is_constructor = called_by_new(k);
    take_isolate(k, call.function);
    if (!k->builtin && v8_code_at(o, k->at->pc, &code) == 0) {
        push_compiled(k, &call, &code);
        return true;
    }
    if (!call.shared.script) {
        push_function(k, &call, TIER_UNKNOWN, PLACE_FUNCTION);
        return true;
    }
    /* V8's own code without a frame, called from here. */
    if (k->at->innermost && k->builtin && !is_interpreter(k->builtin))
        push_builtin(k, FRAME_BUILTIN);
    bool interpreted = interpreted_offset(k, &offset);
    push_function(k, &call, interpreted ? TIER_INTERPRETED : TIER_UNKNOWN,
                  interpreted ? offset : PLACE_FUNCTION);
    return true;
}

/* A builtin written in C++ that stands for a JS function: Error().stack names it. */
static bool look_at_exit(struct look *k) {
    struct v8_objects *o = &k->f->objects;
    int receiver = k->f->l->facts.exit_receiver_word;
    struct v8_call call = {
        .function = word(k, EXIT_TARGET), .receiver = word(k, receiver), .has_receiver = true};
    if (v8_shared_read(o, v8_shared_of(o, call.function), &call.shared) < 0)
        return false;
    call.is_constructor = v8_is_receiver(v8_kind(o, word(k, EXIT_NEW_TARGET)));
    take_isolate(k, call.function);
    struct stack_frame frame = call_frame(k, &call);
    uint64_t argc = word(k, EXIT_ARGC);
    if (v8_is_smi(argc)) /* counts the words before the receiver too */
        take_args(k, (uint64_t)(v8_smi(argc) - (receiver - EXIT_NEW_TARGET)), receiver + 1, &frame);
    push(k, &frame);
    return true;
}

static void look_at_frame(struct look *k) {
    int type = frame_type(word(k, AT_CONTEXT));
    bool is_entry = type >= 0 && (type == k->f->entry || type == k->f->construct_entry);
    if (is_entry)
        push_builtin(k, FRAME_ENTRY);
    else if (!(k->f->has_objects && type >= 0 && type == k->f->builtin_exit && look_at_exit(k)) &&
             !(k->f->has_objects && type < 0 && look_at_function(k)))
        push_builtin(k, FRAME_BUILTIN);
}

/* For the caller of this frame. Handlers of bytecodes save the offset before they call generated
 * code; some have a frame of their own, and then it is theirs that this frame called. */
static void remember(struct look *k) {
    struct v8_frames *f = k->f;
    bool is_handler =
        frame_type(word(k, AT_CONTEXT)) >= 0 && k->builtin && is_interpreter(k->builtin);
    bool after_generated = f->caller_fp == k->at->fp && !k->at->innermost;
    f->is_stale = is_handler && !after_generated;
    f->regs = k->at->regs;
    f->pc = k->at->pc;
    f->caller_fp = word(k, AT_CALLER_FP);
}

int v8_frames_at(struct v8_frames *f, const struct v8_machine_frame *at, bool with_args,
                 struct thread_stack *ret) {
    struct look k = {.f = f, .at = at, .with_args = with_args, .ret = ret, .isolate = -1};
    k.builtin = builtin_name(f, at);
    if (image_read(f->img, at->fp + 8 * (uint64_t)(int64_t)FIRST_WORD, k.words, sizeof k.words) <
        0) {
        push_builtin(&k, FRAME_BUILTIN);
    } else {
        look_at_frame(&k);
        remember(&k);
    }
    free(k.builtin);
    return k.isolate;
}

void v8_frames_async(struct v8_frames *f, int isolate, struct thread_stack *ret) {
    if (f->has_objects && isolate >= 0 && (size_t)isolate < f->isolates.list.n)
        v8_async_frames(&f->places, &f->isolates.list.at[isolate], ret);
}
