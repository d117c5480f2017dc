/* A loop of libuv in which the input overwrites words, and the input as the kernel's tables and as
 * a capture's text of them. */
#include "../unit/fake_uv.h"
#include "kernel/descriptors.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void nothing(void *arg, uint64_t start, uint64_t end) {
    (void)arg;
    if (end <= start)
        __builtin_trap();
}

static void tables(const char *text, size_t size) {
    struct descriptor_list l;
    if (descriptors_of_text(text, size, &l) < 0)
        return;
    descriptors_add_table(&l, "tcp6", text);
    descriptors_add_table(&l, "unix", text);
    free(descriptors_to_text(&l));
    descriptors_done(&l);
}

/* Ten bytes each: which word, and what it becomes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fake_uv *f = mem_alloc(sizeof *f);
    struct uv_census c;
    char *text = mem_strndup((const char *)data, size);
    tables(text, strlen(text));
    free(text);
    fake_uv_build(f);
    for (; size >= 10; data += 10, size -= 10) {
        uint16_t at;
        memcpy(&at, data, 2);
        memcpy(f->data + at % (FAKE_BYTES - 8), data + 2, 8);
    }
    struct image *img = fake_uv_image(f);
    uv_census_take(img, &f->symbols, &c);
    uv_each_kept(&c, nothing, NULL);
    for (uint32_t i = 0; i < c.loops.n; i++)
        uv_requests_of(&c, i);
    uv_census_done(&c);
    image_free(img);
    free(f);
    return 0;
}
