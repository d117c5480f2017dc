#include "v8/generated.h"

/* Up to version 10 the symbol of the code itself has _data_ behind it. */
void v8_generated_init(const struct image *img, const struct v8_layout *l,
                       const struct v8_pages *pages, struct v8_generated *ret) {
    struct elf_symbol code, size;
    uint32_t bytes;
    *ret = (struct v8_generated){.img = img, .l = l, .pages = pages};
    if (l->elf &&
        (elf_file_symbol(l->elf, "v8_Default_embedded_blob_code_data_", &code) == 0 ||
         elf_file_symbol(l->elf, "v8_Default_embedded_blob_code_", &code) == 0) &&
        elf_file_symbol(l->elf, "v8_Default_embedded_blob_code_size_", &size) == 0 &&
        elf_file_read(l->elf, size.value, &bytes, sizeof bytes) == 0) {
        ret->blob_vaddr = code.value;
        ret->blob_size = bytes;
    }
}

bool v8_generated_builtin(const struct v8_generated *g, uint64_t pc, uint64_t *ret_vaddr) {
    uint64_t vaddr = pc - g->l->bias;
    const struct region *r = region_find(image_regions(g->img), pc);
    if (!g->blob_size)
        return false;
    if (vaddr - g->blob_vaddr >= g->blob_size &&
        (!r || r->kind != REGION_FILE || !(r->prot & REGION_X) ||
         elf_file_vaddr_of_offset(g->l->elf, r->offset + (pc - r->start), &vaddr) < 0 ||
         vaddr - g->blob_vaddr >= g->blob_size))
        return false;
    *ret_vaddr = vaddr;
    return true;
}

bool v8_generated_holds(const struct v8_generated *g, uint64_t pc) {
    const struct region *r = region_find(image_regions(g->img), pc);
    const struct v8_page *page = v8_pages_at(g->pages, pc);
    uint64_t vaddr;
    if (!r || v8_generated_builtin(g, pc, &vaddr))
        return r != NULL;
    if (page && (page->space == V8_CODE || page->space == V8_CODE_LARGE))
        return true;
    return r->kind == REGION_ANON && (r->prot & REGION_X);
}
