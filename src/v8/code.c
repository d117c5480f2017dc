#include "v8/code.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "v8/functions.h"
#include <errno.h>

/* Elements of DeoptimizationData that did not move (src/objects/deoptimization-data.h). */
enum { TRANSLATIONS = 0, TRANSLATION_OF_ENTRY = 1, ENTRY = 3 };

static enum v8_code_kind kind_of(const struct v8_facts *f, uint32_t flags) {
    int kind = (int)(flags & 15) - f->code_baseline_kind;
    return kind >= 0 && kind < 3 ? (enum v8_code_kind)(CODE_BASELINE + kind) : CODE_OTHER;
}

/* `code` as code whose instructions hold pc: they stand behind the object itself (up to version 10)
 * or in the InstructionStream `stream` that leads to it and that it leads back to. */
static bool explains(struct v8_objects *o, uint64_t code, uint64_t stream, uint64_t pc,
                     struct v8_code *ret) {
    const struct v8_facts *f = &o->l->facts;
    struct v8_code c = {.addr = code, .start = (code & ~3ull) + (uint32_t)f->code_header};
    uint32_t flags;
    if (v8_kind(o, code) != KIND_CODE || !v8_field_u32(o, code, f->code_flags, &flags) ||
        !v8_field_u32(o, code, f->code_length, &c.length) ||
        !v8_field_u32(o, code, f->code_length + 4, &c.metadata))
        return false;
    if (f->code_start >= 0 &&
        (!v8_field(o, code, f->code_start, &c.start) ||
         c.start != (stream & ~3ull) + (uint32_t)f->instruction_stream_header))
        return false;
    c.kind = kind_of(f, flags);
    *ret = c;
    return pc >= c.start && pc - c.start <= c.length && c.length <= LIMIT_V8_CODE &&
           c.metadata <= LIMIT_V8_CODE;
}

/* The nearest object at or before pc whose first word is the map of code and that explains itself.
 * A page of code is not walked from its start: parts of it may be allocation areas, which hold
 * nothing. */
int v8_code_at(struct v8_objects *o, uint64_t pc, struct v8_code *ret) {
    const struct v8_page *page = v8_pages_at(o->pages, pc);
    enum v8_kind wanted = o->l->facts.code_start < 0 ? KIND_CODE : KIND_STREAM;
    if (!page || pc < page->area_start || pc >= page->area_end)
        return -ENODATA;
    for (uint64_t at = pc & ~7ull; at >= page->area_start; at -= 8) {
        uint64_t map;
        struct v8_code c;
        if (v8_objects_read(o, at, &map, 8) < 0)
            return -ENODATA;
        if ((map & 3) != 1 || v8_kind_of_map(o, map) != wanted)
            continue;
        uint64_t code = wanted == KIND_CODE ? at + 1 : v8_field_or_0(o, at + 1, 8);
        if (explains(o, code, at + 1, pc, &c)) {
            *ret = c;
            return 0;
        }
    }
    return -ENODATA;
}

void v8_code_bytecode_sizes(const struct v8_layout *l, struct v8_bytecode_sizes *ret) {
    struct elf_symbol s;
    if (!l->elf ||
        elf_file_symbol(l->elf, "_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE", &s) <
            0 ||
        s.size % 3 || s.size > 3 * 256)
        return;
    uint8_t *sizes = mem_alloc(s.size + 1);
    if (elf_file_read(l->elf, s.value, sizes, s.size) == 0)
        *ret = (struct v8_bytecode_sizes){sizes, s.size / 3};
    else
        free(sizes);
}

int v8_code_baseline(struct v8_objects *o, const struct v8_code *c, uint64_t bytecode,
                     const struct v8_bytecode_sizes *sizes, uint64_t pc, int32_t *ret) {
    const struct v8_facts *f = &o->l->facts;
    size_t n_table;
    cleanup_free uint8_t *table =
        v8_bytes_get(o, v8_field_or_0(o, c->addr, f->code_positions), LIMIT_V8_CODE, &n_table);
    int64_t n = v8_kind(o, bytecode) == KIND_BYTECODE ? v8_array_length(o, bytecode) : -1;
    if (!table || n < 0 || n > LIMIT_V8_CODE)
        return -ENODATA;
    cleanup_free uint8_t *code = mem_alloc((size_t)n + 1);
    if (image_read(o->img, (bytecode & ~3ull) + (uint32_t)f->bytecode_header, code, (size_t)n) < 0)
        return -ENODATA;
    return v8_baseline_offset(sizes, table, n_table, code, (size_t)n, pc - c->start, ret) < 0
               ? -ENODATA
               : 0;
}

/* Index of the deoptimisation entry for a return address; negative when there is none. */
static int deopt_index(struct v8_objects *o, const struct v8_code *c, uint64_t pc) {
    cleanup_free uint8_t *tables = mem_alloc(c->metadata + 1);
    if (image_read(o->img, c->start + c->length, tables, c->metadata) < 0)
        return -ENODATA;
    return v8_safepoint_find(tables, c->metadata, (uint32_t)(pc - c->start),
                             o->l->facts.safepoint_flavour, c->kind == CODE_MAGLEV);
}

static uint64_t deopt_data(struct v8_objects *o, const struct v8_code *c) {
    uint64_t data = v8_field_or_0(o, c->addr, o->l->facts.code_data);
    return v8_kind(o, data) == KIND_ARRAY ? data : 0;
}

static bool value_of(struct v8_objects *o, uint64_t literals, struct v8_where_is w, uint64_t fp,
                     uint64_t *ret) {
    if (w.where == WHERE_LITERAL) {
        *ret = v8_strong(v8_array_get(o, literals, w.index));
        return *ret != 0;
    }
    /* OptimizedFrame::StackSlotOffsetRelativeToFp */
    return w.where == WHERE_SLOT && w.index > -4096 && w.index < 1 << 20 &&
           v8_objects_read(o, fp + 16 - 8 * (uint64_t)((int64_t)w.index + 1), ret, 8) == 0;
}

int v8_code_frames(struct v8_objects *o, const struct v8_code *c, uint64_t pc, uint64_t fp,
                   struct v8_code_frame frames[V8_TRANSLATED_MAX]) {
    const struct v8_facts *f = &o->l->facts;
    struct v8_translated_frame found[V8_TRANSLATED_MAX];
    uint64_t data = deopt_data(o, c);
    int entry = data ? deopt_index(o, c, pc) : -ENODATA;
    if (entry < 0)
        return -ENODATA;
    uint64_t literals = v8_array_get(o, data, f->deopt_literals_index);
    uint64_t at = v8_array_get(
        o, data, f->deopt_entries_index + (int64_t)ENTRY * entry + TRANSLATION_OF_ENTRY);
    size_t n_bytes;
    cleanup_free uint8_t *bytes =
        v8_bytes_get(o, v8_array_get(o, data, TRANSLATIONS), LIMIT_V8_CODE, &n_bytes);
    if (!bytes || !v8_is_smi(at) || v8_smi(at) < 0)
        return -ENODATA;
    int n = v8_translation_read(bytes, n_bytes, (size_t)v8_smi(at), f->translation_flavour, found);
    for (int i = 0; i < n; i++) {
        frames[i] = (struct v8_code_frame){.kind = found[i].kind, .offset = found[i].offset};
        if (found[i].kind == TRANSLATED_CONSTRUCT)
            continue;
        uint64_t shared = v8_strong(v8_array_get(o, literals, found[i].literal)), actual = 0;
        if (v8_kind(o, shared) != KIND_SHARED)
            return -ENODATA;
        if (value_of(o, literals, found[i].function, fp, &frames[i].function))
            actual = v8_shared_of(o, frames[i].function);
        /* Maglev gives a builtin's frame the literal of the function it is inlined into. */
        if (found[i].kind == TRANSLATED_BUILTIN && actual)
            shared = actual;
        if (actual != shared)
            frames[i].function = 0;
        frames[i].shared = shared;
        frames[i].has_receiver = value_of(o, literals, found[i].receiver, fp, &frames[i].receiver);
    }
    return n > 0 ? n : -ENODATA;
}
