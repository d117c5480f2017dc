/* ICU's structures in C; its classes are known by their tables of virtual functions. */
#include "base/bytes.h"
#include "native/structures.h"

/* common/uresimp.h, struct UResourceBundle, 4.0 to 78: two numbers that say what it is, 64 bits. */
static bool is_bundle(const struct structure_look *l) {
    enum { MAGIC_1 = 19700503, MAGIC_2 = 19641227, FROM = 40, TO = 320 };
    for (size_t at = FROM; at + 8 <= l->have && at < TO; at += 4)
        if (u32_at(l->bytes, at) == MAGIC_1 && u32_at(l->bytes, at + 4) == MAGIC_2)
            return true;
    return false;
}

/* common/unicode/utext.h, struct UText: a number, flags, and its own size, 60 bits. */
static bool is_text(const struct structure_look *l) {
    enum { MAGIC = 0x345ad82c, SIZE = 12, BYTES = 144 };
    return l->have >= BYTES && u32_at(l->bytes, 0) == MAGIC && u32_at(l->bytes, SIZE) == BYTES;
}

const char *structure_icu(const struct structure_look *l) {
    return is_bundle(l) ? "ICU: resource bundle" : is_text(l) ? "ICU: text (UText)" : NULL;
}
