#include "image/wayback.h"

#include "base/mem.h"
#include "image/elf_file.h"
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <sys/uio.h>
#include <unistd.h>

/* include/linux/errno.h: what a call that a stop broke off leaves in rax. */
enum { ERESTARTSYS = 512, ERESTARTNOINTR = 513, ERESTARTNOHAND = 514, ERESTART_RESTARTBLOCK = 516 };

enum { RED_ZONE = 128, STACK_ALIGN = 16, XSTATE_ALIGN = 64, XSTATE_MAX = 12288 };

/* arch/x86/include/uapi/asm/sigcontext.h and ucontext.h. */
enum { FX_BYTES = 512, FX_SW_OFFSET = 464, XSTATE_HEADER_END = 576 };
enum { UC_FP_XSTATE = 1, UC_SIGCONTEXT_SS = 2, UC_STRICT_RESTORE_SS = 4 };

/* arch/x86/include/asm/sigframe.h, struct rt_sigframe; of glibc's longer ucontext_t the kernel
 * reads what both have. An alternate signal stack of size 0 is refused and changes nothing. */
struct frame {
    uint64_t pretcode;
    ucontext_t uc;
};

_Static_assert(XSTATE_MAX + sizeof(struct frame) + XSTATE_ALIGN + STACK_ALIGN + 8 < WAYBACK_MAX,
               "the trail");

/* --- finding the pieces --- */

/* The compiler clears registers before a return (-fzero-call-used-regs); that touches no memory. */
static bool returns(const uint8_t *c, size_t n) {
    while (n) {
        size_t skip = c[0] == 0x31 && n > 1 && c[1] >= 0xc0                            ? 2
                      : (c[0] & 0xf0) == 0x40 && n > 2 && c[1] == 0x31 && c[2] >= 0xc0 ? 3
                                                                                       : 0;
        if (!skip)
            return c[0] == 0xc3;
        c += skip;
        n -= skip;
    }
    return false;
}

static size_t find_syscall(const uint8_t *code, size_t n, bool returning) {
    for (size_t k = 0; k + 2 < n; k++)
        if (code[k] == 0x0f && code[k + 1] == 0x05 &&
            (!returning || returns(code + k + 2, n - k - 2)))
            return k;
    return n;
}

static bool is_libc(const char *path) {
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    return strncmp(base, "libc.", 5) == 0 || strncmp(base, "libc-", 5) == 0 ||
           strncmp(base, "ld-musl-", 8) == 0;
}

static uint64_t find_restorer(struct image *img) {
    static const uint8_t restorer[] = {0x48, 0xc7, 0xc0, SYS_rt_sigreturn, 0, 0, 0, 0x0f, 0x05};
    size_t n, len;
    const struct image_module *m = image_modules(img, &n);
    for (size_t i = 0; i < n; i++) {
        struct elf_file *elf;
        if (!is_libc(m[i].path) || image_module_elf(img, i, &elf, NULL) < 0)
            continue;
        const uint8_t *bytes = elf_file_bytes(elf, &len);
        const uint8_t *at = memmem(bytes, len, restorer, sizeof restorer);
        uint64_t vaddr;
        if (at && elf_file_vaddr_of_offset(elf, (uint64_t)(at - bytes), &vaddr) == 0 &&
            elf_file_segment_flags(elf, vaddr) & PF_X)
            return m[i].bias + vaddr;
    }
    return 0;
}

static int find_pieces(struct image *img, uint64_t vdso_addr, const uint8_t *vdso, size_t n,
                       struct wayback *ret) {
    size_t at = find_syscall(vdso, n, true);
    bool returns_home = at < n;
    if (!returns_home)
        at = find_syscall(vdso, n, false);
    if (at >= n)
        return -ENOEXEC;
    ret->insn = vdso_addr + at;
    ret->restorer = returns_home ? find_restorer(img) : 0;
    const struct region_list *l = image_regions(img);
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i].kind == REGION_STACK) {
            ret->stack_start = l->at[i].start;
            ret->stack_end = l->at[i].end;
        }
    return 0;
}

/* The kernel gives every 64-bit process the same vdso, so it is searched in our own: a read would
 * bring the target's page in, and change the picture. What stands there is looked at before it is
 * used (inject.c). */
int wayback_find(struct image *img, struct wayback *ret) {
    uint8_t code[8192];
    void *own = (void *)getauxval(AT_SYSINFO_EHDR);
    const struct region_list *l = image_regions(img);
    for (size_t i = 0; own && i < l->n; i++) {
        const struct region *r = &l->at[i];
        if (strcmp(r->name, "[vdso]") != 0 || !(r->prot & REGION_X))
            continue;
        size_t size = r->end - r->start < sizeof code ? r->end - r->start : sizeof code;
        struct iovec to = {code, size}, from = {own, size};
        ssize_t n = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
        return find_pieces(img, r->start, code, n > 0 ? (size_t)n : 0, ret);
    }
    return -ENOEXEC;
}

/* --- the frame --- */

/* As the kernel goes on with a call that nothing came of (arch/x86/kernel/signal.c,
 * arch_do_signal_or_restart). What would be restarted by its own function returns EINTR instead:
 * rt_sigreturn has forgotten that function. */
static void restart(struct user_regs_struct *r) {
    int64_t rax = (int64_t)r->rax;
    if ((int64_t)r->orig_rax < 0)
        return;
    if (rax == -ERESTARTSYS || rax == -ERESTARTNOINTR || rax == -ERESTARTNOHAND) {
        r->rax = r->orig_rax;
        r->rip -= 2;
    } else if (rax == -ERESTART_RESTARTBLOCK) {
        r->rax = (unsigned long long)-EINTR;
    }
}

static void fill_registers(struct frame *f, const struct user_regs_struct *r) {
    greg_t *g = f->uc.uc_mcontext.gregs;
    const unsigned long long from[] = {
        [REG_R8] = r->r8,   [REG_R9] = r->r9,     [REG_R10] = r->r10, [REG_R11] = r->r11,
        [REG_R12] = r->r12, [REG_R13] = r->r13,   [REG_R14] = r->r14, [REG_R15] = r->r15,
        [REG_RDI] = r->rdi, [REG_RSI] = r->rsi,   [REG_RBP] = r->rbp, [REG_RBX] = r->rbx,
        [REG_RDX] = r->rdx, [REG_RAX] = r->rax,   [REG_RCX] = r->rcx, [REG_RSP] = r->rsp,
        [REG_RIP] = r->rip, [REG_EFL] = r->eflags};
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        g[i] = (greg_t)from[i];
    g[REG_CSGSFS] = (greg_t)(r->cs | r->ss << 48);
}

/* How long the state of these features is. The tiles of AMX (18) are in no frame of a thread that
 * never asked for them. */
static uint32_t xstate_size(uint64_t features) {
    uint32_t end = XSTATE_HEADER_END, a, b, c, d;
    for (unsigned i = 2; i < 63; i++) {
        if (!(features >> i & 1) || i == 18 || !__get_cpuid_count(0xd, i, &a, &b, &c, &d))
            continue;
        end = a + b > end ? a + b : end;
    }
    return end;
}

/* As the kernel's fpu/signal.c, save_xstate_epilog; returns the length. Without XSAVE the plain 512
 * bytes do. */
static size_t read_xstate(pid_t tid, uint8_t *buf, size_t cap, bool *ret_extended) {
    struct iovec io = {buf, cap - sizeof(uint32_t)};
    *ret_extended = false;
    if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_X86_XSTATE, &io) < 0) {
        io.iov_len = FX_BYTES;
        return ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRFPREG, &io) < 0 ? 0 : FX_BYTES;
    }
    struct _fpx_sw_bytes sw = {.magic1 = FP_XSTATE_MAGIC1};
    memcpy(&sw.xstate_bv, buf + FX_SW_OFFSET, sizeof sw.xstate_bv); /* XCR0, as the regset has it */
    sw.xstate_bv &= ~(1ull << 18);
    sw.xstate_size = xstate_size(sw.xstate_bv);
    if (sw.xstate_size > io.iov_len)
        return 0;
    const uint32_t magic2 = FP_XSTATE_MAGIC2;
    sw.extended_size = sw.xstate_size + (uint32_t)sizeof magic2;
    memcpy(buf + FX_SW_OFFSET, &sw, sizeof sw);
    memcpy(buf + sw.xstate_size, &magic2, sizeof magic2);
    *ret_extended = true;
    return sw.extended_size;
}

int wayback_lay(const struct wayback *w, pid_t pid, pid_t tid, const struct user_regs_struct *regs,
                uint64_t mask, struct wayback_trail *ret) {
    cleanup_free uint8_t *xstate = mem_zalloc(XSTATE_MAX);
    struct user_regs_struct home = *regs;
    bool extended;
    size_t n = read_xstate(tid, xstate, XSTATE_MAX, &extended);
    size_t need = RED_ZONE + n + XSTATE_ALIGN + sizeof(struct frame) + STACK_ALIGN + 8;
    ret->sp = 0;
    if (!w->restorer || !n || regs->rsp >= w->stack_end || regs->rsp < w->stack_start + need)
        return -EFAULT;
    uint64_t fp = (regs->rsp - RED_ZONE - n) & ~(uint64_t)(XSTATE_ALIGN - 1);
    /* As where a function is entered: behind the return address it is aligned (System V ABI). */
    uint64_t sp = ((fp - sizeof(struct frame)) & ~(uint64_t)(STACK_ALIGN - 1)) - 8;
    struct frame f = {.pretcode = w->restorer};
    restart(&home);
    fill_registers(&f, &home);
    f.uc.uc_flags = (extended ? UC_FP_XSTATE : 0) | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    f.uc.uc_mcontext.fpregs = (void *)(uintptr_t)fp;
    memcpy(&f.uc.uc_sigmask, &mask, sizeof mask);
    struct iovec before = {ret->before, fp + n - sp}, all = {(void *)(uintptr_t)sp, fp + n - sp};
    struct iovec from[] = {{&f, sizeof f}, {xstate, n}},
                 to[] = {{(void *)(uintptr_t)sp, sizeof f}, {(void *)(uintptr_t)fp, n}};
    if (process_vm_readv(pid, &before, 1, &all, 1, 0) != (ssize_t)all.iov_len ||
        process_vm_writev(pid, from, 2, to, 2, 0) != (ssize_t)(sizeof f + n))
        return -EFAULT;
    ret->sp = sp;
    ret->home_rip = home.rip;
    ret->len = all.iov_len;
    return 0;
}

void wayback_clear(const struct wayback_trail *t, pid_t pid) {
    struct iovec from = {(void *)(uintptr_t)t->before, t->len},
                 to = {(void *)(uintptr_t)t->sp, t->len};
    if (t->sp)
        process_vm_writev(pid, &from, 1, &to, 1, 0);
}
