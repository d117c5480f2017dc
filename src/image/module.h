/* The build id of what is mapped, for backends that must know it was really compared. Private to
 * src/image/. */
#ifndef MEMWHY_IMAGE_MODULE_H
#define MEMWHY_IMAGE_MODULE_H

#include "image/elf_note.h"
#include "image/image.h"

/* As hex from the module's ELF header and notes in the target's memory. -EFAULT where those cannot
 * be read, -EBADMSG if it is no ELF file, -ENODATA if it has no build id. */
int module_build_id(const struct image *img, const struct image_module *m,
                    char hex[2 * BUILD_ID_MAX + 1]);

#endif
