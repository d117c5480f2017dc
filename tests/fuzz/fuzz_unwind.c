/* A thread in a library whose every byte, unwind tables included, and whose stack the input may
 * overwrite: the walk must end, each frame above the one before unless a signal came between. */
#include "base/limits.h"
#include "image/fake.h"
#include "image/unwind.h"
#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

#define LIBRARY 0x7ffff7fc0000ull
#define JIT 0x500000ull
#define STACK 0x7f0000000000ull
enum { LIBRARY_MAX = 64 << 10, STACK_WORDS = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_jit(void *arg, uint64_t pc) {
    (void)arg;
    return pc >= JIT && pc < JIT + PAGE_BYTES;
}

/* This kernel's vdso: small, and it has tables, PLT-like expressions and symbols. */
static size_t take_library(uint8_t *ret) {
    const uint8_t *vdso = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Ehdr *h = (const Elf64_Ehdr *)vdso;
    size_t end = 0;
    for (int i = 0; vdso && i < h->e_phnum; i++) {
        const Elf64_Phdr *p = (const Elf64_Phdr *)(vdso + h->e_phoff) + i;
        if (p->p_type == PT_LOAD)
            end = p->p_vaddr + p->p_memsz;
    }
    end = (end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    if (end > LIBRARY_MAX)
        end = LIBRARY_MAX;
    if (end)
        memcpy(ret, vdso, end);
    return end;
}

static void check(const struct unwind_frames *f) {
    if (f->list.n > 1000 || !f->list.n)
        __builtin_trap();
    for (size_t i = 1; i < f->list.n; i++)
        if (f->list.at[i].sp <= f->list.at[i - 1].sp && !f->list.at[i - 1].signal)
            __builtin_trap();
}

/* Two bytes: where in the library the thread is. Then 11 bytes each: what to overwrite, and with
 * what. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t library[LIBRARY_MAX];
    uint8_t jit[PAGE_BYTES] = {0};
    uint64_t stack[STACK_WORDS], regs[IMAGE_REGS] = {0};
    size_t len = take_library(library);
    if (size < 2 || !len)
        return 0;
    for (size_t i = 0; i < STACK_WORDS; i++) /* all of it looks like frames */
        stack[i] = i % 2 ? LIBRARY + 0x800 + i * 7 : STACK + 8 * (i + 2);
    regs[IMAGE_RIP] = LIBRARY + (data[0] | (uint64_t)data[1] << 8) % len;
    regs[IMAGE_RSP] = STACK + 80;
    regs[IMAGE_RBP] = STACK + 96;
    for (size_t i = 2; i + 11 <= size; i += 11) {
        size_t where = data[i + 1] | (size_t)data[i + 2] << 8;
        if (data[i] % 3 == 0)
            memcpy(library + where % (len - 8), data + i + 3, 8);
        else if (data[i] % 3 == 1)
            memcpy(&stack[where % STACK_WORDS], data + i + 3, 8);
        else
            memcpy(&regs[where % IMAGE_REGS], data + i + 3, 8);
    }
    struct image *img = image_fake_new();
    image_fake_add(img, JIT, jit, sizeof jit, REGION_ANON, REGION_R | REGION_X, "");
    image_fake_add(img, STACK, stack, sizeof stack, REGION_STACK, REGION_R | REGION_W, "[stack]");
    image_fake_add(img, LIBRARY, library, len, REGION_KERNEL, REGION_R | REGION_X, "[vdso]");
    image_fake_add_thread(img, 1, "t", regs);
    struct unwind_generated generated = {is_jit, NULL};
    struct unwind_frames f;
    size_t n;
    struct code_map *code = code_map_new(img);
    unwind_thread(img, code, &generated, image_threads(img, &n), 1000, &f);
    check(&f);
    struct elf_symbol s;
    for (size_t i = 0; i < f.list.n; i++)
        code_map_symbol(code, f.list.at[i].pc, &s);
    vec_free(&f.list);
    code_map_free(code);
    image_free(img);
    return 0;
}
