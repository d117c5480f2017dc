#include "v8/named.h"

#include "base/bytes.h"
#include "v8/properties.h"
#include <pthread.h>
#include <stdlib.h>

enum {
    PAGE_WORDS = V8_PAGE_ALIGN / 8,
    BITS = 64,
    DEPTH_MAX = 64, /* of cons strings, each a script's name */
    DEOPT_WORDS = 16,
};

/* How an object names. */
enum holder {
    HOLDER_NONE,
    HOLDER_ALL,         /* every string it refers to */
    HOLDER_DESCRIPTORS, /* each first of three words */
    HOLDER_DICTIONARY,
    HOLDER_CELL,     /* the word at 8 */
    HOLDER_SCRIPT,   /* the word at script_name */
    HOLDER_FUNCTION, /* its own property `name`, where a program has set one */
    HOLDER_BYTECODE, /* byte arrays */
    HOLDER_CODE,     /* byte arrays, and those of its deoptimization data */
};

struct v8_named {
    const struct image *img;
    const struct v8_layout *l;
    const struct v8_pages *pages;
    uint64_t *bits;             /* PAGE_WORDS for each page */
    uint8_t *large;             /* per page: the holder of its large object */
    uint8_t holder[65536];      /* by instance type */
    uint64_t dictionary, entry; /* offset of the first entry, and bytes of each */
    uint64_t script_name;
    uint16_t fixed_array_type;
    pthread_mutex_t lock; /* of all that follows */
    bool has_objects;
    struct v8_objects objects;
    struct map64 functions; /* map -> 1: no function of it names itself; 2: ask each */
    VEC(struct v8_named_part) parts;
};

static void mark(struct v8_named *n, uint64_t word) {
    const struct v8_page *g = (word & 3) == 1 ? v8_pages_at(n->pages, word) : NULL;
    uint64_t at = g ? (word - 1 - g->addr) / 8 : PAGE_WORDS;
    if (at >= PAGE_WORDS)
        return;
    uint64_t bit = (uint64_t)(g - n->pages->list.at) * PAGE_WORDS + at;
    __atomic_fetch_or(&n->bits[bit / BITS], 1ull << (bit % BITS), __ATOMIC_RELAXED);
}

bool v8_named_has(const struct v8_named *n, uint64_t addr) {
    const struct v8_page *g = v8_pages_at(n->pages, addr);
    uint64_t at = g ? (addr - g->addr) / 8 : PAGE_WORDS;
    if (at >= PAGE_WORDS)
        return false;
    uint64_t bit = (uint64_t)(g - n->pages->list.at) * PAGE_WORDS + at;
    return n->bits[bit / BITS] >> (bit % BITS) & 1;
}

/* --- names of scripts may be any kind of string --- */

struct part {
    uint64_t string, from, length;
};

static void add_part(struct v8_named *n, uint64_t start, uint64_t end) {
    pthread_mutex_lock(&n->lock);
    vec_push(&n->parts, (struct v8_named_part){start, end});
    pthread_mutex_unlock(&n->lock);
}

/* String representations, src/objects/instance-type.h: 0 sequential, 1 cons, 2 external, 3 sliced,
 * 5 thin (7.8 to 14.6; v8dbg says the same). */
static size_t take_string(struct v8_named *n, const struct part *p, struct part ret[2]) {
    const struct v8_layout *l = n->l;
    struct v8_map_info m;
    uint8_t o[32];
    if ((p->string & 3) != 1 || !v8_pages_at(n->pages, p->string) ||
        image_read(n->img, p->string - 1, o, sizeof o) < 0 ||
        v8_map_read(n->img, l, u64_at(o, 0), &m) < 0 || m.type >= l->first_nonstring_type)
        return 0;
    uint64_t length = u32_at(o, 12), first = u64_at(o, 16), second = u64_at(o, 24);
    uint64_t width = (m.type & l->string_encoding_mask) == l->one_byte_tag ? 1 : 2;
    uint64_t have = p->from < length ? length - p->from : 0;
    have = have < p->length ? have : p->length;
    switch (m.type & l->string_representation_mask) {
    case 0:
        if (have)
            add_part(n, p->string - 1 + 16 + width * p->from,
                     p->string - 1 + 16 + width * (p->from + have));
        return 0;
    case 1:
        ret[0] = (struct part){first, 0, have};
        ret[1] = (struct part){second, 0, have};
        return 2;
    case 3:
        ret[0] = (struct part){first, second >> 32, have};
        return 1;
    case 5:
        ret[0] = (struct part){first, p->from, have};
        return 1;
    default: /* what is outside the heap is no name */
        return 0;
    }
}

static void take_text(struct v8_named *n, uint64_t string) {
    struct part todo[DEPTH_MAX + 2] = {{string, 0, UINT32_MAX}};
    size_t left = 1, steps = 0;
    while (left && steps++ < 16 * DEPTH_MAX) {
        struct part p = todo[--left], more[2];
        size_t k = take_string(n, &p, more);
        for (size_t i = 0; i < k && left < DEPTH_MAX; i++)
            todo[left++] = more[i];
    }
}

/* --- holders --- */

static void mark_words(struct v8_named *n, const uint8_t *o, uint64_t from, uint64_t to,
                       uint64_t step) {
    for (uint64_t at = from; at + 8 <= to; at += step)
        mark(n, u64_at(o, at));
}

/* Up to version 11 deoptimization data is a FixedArray, and its translations and inlining positions
 * are byte arrays. */
static void mark_code(struct v8_named *n, const uint8_t *o, uint64_t len) {
    for (uint64_t at = 8; at + 8 <= len; at += 8) {
        struct v8_map_info m;
        uint64_t word = u64_at(o, at), array[2 + DEOPT_WORDS];
        mark(n, word);
        if (n->l->version[0] > 11 || (word & 3) != 1 || !v8_pages_at(n->pages, word) ||
            image_read(n->img, word - 1, array, sizeof array) < 0 ||
            v8_map_read(n->img, n->l, array[0], &m) < 0 || m.type != n->fixed_array_type)
            continue;
        uint64_t words = array[1] >> 32 < DEOPT_WORDS ? array[1] >> 32 : DEOPT_WORDS;
        for (uint64_t i = 0; i < words; i++)
            mark(n, array[2 + i]);
    }
}

/* Is it a string made of others? The inferred names of functions are. */
static bool is_compound(struct v8_named *n, uint64_t word) {
    if ((word & 3) != 1 || !v8_pages_at(n->pages, word))
        return false;
    if (!n->has_objects)
        return true; /* take_text() finds out */
    pthread_mutex_lock(&n->lock);
    const struct v8_map_info *m =
        v8_maps_get(&n->objects.maps, n->img, n->l, n->pages, v8_field_or_0(&n->objects, word, 0));
    bool is =
        m && m->type < n->l->first_nonstring_type && m->type & n->l->string_representation_mask;
    pthread_mutex_unlock(&n->lock);
    return is;
}

static void mark_all(struct v8_named *n, const uint8_t *o, uint64_t have) {
    for (uint64_t at = 8; at + 8 <= have; at += 8) {
        uint64_t word = u64_at(o, at);
        mark(n, word);
        if (is_compound(n, word))
            take_text(n, word);
    }
}

/* Until a program changes it, `name` is an accessor: in the maps of most functions, which need no
 * second look. In a dictionary each function has its own. */
static bool names_itself(struct v8_named *n, uint64_t function, uint64_t map, uint64_t *ret) {
    struct v8_properties all;
    struct v8_property p;
    uint64_t plain;
    if (map64_get(&n->functions, map, &plain))
        if (plain == 1)
            return false;
    v8_properties_open(&n->objects, function, &all);
    bool found = v8_property_own(&n->objects, function, "name", &p) && !p.is_accessor;
    map64_put(&n->functions, map, !found && all.is_fast ? 1 : 2);
    if (found)
        *ret = p.value;
    return found;
}

static void look_at_function(struct v8_named *n, uint64_t addr, uint64_t map) {
    uint64_t name = 0;
    pthread_mutex_lock(&n->lock);
    bool found = names_itself(n, addr + 1, map, &name);
    pthread_mutex_unlock(&n->lock);
    if (!found)
        return;
    mark(n, name);
    take_text(n, name);
}

static void look_at(struct v8_named *n, enum holder h, const uint8_t *o, uint64_t have) {
    switch (h) {
    case HOLDER_NONE:
    case HOLDER_FUNCTION:
        break;
    case HOLDER_ALL:
        mark_all(n, o, have);
        break;
    case HOLDER_DESCRIPTORS:
        mark_words(n, o, (uint64_t)n->l->facts.descriptor_array_header, have, 24);
        break;
    case HOLDER_DICTIONARY:
        mark_words(n, o, n->dictionary, have, n->entry);
        break;
    case HOLDER_CELL:
        mark_words(n, o, 8, have < 16 ? have : 16, 8);
        break;
    case HOLDER_SCRIPT:
        if (n->script_name + 8 <= have) {
            mark(n, u64_at(o, n->script_name));
            take_text(n, u64_at(o, n->script_name));
        }
        break;
    /* Their headers alone hold references: of bytecode 64 bytes, of in-heap code 128. */
    case HOLDER_BYTECODE:
        mark_words(n, o, 8, have < 64 ? have : 64, 8);
        break;
    case HOLDER_CODE:
        mark_code(n, o, have < 128 ? have : 128);
        break;
    }
}

static void begin(void *arg, size_t page) {
    struct v8_named *n = arg;
    n->large[page] = HOLDER_NONE;
}

static void object(void *arg, size_t page, uint64_t at, uint64_t size, const struct v8_map_info *m,
                   const uint8_t *bytes, uint64_t have) {
    struct v8_named *n = arg;
    enum holder h = n->holder[m->type];
    if (h == HOLDER_NONE)
        return;
    if (h == HOLDER_FUNCTION)
        look_at_function(n, at, m->map);
    if (have < size)
        n->large[page] = (uint8_t)h;
    look_at(n, h, bytes, have);
}

/* Entries may cross the pieces: the offset within the object says which word is a key. */
static void more(void *arg, size_t page, uint64_t offset, const uint8_t *bytes, uint64_t have) {
    struct v8_named *n = arg;
    enum holder h = n->large[page];
    if (h != HOLDER_DICTIONARY && h != HOLDER_ALL && h != HOLDER_DESCRIPTORS)
        return;
    uint64_t step = h == HOLDER_DICTIONARY ? n->entry : h == HOLDER_ALL ? 8 : 24;
    uint64_t first = h == HOLDER_DICTIONARY ? n->dictionary
                     : h == HOLDER_ALL      ? 8
                                            : (uint64_t)n->l->facts.descriptor_array_header;
    uint64_t into = (offset - first) % step;
    mark_words(n, bytes, into ? step - into : 0, have, step);
}

struct v8_walk_sink v8_named_sink(struct v8_named *n) {
    return (struct v8_walk_sink){.arg = n, .begin = begin, .object = object, .more = more};
}

void v8_named_add_roots(struct v8_named *n, uint64_t roots) {
    for (size_t i = 0; i < n->l->n_roots; i++) {
        uint64_t word;
        if (image_read_u64(n->img, roots + 8 * i, &word) == 0)
            mark(n, word);
    }
}

static int by_start(const void *a, const void *b) {
    const struct v8_named_part *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

void v8_named_settle(struct v8_named *n) {
    vec_sort(&n->parts, by_start);
}

const struct v8_named_part *v8_named_parts(const struct v8_named *n, size_t *ret_n) {
    *ret_n = n->parts.n;
    return n->parts.at;
}

/* --- which types hold names --- */

static const struct {
    const char *root;
    enum holder holder;
} holders[] = {
    {"name_dictionary_map", HOLDER_DICTIONARY},
    {"name_to_index_hash_table_map", HOLDER_ALL},
    {"descriptor_array_map", HOLDER_DESCRIPTORS},
    {"strong_descriptor_array_map", HOLDER_DESCRIPTORS},
    {"scope_info_map", HOLDER_ALL},
    {"shared_function_info_map", HOLDER_ALL},
    {"uncompiled_data_without_preparse_data_map", HOLDER_ALL},
    {"uncompiled_data_with_preparse_data_map", HOLDER_ALL},
    {"uncompiled_data_without_preparse_data_with_job_map", HOLDER_ALL},
    {"uncompiled_data_with_preparse_data_and_job_map", HOLDER_ALL},
    {"symbol_map", HOLDER_ALL},
    {"undefined_map", HOLDER_ALL}, /* and all oddballs */
    {"function_template_info_map", HOLDER_ALL},
    {"property_cell_map", HOLDER_CELL},
    {"global_property_cell_map", HOLDER_CELL},
    {"script_map", HOLDER_SCRIPT},
    {"bytecode_array_map", HOLDER_BYTECODE},
    {"code_map", HOLDER_CODE},
};

static void set_holders(struct v8_named *n) {
    const struct v8_layout *l = n->l;
    struct v8_map_info m;
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++)
        if (v8_layout_root_map(n->img, l, holders[i].root, &m) == 0)
            n->holder[m.type] = (uint8_t)holders[i].holder;
    if (v8_layout_root_map(n->img, l, "fixed_array_map", &m) == 0)
        n->fixed_array_type = m.type;
    n->has_objects = v8_objects_open(n->img, l, n->pages, &n->objects) == 0;
    for (size_t t = 0; n->has_objects && t < sizeof n->holder; t++)
        if (n->objects.kinds[t] == KIND_FUNCTION)
            n->holder[t] = HOLDER_FUNCTION;
    int32_t start = v8_layout_constant(n->img, l, "namedictionary_prefix_start_index", 3);
    int32_t prefix = v8_layout_constant(n->img, l, "namedictionaryshape_prefix_size",
                                        l->version[0] < 11 ? 2 : 3);
    int32_t entry = v8_layout_constant(n->img, l, "namedictionaryshape_entry_size", 3);
    n->dictionary = 16 + 8 * (uint64_t)((start & 15) + (prefix & 15));
    n->entry = 8 * (uint64_t)(entry > 0 && entry < 16 ? entry : 3);
    int32_t name = v8_layout_constant(n->img, l, "class_Script__name__Object", 16);
    n->script_name = name > 0 && name < 256 ? (uint64_t)name : 16;
}

struct v8_named *v8_named_new(const struct image *img, const struct v8_layout *l,
                              const struct v8_pages *pages) {
    struct v8_named *n = mem_zalloc(sizeof *n);
    n->img = img;
    n->l = l;
    n->pages = pages;
    n->bits = mem_zalloc((pages->list.n + 1) * (PAGE_WORDS / 8));
    n->large = mem_zalloc(pages->list.n + 1);
    pthread_mutex_init(&n->lock, NULL);
    set_holders(n);
    return n;
}

void v8_named_free(struct v8_named *n) {
    if (!n)
        return;
    pthread_mutex_destroy(&n->lock);
    map64_done(&n->functions);
    if (n->has_objects)
        v8_objects_done(&n->objects);
    vec_free(&n->parts);
    free(n->bits);
    free(n->large);
    free(n);
}
