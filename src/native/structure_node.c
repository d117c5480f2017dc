/* What Node and the libraries it brings keep without a class: buffers of its TLS, libuv's requests,
 * sessions of HTTP/2. */
#include "base/bytes.h"
#include "native/structures.h"
#include <string.h>

/* ---- node::crypto::NodeBIO::Buffer ---- */

/* src/crypto/crypto_bio.h (src/node_crypto_bio.h), Node 12 to 26: environment, read and write
 * positions, length, next, data. */
enum { BIO_ENV = 0, BIO_READ = 8, BIO_WRITE = 16, BIO_LEN = 24, BIO_NEXT = 32, BIO_DATA = 40 };
enum { BIO_BYTES = 48, BIO_MOST = BIO_BYTES + 24 }; /* what malloc gives for them at the most */

/* The environment is told by its table of virtual functions, 43 bits; the length is what malloc
 * gave the data. */
static const char *tls_buffer(const struct structure_look *l) {
    static const char environment[] = "_ZTVN4node11EnvironmentE";
    uint64_t table, len = u64_at(l->bytes, BIO_LEN);
    if (l->size > BIO_MOST || l->have < BIO_BYTES || !len || u64_at(l->bytes, BIO_WRITE) > len ||
        u64_at(l->bytes, BIO_READ) > len ||
        chunk_map_find(l->map, u64_at(l->bytes, BIO_ENV)) == CHUNK_NONE ||
        !structure_fits(l, u64_at(l->bytes, BIO_DATA), len) ||
        image_read_u64(l->img, u64_at(l->bytes, BIO_ENV), &table) < 0)
        return NULL;
    /* Itanium C++ ABI 2.5.2: what objects refer to is behind an offset and the type's information.
     */
    const char *symbol = structure_symbol(l, table - 16);
    if (!symbol || strcmp(symbol, environment) != 0)
        return NULL;
    structure_part(l, u64_at(l->bytes, BIO_DATA), "TLS: bytes on their way (NodeBIO)");
    return "TLS: buffer (NodeBIO)";
}

/* ---- libuv ---- */

/* include/uv.h, enum uv_req_type; include/uv/unix.h and threadpool.h; 1.40 to 1.52. The requests
 * that threads of the pool work on hold what is to be called when they are done. */
static const struct work {
    uint32_t type;
    uint32_t done; /* where that stands */
    const char *symbol, *name;
} works[] = {
    {6, 344, "uv__fs_done", "libuv: request (uv_fs_t)"},
    {7, 96, "uv__queue_done", "libuv: request (uv_work_t)"},
    {8, 80, "uv__getaddrinfo_done", "libuv: request (uv_getaddrinfo_t)"},
    {9, 80, "uv__getnameinfo_done", "libuv: request (uv_getnameinfo_t)"},
    {10, 112, "uv__random_done", "libuv: request (uv_random_t)"},
};
enum { REQ_TYPE = 8 };

/* A type of 32 bits and one address of 43. */
static const char *pool_request(const struct structure_look *l) {
    uint32_t type = u32_at(l->bytes, REQ_TYPE);
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        const struct work *w = &works[i];
        if (type != w->type || l->have < w->done + 8)
            continue;
        const char *symbol = structure_symbol(l, u64_at(l->bytes, w->done));
        if (symbol && strcmp(symbol, w->symbol) == 0)
            return w->name;
    }
    return NULL;
}

/* uv_write_t */
enum {
    WRITE = 3,
    HANDLE = 80,
    QUEUE = 88,
    BUFFERS = 112,
    COUNT = 120,
    OWN = 128,
    WRITE_BYTES = 192
};

static void write_parts(const struct structure_look *l) {
    enum { BUFFERS_MAX = 1024 }; /* the kernel's IOV_MAX */
    uint64_t buffers = u64_at(l->bytes, BUFFERS), base;
    uint32_t n = u32_at(l->bytes, COUNT);
    if (buffers != l->addr + OWN)
        structure_part(l, buffers, "libuv: buffers of a write (uv_buf_t)");
    for (uint32_t i = 0; i < n && i < BUFFERS_MAX; i++)
        if (image_read_u64(l->img, buffers + i * 16ull, &base) == 0)
            structure_part(l, base, "libuv: bytes to be written");
}

/* A type of 32 bits; both neighbours in the stream's list lead back here, 94 more. */
static const char *write_request(const struct structure_look *l) {
    uint64_t next, prev, queue = l->addr + QUEUE;
    if (l->have < WRITE_BYTES || u32_at(l->bytes, REQ_TYPE) != WRITE ||
        chunk_map_find(l->map, u64_at(l->bytes, HANDLE)) == CHUNK_NONE ||
        image_read_u64(l->img, u64_at(l->bytes, QUEUE) + 8, &prev) < 0 || prev != queue ||
        image_read_u64(l->img, u64_at(l->bytes, QUEUE + 8), &next) < 0 || next != queue)
        return NULL;
    write_parts(l);
    return "libuv: request (uv_write_t)";
}

static const char *request(const struct structure_look *l) {
    enum { LEAST = 112 };
    if (l->have < LEAST)
        return NULL;
    const char *name = pool_request(l);
    return name ? name : write_request(l);
}

/* ---- nghttp2 ---- */

/* lib/nghttp2_session.h begins with the map of streams, lib/nghttp2_map.h; lib/nghttp2_mem.c: what
 * the allocator is given, then malloc, free, calloc, realloc. 1.44 to 1.70 (Node 16 to 26). The map
 * is { buckets, allocator, ... } with buckets of { hash, key, data }; by 1.69 it has become { keys,
 * data, distances, allocator, ... }, three parts of one table. */
static const struct map_form {
    size_t allocator;
    size_t first, step; /* where in its table the first stream's address stands, and the next */
    bool array;         /* `first` counts from the map's second word, up to its third */
} map_forms[] = {{.allocator = 8, .first = 8, .step = 16},
                 {.allocator = 24, .first = 0, .step = 8, .array = true}};
enum { ALLOCATOR_WORDS = 5 };

static bool is_code(const struct structure_look *l, uint64_t addr) {
    const struct region *r =
        addr && addr < LIMIT_USER_ADDR ? region_find(image_regions(l->img), addr) : NULL;
    return r && (r->prot & REGION_X);
}

static void stream_parts(const struct structure_look *l, const struct map_form *f,
                         const uint8_t *map) {
    enum { MOST = 1 << 20 };
    uint64_t table = u64_at(map, 0), from = f->array ? u64_at(map, 8) : table, stream;
    uint32_t i = chunk_map_find(l->map, from);
    uint64_t end = i == CHUNK_NONE ? 0 : chunk_memory_end(l->map, i);
    if (f->array && u64_at(map, 16) < end)
        end = u64_at(map, 16);
    structure_part(l, table, "nghttp2: table of streams");
    for (uint64_t at = from + f->first; at + 8 <= end && at < from + MOST; at += f->step)
        if (image_read_u64(l->img, at, &stream) == 0 && stream)
            structure_part(l, stream, "nghttp2: stream");
}

/* A pointer to a place in itself, 36 bits or more, where four addresses of code stand, 100 more. */
static bool is_session(const struct structure_look *l, uint64_t allocator) {
    uint64_t words[ALLOCATOR_WORDS];
    return allocator > l->addr && allocator + sizeof words <= l->addr + l->size &&
           image_read_prefix(l->img, allocator, words, sizeof words) == sizeof words &&
           is_code(l, words[1]) && is_code(l, words[2]) && is_code(l, words[3]) &&
           is_code(l, words[4]);
}

static const char *session(const struct structure_look *l) {
    enum { LEAST = 1500, MOST = 8 << 10, BEFORE = 8, BEFORE_MAX = 16 };
    if (l->size < LEAST || l->size > MOST || l->have < STRUCTURE_BYTES)
        return NULL;
    for (size_t before = 0; before <= BEFORE_MAX; before += BEFORE)
        for (size_t i = 0; i < sizeof map_forms / sizeof *map_forms; i++) {
            const uint8_t *map = l->bytes + before;
            if (!is_session(l, u64_at(map, map_forms[i].allocator)))
                continue;
            stream_parts(l, &map_forms[i], map);
            return "nghttp2: session";
        }
    return NULL;
}

const char *structure_node(const struct structure_look *l) {
    const char *name = l->have >= BIO_BYTES ? tls_buffer(l) : NULL;
    if (!name)
        name = request(l);
    return name ? name : session(l);
}
