#include "image/cfi.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdlib.h>

/* The linker's expression for a PLT entry needs four; no compiler writes longer than some twenty.
 */
enum { STACK_MAX = 32, OPS_MAX = 256 };

struct eval {
    const struct cfi_frame *frame;
    uint64_t cfa;
    bool has_cfa;
    uint64_t stack[STACK_MAX];
    size_t n;
    bool is_value; /* the top is the value itself, not where it is */
};

static int push(struct eval *v, uint64_t word) {
    if (v->n == STACK_MAX)
        return -EBADMSG;
    v->stack[v->n++] = word;
    return 0;
}

static int push_register(struct eval *v, uint64_t reg, uint64_t offset) {
    if (reg >= FRAME_REGS)
        return -EBADMSG;
    if (!frame_regs_has(v->frame->regs, (unsigned)reg))
        return -ENODATA;
    return push(v, v->frame->regs->at[reg] + offset);
}

static int binary(struct eval *v, uint8_t op) {
    if (v->n < 2)
        return -EBADMSG;
    uint64_t b = v->stack[--v->n], *a = &v->stack[v->n - 1];
    int64_t x = (int64_t)*a, y = (int64_t)b;
    switch (op) {
    case DW_OP_plus:
        *a += b;
        break;
    case DW_OP_minus:
        *a -= b;
        break;
    case DW_OP_mul:
        *a *= b;
        break;
    case DW_OP_and:
        *a &= b;
        break;
    case DW_OP_or:
        *a |= b;
        break;
    case DW_OP_xor:
        *a ^= b;
        break;
    case DW_OP_shl:
        *a = b < 64 ? *a << b : 0;
        break;
    case DW_OP_shr:
        *a = b < 64 ? *a >> b : 0;
        break;
    case DW_OP_eq:
        *a = x == y;
        break;
    case DW_OP_ne:
        *a = x != y;
        break;
    case DW_OP_ge:
        *a = x >= y;
        break;
    case DW_OP_gt:
        *a = x > y;
        break;
    case DW_OP_le:
        *a = x <= y;
        break;
    case DW_OP_lt:
        *a = x < y;
        break;
    default:
        return -EBADMSG;
    }
    return 0;
}

static int deref(struct eval *v) {
    uint64_t word;
    if (!v->n)
        return -EBADMSG;
    int r = v->frame->read(v->frame->arg, v->stack[v->n - 1], &word);
    if (r == 0)
        v->stack[v->n - 1] = word;
    return r;
}

static int run_op(struct eval *v, const Dwarf_Op *op) {
    if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
        return push(v, op->atom - DW_OP_lit0);
    if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
        return push_register(v, op->atom - DW_OP_breg0, op->number);
    switch (op->atom) {
    case DW_OP_call_frame_cfa:
        return v->has_cfa ? push(v, v->cfa) : -EBADMSG;
    case DW_OP_bregx:
        return push_register(v, op->number, op->number2);
    case DW_OP_regx:
        v->is_value = true;
        return push_register(v, op->number, 0);
    case DW_OP_const1u:
    case DW_OP_const1s:
    case DW_OP_const2u:
    case DW_OP_const2s:
    case DW_OP_const4u:
    case DW_OP_const4s:
    case DW_OP_const8u:
    case DW_OP_const8s:
    case DW_OP_constu:
    case DW_OP_consts:
        return push(v, op->number);
    case DW_OP_plus_uconst:
        if (v->n)
            v->stack[v->n - 1] += op->number;
        return v->n ? 0 : -EBADMSG;
    case DW_OP_dup:
        return v->n ? push(v, v->stack[v->n - 1]) : -EBADMSG;
    case DW_OP_deref:
        return deref(v);
    case DW_OP_stack_value:
        v->is_value = true;
        return 0;
    case DW_OP_nop:
        return 0;
    default:
        return binary(v, op->atom);
    }
}

/* The top of the stack after the last operation. */
static int run_ops(struct eval *v, const Dwarf_Op *ops, size_t n, uint64_t *ret) {
    v->n = 0;
    v->is_value = false;
    if (n > OPS_MAX)
        return -EBADMSG;
    for (size_t i = 0; i < n; i++) {
        int r = run_op(v, &ops[i]);
        if (r < 0)
            return r;
    }
    if (!v->n)
        return -EBADMSG;
    *ret = v->stack[v->n - 1];
    return 0;
}

/* 1: its value is *ret; 0: it is the same as in the frame; -ENODATA: lost. */
static int find_register(struct eval *v, Dwarf_Frame *frame, int reg, uint64_t *ret) {
    Dwarf_Op mem[3], *ops;
    size_t n;
    uint64_t word;
    if (dwarf_frame_register(frame, reg, mem, &ops, &n) < 0)
        return -EBADMSG;
    if (n == 0)
        return ops ? -ENODATA : 0;
    int r = run_ops(v, ops, n, &word);
    if (r == 0 && !v->is_value)
        r = v->frame->read(v->frame->arg, word, &word);
    if (r < 0)
        return r;
    *ret = word;
    return 1;
}

static int step_registers(struct eval *v, Dwarf_Frame *frame, int return_reg,
                          struct cfi_caller *ret) {
    struct frame_regs regs = {.known = 0};
    uint64_t word;
    int r = find_register(v, frame, return_reg, &word);
    if (r == -ENODATA) {
        ret->none = true;
        return 0;
    }
    if (r <= 0)
        return r < 0 ? r : -EBADMSG;
    frame_regs_set(&regs, FRAME_RIP, word);
    for (unsigned i = 0; i < FRAME_RIP; i++) {
        r = find_register(v, frame, (int)i, &word);
        if (r == 1)
            frame_regs_set(&regs, i, word);
        else if (r == 0 && frame_regs_has(v->frame->regs, i))
            frame_regs_set(&regs, i, v->frame->regs->at[i]);
        else if (r != 0 && r != -ENODATA)
            return r;
    }
    /* Tables leave the stack pointer to the ABI: what it was before the call. */
    if (find_register(v, frame, FRAME_RSP, &word) != 1)
        frame_regs_set(&regs, FRAME_RSP, v->cfa);
    ret->regs = regs;
    return 0;
}

int cfi_step(const struct cfi_frame *f, struct cfi_caller *ret) {
    Dwarf_Frame *frame;
    Dwarf_Op *ops;
    size_t n;
    if (dwarf_cfi_addrframe(f->cfi, f->pc - f->bias, &frame) < 0)
        return -ENODATA;
    struct cfi_caller c = {.none = false};
    struct eval v = {.frame = f};
    int return_reg = dwarf_frame_info(frame, NULL, NULL, &c.interrupted);
    int r = return_reg < 0 || dwarf_frame_cfa(frame, &ops, &n) < 0 ? -EBADMSG : 0;
    if (r == 0 && n)
        r = run_ops(&v, ops, n, &v.cfa);
    v.has_cfa = r == 0 && n;
    if (r == 0)
        r = step_registers(&v, frame, return_reg, &c);
    free(frame);
    if (r == 0)
        *ret = c;
    return r;
}
