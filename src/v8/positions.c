#include "v8/positions.h"

#include <errno.h>

/* Wide and ExtraWide and their debug versions are the first four bytecodes
 * (src/interpreter/bytecodes.h). */
enum { WIDE = 0, EXTRA_WIDE = 1, DEBUG_WIDE = 2, DEBUG_EXTRA_WIDE = 3 };

bool v8_vlq(const uint8_t *bytes, size_t n, size_t *at, uint32_t *ret) {
    uint32_t v = 0;
    for (unsigned shift = 0; shift < 35 && *at < n; shift += 7) {
        uint8_t b = bytes[(*at)++];
        v |= (uint32_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *ret = v;
            return true;
        }
    }
    return false;
}

bool v8_vlq_signed(const uint8_t *bytes, size_t n, size_t *at, int32_t *ret) {
    uint32_t v;
    if (!v8_vlq(bytes, n, at, &v))
        return false;
    *ret = v & 1 ? -(int32_t)(v >> 1) : (int32_t)(v >> 1);
    return true;
}

/* The table's own numbers are 64 bits wide. */
static bool number(const uint8_t *bytes, size_t n, size_t *at, uint64_t *ret) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && *at < n; shift += 7) {
        uint8_t b = bytes[(*at)++];
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *ret = v;
            return true;
        }
    }
    return false;
}

static int64_t zigzag(uint64_t v) {
    return (int64_t)(v >> 1 ^ (~(v & 1) + 1));
}

/* How far the code moves on with an entry: below zero stands for an expression, not a statement; in
 * version 14 two bits say so. */
static uint64_t code_step(uint64_t v, int flavour) {
    int64_t step = zigzag(v);
    if (flavour >= 146)
        return v >> 2;
    return (uint64_t)(step >= 0 ? step : -(step + 1));
}

int v8_position_at(const uint8_t *table, size_t n, int flavour, int32_t offset, uint32_t *ret) {
    uint64_t code = 0, position = 0, found = 0; /* `code` is one more: counted from -1 on */
    bool any = false;
    for (size_t at = 0; at < n;) {
        uint64_t step, move;
        if (!number(table, n, &at, &step) || !number(table, n, &at, &move))
            return -EBADMSG;
        code += code_step(step, flavour);
        position += (uint64_t)zigzag(move);
        if (code > INT32_MAX)
            return -EBADMSG;
        if ((int64_t)code - 1 > offset)
            break;
        found = position;
        any = true;
    }
    /* SourcePosition: bit 0 external, bits 1 to 30 the offset in the script plus one. */
    uint32_t script_offset = (uint32_t)(found >> 1) & 0x3fffffff;
    if (!any || (found & 1) || !script_offset)
        return -ENODATA;
    *ret = script_offset - 1;
    return 0;
}

size_t v8_bytecode_length(const struct v8_bytecode_sizes *s, const uint8_t *code, size_t n,
                          size_t at) {
    size_t scale = 0, prefix = 0;
    if (at >= n)
        return 0;
    if (code[at] <= DEBUG_EXTRA_WIDE) {
        scale = code[at] == WIDE || code[at] == DEBUG_WIDE ? 1 : 2;
        prefix = 1;
    }
    if (at + prefix >= n || code[at + prefix] >= s->n)
        return 0;
    size_t length = prefix + s->at[scale * s->n + code[at + prefix]];
    return length > prefix && length <= n - at ? length : 0;
}

bool v8_positions_fit(const uint8_t *table, size_t n, int flavour,
                      const struct v8_bytecode_sizes *s, const uint8_t *code, size_t n_code) {
    uint64_t target = 0; /* one more: counted from -1 on */
    size_t bytecode = 0;
    for (size_t at = 0; at < n;) {
        uint64_t step, move;
        if (!number(table, n, &at, &step) || !number(table, n, &at, &move))
            return false;
        target += code_step(step, flavour);
        if (!target)
            continue; /* the function's entry */
        while (bytecode + 1 < target) {
            size_t length = v8_bytecode_length(s, code, n_code, bytecode);
            if (!length)
                return false;
            bytecode += length;
        }
        if (bytecode + 1 != target || bytecode >= n_code)
            return false;
    }
    return true;
}

int v8_baseline_offset(const struct v8_bytecode_sizes *s, const uint8_t *table, size_t n_table,
                       const uint8_t *code, size_t n_code, uint64_t pc_offset, int32_t *ret) {
    size_t at = 0, next = 0;
    uint64_t pc = 0;
    int32_t current = -1;
    for (;;) {
        uint32_t step;
        if (!v8_vlq(table, n_table, &at, &step))
            return -EBADMSG;
        pc += step;
        if (pc >= pc_offset)
            break;
        size_t length = v8_bytecode_length(s, code, n_code, next);
        if (!length)
            return -EBADMSG;
        current = (int32_t)next;
        next += length;
    }
    *ret = current;
    return 0;
}
