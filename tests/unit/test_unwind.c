/* Stacks made by hand, in an image of segments; the unwind tables are those of this very kernel's
 * vdso. */
#include "base/bytes.h"
#include "base/limits.h"
#include "image/fake.h"
#include "image/unwind.h"
#include "unit.h"
#include <elf.h>
#include <sys/auxv.h>

#define TEXT 0x400000ull
#define JIT 0x500000ull
#define STACK 0x7f0000000000ull
enum { TEXT_BYTES = 4096, STACK_WORDS = 2048 };

struct scene {
    uint8_t text[TEXT_BYTES], jit[TEXT_BYTES];
    uint64_t stack[STACK_WORDS];
    uint64_t regs[IMAGE_REGS];
    struct image *img;
};

static uint64_t stack_at(size_t word) {
    return STACK + 8 * word;
}

/* Nothing but `nop` in the text; a caller-to-be is any address in it. */
static void scene_begin(struct scene *s) {
    memset(s, 0, sizeof *s);
    memset(s->text, 0x90, sizeof s->text);
    for (size_t i = 0; i < TEXT_BYTES; i += 50) /* anything may be a thread's first function */
        memcpy(s->text + i, "\x31\xed", 2);
    memset(s->jit, 0x90, sizeof s->jit);
    s->regs[IMAGE_RIP] = TEXT + 100;
    s->regs[IMAGE_RSP] = stack_at(10);
    s->regs[IMAGE_RBP] = stack_at(12);
}

static bool is_jit(void *arg, uint64_t pc) {
    (void)arg;
    return pc >= JIT && pc < JIT + TEXT_BYTES;
}

static size_t vdso_bytes(const Elf64_Ehdr *h) {
    const Elf64_Phdr *p = (const Elf64_Phdr *)((const char *)h + h->e_phoff);
    size_t end = 0;
    for (int i = 0; i < h->e_phnum; i++)
        if (p[i].p_type == PT_LOAD)
            end = p[i].p_vaddr + p[i].p_memsz;
    return (end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

static struct image *scene_image(struct scene *s) {
    struct image *img = image_fake_new();
    const void *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);
    image_fake_add(img, TEXT, s->text, sizeof s->text, REGION_FILE, REGION_R | REGION_X, "/bin/x");
    image_fake_add(img, JIT, s->jit, sizeof s->jit, REGION_ANON, REGION_R | REGION_X, "");
    image_fake_add(img, STACK, s->stack, sizeof s->stack, REGION_STACK, REGION_R | REGION_W,
                   "[stack]");
    if (vdso)
        image_fake_add(img, (uint64_t)vdso, vdso, vdso_bytes(vdso), REGION_KERNEL,
                       REGION_R | REGION_X, "[vdso]");
    image_fake_add_thread(img, 1, "t", s->regs);
    return img;
}

static void walk_image(struct image *img, size_t max, struct unwind_frames *ret) {
    struct unwind_generated generated = {is_jit, NULL};
    size_t n;
    struct code_map *code = code_map_new(img);
    code_map_open_all(code);
    unwind_thread(img, code, &generated, image_threads(img, &n), max, ret);
    code_map_free(code);
}

static void walk(struct scene *s, struct unwind_frames *ret) {
    struct image *img = scene_image(s);
    walk_image(img, SIZE_MAX, ret);
    image_free(img);
}

static void says(const struct unwind_frames *f, const char *part) {
    assert_non_null(f->cut);
    if (!strstr(f->cut, part))
        fail_msg("cut: %s", f->cut);
}

/* rbp at `word`: saved rbp, return address. */
static void push_frame(struct scene *s, size_t word, uint64_t saved, uint64_t to) {
    s->stack[word] = saved;
    s->stack[word + 1] = to;
}

static void chain_to_its_end(void **state) {
    (void)state;
    struct scene s;
    struct unwind_frames f;
    scene_begin(&s);
    push_frame(&s, 12, stack_at(20), TEXT + 200);
    push_frame(&s, 20, stack_at(30), JIT + 300);
    push_frame(&s, 30, 0, TEXT + 400);
    walk(&s, &f);
    assert_null(f.cut);
    assert_int_equal(f.list.n, 4);
    assert_int_equal(f.list.at[1].pc, TEXT + 200);
    assert_int_equal(f.list.at[1].fp, stack_at(20));
    assert_int_equal(f.list.at[1].sp, stack_at(14));
    assert_true(f.list.at[0].exact);
    assert_false(f.list.at[1].exact);
    assert_true(f.list.at[2].generated);
    assert_false(f.list.at[3].generated);
    vec_free(&f.list);
}

/* rbp 0 in a function that has not cleared it says nothing. */
static void any_zero_is_no_end(void **state) {
    (void)state;
    struct scene s;
    struct unwind_frames f;
    scene_begin(&s);
    memset(s.text, 0x90, sizeof s.text);
    push_frame(&s, 12, 0, TEXT + 200);
    walk(&s, &f);
    assert_int_equal(f.list.n, 2);
    says(&f, "rbp is no frame pointer");
    vec_free(&f.list);
}

/* rbp 0 ends a chain in the ABI's code, not in generated code. */
static void generated_code_needs_its_frame(void **state) {
    (void)state;
    struct scene s;
    struct unwind_frames f;
    scene_begin(&s);
    push_frame(&s, 12, 0, JIT + 200);
    walk(&s, &f);
    assert_int_equal(f.list.n, 2);
    says(&f, "rbp is no frame pointer");
    vec_free(&f.list);
}

/* Interrupted before `push rbp`, before `mov rbp, rsp`, and at `ret`. */
static void edges_of_a_function(void **state) {
    (void)state;
    static const struct {
        const char *code;
        size_t n, at, pushed;
    } cases[] = {
        {"\x55\x48\x89\xe5", 4, 0, 0},
        {"\x55\x48\x89\xe5", 4, 1, 1},
        {"\xf3\x0f\x1e\xfa\x55\x48\x89\xe5", 8, 0, 0},
        {"\xc3", 1, 0, 0},
        {"\xc2\x08\x00", 3, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int generated = 0; generated < 2; generated++) {
            struct scene s;
            struct unwind_frames f;
            scene_begin(&s);
            memcpy((generated ? s.jit : s.text) + 100, cases[i].code, cases[i].n);
            s.regs[IMAGE_RIP] = (generated ? JIT : TEXT) + 100 + cases[i].at;
            s.regs[IMAGE_RBP] = stack_at(20);
            if (cases[i].pushed)
                push_frame(&s, 10, stack_at(20), TEXT + 200);
            else
                s.stack[10] = TEXT + 200;
            push_frame(&s, 20, 0, TEXT + 300);
            walk(&s, &f);
            assert_null(f.cut);
            assert_int_equal(f.list.n, 3);
            assert_int_equal(f.list.at[0].fp, 0); /* not its own */
            assert_int_equal(f.list.at[1].pc, TEXT + 200);
            assert_int_equal(f.list.at[1].fp, stack_at(20));
            assert_int_equal(f.list.at[2].pc, TEXT + 300);
            vec_free(&f.list);
        }
}

/* mov $15, %rax; syscall: behind it lies struct ucontext with all registers. */
static void signal_frame_without_a_table(void **state) {
    (void)state;
    struct scene s;
    struct unwind_frames f;
    scene_begin(&s);
    memcpy(s.text + 500, "\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9);
    push_frame(&s, 12, 0x1234, TEXT + 500);
    s.stack[14 + 5 + 10] = stack_at(100); /* rbp */
    s.stack[14 + 5 + 15] = stack_at(90);  /* rsp */
    s.stack[14 + 5 + 16] = JIT + 600;     /* rip */
    push_frame(&s, 100, stack_at(110), TEXT + 700);
    push_frame(&s, 110, 0, TEXT + 800);
    walk(&s, &f);
    assert_null(f.cut);
    assert_int_equal(f.list.n, 5);
    assert_true(f.list.at[1].signal);
    assert_int_equal(f.list.at[2].pc, JIT + 600);
    assert_true(f.list.at[2].exact);
    assert_true(f.list.at[2].generated);
    assert_int_equal(f.list.at[3].pc, TEXT + 700);
    vec_free(&f.list);
}

static void called_through_a_wrong_pointer(void **state) {
    (void)state;
    struct scene s;
    struct unwind_frames f;
    scene_begin(&s);
    s.regs[IMAGE_RIP] = 0;
    s.stack[10] = TEXT + 200;
    push_frame(&s, 12, 0, TEXT + 300);
    walk(&s, &f);
    assert_null(f.cut);
    assert_int_equal(f.list.n, 3);
    vec_free(&f.list);
}

static void what_makes_no_sense_is_cut(void **state) {
    (void)state;
    struct scene s;
    struct unwind_frames f;
    scene_begin(&s); /* a ring */
    push_frame(&s, 12, stack_at(20), TEXT + 200);
    push_frame(&s, 20, stack_at(12), TEXT + 300);
    walk(&s, &f);
    assert_int_equal(f.list.n, 3);
    says(&f, "rbp is no frame pointer");
    vec_free(&f.list);
    scene_begin(&s);
    push_frame(&s, 12, stack_at(20), stack_at(3));
    walk(&s, &f);
    assert_int_equal(f.list.n, 1);
    says(&f, "not in code");
    vec_free(&f.list);
    scene_begin(&s);
    s.regs[IMAGE_RBP] = stack_at(STACK_WORDS - 1);
    walk(&s, &f);
    says(&f, "not readable");
    vec_free(&f.list);
    for (uint64_t fp = 1; fp < 16; fp += 5) { /* crooked, or below the stack pointer */
        scene_begin(&s);
        s.regs[IMAGE_RBP] = fp < 8 ? stack_at(12) + fp : stack_at(9);
        walk(&s, &f);
        assert_int_equal(f.list.n, 1);
        says(&f, "rbp is no frame pointer");
        vec_free(&f.list);
    }
}

static void endless_is_limited(void **state) {
    (void)state;
    struct scene s;
    struct unwind_frames f;
    scene_begin(&s);
    for (size_t i = 12; i + 2 < STACK_WORDS; i += 2)
        push_frame(&s, i, stack_at(i + 2), TEXT + 200);
    struct image *img = scene_image(&s);
    walk_image(img, 100, &f);
    assert_int_equal(f.list.n, 100);
    says(&f, "more frames than");
    vec_free(&f.list);
    image_free(img);
}

static void no_registers(void **state) {
    (void)state;
    struct image *img = image_fake_new();
    struct unwind_frames f;
    image_fake_add_thread(img, 1, "t", NULL);
    walk_image(img, SIZE_MAX, &f);
    assert_int_equal(f.list.n, 0);
    says(&f, "registers");
    image_free(img);
}

/* The address of a function of the vdso, 0 without one. */
static uint64_t vdso_function(struct image *img, const char *name) {
    uint64_t base = getauxval(AT_SYSINFO_EHDR), addr = 0;
    struct code_map *code = code_map_new(img);
    const struct code_file *f = code_map_at(code, base);
    struct elf_symbol s;
    if (f && f->elf && elf_file_symbol(f->elf, name, &s) == 0) {
        addr = s.value + f->bias;
        struct elf_symbol again;
        assert_int_equal(code_map_symbol(code, addr + 1, &again), 0);
        assert_int_equal(again.value, s.value);
    }
    code_map_free(code);
    return addr;
}

/* At its first instruction the return address is at rsp, and rbp the caller's. */
static void tables_are_used(void **state) {
    (void)state;
    struct scene s;
    struct unwind_frames f;
    scene_begin(&s);
    struct image *img = scene_image(&s);
    s.regs[IMAGE_RIP] = vdso_function(img, "__vdso_clock_gettime");
    image_free(img);
    if (!s.regs[IMAGE_RIP])
        skip();
    s.stack[10] = TEXT + 200;
    push_frame(&s, 12, 0, TEXT + 300);
    walk(&s, &f);
    assert_null(f.cut);
    assert_int_equal(f.list.n, 3);
    assert_int_equal(f.list.at[1].pc, TEXT + 200);
    assert_int_equal(f.list.at[1].fp, stack_at(12));
    assert_int_equal(f.list.at[1].sp, stack_at(11));
    vec_free(&f.list);
    /* each read of it fails once: fewer frames, never others */
    for (unsigned long n = 1;; n++) {
        struct unwind_frames g;
        img = scene_image(&s);
        image_fake_fault_at(img, n);
        walk_image(img, SIZE_MAX, &g);
        bool reached = image_fake_reads(img) >= n;
        assert_in_range(g.list.n, 1, 3);
        if (!reached)
            assert_int_equal(g.list.n, 3);
        vec_free(&g.list);
        image_free(img);
        if (!reached)
            break;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chain_to_its_end),
        cmocka_unit_test(any_zero_is_no_end),
        cmocka_unit_test(generated_code_needs_its_frame),
        cmocka_unit_test(edges_of_a_function),
        cmocka_unit_test(signal_frame_without_a_table),
        cmocka_unit_test(called_through_a_wrong_pointer),
        cmocka_unit_test(what_makes_no_sense_is_cut),
        cmocka_unit_test(endless_is_limited),
        cmocka_unit_test(no_registers),
        cmocka_unit_test(tables_are_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
