/* Tables that lead from a place in code to a place in the source: decoders of bytes, which know
 * nothing of the heap. The bytes may be hostile. */
#ifndef MEMWHY_V8_POSITIONS_H
#define MEMWHY_V8_POSITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Variable-length numbers (src/base/vlq.h), least significant bits first. False at the end of the
 * bytes; *at moves on. */
bool v8_vlq(const uint8_t *bytes, size_t n, size_t *at, uint32_t *ret);
/* The same with the sign in the lowest bit. */
bool v8_vlq_signed(const uint8_t *bytes, size_t n, size_t *at, int32_t *ret);

/* How long bytecodes are, from the binary's own table (Bytecodes::kBytecodeSizes): one row for each
 * operand scale, 1, 2 and 4. */
struct v8_bytecode_sizes {
    const uint8_t *at;
    size_t n; /* of a row */
};

/* The length of the bytecode at `at`, with its prefix; 0 when it is none. */
size_t v8_bytecode_length(const struct v8_bytecode_sizes *s, const uint8_t *code, size_t n,
                          size_t at);

/* A source position table (src/codegen/source-position-table.h): the position in the script of the
 * last entry at or before the bytecode at `offset` (-1: the function's entry). `flavour` is the
 * fact positions_flavour. -ENODATA when there is none; -EBADMSG. */
int v8_position_at(const uint8_t *table, size_t n, int flavour, int32_t offset, uint32_t *ret);

/* Does every entry of a position table belong to a bytecode? Read in another version's format,
 * hardly any does. */
bool v8_positions_fit(const uint8_t *table, size_t n, int flavour,
                      const struct v8_bytecode_sizes *s, const uint8_t *code, size_t n_code);

/* Which bytecode the place `pc_offset` in baseline code belongs to, a return address or where the
 * thread stands; -1 stands for the function's entry (src/baseline/bytecode-offset-iterator.h).
 * -EBADMSG. */
int v8_baseline_offset(const struct v8_bytecode_sizes *s, const uint8_t *table, size_t n_table,
                       const uint8_t *code, size_t n_code, uint64_t pc_offset, int32_t *ret);

#endif
