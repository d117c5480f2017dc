#include "native/places.h"

#include "base/fmt.h"
#include "image/elf_file.h"
#include "native/chunk_names.h"
#include "native/root_names.h"
#include "v8/heap.h"
#include "v8/strings.h"
#include <inttypes.h>
#include <string.h>

/* glibc, nptl/descr.h: struct pthread stands at the thread pointer (0x900 bytes and less, 2.17 to
 * 2.43). */
enum { THREAD_DESCRIPTOR = 0x900 };

struct places {
    const struct whole *whole;
    struct chunk_map chunks;
    bool has_chunks;
    struct chunk_names *names;
    struct root_names *symbols;
    struct heap_look heap;
    bool has_heap;
    uint64_t tls_bytes; /* of every thread, below its thread pointer */
};

static uint64_t find_tls_bytes(struct image *img) {
    uint64_t sum = 0, bytes, align;
    size_t n;
    image_modules(img, &n);
    for (size_t i = 0; i < n; i++) {
        struct elf_file *elf;
        if (image_module_elf(img, i, &elf, NULL) == 0 && elf_file_tls(elf, &bytes, &align) == 0)
            sum += bytes + align;
    }
    return sum;
}

struct places *places_new(const struct whole *whole) {
    struct places *p = mem_zalloc(sizeof *p);
    const struct v8_census *v8 = whole->ev->has_v8 ? &whole->ev->v8 : NULL;
    p->whole = whole;
    p->names = chunk_names_new(whole->img, v8);
    p->symbols = root_names_new(whole->img, v8);
    p->has_chunks = whole->ev->has_malloc && whole->ev->malloc.kind == MALLOC_GLIBC &&
                    chunk_map_init(&p->chunks, &whole->ev->malloc) == 0;
    if (p->has_chunks)
        chunk_names_find_structures(p->names, &p->chunks);
    p->has_heap = whole->heap && heap_look_open(whole->heap, &p->heap, NULL) == 0;
    p->tls_bytes = find_tls_bytes(whole->img);
    return p;
}

void places_free(struct places *p) {
    if (!p)
        return;
    if (p->has_heap)
        heap_look_done(&p->heap);
    if (p->has_chunks)
        chunk_map_done(&p->chunks);
    root_names_free(p->symbols);
    chunk_names_free(p->names);
    free(p);
}

const struct whole *places_whole(const struct places *p) {
    return p->whole;
}

const struct chunk_map *places_chunks(const struct places *p) {
    return p->has_chunks ? &p->chunks : NULL;
}

struct heap_look *places_heap(struct places *p) {
    return p->has_heap ? &p->heap : NULL;
}

const char *place_kind_name(enum place_kind k) {
    static const char *const names[] = {
        [PLACE_NOWHERE] = "nowhere",   [PLACE_CHUNK] = "chunk", [PLACE_OBJECT] = "object",
        [PLACE_HEAP] = "heap",         [PLACE_CODE] = "code",   [PLACE_DATA] = "data",
        [PLACE_TLS] = "tls",           [PLACE_STACK] = "stack", [PLACE_MAPPING] = "mapping",
        [PLACE_REGISTER] = "register",
    };
    return names[k];
}

/* ---- which ---- */

bool place_is_of_heap(const struct whole *whole, uint64_t addr) {
    return whole->heap && v8_census_page(&whole->ev->v8, addr);
}

uint32_t places_piece(const struct places *p, uint64_t addr) {
    if (!p->has_chunks)
        return CHUNK_NONE;
    uint32_t inside = chunk_map_find(&p->chunks, addr);
    if (inside != CHUNK_NONE)
        return inside;
    const struct malloc_piece *at = p->chunks.pieces;
    size_t i = first_where(p->chunks.n, k, at[k].addr + at[k].size > addr);
    return i < p->chunks.n && at[i].addr <= addr ? (uint32_t)i : CHUNK_NONE;
}

static bool find_chunk(struct places *p, struct place *ret) {
    uint32_t i = places_piece(p, ret->addr);
    if (i == CHUNK_NONE)
        return false;
    const struct malloc_piece *piece = &p->chunks.pieces[i];
    ret->kind = PLACE_CHUNK;
    ret->piece = i;
    ret->start = chunk_memory(piece);
    ret->end = chunk_memory_end(&p->chunks, i);
    ret->dead = piece->state != MALLOC_IN_USE;
    if (ret->dead)
        ret->end = piece->addr + piece->size;
    else
        ret->name = chunk_name(p->names, ret->start, ret->end);
    return true;
}

/* The object that addr lies in, of those that begin on its page. */
static uint32_t node_around(struct places *p, const struct v8_page *page, uint64_t addr) {
    const struct v8_view *view = p->whole->heap;
    uint32_t first, end;
    v8_nodes_of_page(view->nodes, (size_t)(page - view->heap->pages.list.at), &first, &end);
    size_t behind =
        first_where(end - first, k, v8_node_addr(view->nodes, first + (uint32_t)k) > addr);
    if (!behind)
        return V8_NO_NODE;
    uint32_t node = first + (uint32_t)behind - 1;
    return addr - v8_node_addr(view->nodes, node) < v8_node_bytes(view->nodes, node) ? node
                                                                                     : V8_NO_NODE;
}

static bool find_object(struct places *p, struct place *ret) {
    const struct evidence *ev = p->whole->ev;
    const struct v8_range *range = ev->has_v8 ? v8_census_page(&ev->v8, ret->addr) : NULL;
    const struct v8_page *page =
        range && p->has_heap ? v8_pages_at(&p->whole->heap->heap->pages, ret->addr) : NULL;
    if (!range)
        return false;
    ret->node = page ? node_around(p, page, ret->addr) : V8_NO_NODE;
    ret->kind = ret->node == V8_NO_NODE ? PLACE_HEAP : PLACE_OBJECT;
    ret->start = range->start;
    ret->end = range->end;
    if (ret->node == V8_NO_NODE)
        return true;
    struct v8_classes *classes = heap_look_classes(&p->heap);
    ret->start = v8_node_addr(p->whole->heap->nodes, ret->node);
    ret->end = ret->start + v8_node_bytes(p->whole->heap->nodes, ret->node);
    ret->name = v8_class_name(classes, v8_class_of(classes, ret->node));
    ret->dead = !heap_look_is_live(&p->heap, ret->node);
    return true;
}

static bool find_symbol(struct places *p, struct place *ret, const struct region *r) {
    struct root_symbol s;
    bool may_be_bss = r->kind == REGION_ANON && !r->name[0] && r->prot & REGION_W;
    if ((r->kind != REGION_FILE && !may_be_bss) || !root_symbol_at(p->symbols, ret->addr, &s))
        return false;
    ret->kind = r->prot & REGION_X ? PLACE_CODE : PLACE_DATA;
    ret->name = s.name;
    ret->module = s.module;
    ret->is_table = s.is_table;
    ret->start = s.start;
    ret->end = s.end;
    return true;
}

static bool find_thread(struct places *p, struct place *ret, const struct region *r) {
    enum { RED_ZONE = 128 };
    size_t n;
    const struct image_thread *t = image_threads(p->whole->img, &n);
    for (size_t i = 0; i < n; i++) {
        uint64_t tp = t[i].regs[IMAGE_FS_BASE], sp = t[i].regs[IMAGE_RSP];
        if (!t[i].has_regs)
            continue;
        bool tls = ret->addr + p->tls_bytes >= tp && ret->addr < tp + THREAD_DESCRIPTOR;
        if (!tls && (sp < r->start || sp >= r->end))
            continue;
        ret->kind = tls ? PLACE_TLS : PLACE_STACK;
        ret->thread = i;
        ret->start = tls ? tp - p->tls_bytes : r->start;
        ret->end = tls ? tp + THREAD_DESCRIPTOR : r->end;
        ret->dead = !tls && ret->addr + RED_ZONE < sp;
        return true;
    }
    return false;
}

struct place places_find(struct places *p, uint64_t addr) {
    struct place ret = {
        .addr = addr, .start = addr, .end = addr, .piece = CHUNK_NONE, .node = V8_NO_NODE};
    const struct region *r =
        addr < LIMIT_USER_ADDR ? region_find(image_regions(p->whole->img), addr) : NULL;
    if (!r)
        return ret;
    if (find_chunk(p, &ret) || find_object(p, &ret) || find_thread(p, &ret, r) ||
        find_symbol(p, &ret, r))
        return ret;
    ret.kind = r->kind == REGION_STACK ? PLACE_STACK : PLACE_MAPPING;
    ret.name = r->name[0] ? r->name : NULL;
    ret.start = r->start;
    ret.end = r->end;
    return ret;
}

/* ---- in words ---- */

char *places_thread(const struct places *p, size_t thread) {
    size_t n;
    const struct image_thread *t = image_threads(p->whole->img, &n);
    if (thread >= n)
        return mem_strdup("?");
    return t[thread].name[0] ? mem_printf("%d (%s)", (int)t[thread].tid, t[thread].name)
                             : mem_printf("%d", (int)t[thread].tid);
}

static char *chunk_text_of(struct places *p, const struct place *at) {
    const struct malloc_piece *piece = &p->chunks.pieces[at->piece];
    enum malloc_state state = (enum malloc_state)piece->state;
    char size[FMT_MAX];
    fmt_bytes(size, piece->size);
    if (state == MALLOC_IN_USE)
        return mem_printf("%s%schunk of %s", at->name ? at->name : "", at->name ? ", " : "", size);
    if (state == MALLOC_TCACHED || state == MALLOC_FAST || state == MALLOC_BINNED)
        return mem_printf("free chunk of %s (%s)", size, malloc_state_name(state));
    return mem_printf("%s of malloc, %s", malloc_state_name(state), size);
}

static char *symbol_text(const struct place *at) {
    char offset[24] = "";
    if (!at->name)
        return mem_printf("%s of %s", at->kind == PLACE_CODE ? "code" : "data", at->module);
    if (at->is_table)
        return mem_printf("vtable of %s in %s", at->name, at->module);
    if (at->addr > at->start)
        snprintf(offset, sizeof offset, " +0x%" PRIx64, at->addr - at->start);
    return mem_printf("%s %s of %s%s", at->kind == PLACE_CODE ? "function" : "variable", at->name,
                      at->module, offset);
}

char *place_text(struct places *p, const struct place *at) {
    cleanup_free char *thread =
        at->kind == PLACE_STACK || at->kind == PLACE_TLS ? places_thread(p, at->thread) : NULL;
    cleanup_free char *object = NULL;
    switch (at->kind) {
    case PLACE_CHUNK:
        return chunk_text_of(p, at);
    case PLACE_OBJECT:
        object = heap_look_summary(&p->heap, at->node);
        return mem_printf("%s%s", object, at->dead ? " (garbage)" : "");
    case PLACE_HEAP:
        return mem_strdup("a page of V8, outside of objects");
    case PLACE_CODE:
    case PLACE_DATA:
        return symbol_text(at);
    case PLACE_TLS:
        return mem_printf("thread-local storage of thread %s", thread);
    case PLACE_STACK:
        return mem_printf("stack of thread %s%s", thread,
                          at->dead ? ", below its stack pointer" : "");
    case PLACE_MAPPING:
        return mem_strdup(at->name ? at->name : "anonymous mapping");
    default:
        return mem_strdup("not mapped");
    }
}

const char *place_class(struct places *p, const struct place *at) {
    (void)p;
    switch (at->kind) {
    case PLACE_CODE:
    case PLACE_DATA:
        return at->name ? at->name : at->module;
    case PLACE_HEAP:
        return "the JavaScript heap";
    case PLACE_TLS:
        return "thread-local storage";
    case PLACE_STACK:
        return "a stack";
    case PLACE_MAPPING:
        return at->name ? at->name : "memory outside malloc";
    default:
        return at->name;
    }
}

/* ---- fields ---- */

/* V8, objects/js-array-buffer.h, js-typed-array.h, string.h, and the embedder's fields; others have
 * their offset. */
static char *object_field(struct places *p, const struct place *at) {
    struct v8_objects *o = &p->heap.objects;
    uint64_t object = heap_look_addr(&p->heap, at->node), words = 0;
    int32_t offset = (int32_t)(at->addr - at->start), first = o->l->facts.api_object_header;
    enum v8_type type = v8_type(o, object);
    enum { MAP_WORDS = 8 };
    if (type == TYPE_JS_ARRAY_BUFFER && offset == o->l->facts.array_buffer_store)
        return mem_strdup("<backing_store>");
    if (type == TYPE_JS_TYPED_ARRAY && offset == o->l->facts.typed_array_external)
        return mem_strdup("<data_ptr>");
    if (v8_string_form(o->l, v8_instance_type(o, object)) == STRING_EXTERNAL)
        return mem_strdup(offset == V8_STRING_DATA ? "<resource_data>" : "<resource>");
    v8_field(o, v8_field_or_0(o, object, 0), MAP_WORDS, &words);
    int32_t end = 8 * (int32_t)(words >> 8 & 0xff); /* where in-object properties begin */
    if (v8_is_receiver(v8_kind(o, object)) && type == TYPE_OTHER && offset >= first && offset < end)
        return mem_printf("[[InternalField%d]]", (offset - first) / 8);
    return mem_printf("+0x%x", (unsigned)offset);
}

char *place_field(struct places *p, const struct place *at) {
    if (at->kind == PLACE_OBJECT)
        return object_field(p, at);
    if (at->kind == PLACE_DATA && at->end - at->start <= 8)
        return mem_strdup(""); /* a variable that is one pointer */
    return mem_printf("+0x%" PRIx64, at->addr - at->start);
}
