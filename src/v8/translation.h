/* Frame translations: how V8 would make the frames of all inlined functions out of one frame of
 * optimised code. Decoders of bytes, which know nothing of the heap; the bytes may be hostile. */
#ifndef MEMWHY_V8_TRANSLATION_H
#define MEMWHY_V8_TRANSLATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum v8_translated {
    TRANSLATED_FUNCTION,  /* a JS function; `offset` is that of the bytecode */
    TRANSLATED_BUILTIN,   /* a builtin that stands for a JS function, such as Array.forEach */
    TRANSLATED_CONSTRUCT, /* the next function is called by `new` */
};

/* Where a value of a translated frame is. */
enum v8_where {
    WHERE_UNKNOWN, /* in a register, or not materialised */
    WHERE_LITERAL, /* index of the literals */
    WHERE_SLOT,    /* stack slot: the word at fp + 16 - 8 * (index + 1) */
};

struct v8_where_is {
    enum v8_where where;
    int32_t index;
};

struct v8_translated_frame {
    enum v8_translated kind;
    int32_t offset;  /* of the bytecode; -1 at the function's entry */
    int32_t literal; /* index of the SharedFunctionInfo in the literals */
    struct v8_where_is function, receiver;
};

enum { V8_TRANSLATED_MAX = 64 }; /* V8 inlines to a depth of a few dozen at most */

/* The frames of the translation that begins at `at`, outermost first, as V8 keeps them. `flavour`
 * is the fact translation_flavour. Returns how many; -ENOTSUP, -EBADMSG. */
int v8_translation_read(const uint8_t *bytes, size_t n, size_t at, int flavour,
                        struct v8_translated_frame frames[V8_TRANSLATED_MAX]);

/* Entry of a safepoint table (src/codegen/safepoint-table.h, maglev-safepoint-table.h) for the
 * return address `pc_offset`: the index of its deoptimisation entry. -ENODATA when there is none.
 * `flavour` is the fact safepoint_flavour. */
int v8_safepoint_find(const uint8_t *table, size_t n, uint32_t pc_offset, int flavour, bool maglev);

#endif
