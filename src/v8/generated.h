/* Where code is that V8 generated: on its code pages, of WebAssembly in mappings of its own, and
 * the embedded builtins, in the binary or in the second mapping of them that newer versions run.
 * Such code keeps frame pointers and has no unwind tables. */
#ifndef MEMWHY_V8_GENERATED_H
#define MEMWHY_V8_GENERATED_H

#include "v8/pages.h"

struct v8_generated {
    const struct image *img;
    const struct v8_layout *l;
    const struct v8_pages *pages;
    uint64_t blob_vaddr,
        blob_size; /* the embedded builtins, as the ELF file has them; 0: unknown */
};

/* Everything is borrowed; the pages may be found and assigned later. */
void v8_generated_init(const struct image *img, const struct v8_layout *l,
                       const struct v8_pages *pages, struct v8_generated *ret);
bool v8_generated_holds(const struct v8_generated *g, uint64_t pc);
/* The address in the ELF file of a place in a builtin. */
bool v8_generated_builtin(const struct v8_generated *g, uint64_t pc, uint64_t *ret_vaddr);

#endif
