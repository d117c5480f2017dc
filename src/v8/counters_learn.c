#include "v8/counters_plan.h"

#include "image/elf_file.h"
#include "v8/layout.h"
#include <errno.h>
#include <string.h>

/* Past offset-to-top and RTTI; 0: the binary has no such class. */
static uint64_t vtable(struct elf_file *elf, const char *symbol) {
    struct elf_symbol s;
    return elf_file_symbol(elf, symbol, &s) == 0 ? s.value + 16 : 0;
}

static int learn(const struct v8_layout *l, struct v8_recipe *r) {
    struct elf_symbol platform;
    if (!l->exact || l->facts.new_capacity_offset < 0 || l->facts.gc_state_offset < 0)
        return -ENOTSUP;
    r->facts = l->facts;
    r->moves = elf_file_is_pie(l->elf);
    r->n_vtables = l->n_vtables;
    for (size_t i = 0; i < l->n_vtables; i++)
        r->vtables[i] = (struct v8_vtable){l->vtables[i].addr - l->bias, l->vtables[i].space};
    r->new_semi = vtable(l->elf, "_ZTVN2v88internal17SemiSpaceNewSpaceE");
    if (!r->new_semi) /* before V8 10.5 there is one kind */
        r->new_semi = vtable(l->elf, "_ZTVN2v88internal8NewSpaceE");
    r->new_paged = vtable(l->elf, "_ZTVN2v88internal13PagedNewSpaceE");
    r->semi_space = vtable(l->elf, "_ZTVN2v88internal9SemiSpaceE");
    r->paged_new = vtable(l->elf, "_ZTVN2v88internal21PagedSpaceForNewSpaceE");
    r->allocators[0] = vtable(l->elf, "_ZTVN4node24NodeArrayBufferAllocatorE");
    r->allocators[1] = vtable(l->elf, "_ZTVN4node29DebuggingArrayBufferAllocatorE");
    r->platform_vtable = vtable(l->elf, "_ZTVN4node12NodePlatformE");
    if (elf_file_symbol(l->elf, "_ZN4node11per_process11v8_platformE", &platform) < 0 ||
        !r->platform_vtable || !r->new_semi || !r->semi_space)
        return -ENOTSUP;
    r->platform = platform.value;
    r->platform_bytes = platform.size;
    return 0;
}

int v8_recipe_learn(struct image *img, struct v8_recipe **ret, struct err *e) {
    struct v8_layout *l = NULL;
    struct v8_recipe r = {0};
    int rc = v8_layout_open(img, &l, e);
    if (rc == -ENOTSUP && l->n_passed && l->exact)
        rc = -ENODATA; /* its table is known: V8 is not set up */
    if (rc == 0 && (rc = learn(l, &r)) < 0)
        err_set(e, rc, "", "where V8 %s keeps its counters is not known", l->v8_version);
    v8_layout_free(l);
    if (rc < 0)
        return rc;
    *ret = mem_alloc(sizeof r);
    **ret = r;
    return 0;
}

bool v8_recipe_moves(const struct v8_recipe *r) {
    return r->moves;
}

int v8_recipe_bias(struct image *img, uint64_t *ret) {
    size_t module, n;
    struct elf_file *elf;
    if (v8_layout_find(img, &module) < 0 || image_module_elf(img, module, &elf, NULL) < 0)
        return -ENODATA;
    *ret = image_modules(img, &n)[module].bias; /* settled by opening the file */
    return 0;
}

void v8_recipe_free(struct v8_recipe *r) {
    free(r);
}
