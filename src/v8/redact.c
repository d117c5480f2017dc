#include "v8/redact.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/search.h"
#include "v8/code.h"
#include "v8/limits.h"
#include "v8/named.h"
#include "v8/v8.h"
#include <errno.h>

/* Which bytes of an object are content. */
enum content {
    CONTENT_NONE,
    CONTENT_TEXT,     /* a sequential string's characters */
    CONTENT_BYTES,    /* what follows the header, unless it belongs to code */
    CONTENT_REST,     /* what follows the header */
    CONTENT_RAW,      /* of what follows the header, words that are no references */
    CONTENT_CODE,     /* of instructions the same at any offset: references stand among them. The
                       * tables behind them stay */
    CONTENT_BYTECODE, /* operands: the opcodes say how long each bytecode is */
};

enum { STRING_HASH = 8, STRING_CHARS = 16, SPACE_BYTES = 0x200 };

struct v8_redaction {
    const struct image *img;
    const struct v8_layout *l;
    struct v8_heap heap;
    struct v8_named *names;
    struct v8_page_walker *walker;
    struct v8_bytecode_sizes bytecodes;
    uint8_t content[65536]; /* by instance type */
    uint8_t header[65536];  /* where the content begins, for all but strings */
    uint8_t *out;           /* the page in hand, blanked */
    size_t page;            /* its index + 1; 0: none */
    /* The object of a large page. */
    uint64_t object, object_end, tables; /* `tables`: their offset in it, when it is code */
    uint16_t type;
};

void v8_blank_text(uint8_t *text, size_t n, bool two_byte) {
    if (!two_byte) {
        for (size_t i = 0; i < n; i++)
            if (text[i] != '\n' && text[i] != '\r')
                text[i] = 'x';
        return;
    }
    for (size_t i = 0; i + 1 < n; i += 2) {
        unsigned c = text[i] | (unsigned)text[i + 1] << 8;
        if (c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029) /* ECMA-262, LineTerminator */
            continue;
        text[i] = 'x';
        text[i + 1] = 0;
    }
    if (n & 1)
        text[n - 1] = 0;
}

static bool is_reference(const struct v8_redaction *r, uint64_t word) {
    return (word & 1) && v8_pages_at(&r->heap.pages, word);
}

/* --- one object --- */

/* `p` holds the bytes [from, from + n) of an object of this type. */
static void blank_raw(const struct v8_redaction *r, uint8_t *p, size_t n, uint64_t from,
                      uint64_t header) {
    for (size_t i = from < header ? header - from : 0; i < n; i += 8)
        if (n - i < 8 || !is_reference(r, u64_at(p, i)))
            memset(p + i, 0, n - i < 8 ? n - i : 8);
}

/* Where the tables behind the instructions begin: the length stands in the Code object, which is
 * this one or the first word of it. Unknown: at its very end. */
static uint64_t code_tables(const struct v8_redaction *r, const uint8_t *object, size_t have,
                            uint64_t header) {
    const struct v8_facts *f = &r->l->facts;
    uint32_t length;
    if (f->code_length < 0 || have < 16)
        return UINT64_MAX;
    if (f->instruction_stream_header <= 0) {
        if ((size_t)f->code_length + 4 > have)
            return UINT64_MAX;
        return header + u32_at(object, (size_t)f->code_length);
    }
    if (image_read(r->img, (u64_at(object, 8) & ~3ull) + (uint64_t)f->code_length, &length,
                   sizeof length) < 0)
        return UINT64_MAX;
    return header + length;
}

static void blank_code(const struct v8_redaction *r, uint8_t *p, size_t n, uint64_t from,
                       uint64_t header, uint64_t tables) {
    size_t i = from < header ? header - from : 0;
    if (tables <= from)
        return;
    if (n > tables - from)
        n = tables - from;
    /* Those may overlap as far as can be seen from here: none is broken. */
    for (size_t kept = i; i < n; i++) {
        if (n - i >= 8 && is_reference(r, u64_at(p, i)))
            kept = i + 8;
        if (i >= kept)
            p[i] = 0;
    }
}

/* From its first byte on; of what does not make sense nothing is kept. */
static void blank_bytecode(const struct v8_redaction *r, uint8_t *p, size_t n) {
    enum { LAST_PREFIX = 3 }; /* Wide, ExtraWide and the debugger's two */
    size_t at = 0, length;
    while ((length = v8_bytecode_length(&r->bytecodes, p, n, at)) != 0) {
        size_t opcode = p[at] <= LAST_PREFIX ? 2 : 1;
        memset(p + at + opcode, 0, length - opcode);
        at += length;
    }
    memset(p + at, 0, n - at);
}

/* A string that is a small number has the number itself in its hash field (src/objects/name.h:
 * the low two bits 0; 7.8 to 14.6). 3 says: not computed. */
static void blank_hash(uint8_t *string) {
    const uint32_t none = 3;
    if (!(u32_at(string, STRING_HASH) & 3))
        memcpy(string + STRING_HASH, &none, sizeof none);
}

static bool is_string(const struct v8_layout *l, uint16_t type) {
    return type < l->first_nonstring_type;
}

/* `tables`: see code_tables(); of code only. */
static void blank_part(const struct v8_redaction *r, uint16_t type, uint8_t *p, size_t n,
                       uint64_t from, uint64_t tables) {
    const struct v8_layout *l = r->l;
    uint64_t header = r->header[type], skip;
    switch ((enum content)r->content[type]) {
    case CONTENT_NONE:
        break;
    case CONTENT_TEXT:
        skip = from < STRING_CHARS ? STRING_CHARS - from : 0;
        if (skip < n)
            v8_blank_text(p + skip, n - skip, (type & l->string_encoding_mask) != l->one_byte_tag);
        break;
    case CONTENT_BYTES:
    case CONTENT_REST:
        skip = from < header ? header - from : 0;
        if (skip < n)
            memset(p + skip, 0, n - skip);
        break;
    case CONTENT_RAW:
        blank_raw(r, p, n, from, header);
        break;
    case CONTENT_CODE:
        blank_code(r, p, n, from, header, tables);
        break;
    case CONTENT_BYTECODE:
        if (from == 0 && n > header)
            blank_bytecode(r, p + header, n - header);
        else if (from)
            memset(p, 0, n);
        break;
    }
}

/* The characters alone, not the padding behind them: that is blanked to zeros. */
static size_t text_length(const struct v8_layout *l, uint16_t type, const uint8_t *string,
                          size_t have) {
    uint64_t n = u32_at(string, 12);
    if ((type & l->string_encoding_mask) != l->one_byte_tag)
        n *= 2;
    return n < have - STRING_CHARS ? (size_t)n : have - STRING_CHARS;
}

static void blank_object(const struct v8_redaction *r, uint64_t addr, uint16_t type, uint8_t *p,
                         size_t n) {
    bool named = r->content[type] == CONTENT_TEXT || r->content[type] == CONTENT_BYTES ||
                 is_string(r->l, type);
    if (named && v8_named_has(r->names, addr))
        return;
    if (is_string(r->l, type) && n >= STRING_CHARS)
        blank_hash(p);
    uint64_t tables = r->content[type] == CONTENT_CODE ? code_tables(r, p, n, r->header[type]) : 0;
    blank_part(r, type, p, n, 0, tables);
    if (r->content[type] == CONTENT_TEXT && n > STRING_CHARS) {
        size_t used = STRING_CHARS + text_length(r->l, type, p, n);
        memset(p + used, 0, n - used);
    }
}

/* --- a page in hand: what the walk shows is copied, all else stays zeros --- */

static void begin(void *arg, size_t page) {
    struct v8_redaction *r = arg;
    (void)page;
    r->object = r->object_end = 0;
    memset(r->out, 0, V8_PAGE_ALIGN);
}

static void take_object(void *arg, size_t page, uint64_t at, uint64_t size,
                        const struct v8_map_info *m, const uint8_t *bytes, uint64_t have) {
    struct v8_redaction *r = arg;
    const struct v8_page *g = &r->heap.pages.list.at[page];
    if (v8_page_is_large(g)) {
        r->object = at;
        r->object_end = at + size;
        r->type = m->type;
        r->tables = r->content[m->type] == CONTENT_CODE
                        ? code_tables(r, bytes, have, r->header[m->type])
                        : 0;
        return;
    }
    uint8_t *to = r->out + (at - g->addr);
    memcpy(to, bytes, have);
    blank_object(r, at, m->type, to, have);
}

/* Map, size and the next free block; and of words that are nobody's, references: one may make the
 * walk take them for an object, and it shall do so again. */
static void take_free(void *arg, size_t page, uint64_t at, uint64_t size, const uint8_t *bytes,
                      uint64_t have) {
    struct v8_redaction *r = arg;
    uint8_t *to = r->out + (at - r->heap.pages.list.at[page].addr);
    (void)size;
    memcpy(to, bytes, have);
    blank_raw(r, to, have, 0, have < 16 || !is_reference(r, u64_at(bytes, 0)) ? 0 : 16);
}

/* Names that are parts of strings, from the source. */
static void restore_parts(const struct v8_redaction *r, uint64_t addr, uint8_t *bytes, size_t len) {
    size_t n;
    const struct v8_named_part *p = v8_named_parts(r->names, &n);
    for (size_t i = 0; i < n && p[i].start < addr + len; i++) {
        uint64_t a = p[i].start > addr ? p[i].start : addr;
        uint64_t b = p[i].end < addr + len ? p[i].end : addr + len;
        if (a < b && image_read(r->img, a, bytes + (a - addr), b - a) < 0)
            memset(bytes + (a - addr), 0, b - a);
    }
}

static void take_page(struct v8_redaction *r, size_t index) {
    const struct v8_page *g = &r->heap.pages.list.at[index];
    r->page = index + 1;
    begin(r, index);
    if (g->in_use)
        v8_page_walker_walk(r->walker, index);
    if (!v8_page_is_large(g))
        restore_parts(r, g->addr, r->out, V8_PAGE_ALIGN);
}

/* The large object's part in [addr, addr + len). */
static void redact_large(struct v8_redaction *r, uint64_t addr, uint8_t *bytes, size_t len) {
    uint64_t end = addr + len, a = r->object > addr ? r->object : addr;
    uint64_t b = r->object_end < end ? r->object_end : end;
    if (a >= b) {
        memset(bytes, 0, len);
        return;
    }
    memset(bytes, 0, a - addr);
    memset(bytes + (b - addr), 0, end - b);
    if (a == r->object)
        blank_object(r, a, r->type, bytes + (a - addr), b - a);
    else if (!v8_named_has(r->names, r->object) || r->content[r->type] > CONTENT_BYTES)
        blank_part(r, r->type, bytes + (a - addr), b - a, a - r->object, r->tables);
    restore_parts(r, addr, bytes, len);
}

void v8_redact(struct v8_redaction *r, uint64_t addr, uint8_t *bytes, size_t len) {
    const struct v8_page *g = v8_pages_at(&r->heap.pages, addr);
    size_t index = (size_t)(g - r->heap.pages.list.at);
    if (r->page != index + 1)
        take_page(r, index);
    if (addr < g->area_start) { /* the header, with its mark bits */
        size_t head = g->area_start - addr < len ? g->area_start - addr : len;
        addr += head;
        bytes += head;
        len -= head;
    }
    if (v8_page_is_large(g))
        redact_large(r, addr, bytes, len);
    else
        memcpy(bytes, r->out + (addr - g->addr), len);
}

/* --- what there is --- */

static int by_address(const void *key, const void *at) {
    uint64_t addr = *(const uint64_t *)key;
    const struct v8_page *g = at;
    return addr < g->addr ? -1 : addr >= g->addr + g->size;
}

bool v8_redaction_page(const struct v8_redaction *r, uint64_t addr, uint64_t *ret_start,
                       uint64_t *ret_end) {
    const struct v8_page *at = r->heap.pages.list.at;
    size_t lo = first_where(r->heap.pages.list.n, i, by_address(&addr, &at[i]) <= 0);
    if (lo == r->heap.pages.list.n)
        return false;
    *ret_start = at[lo].addr;
    *ret_end = at[lo].addr + at[lo].size;
    return true;
}

const struct v8_store *v8_redaction_stores(const struct v8_redaction *r, size_t *ret_n) {
    *ret_n = r->heap.walk.stores.n;
    return r->heap.walk.stores.at;
}

typedef void keep_fn(void *arg, uint64_t start, uint64_t end);

static void keep_word(keep_fn *keep, void *arg, uint64_t base, int word) {
    if (word >= 0)
        keep(arg, base + 8 * (uint64_t)word, base + 8 * (uint64_t)word + 8);
}

static void keep_page(const struct v8_redaction *r, const struct v8_page *g, keep_fn *keep,
                      void *arg) {
    const struct v8_facts *f = &r->l->facts;
    const int words[] = {f->page_flags_word,   f->page_self_word,       f->page_size_word,
                         f->page_heap_word,    f->page_area_start_word, f->page_area_end_word,
                         f->page_owner_word,   f->page_allocated_word,  f->page_next_word,
                         f->page_next_word + 1};
    for (size_t i = 0; g->base != g->addr && i < sizeof words / sizeof *words; i++)
        keep_word(keep, arg, g->base, words[i]);
    if (g->owner)
        keep(arg, g->owner, g->owner + SPACE_BYTES);
}

static bool is_native(const struct v8_redaction *r, uint64_t p) {
    return v8_pages_is_native(&r->heap.pages, r->img, p);
}

/* Global handles, in the blocks and by the signs of roots.c: they say which is strong. */
static void keep_blocks(const struct v8_redaction *r, uint64_t at, keep_fn *keep, void *arg) {
    enum { NODES = 256, NODE_BYTES = 32, INDEX = 10, BLOCKS_MAX = 1 << 20 };
    uint8_t block[NODES * NODE_BYTES + 8];
    for (size_t seen = 0; is_native(r, at) && seen < BLOCKS_MAX; seen++) {
        if (image_read(r->img, at, block, sizeof block) < 0)
            return;
        for (unsigned i = 0; i < NODES; i++)
            if (block[NODE_BYTES * i + INDEX] != i)
                return;
        keep(arg, at, at + sizeof block);
        at = u64_at(block, sizeof block - 8);
    }
}

/* What an isolate points to and roots.c knows by its shape: its own parts, which begin with it, and
 * the eternal handles {int size; vector of blocks of 256}. */
static void keep_pointed(const struct v8_redaction *r, const struct v8_isolate *iso, uint64_t p,
                         keep_fn *keep, void *arg) {
    enum { WORDS = 40, ETERNAL_MAX = 1 << 20, ETERNAL_BLOCK = 256 };
    uint64_t w[WORDS], space[2];
    size_t n = is_native(r, p) ? image_read_prefix(r->img, p, w, sizeof w) / 8 : 0;
    if (n < 4)
        return;
    if (w[0] != iso->isolate) {
        uint64_t size = w[0] & UINT32_MAX;
        if (size && size <= ETERNAL_MAX && is_native(r, w[1]) &&
            w[2] == w[1] + 8 * ((size + ETERNAL_BLOCK - 1) / ETERNAL_BLOCK))
            keep(arg, p, p + 8);
        return;
    }
    keep(arg, p, p + 8 * n);
    for (size_t i = 1; i < n; i++)
        if (is_native(r, w[i]) && image_read(r->img, w[i], space, sizeof space) == 0 &&
            space[0] == p)
            keep_blocks(r, space[1], keep, arg);
}

static void keep_isolate(const struct v8_redaction *r, const struct v8_isolate *iso, keep_fn *keep,
                         void *arg) {
    enum { BEFORE = 0x1000, AFTER = 0x3000, SPAN_MAX = 0x100000 };
    uint64_t from = iso->roots - BEFORE, to = iso->heap + AFTER, limit;
    if (iso->heap - iso->roots >= SPAN_MAX)
        return;
    keep(arg, from, to);
    if (v8_limits_place(r->img, r->l, iso->heap, &limit) == 0)
        keep(arg, limit, limit + 8);
    cleanup_free uint64_t *words = mem_alloc(to - from);
    size_t n = image_read_prefix(r->img, from, words, to - from) / 8;
    for (size_t i = 0; i < n; i++)
        keep_pointed(r, iso, words[i], keep, arg);
}

/* src/sandbox/js-dispatch-table.h: the code's address stands 16 bits higher. */
bool v8_redaction_is_entry(const struct v8_redaction *r, uint64_t word) {
    return v8_pages_at(&r->heap.pages, word >> 16 | 1) != NULL;
}

void v8_redaction_kept(const struct v8_redaction *r, keep_fn *keep, void *arg) {
    uint64_t pointer, chars;
    for (size_t i = 0; i < r->heap.pages.list.n; i++)
        keep_page(r, &r->heap.pages.list.at[i], keep, arg);
    for (size_t i = 0; i < r->heap.isolates.list.n; i++)
        keep_isolate(r, &r->heap.isolates.list.at[i], keep, arg);
    if (v8_layout_node_version_at(r->img, r->l, &pointer, &chars) == 0) {
        keep(arg, pointer, pointer + 8);
        keep(arg, chars, chars + sizeof r->l->node_version);
    }
}

/* --- which types have content --- */

static void set_content(struct v8_redaction *r, const char *root, enum content c, int header) {
    struct v8_map_info m;
    if (v8_layout_root_map(r->img, r->l, root, &m) < 0 || is_string(r->l, m.type))
        return;
    r->content[m.type] = (uint8_t)c;
    r->header[m.type] = (uint8_t)header;
}

static void set_contents(struct v8_redaction *r) {
    const struct v8_layout *l = r->l;
    for (unsigned t = 0; t < l->first_nonstring_type; t++)
        if (l->rule[t] == SIZE_ONE_BYTE || l->rule[t] == SIZE_TWO_BYTE)
            r->content[t] = CONTENT_TEXT;
    set_content(r, "heap_number_map", CONTENT_REST, 8);
    set_content(r, "fixed_double_array_map", CONTENT_REST, 16);
    set_content(r, "bigint_map", CONTENT_REST, 16);
    set_content(r, "byte_array_map", CONTENT_BYTES, 16);
    set_content(r, "bytecode_array_map", CONTENT_BYTECODE, l->facts.bytecode_header);
    set_content(r, "double_string_cache_map", CONTENT_RAW, 16);
    if (l->facts.instruction_stream_header > 0)
        set_content(r, "instruction_stream_map", CONTENT_CODE, l->facts.instruction_stream_header);
    else if (l->facts.code_header > 0)
        set_content(r, "code_map", CONTENT_CODE, l->facts.code_header);
    const int32_t date = v8_layout_constant(r->img, l, "type_JSDate__JS_DATE_TYPE", -1);
    if (date > 0 && date < 65536) { /* behind properties and elements */
        r->content[date] = CONTENT_RAW;
        r->header[date] = 24;
    }
    if (l->wasm_array_type && l->wasm_struct_type) {
        r->content[l->wasm_array_type] = r->content[l->wasm_struct_type] = CONTENT_RAW;
        r->header[l->wasm_array_type] = 24;
        r->header[l->wasm_struct_type] = 16;
    }
}

static int look(struct v8_redaction *r, unsigned accept) {
    struct v8_heap *h = &r->heap;
    v8_heap_find(r->img, r->l, h);
    if (!h->isolates.list.n)
        return -ENODATA;
    if (v8_heap_in_collection(h) && !(accept & V8_ACCEPT_COLLECTION))
        return -EAGAIN;
    r->names = v8_named_new(r->img, r->l, &h->pages);
    h->walk.sink = v8_named_sink(r->names);
    v8_heap_walk(r->img, r->l, h);
    if (h->walk.stuck.n && !(accept & V8_ACCEPT_UNWALKED))
        return -EBUSY;
    for (size_t i = 0; i < h->isolates.list.n; i++)
        v8_named_add_roots(r->names, h->isolates.list.at[i].roots);
    v8_named_settle(r->names);
    const struct v8_walk_sink sink = {
        .arg = r, .begin = begin, .object = take_object, .free = take_free};
    r->walker = v8_page_walker_new(r->img, r->l, &h->pages, &h->labs, h->isolates.list.n, &sink);
    v8_code_bytecode_sizes(r->l, &r->bytecodes);
    set_contents(r);
    return 0;
}

int v8_redaction_new(const struct image *img, const struct v8_layout *l, unsigned accept,
                     struct v8_redaction **ret) {
    struct v8_redaction *r = mem_zalloc(sizeof *r);
    r->img = img;
    r->l = l;
    r->out = mem_alloc(V8_PAGE_ALIGN);
    int rc = look(r, accept);
    if (rc < 0) {
        v8_redaction_free(r);
        return rc;
    }
    *ret = r;
    return 0;
}

void v8_redaction_free(struct v8_redaction *r) {
    if (!r)
        return;
    v8_page_walker_free(r->walker);
    v8_named_free(r->names);
    v8_heap_done(&r->heap);
    free((void *)r->bytecodes.at);
    free(r->out);
    free(r);
}
