#include "image/unwind.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "image/cfi.h"
#include <errno.h>

/* Read at once: a stack is read from where it stands up, a few words at a time. */
enum { WINDOW_BYTES = 16 << 10 };

struct walk {
    const struct image *img;
    struct code_map *code;
    const struct unwind_generated *generated;
    struct frame_regs regs;
    bool exact, at_edge;
    const char *cut;
    uint64_t window_addr;
    size_t window_len;
    uint8_t window[WINDOW_BYTES];
};

static const char cut_unreadable[] = "the stack above is not readable";
static const char cut_not_growing[] = "the next frame does not lie above this one";
static const char cut_no_code[] = "the return address is not in code";
static const char cut_bad_table[] = "the unwind table of this function cannot be understood";
static const char cut_no_pointer[] = "there is no unwind table, and rbp is no frame pointer";
static const char cut_no_registers[] = "the thread's registers are not known";
static const char cut_deep[] = "there are more frames than memwhy reads";

/* user_regs_struct's place of each DWARF register: rax rdx rcx rbx rsi rdi rbp rsp r8-r15 rip. */
static const uint8_t place[FRAME_REGS] = {IMAGE_RAX, 12, 11, 5, 13, 14, IMAGE_RBP, IMAGE_RSP, 9,
                                          8,         7,  6,  3, 2,  1,  0,         IMAGE_RIP};

static int read_word(void *arg, uint64_t addr, uint64_t *ret) {
    struct walk *w = arg;
    uint64_t at = addr - w->window_addr;
    if (addr < w->window_addr || at > w->window_len || w->window_len - at < 8) {
        w->window_addr = addr;
        w->window_len = image_read_prefix(w->img, addr, w->window, sizeof w->window);
        at = 0;
    }
    if (w->window_len < 8) /* a copy may lack what lies above the stack, and then gives nothing */
        return image_read_u64(w->img, addr, ret);
    *ret = u64_at(w->window, at);
    return 0;
}

static bool is_generated(const struct walk *w, uint64_t pc) {
    return w->generated && w->generated->is_code(w->generated->arg, pc);
}

static bool is_code(const struct walk *w, uint64_t pc) {
    return is_generated(w, pc) || code_map_is_code(w->code, pc);
}

/* Inside the instruction the frame stands on: a call may be the last one of its function. */
static uint64_t lookup_pc(const struct walk *w) {
    return w->regs.at[FRAME_RIP] - !w->exact;
}

/* --- without tables --- */

/* The caller's registers when the return address is at rsp + skip and rbp is *rbp. */
static int pop(struct walk *w, uint64_t return_at, const uint64_t *saved_fp,
               struct cfi_caller *ret) {
    uint64_t pc, fp;
    if (read_word(w, return_at, &pc) < 0 || (saved_fp && read_word(w, *saved_fp, &fp) < 0)) {
        w->cut = cut_unreadable;
        return -EFAULT;
    }
    struct cfi_caller c = {.none = false};
    if (saved_fp)
        frame_regs_set(&c.regs, FRAME_RBP, fp);
    else if (frame_regs_has(&w->regs, FRAME_RBP))
        frame_regs_set(&c.regs, FRAME_RBP, w->regs.at[FRAME_RBP]);
    frame_regs_set(&c.regs, FRAME_RSP, return_at + 8);
    frame_regs_set(&c.regs, FRAME_RIP, pc);
    *ret = c;
    return 0;
}

/* Where a thread was interrupted, its rbp may still be, or be again, the caller's: before and
 * between `push rbp; mov rbp, rsp` (55, 48 89 e5; an endbr64 may come first), and at `ret`. */
static int pop_at_edge(struct walk *w, struct cfi_caller *ret) {
    uint8_t b[12] = {0};
    uint64_t pc = w->regs.at[FRAME_RIP], sp = w->regs.at[FRAME_RSP];
    if (!w->exact)
        return -ENODATA;
    if (!is_code(w, pc)) /* called through a wrong pointer */
        return pop(w, sp, NULL, ret);
    if (image_read(w->img, pc - 4, b, sizeof b) < 0)
        return -ENODATA;
    const uint8_t *at = b + 4;
    if (!memcmp(at, "\xf3\x0f\x1e\xfa", 4))
        at += 4;
    if (!memcmp(at, "\x55\x48\x89\xe5", 4) || at[0] == 0xc3 || at[0] == 0xc2)
        return pop(w, sp, NULL, ret);
    if (!memcmp(at - 1, "\x55\x48\x89\xe5", 4))
        return pop(w, sp + 8, &sp, ret);
    return -ENODATA;
}

/* The kernel's struct rt_sigframe behind its return address, at rsp in the restorer: struct
 * ucontext, whose registers begin at 40 (arch/x86/include/uapi/asm/sigcontext.h). Restorers of musl
 * and of static programs have no table; all are `mov $15, %rax; syscall`. */
static int pop_signal(struct walk *w, struct cfi_caller *ret) {
    static const uint8_t order[] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16};
    uint8_t b[9];
    uint64_t pc = w->regs.at[FRAME_RIP], sp = w->regs.at[FRAME_RSP], word;
    if (w->exact || image_read(w->img, pc, b, sizeof b) < 0 ||
        memcmp(b, "\x48\xc7\xc0\x0f\0\0\0\x0f\x05", sizeof b) != 0)
        return -ENODATA;
    struct cfi_caller c = {.interrupted = true};
    for (size_t i = 0; i < sizeof order; i++) {
        if (read_word(w, sp + 40 + 8 * i, &word) < 0) {
            w->cut = cut_unreadable;
            return -EFAULT;
        }
        frame_regs_set(&c.regs, order[i], word);
    }
    *ret = c;
    return 0;
}

/* Only a frame of this very stack is one: between rsp and the end of its mapping. */
static bool is_frame_pointer(const struct walk *w, uint64_t fp) {
    uint64_t sp = w->regs.at[FRAME_RSP];
    const struct region *r = region_find(image_regions(w->img), sp);
    return fp % 8 == 0 && fp >= sp && r && fp < r->end;
}

/* The ABI marks the deepest frame by rbp 0, but code without frame pointers may have it there for
 * any other reason: only what has cleared it itself just before it called is the first function
 * (`xor %ebp, %ebp`, 31 ed, in _start and clone of every C library). */
static bool is_first_function(const struct walk *w) {
    uint8_t b[64];
    uint64_t pc = w->regs.at[FRAME_RIP];
    if (w->regs.at[FRAME_RBP] || w->exact || image_read(w->img, pc - sizeof b, b, sizeof b) < 0)
        return false;
    return memmem(b, sizeof b, "\x31\xed", 2) != NULL;
}

static int step_by_pointer(struct walk *w, bool generated, struct cfi_caller *ret) {
    int r = pop_at_edge(w, ret);
    w->at_edge = r == 0;
    if (r == -ENODATA && !generated)
        r = pop_signal(w, ret);
    if (r != -ENODATA)
        return r;
    uint64_t fp = w->regs.at[FRAME_RBP];
    if (!frame_regs_has(&w->regs, FRAME_RBP)) {
        w->cut = cut_no_pointer;
        return -ENODATA;
    }
    if (!generated && is_first_function(w)) {
        *ret = (struct cfi_caller){.none = true};
        return 0;
    }
    if (!is_frame_pointer(w, fp)) {
        w->cut = cut_no_pointer;
        return -EBADMSG;
    }
    return pop(w, fp + 8, &fp, ret);
}

/* --- the walk --- */

static int step_by_table(struct walk *w, struct cfi_caller *ret) {
    uint64_t pc = lookup_pc(w);
    const struct code_file *file = code_map_at(w->code, pc);
    struct Dwarf_CFI_s *cfi = file && file->elf ? elf_file_cfi(file->elf) : NULL;
    if (!cfi)
        return -ENODATA;
    struct cfi_frame f = {cfi, file->bias, pc, &w->regs, read_word, w};
    int r = cfi_step(&f, ret);
    if (r == -EFAULT)
        w->cut = cut_unreadable;
    if (r == -EBADMSG)
        w->cut = cut_bad_table;
    return r;
}

static int step(struct walk *w, bool generated, struct cfi_caller *ret) {
    int r = generated ? -ENODATA : step_by_table(w, ret);
    return r == -ENODATA ? step_by_pointer(w, generated, ret) : r;
}

/* May the walk go on there? */
static bool accept(struct walk *w, const struct cfi_caller *c) {
    uint64_t sp = w->regs.at[FRAME_RSP];
    if (!frame_regs_has(&c->regs, FRAME_RSP) || (c->regs.at[FRAME_RSP] <= sp && !c->interrupted))
        w->cut = cut_not_growing;
    else if (!is_code(w, c->regs.at[FRAME_RIP] - !c->interrupted) && !c->interrupted)
        w->cut = cut_no_code;
    return !w->cut;
}

static void walk_on(struct walk *w, size_t max, struct unwind_frames *ret) {
    while (!w->cut) {
        struct cfi_caller c;
        struct unwind_frame f = {.pc = w->regs.at[FRAME_RIP],
                                 .fp = w->regs.at[FRAME_RBP],
                                 .sp = w->regs.at[FRAME_RSP],
                                 .exact = w->exact};
        if (ret->list.n >= max) {
            w->cut = cut_deep;
            return;
        }
        f.generated = is_generated(w, lookup_pc(w));
        vec_push(&ret->list, f);
        if (step(w, f.generated, &c) < 0 || c.none || !accept(w, &c))
            return;
        ret->list.at[ret->list.n - 1].signal = c.interrupted;
        if (w->at_edge)
            ret->list.at[ret->list.n - 1].fp = 0;
        w->at_edge = false;
        w->regs = c.regs;
        w->exact = c.interrupted;
    }
}

void unwind_thread(const struct image *img, struct code_map *code,
                   const struct unwind_generated *generated, const struct image_thread *t,
                   size_t max, struct unwind_frames *ret) {
    struct walk w = {.img = img, .code = code, .generated = generated, .exact = true};
    *ret = (struct unwind_frames){0};
    if (!t->has_regs) {
        ret->cut = cut_no_registers;
        return;
    }
    for (unsigned i = 0; i < FRAME_REGS; i++)
        frame_regs_set(&w.regs, i, t->regs[place[i]]);
    walk_on(&w, max < LIMIT_FRAMES ? max : LIMIT_FRAMES, ret);
    ret->cut = w.cut;
}
