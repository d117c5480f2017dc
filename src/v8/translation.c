#include "v8/translation.h"

#include "base/bytes.h"
#include "v8/positions.h"
#include <errno.h>

enum { OPERANDS_MAX = 6, OPCODES_MAX = 48, STEPS_MAX = 1 << 16, NO_OPCODE = -1 };

/* TRANSLATION_OPCODE_LIST of src/deoptimizer/translation-opcode.h, of which only what makes frames
 * and says where a value is has a meaning here. Confirmed by the symbol
 * TranslationOpcodeOperandCount(TranslationOpcode)::counts of the official builds. */
struct format {
    int flavour;
    bool numbers;         /* opcodes are numbers of variable length too, and signed */
    int function[2];      /* interpreted frames, with and without a return value */
    int builtin[2];       /* JS builtin continuations, without and with catch */
    int construct[2];     /* constructor stubs */
    int literal, slot;    /* values */
    int begin[2];         /* of a translation */
    int match_previous;   /* as many operations as before; also any byte past the opcodes */
    int n;                /* opcodes */
    const char *operands; /* how many each has, as digits */
};

static const struct format formats[] = {
    {94,
     true,
     {18, 18},
     {19, 20},
     {8, 8},
     22,
     24,
     {3, 3},
     NO_OPCODE,
     28,
     "2103113131111111115334111112"},
    {113,
     false,
     {23, 24},
     {25, 26},
     {8, 8},
     29,
     31,
     {2, 3},
     35,
     36,
     "103311313111112111111115333401111121"},
    {124,
     false,
     {0, 1},
     {2, 3},
     {4, 5},
     33,
     35,
     {12, 13},
     39,
     40,
     "5333213432103311111111111111111101111121"},
    {136,
     false,
     {0, 1},
     {2, 3},
     {4, 5},
     38,
     40,
     {14, 15},
     44,
     45,
     "643321343331003311101111111111111111101111121"},
};

static const struct format *format_of(int flavour) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].flavour == flavour)
            return &formats[i];
    return NULL;
}

struct operation {
    int opcode;
    uint32_t operand[OPERANDS_MAX]; /* as they stand; signed ones have the sign in the lowest bit */
};

struct reader {
    const uint8_t *bytes;
    size_t n, at;
    const struct format *f;
    size_t previous;   /* where the translation that is matched goes on */
    uint32_t repeat;   /* how many operations of it come next */
    uint32_t since;    /* operations read since `previous` was moved */
    bool has_previous; /* there is one to be matched */
};

static bool read_operation(struct reader *r, size_t *at, struct operation *ret) {
    if (*at >= r->n)
        return false;
    uint32_t opcode = r->bytes[*at];
    if (r->f->numbers) {
        if (!v8_vlq(r->bytes, r->n, at, &opcode))
            return false;
        opcode >>= 1;
    } else {
        (*at)++;
    }
    ret->opcode = (int)opcode;
    if (opcode >= (uint32_t)r->f->n) { /* MATCH_PREVIOUS_TRANSLATION with its operand */
        ret->operand[0] = opcode - (uint32_t)r->f->n;
        ret->opcode = r->f->match_previous;
        return ret->opcode != NO_OPCODE;
    }
    for (int i = 0; i < r->f->operands[opcode] - '0'; i++)
        if (!v8_vlq(r->bytes, r->n, at, &ret->operand[i]))
            return false;
    return true;
}

static bool is_begin(const struct format *f, int opcode) {
    return opcode == f->begin[0] || opcode == f->begin[1];
}

/* The next operation: of the bytes, or of the translation they refer back to
 * (TranslationArrayIterator::NextOpcode). */
static bool next(struct reader *r, struct operation *ret) {
    if (r->repeat) {
        r->repeat--;
        return read_operation(r, &r->previous, ret);
    }
    if (!read_operation(r, &r->at, ret))
        return false;
    if (ret->opcode != r->f->match_previous || r->f->match_previous == NO_OPCODE) {
        r->since++;
        return true;
    }
    if (!r->has_previous || !ret->operand[0])
        return false;
    r->repeat = ret->operand[0] - 1;
    for (struct operation skipped; r->since; r->since--)
        if (!read_operation(r, &r->previous, &skipped))
            return false;
    return read_operation(r, &r->previous, ret);
}

/* BEGIN says how far back the translation starts that this one refers to. */
static bool begin(struct reader *r) {
    struct operation op;
    size_t start = r->at;
    if (!next(r, &op) || !is_begin(r->f, op.opcode))
        return false;
    if (r->f->match_previous != NO_OPCODE && op.operand[0]) {
        if (op.operand[0] > start)
            return false;
        r->previous = start - op.operand[0];
        r->has_previous = true;
    }
    return true;
}

static int32_t signed_of(uint32_t v) {
    return v & 1 ? -(int32_t)(v >> 1) : (int32_t)(v >> 1);
}

static struct v8_where_is where_is(const struct format *f, const struct operation *op) {
    if (op->opcode == f->literal)
        return (struct v8_where_is){WHERE_LITERAL, signed_of(op->operand[0])};
    if (op->opcode == f->slot)
        return (struct v8_where_is){WHERE_SLOT, signed_of(op->operand[0])};
    return (struct v8_where_is){WHERE_UNKNOWN, 0};
}

/* What an operation begins; false for values and other frames. */
static bool frame_of(const struct format *f, const struct operation *op,
                     struct v8_translated_frame *ret) {
    *ret = (struct v8_translated_frame){.offset = signed_of(op->operand[0]),
                                        .literal = signed_of(op->operand[1])};
    if (op->opcode == f->function[0] || op->opcode == f->function[1])
        ret->kind = TRANSLATED_FUNCTION;
    else if (op->opcode == f->builtin[0] || op->opcode == f->builtin[1])
        ret->kind = TRANSLATED_BUILTIN;
    else if (op->opcode == f->construct[0] || op->opcode == f->construct[1])
        ret->kind = TRANSLATED_CONSTRUCT;
    else
        return false;
    return true;
}

int v8_translation_read(const uint8_t *bytes, size_t n, size_t at, int flavour,
                        struct v8_translated_frame frames[V8_TRANSLATED_MAX]) {
    struct reader r = {.bytes = bytes, .n = n, .at = at, .f = format_of(flavour)};
    int count = 0, values = 0; /* of the frame: the function comes first, then the receiver */
    if (!r.f)
        return -ENOTSUP;
    if (!begin(&r))
        return -EBADMSG;
    for (int steps = 0; steps < STEPS_MAX && (r.at < n || r.repeat); steps++) {
        struct operation op = {0};
        if (!next(&r, &op))
            return -EBADMSG;
        if (is_begin(r.f, op.opcode))
            return count;
        struct v8_translated_frame frame;
        if (frame_of(r.f, &op, &frame)) {
            if (count == V8_TRANSLATED_MAX)
                return -EBADMSG;
            frames[count++] = frame;
            values = 0;
        } else if (count && values < 2) {
            struct v8_where_is *at_value =
                values++ ? &frames[count - 1].receiver : &frames[count - 1].function;
            *at_value = where_is(r.f, &op);
        }
    }
    return count;
}

/* Little-endian number of 0 to 4 bytes; kNo... values are stored as 0, others plus one. */
static uint32_t field(const uint8_t *p, unsigned bytes) {
    uint32_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint32_t)p[i] << (8 * i);
    return v;
}

/* Version 9: {length, bytes of slots}, then {pc, deopt index, trampoline} of 32 bits each. */
static int find_fixed(const uint8_t *table, size_t n, uint32_t pc) {
    if (n < 8)
        return -ENODATA;
    uint32_t length = u32_at(table, 0);
    for (uint32_t i = 0; i < length && 8 + 12 * ((size_t)i + 1) <= n; i++) {
        const uint8_t *e = table + 8 + 12 * (size_t)i;
        if (u32_at(e, 0) == pc || u32_at(e, 8) == pc)
            return u32_at(e, 4) <= INT32_MAX ? (int)u32_at(e, 4) : -ENODATA;
    }
    return -ENODATA;
}

int v8_safepoint_find(const uint8_t *table, size_t n, uint32_t pc, int flavour, bool maglev) {
    if (flavour == 94)
        return find_fixed(table, n, pc);
    /* From 13 on the number of stack slots stands in front. Maglev's header always has 4 words. */
    size_t length_at = flavour >= 136 ? 4 : 0, header = maglev ? 16 : length_at + 8;
    if (n < header)
        return -ENODATA;
    uint32_t length = u32_at(table, length_at), config = u32_at(table, length_at + 4);
    unsigned has_deopt = config & 1, register_size = config >> 1 & 7, pc_size = config >> 4 & 7;
    unsigned deopt_size = config >> 7 & 7;
    size_t size = 2 * pc_size + deopt_size + register_size + (maglev ? 1 : 0);
    if (!has_deopt || !pc_size || pc_size > 4 || deopt_size > 4)
        return -ENODATA;
    for (uint32_t i = 0; i < length && header + size * ((size_t)i + 1) <= n; i++) {
        const uint8_t *e = table + header + size * i;
        uint32_t deopt = field(e + pc_size, deopt_size);
        uint32_t trampoline = field(e + pc_size + deopt_size, pc_size);
        if (field(e, pc_size) == pc || (trampoline && trampoline - 1 == pc))
            return deopt && deopt <= INT32_MAX ? (int)(deopt - 1) : -ENODATA;
    }
    return -ENODATA;
}
