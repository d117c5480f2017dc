/* The code of an image: which file an address lies in. What is mapped of a file is looked up when
 * the map is made, the file itself is opened when first asked for. */
#ifndef MEMWHY_IMAGE_CODE_H
#define MEMWHY_IMAGE_CODE_H

#include "image/elf_file.h"
#include "image/image.h"

struct code_file {
    const char *path;     /* as the target names it, or "[vdso]" */
    uint64_t start, end;  /* lowest and highest mapped address */
    uint64_t bias;        /* add to an ELF vaddr to get the address */
    struct elf_file *elf; /* NULL: it cannot be had; then bias is `start` */
};

struct code_map;

/* The image is borrowed. Of regions and modules as they are now. */
struct code_map *code_map_new(struct image *img);
void code_map_free(struct code_map *m);

/* Open all files and what is looked up in them, so that nothing of it is done while a process is
 * held. */
void code_map_open_all(struct code_map *m);

/* The file mapped at pc, NULL if none is. Valid as long as the map. */
const struct code_file *code_map_at(struct code_map *m, uint64_t pc);
/* The function at pc: by the file's own symbols, and where it was stripped of them, by the file
 * distributions keep them in (/usr/lib/debug/.build-id). -ENODATA. */
int code_map_symbol(struct code_map *m, uint64_t pc, struct elf_symbol *ret);
/* Can there be instructions at pc: a segment of a file that is executed, or memory that is? */
bool code_map_is_code(struct code_map *m, uint64_t pc);

#endif
