/* zlib's states: deflate.h, struct internal_state; inflate.h, struct inflate_state; zlib.h, struct
 * z_stream_s. 1.2.9 to 1.3.1 and Chromium's copy of it, which Node has; LP64. */
#include "base/bytes.h"
#include "native/structures.h"

/* z_stream */
enum { STREAM_STATE = 56 };

/* struct internal_state: stream, status, and from LAST_FLUSH on w_size, w_bits, w_mask, which some
 * versions have behind more (crc0[20]); then window, window_size, prev, head, each 8 bytes. */
enum { STATUS = 8, PENDING = 16, SIZES_FROM = 80, SIZES_TO = 200, SIZES = 12 };

/* struct inflate_state */
enum { MODE = 8, WBITS = 56, WSIZE = 60, WHAVE = 64, WNEXT = 68, WINDOW = 72, INFLATE_BYTES = 80 };

/* Allocators put a size before what they give: Node's 8 bytes, or 16. */
enum { BEFORE = 8, BEFORE_MAX = 16 };

static bool is_status(uint32_t v) {
    static const uint32_t all[] = {42, 57, 69, 73, 91, 103, 113, 666};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (v == all[i])
            return true;
    return false;
}

/* Where w_size, w_bits, w_mask stand; 0. */
static size_t find_sizes(const uint8_t *state, size_t have) {
    for (size_t at = SIZES_FROM; at < SIZES_TO && at + SIZES + 40 <= have; at += 4) {
        uint32_t size = u32_at(state, at), bits = u32_at(state, at + 4);
        if (bits >= 8 && bits <= 16 && size == 1u << bits && u32_at(state, at + 8) == size - 1)
            return at;
    }
    return 0;
}

/* Status and sizes agree in some 90 bits, the stream's pointer back in 47 more. */
static const char *deflate(const struct structure_look *l, const uint8_t *state, size_t have) {
    size_t sizes = find_sizes(state, have), at = (sizes + SIZES + 7) & ~(size_t)7;
    if (!sizes || !is_status(u32_at(state, STATUS)) ||
        u64_at(state, at + 8) != 2 * (uint64_t)u32_at(state, sizes))
        return NULL;
    structure_part(l, u64_at(state, PENDING), "zlib: pending output");
    structure_part(l, u64_at(state, at), "zlib: window (deflate)");
    structure_part(l, u64_at(state, at + 16), "zlib: hash chains");
    structure_part(l, u64_at(state, at + 24), "zlib: hash table");
    return "zlib: state (deflate)";
}

/* Mode and sizes agree in some 40 bits, the stream's pointer back in 47 more. */
static const char *inflate(const struct structure_look *l, const uint8_t *state, size_t have) {
    enum { MODES_FROM = 16180, MODES_TO = 16211 }; /* enum inflate_mode: HEAD to SYNC */
    if (have < INFLATE_BYTES || u32_at(state, MODE) < MODES_FROM ||
        u32_at(state, MODE) > MODES_TO || u32_at(state, WBITS) > 15)
        return NULL;
    uint32_t size = u32_at(state, WSIZE);
    if ((size && size != 1u << u32_at(state, WBITS)) || u32_at(state, WHAVE) > size ||
        u32_at(state, WNEXT) > size)
        return NULL;
    structure_part(l, u64_at(state, WINDOW), "zlib: window (inflate)");
    return "zlib: state (inflate)";
}

const char *structure_zlib(const struct structure_look *l) {
    enum {
        LEAST = 4096,
        MOST = 16 << 10
    }; /* 5,900 to 9,500 bytes in the versions that there are */
    if (l->size < LEAST || l->size > MOST || l->have < STRUCTURE_BYTES)
        return NULL;
    for (size_t at = 0; at <= BEFORE_MAX; at += BEFORE) {
        const uint8_t *state = l->bytes + at;
        uint64_t stream = u64_at(state, 0), back;
        bool may_be = stream && stream < LIMIT_USER_ADDR && !(stream & 7) &&
                      (is_status(u32_at(state, STATUS)) || u32_at(state, MODE) >> 8 == 63);
        if (!may_be || image_read_u64(l->img, stream + STREAM_STATE, &back) < 0 ||
            back != l->addr + at)
            continue;
        const char *name = deflate(l, state, l->have - at);
        return name ? name : inflate(l, state, l->have - at);
    }
    return NULL;
}
