#include "v8/nodes.h"

#include "base/bytes.h"
#include "base/parallel.h"
#include "v8/bodies.h"
#include "v8/dispatch.h"
#include <errno.h>
#include <string.h>

enum {
    PAGE_WORDS = V8_PAGE_ALIGN / 8,
    BITMAP_WORDS = PAGE_WORDS / 64,
    PAGES_MAX = 1 << 16, /* of 2^15 words: 31 bits, beside V8_REF_WEAK */
    NODES_PER_HINT = 4096,
    NODES_PER_WORD_HINT = 32,
    /* Of a page of many objects: its words, and what functions have beside theirs. Code, which may
     * refer from any byte, has one reference in some dozens of bytes. */
    PAGE_REFS_MAX = UINT16_MAX,
};

/* While the walk goes on a place is a page's index and a word in it. */
#define PLACE(page, word) ((uint32_t)(page)*PAGE_WORDS + (uint32_t)(word))

struct page_nodes {
    uint64_t *starts; /* bitmap of where objects begin; NULL: none */
    uint16_t *before; /* for each of its words, how many objects begin before */
    uint32_t first_node, n;
    VEC(uint32_t) refs;
    /* Until they are settled: the objects' sizes, and where their references end in `refs`. */
    VEC(uint16_t) words;
    VEC(uint16_t) ends;
    VEC(struct v8_ephemeron) ephemerons;
    VEC(uint32_t) retained;
    bool is_large; /* one object, which has all of `refs` and this size */
    uint64_t large_bytes;
    uint64_t large_at; /* told in parts: what `more` goes on with */
    uint8_t large_body;
    uint16_t large_head;
};

/* Where in 256 KiB of address space objects may begin: in none but the first of a page. */
struct unit {
    uint64_t number; /* address / V8_PAGE_ALIGN; 0: none */
    uint32_t page, first_word;
};

struct v8_nodes {
    const struct v8_layout *l;
    const struct v8_pages *pages;
    struct page_nodes *page; /* as pages->list */
    struct unit *units;      /* a hash table: every word of the heap is looked up in it */
    size_t n_units;          /* a power of two */
    uint64_t low, span;      /* of all pages: most words are outside */
    uint64_t hole;           /* tagged; 1, which no word is, when it is not known */
    uint32_t n;
    uint16_t *words; /* by node: its size; 0: a large object */
    uint16_t *ends;  /* by node: where its references end in its page's; not of large objects */
    uint32_t *hints; /* of every NODES_PER_HINT'th node: its page */
    uint16_t *word_hints; /* of every NODES_PER_WORD_HINT'th: the word of the bitmap it is in */
    VEC(struct v8_ephemeron) ephemerons;
    VEC(uint32_t) retained;
    struct v8_dispatch dispatch;
    bool torn;      /* there were more references than could be kept; set by any thread */
    bool maps_only; /* `refs` of a page are the different maps there, `ends` says which */
};

/* The unit of that number, or where it belongs. */
static inline struct unit *unit_of(const struct v8_nodes *n, uint64_t number) {
    size_t i = map64_hash(number) & (n->n_units - 1);
    while (n->units[i].number && n->units[i].number != number)
        i = (i + 1) & (n->n_units - 1);
    return &n->units[i];
}

static void find_units(struct v8_nodes *n) {
    n->n_units = 16;
    while (n->n_units < 2 * n->pages->list.n)
        n->n_units *= 2;
    n->units = mem_zalloc(n->n_units * sizeof *n->units);
    for (size_t i = 0; i < n->pages->list.n; i++) {
        const struct v8_page *p = &n->pages->list.at[i];
        if (p->in_use)
            *unit_of(n, p->addr / V8_PAGE_ALIGN) =
                (struct unit){p->addr / V8_PAGE_ALIGN, (uint32_t)i,
                              (uint32_t)((p->area_start - p->addr + 7) / 8)};
    }
}

int v8_nodes_new(const struct image *img, const struct v8_layout *l, const struct v8_pages *pages,
                 struct v8_nodes **ret) {
    if (pages->list.n > PAGES_MAX)
        return -E2BIG;
    struct v8_nodes *n = mem_zalloc(sizeof *n);
    n->l = l;
    n->pages = pages;
    n->page = mem_zalloc((pages->list.n + 1) * sizeof *n->page);
    if (pages->list.n) {
        const struct v8_page *last = &pages->list.at[pages->list.n - 1];
        n->low = pages->list.at[0].addr;
        n->span = last->addr + last->size - n->low;
    }
    find_units(n);
    int hole = v8_layout_root(l, "the_hole_value");
    if (hole < 0 || image_read_u64(img, l->main_roots + 8 * (uint64_t)hole, &n->hole) < 0)
        n->hole = 1;
    if (l->facts.function_dispatch_handle >= 0)
        v8_dispatch_load(img, pages, &n->dispatch);
    *ret = n;
    return 0;
}

void v8_nodes_free(struct v8_nodes *n) {
    for (size_t i = 0; n && i < n->pages->list.n; i++) {
        struct page_nodes *p = &n->page[i];
        free(p->starts);
        free(p->before);
        vec_free(&p->words);
        vec_free(&p->ends);
        vec_free(&p->refs);
        vec_free(&p->ephemerons);
        vec_free(&p->retained);
    }
    if (n) {
        free(n->page);
        free(n->units);
        free(n->words);
        free(n->ends);
        free(n->hints);
        free(n->word_hints);
        vec_free(&n->ephemerons);
        vec_free(&n->retained);
        v8_dispatch_done(&n->dispatch);
    }
    free(n);
}

/* --- during the walk --- */

/* The place a word refers to, if it may be an object's start; false for all else. */
static inline bool place_of(const struct v8_nodes *n, uint64_t word, uint32_t *ret) {
    uint64_t addr = word & ~3ull;
    if (!(word & 1) || addr - n->low >= n->span || addr & 7)
        return false;
    const struct unit *u = unit_of(n, addr / V8_PAGE_ALIGN);
    uint32_t at = (uint32_t)(addr % V8_PAGE_ALIGN / 8);
    *ret = PLACE(u->page, at);
    return u->number && at >= u->first_word;
}

static inline void add_ref(const struct v8_nodes *n, struct page_nodes *p, uint64_t word,
                           uint32_t strength) {
    uint32_t place;
    if (word != n->hole && place_of(n, word, &place))
        vec_push(&p->refs, place | (word & 2 ? V8_REF_WEAK : strength));
}

static void add_words(const struct v8_nodes *n, struct page_nodes *p, const uint8_t *bytes,
                      uint64_t from, uint64_t to, uint32_t strength) {
    for (uint64_t at = from; at + 8 <= to; at += 8)
        add_ref(n, p, u64_at(bytes, at), strength);
}

/* Code embeds references as immediates, at any byte. */
static void add_code(const struct v8_nodes *n, struct page_nodes *p, const uint8_t *bytes,
                     uint64_t from, uint64_t to) {
    for (uint64_t at = from; at + 8 <= to; at++)
        if ((bytes[at] & 3) == 1)
            add_ref(n, p, u64_at(bytes, at), 0);
}

/* A hash table behind three words of header: key and value in turns. `base`: offset of bytes[0] in
 * the table. */
static void add_ephemerons(const struct v8_nodes *n, struct page_nodes *p, uint32_t table,
                           const uint8_t *bytes, uint64_t base, uint64_t have) {
    enum { ENTRIES = 16 + 3 * 8 };
    uint64_t at = base ? base + (16 - (base - ENTRIES) % 16) % 16 : ENTRIES;
    if (!base)
        add_words(n, p, bytes, 8, ENTRIES < have ? ENTRIES : have, 0);
    for (; at + 16 <= base + have; at += 16) {
        struct v8_ephemeron e = {.table = table};
        uint64_t key = u64_at(bytes, at - base), value = u64_at(bytes, at + 8 - base);
        if (!place_of(n, key, &e.key) ||
            n->pages->list.at[e.key / PAGE_WORDS].space == V8_READ_ONLY)
            continue; /* no entry: undefined, or the hole */
        vec_push(&p->refs, e.key | V8_REF_WEAK);
        if (place_of(n, value, &e.value))
            vec_push(&p->ephemerons, e);
    }
}

/* The code of what has a dispatch handle: functions keep it, feedback cells do not
 * (VisitJSDispatchTableEntry and VisitJSFunction, src/heap/marking-visitor-inl.h, 13.6 and 14.6).
 */
static void add_code_of(const struct v8_nodes *n, struct page_nodes *p, const uint8_t *bytes,
                        uint64_t offset, uint64_t have, uint32_t strength) {
    uint64_t code = offset + 4 <= have ? v8_dispatch_code(&n->dispatch, u32_at(bytes, offset)) : 0;
    if (code)
        add_ref(n, p, code, strength);
}

/* WeakArrayList::kHeaderSize is 24; pairs of a weak map and for how many collections it is kept. */
static void add_retained(const struct v8_nodes *n, struct page_nodes *p, const uint8_t *bytes,
                         uint64_t have) {
    enum { FIRST = 24, CLEARED = 3 };
    uint64_t length = have >= FIRST ? u64_at(bytes, 16) >> 32 : 0;
    size_t before = p->retained.n;
    if (length < 2 || length % 2)
        return;
    for (uint64_t at = FIRST; at + 16 <= have && at < FIRST + 8 * length; at += 16) {
        uint64_t map = u64_at(bytes, at), age = u64_at(bytes, at + 8);
        uint32_t place;
        if ((map & 3) != 3 || (age & 0xffffffff)) {
            p->retained.n = before; /* another list */
            return;
        }
        if ((uint32_t)map != CLEARED && age && place_of(n, map, &place))
            vec_push(&p->retained, place);
    }
}

static void add_body(const struct v8_nodes *n, struct page_nodes *p, uint8_t body, uint16_t head,
                     uint32_t place, const uint8_t *bytes, uint64_t base, uint64_t size,
                     uint64_t have) {
    uint64_t from = base ? 0 : 8; /* the map is told */
    switch ((enum v8_body)body) {
    case BODY_NONE:
        return;
    case BODY_HEADER:
        if (!base)
            add_words(n, p, bytes, from, head < have ? head : have, 0);
        return;
    case BODY_BYTES:
        add_code(n, p, bytes, from, have);
        return;
    case BODY_EPHEMERONS:
        add_ephemerons(n, p, place, bytes, base, have);
        return;
    case BODY_WEAK_REF: /* map, properties, elements, target */
        for (uint64_t at = from; at + 8 <= have; at += 8)
            add_ref(n, p, u64_at(bytes, at), at == 24 ? V8_REF_WEAK : 0);
        return;
    case BODY_WEAK_CELL: /* the target, and the unregister token behind it */
        for (uint64_t at = from; at + 8 <= have; at += 8)
            add_ref(n, p, u64_at(bytes, at),
                    at - (uint64_t)n->l->facts.weak_cell_target <= 8 ? V8_REF_WEAK : 0);
        return;
    case BODY_NATIVE_CONTEXT: {
        uint64_t links = size - 8 * (uint64_t)n->l->facts.native_context_links -
                         (uint64_t)n->l->facts.native_context_extra;
        for (uint64_t at = from; at + 8 <= have; at += 8)
            add_ref(n, p, u64_at(bytes, at), at >= links ? V8_REF_WEAK : 0);
        return;
    }
    case BODY_FUNCTION:
        add_words(n, p, bytes, from, have, 0);
        add_code_of(n, p, bytes, (uint64_t)n->l->facts.function_dispatch_handle, have, 0);
        return;
    case BODY_FEEDBACK_CELL:
        add_words(n, p, bytes, from, have, 0);
        add_code_of(n, p, bytes, (uint64_t)n->l->facts.cell_dispatch_handle, have, V8_REF_WEAK);
        return;
    case BODY_WEAK_LIST:
        add_words(n, p, bytes, from, have, 0);
        if (!base)
            add_retained(n, p, bytes, have);
        return;
    case BODY_CODE_DATA: /* kNextCodeLinkOffset, src/objects/code.h of 7.8 to 10.2 */
        for (uint64_t at = from; at + 8 <= have; at += 8)
            add_ref(n, p, u64_at(bytes, at), at == 8 ? V8_REF_WEAK : 0);
        return;
    case BODY_SITE:
        for (uint64_t at = from; at + 8 <= have; at += 8)
            add_ref(n, p, u64_at(bytes, at),
                    at + 8 == size && size == n->l->allocation_site_bytes ? V8_REF_WEAK : 0);
        return;
    case BODY_WORDS:
        add_words(n, p, bytes, from, have, 0);
        return;
    }
}

static void begin(void *arg, size_t page) {
    struct v8_nodes *n = arg;
    struct page_nodes *p = &n->page[page];
    if (!p->starts)
        p->starts = mem_alloc(BITMAP_WORDS * 8);
    memset(p->starts, 0, BITMAP_WORDS * 8);
    p->words.n = p->ends.n = p->refs.n = p->ephemerons.n = p->retained.n = 0;
    p->is_large = v8_page_is_large(&n->pages->list.at[page]);
}

static void object(void *arg, size_t page, uint64_t at, uint64_t size, const struct v8_map_info *m,
                   const uint8_t *bytes, uint64_t have) {
    struct v8_nodes *n = arg;
    struct page_nodes *p = &n->page[page];
    uint64_t word = (at - n->pages->list.at[page].addr) / 8;
    uint8_t body = n->l->body[m->type];
    uint32_t map = 0;
    size_t before = p->refs.n;
    place_of(n, m->map, &map); /* the walk has seen that it is one */
    vec_push(&p->refs, map);
    add_body(n, p, body, m->header, PLACE(page, word), bytes, 0, size, have);
    if (p->refs.n > PAGE_REFS_MAX && !p->is_large) {
        p->refs.n = before; /* it is no node */
        __atomic_store_n(&n->torn, true, __ATOMIC_RELAXED);
        return;
    }
    p->starts[word / 64] |= 1ull << (word % 64);
    if (p->is_large) {
        p->large_bytes = size / 8 * 8;
        p->large_at = at;
        p->large_body = body;
        p->large_head = m->header;
        return;
    }
    vec_push(&p->words, (uint16_t)(size / 8));
    vec_push(&p->ends, (uint16_t)p->refs.n);
}

static void more(void *arg, size_t page, uint64_t offset, const uint8_t *bytes, uint64_t have) {
    struct v8_nodes *n = arg;
    struct page_nodes *p = &n->page[page];
    uint64_t word = (p->large_at - n->pages->list.at[page].addr) / 8;
    add_body(n, p, p->large_body, p->large_head, PLACE(page, word), bytes, offset, UINT64_MAX,
             have);
}

struct v8_walk_sink v8_nodes_sink(struct v8_nodes *n) {
    return (struct v8_walk_sink){n, begin, object, more};
}

/* --- numbers --- */

/* Rather than __builtin_popcountll, which without its instruction is a call. */
static inline uint32_t count_bits(uint64_t x) {
    x -= x >> 1 & 0x5555555555555555;
    x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
    return (uint32_t)(((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
}

static uint32_t node_at_place(const struct v8_nodes *n, uint32_t place) {
    const struct page_nodes *p = &n->page[place / PAGE_WORDS];
    uint32_t word = place % PAGE_WORDS;
    if (!p->starts || !(p->starts[word / 64] >> (word % 64) & 1))
        return V8_NO_NODE;
    return p->first_node + p->before[word / 64] +
           count_bits(p->starts[word / 64] & ((1ull << (word % 64)) - 1));
}

static void count_page(struct page_nodes *p, uint32_t first_node) {
    uint32_t seen = 0;
    p->first_node = first_node;
    if (p->starts)
        p->before = mem_alloc(BITMAP_WORDS * sizeof *p->before);
    for (uint32_t i = 0; p->starts && i < BITMAP_WORDS; i++) {
        p->before[i] = (uint16_t)seen;
        seen += count_bits(p->starts[i]);
    }
    p->n = seen;
}

/* Where to look for its nodes' addresses. */
static void hint_words(struct v8_nodes *n, const struct page_nodes *p) {
    uint32_t node = (p->first_node + NODES_PER_WORD_HINT - 1) & ~(NODES_PER_WORD_HINT - 1u);
    for (uint32_t at = 0; node < p->first_node + p->n; node += NODES_PER_WORD_HINT) {
        while (at + 1 < BITMAP_WORDS && p->before[at + 1] <= node - p->first_node)
            at++;
        n->word_hints[node / NODES_PER_WORD_HINT] = (uint16_t)at;
    }
}

/* Places to nodes; what begins no object falls out, except an object's map: one whose map lies
 * where nothing could be walked counts as its own. */
static void settle_page(void *arg, size_t i) {
    struct v8_nodes *n = arg;
    struct page_nodes *p = &n->page[i];
    size_t to = 0, from = 0;
    hint_words(n, p);
    for (uint32_t k = 0; k < p->n; k++) {
        for (size_t first = from, end = p->is_large ? p->refs.n : p->ends.at[k]; from < end;
             from++) {
            uint32_t ref = p->refs.at[from];
            uint32_t node = node_at_place(n, V8_REF_NODE(ref));
            if (node == V8_NO_NODE && from == first)
                node = p->first_node + k;
            if (node != V8_NO_NODE)
                p->refs.at[to++] = node | (ref & V8_REF_WEAK);
        }
        n->words[p->first_node + k] = p->is_large ? 0 : p->words.at[k];
        n->ends[p->first_node + k] = (uint16_t)to;
    }
    vec_free(&p->words);
    vec_free(&p->ends);
    p->refs.n = p->refs.cap = to;
    p->refs.at = mem_grow(p->refs.at, to, sizeof *p->refs.at);
    to = 0;
    for (size_t k = 0; k < p->ephemerons.n; k++) {
        struct v8_ephemeron e = p->ephemerons.at[k];
        e.table = node_at_place(n, e.table);
        e.key = node_at_place(n, e.key);
        e.value = node_at_place(n, e.value);
        if (e.table != V8_NO_NODE && e.key != V8_NO_NODE && e.value != V8_NO_NODE)
            p->ephemerons.at[to++] = e;
    }
    p->ephemerons.n = to;
}

void v8_nodes_settle(struct v8_nodes *n) {
    size_t n_pages = n->pages->list.n;
    n->n = 0;
    for (size_t i = 0; i < n_pages; i++) {
        count_page(&n->page[i], n->n);
        n->n += n->page[i].n;
    }
    n->words = mem_alloc(n->n * sizeof *n->words);
    n->ends = mem_alloc_random(n->n * sizeof *n->ends);
    n->word_hints = mem_alloc((n->n / NODES_PER_WORD_HINT + 1) * sizeof *n->word_hints);
    parallel_for(n_pages, settle_page, n);
    n->hints = mem_alloc((n->n / NODES_PER_HINT + 2) * sizeof *n->hints);
    uint32_t next = 0;
    for (size_t i = 0; i < n_pages; i++) {
        struct page_nodes *p = &n->page[i];
        for (; next < n->n && next < p->first_node + p->n; next += NODES_PER_HINT)
            n->hints[next / NODES_PER_HINT] = (uint32_t)i;
        for (size_t k = 0; k < p->ephemerons.n; k++)
            vec_push(&n->ephemerons, p->ephemerons.at[k]);
        vec_free(&p->ephemerons);
    }
    for (size_t i = 0; i < n_pages; i++) {
        struct page_nodes *p = &n->page[i];
        for (size_t k = 0; k < p->retained.n; k++) {
            uint32_t map = node_at_place(n, p->retained.at[k]);
            if (map != V8_NO_NODE && v8_node_is_map(n, map)) /* or it is a list of something else */
                vec_push(&n->retained, map);
        }
        vec_free(&p->retained);
    }
    mem_trim(); /* what the vectors had in reserve */
}

/* --- looking up --- */

uint32_t v8_nodes_count(const struct v8_nodes *n) {
    return n->n;
}

uint32_t v8_node_at(const struct v8_nodes *n, uint64_t tagged) {
    uint32_t place;
    return place_of(n, tagged, &place) ? node_at_place(n, place) : V8_NO_NODE;
}

static size_t page_of(const struct v8_nodes *n, uint32_t node) {
    size_t i = n->hints[node / NODES_PER_HINT];
    while (node - n->page[i].first_node >= n->page[i].n)
        i++;
    return i;
}

uint64_t v8_node_addr(const struct v8_nodes *n, uint32_t node) {
    size_t i = page_of(n, node);
    const struct page_nodes *p = &n->page[i];
    uint32_t k = node - p->first_node, at = 0;
    if (k >= node % NODES_PER_WORD_HINT)
        at = n->word_hints[node / NODES_PER_WORD_HINT];
    while (at + 1 < BITMAP_WORDS && p->before[at + 1] <= k)
        at++; /* the last with no more before it */
    k -= p->before[at];
    uint64_t bits = p->starts[at];
    while (k--)
        bits &= bits - 1;
    return n->pages->list.at[i].addr + 8 * (64ull * at + (uint64_t)__builtin_ctzll(bits));
}

uint64_t v8_node_bytes(const struct v8_nodes *n, uint32_t node) {
    return n->words[node] ? 8ull * n->words[node] : n->page[page_of(n, node)].large_bytes;
}

bool v8_nodes_are_whole(const struct v8_nodes *n) {
    return !n->torn;
}

void v8_node_prefetch(const struct v8_nodes *n, uint32_t node) {
    __builtin_prefetch(&n->ends[node]);
}

const uint32_t *v8_node_refs(const struct v8_nodes *n, uint32_t node, size_t *ret_n) {
    const struct page_nodes *p = &n->page[page_of(n, node)];
    if (n->maps_only) {
        *ret_n = 1;
        return p->refs.at + (p->is_large ? 0 : n->ends[node]);
    }
    uint32_t from = node == p->first_node ? 0 : n->ends[node - 1];
    *ret_n = p->is_large ? p->refs.n : n->ends[node] - from;
    return p->refs.at + from;
}

void v8_node_weaken(struct v8_nodes *n, uint32_t node, bool (*lets_go)(void *ctx, uint64_t addr),
                    void *ctx) {
    struct page_nodes *p = &n->page[page_of(n, node)];
    size_t count, from = (size_t)(v8_node_refs(n, node, &count) - p->refs.at);
    for (uint32_t *ref = &p->refs.at[from + 1]; ref < &p->refs.at[from + count]; ref++)
        if (!(*ref & V8_REF_WEAK) && lets_go(ctx, v8_node_addr(n, *ref)))
            *ref |= V8_REF_WEAK;
}

const struct v8_ephemeron *v8_nodes_ephemerons(const struct v8_nodes *n, size_t *ret_n) {
    *ret_n = n->ephemerons.n;
    return n->ephemerons.at;
}

const uint32_t *v8_nodes_retained_maps(const struct v8_nodes *n, size_t *ret_n) {
    *ret_n = n->retained.n;
    return n->retained.at;
}

static void keep_maps(void *arg, size_t i) {
    struct v8_nodes *n = arg;
    struct page_nodes *p = &n->page[i];
    struct map64 index = {0};
    VEC(uint32_t) maps = {0};
    uint32_t from = 0;
    for (uint32_t node = p->first_node; node < p->first_node + p->n; node++) {
        uint32_t map = p->refs.at[from];
        uint64_t at = maps.n;
        if (!map64_get(&index, map + 1ull, &at)) {
            map64_put(&index, map + 1ull, at);
            vec_push(&maps, map);
        }
        from = n->ends[node];
        n->ends[node] = (uint16_t)at;
    }
    map64_done(&index);
    vec_free(&p->refs);
    p->refs.at = maps.at;
    p->refs.n = maps.n;
    p->refs.cap = maps.cap;
}

void v8_nodes_keep_maps(struct v8_nodes *n) {
    parallel_for(n->pages->list.n, keep_maps, n);
    n->maps_only = true;
    mem_trim();
}

size_t v8_nodes_pages(const struct v8_nodes *n) {
    return n->pages->list.n;
}

void v8_nodes_of_page(const struct v8_nodes *n, size_t page, uint32_t *ret_first,
                      uint32_t *ret_end) {
    *ret_first = n->page[page].first_node;
    *ret_end = n->page[page].first_node + n->page[page].n;
}
