#include "v8/roots.h"

#include "base/bytes.h"
#include "base/debug.h"
#include "base/limits.h"
#include "image/unwind.h"
#include "v8/generated.h"
#include <string.h>

enum {
    /* From the heap's start: what surely holds its own fields that are objects, in every version
     * inside it; and what holds all the isolate points with, other memory behind it too. */
    HEAP_FIELDS = 0x780,
    HEAP_SPAN = 0x3000,
    ISOLATE_SPAN_MAX = 0x40000,
    /* GlobalHandles::NodeBlock, src/handles/global-handles.cc: 256 nodes of 32 bytes (object, u16
     * class id at 8, index in the block at 10, flags at 11, ...), then the next block. */
    NODE_BYTES = 32,
    BLOCK_NODES = 256,
    BLOCK_BYTES = NODE_BYTES * BLOCK_NODES,
    NODE_INDEX = 10,
    NODE_FLAGS = 11,
    NODE_STRONG = 1,
    /* HandleScopeImplementer: blocks of 1022 handles, src/handles/handles.h. */
    HANDLE_BLOCK_BYTES = 1022 * 8,
    ETERNAL_BLOCK = 256, /* handles, src/handles/global-handles.h */
};

struct finder {
    const struct image *img;
    const struct v8_layout *l;
    const struct v8_pages *pages;
    const struct v8_isolate *iso;
    const struct v8_nodes *nodes;
    uint64_t from; /* of `words` */
    const uint64_t *words;
    size_t n;
    struct v8_root_list *ret;
    struct map64 seen; /* objects outside the heap that were looked at */
    bool globals;
};

static void add(struct finder *f, uint64_t word, enum v8_root_kind kind) {
    uint32_t node = (word & 3) == 1 ? v8_node_at(f->nodes, word) : V8_NO_NODE;
    if (node != V8_NO_NODE)
        vec_push(&f->ret->list, (struct v8_root){node, kind, V8_NO_ENTRY});
}

static bool is_native(const struct finder *f, uint64_t p) {
    return v8_pages_is_native(f->pages, f->img, p);
}

/* Lists of a broken heap may run in circles, and several fields may lead to one object. */
static bool is_new(struct finder *f, uint64_t p) {
    uint64_t known;
    if (map64_get(&f->seen, p, &known))
        return false;
    map64_put(&f->seen, p, 1);
    return true;
}

static bool is_on_stack(const struct finder *f, uint64_t p) {
    size_t n;
    const struct image_thread *t = image_threads(f->img, &n);
    const struct region *r = region_find(image_regions(f->img), p);
    for (size_t i = 0; i < n; i++)
        if (t[i].has_regs && r && r == region_find(image_regions(f->img), t[i].regs[IMAGE_RSP]))
            return true;
    return false;
}

static void add_range(struct finder *f, uint64_t from, uint64_t to, enum v8_root_kind kind) {
    enum { CHUNK = 1 << 16 };
    cleanup_free uint8_t *buf = mem_alloc(CHUNK);
    for (uint64_t at = from; at < to; at += CHUNK) {
        size_t len = to - at < CHUNK ? to - at : CHUNK;
        size_t got = image_read_prefix(f->img, at, buf, len);
        for (size_t i = 0; i + 8 <= got; i += 8)
            add(f, u64_at(buf, i), kind);
    }
}

/* --- the isolate itself --- */

/* The heads of V8's weak lists are fields of Heap (native_contexts_list_, allocation_sites_list_,
 * src/heap/heap.h): what is only there is not kept. */
static bool is_list_head(const struct finder *f, uint64_t at, uint64_t word) {
    uint64_t map;
    struct v8_map_info m;
    if (at < f->iso->heap || (word & 3) != 1 || image_read_u64(f->img, word - 1, &map) < 0 ||
        v8_map_read(f->img, f->l, map, &m) < 0)
        return false;
    return m.type == f->l->native_context_type || f->l->body[m.type] == BODY_SITE;
}

static void add_field(struct finder *f, uint64_t at, uint64_t word) {
    size_t before = f->ret->list.n;
    uint64_t entry = (at - f->iso->roots) / 8;
    add(f, word, ROOT_ISOLATE);
    if (f->ret->list.n > before && at >= f->iso->roots && entry < f->l->n_roots)
        f->ret->list.at[before].entry = (uint32_t)entry;
}

/* The last ones are Heap's dirty_js_finalization_registries_list_ and its tail (up to 0x6b8 in the
 * heap, 7.8 to 14.6); what follows are pointers, and behind the isolate other memory of malloc's.
 */
static void add_isolate(struct finder *f) {
    uint64_t fields = (f->iso->heap + HEAP_FIELDS - f->from) / 8;
    for (size_t i = 0; i < f->n && i < fields; i++)
        if (!is_list_head(f, f->from + 8 * i, f->words[i]))
            add_field(f, f->from + 8 * i, f->words[i]);
}

/* --- global handles --- */

static bool is_block(const uint8_t *block) {
    for (unsigned i = 0; i < BLOCK_NODES; i++)
        if (block[NODE_BYTES * i + NODE_INDEX] != i)
            return false;
    return true;
}

static bool add_blocks(struct finder *f, uint64_t first) {
    uint8_t block[BLOCK_BYTES + 8];
    unsigned mask = f->l->version[0] < 11 ? 7 : 3; /* kNodeStateMask, include/v8-internal.h */
    size_t seen = 0;
    for (uint64_t at = first; is_native(f, at) && is_new(f, at | 1); seen++) {
        if (image_read(f->img, at, block, sizeof block) < 0 || !is_block(block))
            break;
        for (size_t i = 0; i < BLOCK_NODES; i++) {
            unsigned state = block[NODE_BYTES * i + NODE_FLAGS] & mask;
            if (state)
                add(f, u64_at(block, NODE_BYTES * i),
                    state == NODE_STRONG ? ROOT_GLOBAL : ROOT_WEAK);
        }
        at = u64_at(block, BLOCK_BYTES);
    }
    return seen > 0;
}

/* GlobalHandles begins with its isolate; it points to NodeSpaces, which begin with the
 * GlobalHandles and go on with their first block. */
static void add_global_handles(struct finder *f, uint64_t at) {
    enum { WORDS = 40 };
    uint64_t w[WORDS], space[2];
    size_t n = image_read_prefix(f->img, at, w, sizeof w) / 8;
    for (size_t i = 1; i < n; i++)
        if (is_native(f, w[i]) && image_read(f->img, w[i], space, sizeof space) == 0 &&
            space[0] == at && add_blocks(f, space[1]))
            f->globals = true;
}

/* --- handle scopes --- */

/* HandleScopeImplementer: {isolate, blocks {data, capacity, size} or {.., data, .., size}, ...}.
 * The isolate's HandleScopeData {next, limit, level} says how far the last block is filled. */
static void add_handle_blocks(struct finder *f, uint64_t data, uint64_t n_blocks) {
    cleanup_free uint64_t *blocks = mem_alloc(n_blocks * 8);
    if (image_read(f->img, data, blocks, n_blocks * 8) < 0)
        return;
    uint64_t limit = blocks[n_blocks - 1] + HANDLE_BLOCK_BYTES;
    for (size_t i = 0; i + 1 < f->n; i++) {
        uint64_t next = f->words[i];
        if (f->words[i + 1] != limit || next > limit || limit - next > HANDLE_BLOCK_BYTES)
            continue;
        for (size_t k = 0; k + 1 < n_blocks; k++)
            add_range(f, blocks[k], blocks[k] + HANDLE_BLOCK_BYTES, ROOT_HANDLE);
        add_range(f, limit - HANDLE_BLOCK_BYTES, next, ROOT_HANDLE);
        return;
    }
}

static void add_handle_scopes(struct finder *f, uint64_t at) {
    enum { WORDS = 24, BLOCKS_MAX = 1 << 16 };
    uint64_t w[WORDS];
    size_t n = image_read_prefix(f->img, at, w, sizeof w) / 8;
    for (size_t i = 1; i + 2 < n; i++)
        if (is_native(f, w[i]) && w[i + 2] && w[i + 2] <= w[i + 1] && w[i + 1] <= BLOCKS_MAX)
            add_handle_blocks(f, w[i], w[i + 2]);
}

/* --- eternal handles, caches --- */

/* EternalHandles: {int size; vector<Address*> blocks; ...}. */
static void add_eternal(struct finder *f, uint64_t at) {
    enum { SIZE_MAX_ = 1 << 20 };
    uint64_t w[4];
    if (image_read(f->img, at, w, sizeof w) < 0)
        return;
    uint64_t size = w[0] & 0xffffffff, n = (size + ETERNAL_BLOCK - 1) / ETERNAL_BLOCK;
    if (!size || size > SIZE_MAX_ || !is_native(f, w[1]) || w[2] != w[1] + 8 * n || w[3] < w[2])
        return;
    cleanup_free uint64_t *blocks = mem_alloc(n * 8);
    if (image_read(f->img, w[1], blocks, n * 8) < 0)
        return;
    for (uint64_t i = 0; i < n; i++)
        if (!is_native(f, blocks[i]))
            return;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t left = size - ETERNAL_BLOCK * i;
        add_range(f, blocks[i], blocks[i] + 8 * (left < ETERNAL_BLOCK ? left : ETERNAL_BLOCK),
                  ROOT_ETERNAL);
    }
}

/* CompilationCache: the isolate, then four sub-caches, each with the isolate again and its tables
 * (src/codegen/compilation-cache.h; up to version 10 a pointer to a vtable is in front of each, and
 * the tables are an array elsewhere, behind the number of generations). */
static void add_compilation_cache(struct finder *f, uint64_t at) {
    enum { WORDS = 24, SUB_CACHES = 4, TAIL = 4, GENERATIONS_MAX = 8 };
    uint64_t w[WORDS];
    size_t last = 0, seen = 0;
    size_t n = image_read_prefix(f->img, at, w, sizeof w) / 8;
    for (size_t i = 1; i < n && seen < SUB_CACHES; i++)
        if (w[i] == f->iso->isolate) {
            seen++;
            last = i;
        }
    if (seen < SUB_CACHES || is_on_stack(f, at))
        return;
    for (size_t i = 1; i + 2 < n && i <= last; i++) {
        uint64_t generations = w[i + 1] & UINT32_MAX;
        if (w[i] == f->iso->isolate && generations && generations <= GENERATIONS_MAX &&
            is_native(f, w[i + 2]))
            add_range(f, w[i + 2], w[i + 2] + 8 * generations, ROOT_COMPILED);
    }
    for (size_t i = 1; i < n && i < last + TAIL; i++)
        add(f, w[i], ROOT_COMPILED);
}

/* A std::vector of objects in the isolate, the snapshot's caches: {begin, end, capacity}. */
static void add_vector(struct finder *f, const uint64_t *w) {
    enum { BYTES_MIN = 128, BYTES_MAX = 8 << 20 };
    if (!is_native(f, w[0]) || w[1] <= w[0] || w[2] < w[1] || w[1] - w[0] > BYTES_MAX ||
        w[2] - w[0] > 2 * BYTES_MAX || w[1] - w[0] < BYTES_MIN || (w[1] & 7) || (w[2] & 7))
        return;
    cleanup_free uint64_t *at = mem_alloc(w[1] - w[0]);
    if (image_read(f->img, w[0], at, w[1] - w[0]) < 0)
        return;
    size_t n = (w[1] - w[0]) / 8;
    for (size_t i = 0; i < n; i++)
        if ((at[i] & 3) != 1 || v8_node_at(f->nodes, at[i]) == V8_NO_NODE)
            return;
    for (size_t i = 0; i < n; i++)
        add(f, at[i], ROOT_CACHE);
}

/* What the isolate points to, each recognised by its shape. */
static void add_pointed(struct finder *f) {
    for (size_t i = 0; i < f->n; i++) {
        uint64_t p = f->words[i], first;
        if (i + 2 < f->n)
            add_vector(f, f->words + i);
        if (!is_native(f, p) || !is_new(f, p) || image_read_u64(f->img, p, &first) < 0)
            continue;
        if (first == f->iso->isolate) {
            add_global_handles(f, p);
            add_handle_scopes(f, p);
            add_compilation_cache(f, p);
        }
        add_eternal(f, p);
    }
}

static bool is_generated(void *arg, uint64_t pc) {
    return v8_generated_holds(arg, pc);
}

/* Objects are referred to from the frames of generated code; those of C++ have handles. Where a
 * stack cannot be unwound to its end, all of it counts. */
static void add_stack(struct finder *f, const struct image_thread *t, struct code_map *code,
                      const struct unwind_generated *generated) {
    struct unwind_frames frames = {0};
    unwind_thread(f->img, code, generated, t, SIZE_MAX, &frames);
    for (size_t i = 0; i < frames.list.n && !frames.cut; i++) {
        const struct unwind_frame *u = &frames.list.at[i];
        if (!u->generated)
            continue;
        if (u->fp > u->sp)
            add_range(f, u->sp, u->fp, ROOT_STACK);
        for (int k = 0; u->exact && k < IMAGE_REGS; k++)
            add(f, t->regs[k], ROOT_STACK);
    }
    const struct region *r = region_find(image_regions(f->img), t->regs[IMAGE_RSP]);
    if (frames.cut && r)
        add_range(f, t->regs[IMAGE_RSP] & ~7ull, r->end, ROOT_STACK);
    if (frames.cut)
        debug("v8", "thread %d: all of its stack counts, because %s", (int)t->tid, frames.cut);
    vec_free(&frames.list);
}

static void add_stacks(struct finder *f, struct image *img) {
    size_t n;
    const struct image_thread *t = image_threads(img, &n);
    struct v8_generated code;
    v8_generated_init(img, f->l, f->pages, &code);
    struct unwind_generated generated = {is_generated, &code};
    struct code_map *map = code_map_new(img);
    for (size_t i = 0; i < n; i++)
        if (t[i].has_regs)
            add_stack(f, &t[i], map, &generated);
    code_map_free(map);
}

static void find_roots(struct finder *f) {
    const struct v8_isolate *iso = f->iso;
    uint64_t from = iso->isolate && iso->isolate < iso->roots ? iso->isolate : iso->roots;
    uint64_t to = iso->heap + HEAP_SPAN;
    if (to <= from || to - from > ISOLATE_SPAN_MAX)
        return;
    cleanup_free uint64_t *words = mem_alloc(to - from);
    f->from = from;
    f->words = words;
    f->n = image_read_prefix(f->img, from, words, to - from) / 8;
    add_isolate(f);
    add_pointed(f);
}

void v8_roots_collect(struct image *img, const struct v8_layout *l, const struct v8_pages *pages,
                      const struct v8_isolate_list *isolates, const struct v8_nodes *nodes,
                      struct v8_root_list *ret) {
    struct finder f = {.img = img, .l = l, .pages = pages, .nodes = nodes, .ret = ret};
    ret->globals_found = true;
    for (size_t i = 0; i < isolates->list.n; i++) {
        f.iso = &isolates->list.at[i];
        f.globals = false;
        find_roots(&f);
        ret->globals_found = ret->globals_found && f.globals;
    }
    add_stacks(&f, img);
    map64_done(&f.seen);
    for (int k = 0; debug_on("v8") && k < ROOT_KINDS; k++) {
        size_t n = 0;
        for (size_t i = 0; i < ret->list.n; i++)
            n += ret->list.at[i].kind == (enum v8_root_kind)k;
        debug("v8", "roots: %zu of %s", n, v8_root_kind_name((enum v8_root_kind)k));
    }
}

void v8_roots_done(struct v8_root_list *r) {
    vec_free(&r->list);
}

const char *v8_root_kind_name(enum v8_root_kind k) {
    static const char *const names[ROOT_KINDS] = {
        "isolate",           "global handles", "eternal handles", "snapshot caches",
        "compilation cache", "handle scopes",  "stacks",          "weak handles",
    };
    return names[k];
}

bool v8_root_is_emptied(const struct v8_layout *l, const struct v8_root *root) {
    static const char *const caches[] = {
        "number_string_cache", "smi_string_cache",      "double_string_cache",
        "string_split_cache",  "regexp_multiple_cache", "regexp_match_global_atom_cache",
    };
    for (size_t i = 0; root->entry < l->n_roots && i < sizeof caches / sizeof *caches; i++)
        if (strcmp(l->root_names[root->entry], caches[i]) == 0)
            return true;
    return false;
}

char *v8_root_name(const struct v8_layout *l, const struct v8_root *root) {
    return mem_strdup(root->entry < l->n_roots ? l->root_names[root->entry]
                                               : v8_root_kind_name(root->kind));
}
