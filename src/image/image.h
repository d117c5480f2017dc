/* The target's memory behind one reader. An image knows nothing of V8, malloc or accounts.
 *
 * Backends: live (a running process, read while it moves), stopped (the same, all threads held by
 * ptrace), frozen (a copy-on-write child of it, read while it runs on), core (an ELF core file),
 * fake (segments given by a test). Return contract: 0 or a negative errno of err.h. A read is whole
 * or -EFAULT; nothing is ever filled with zeros. Reads may be done from several threads at once.
 * Names: image_open_* makes one, image_free ends it (and releases a stopped target first). */
#ifndef MEMWHY_IMAGE_IMAGE_H
#define MEMWHY_IMAGE_IMAGE_H

#include "base/err.h"
#include "model/region.h"
#include "model/residency.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct image;
struct elf_file;

enum image_kind { IMAGE_LIVE, IMAGE_STOPPED, IMAGE_FROZEN, IMAGE_CORE, IMAGE_FAKE };

/* General registers in the order of the kernel's struct user_regs_struct (x86-64, 27 words):
 * r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base
 * gs_base ds es fs gs. */
enum {
    IMAGE_RBP = 4,
    IMAGE_RAX = 10,
    IMAGE_ORIG_RAX = 15,
    IMAGE_RIP = 16,
    IMAGE_RSP = 19,
    IMAGE_FS_BASE = 21,
    IMAGE_REGS = 27,
    IMAGE_FPREGS = 64 /* words of struct user_fpregs_struct: x87 and SSE, as FXSAVE has them */
};

struct image_thread {
    pid_t tid;
    char name[16]; /* "" when unknown */
    bool has_regs; /* false while the target runs */
    uint64_t regs[IMAGE_REGS];
    bool has_fpregs; /* not of every core */
    uint64_t fpregs[IMAGE_FPREGS];
};

/* A file mapped with execute permission or named by NT_FILE with ELF content: the binary,
 * libraries, addons. */
struct image_module {
    const char *path;    /* as the target names it */
    uint64_t start, end; /* lowest and highest mapped address */
    uint64_t bias;       /* add to an ELF vaddr to get the address; 0 for non-PIE */
    bool is_exe;
};

/* Open a running process without stopping it. Explains refusals: gone, another user, yama,
 * non-dumpable, missing capability, hidepid. */
int image_open_live(pid_t pid, struct image **ret, struct err *e);
/* Open an ELF core, plain or zstd. Truncation is no error: reads of what is missing fault, and
 * image_notes says how much. */
int image_open_core(const char *path, struct image **ret, struct err *e);
void image_free(struct image *img);

/* Hold all threads of a live image, read their registers and take regions and residency afresh.
 * The kernel lets the threads go if memwhy dies. Fails with -ESRCH or -EPERM; -EBUSY when another
 * tracer has it. On images that cannot move this is a no-op. */
int image_stop(struct image *img, struct err *e);

enum image_freeze_way {
    IMAGE_FREEZE_AUTO, /* fork; where that is refused or takes longer, stop */
    IMAGE_FREEZE_FORK,
    IMAGE_FREEZE_STOP,
};

struct image_range {
    uint64_t start, end;
};

struct image_freeze_how {
    enum image_freeze_way way;
    uint64_t max_pause_ns;    /* a process that would be held for longer, by estimate, is not */
    uint64_t read_ns_per_mib; /* how long the caller reads, at most, a MiB of private memory */
    uint64_t read_more_ns;    /* and what it does beside that while the picture stands */
    /* Whole regions, sorted, that the caller can do without: a fork need not copy their page
     * tables. Reads there may be -EFAULT, and
     * image_missed_left_out tells of them; image_read_prefix just ends there. */
    const struct image_range *leave_out;
    size_t n_leave_out;
};

/* Make a still picture of a moment, in the way that holds the process for the shorter time.
 *
 * Forked: all threads are held for as long as a fork takes, and what is read is the copy-on-write
 * child. Regions, residency, RSS and registers are those of that moment; shared mappings go on
 * moving. A supervisor process undoes everything whatever instant memwhy is killed, and gives the
 * copy up when memory runs short: image_check_alive then says -EAGAIN, and after the release the
 * next image_freeze does not fork. Stopped: as image_stop. image_kind says which it is.
 *
 * Fails as image_stop; -EBUSY when the estimate is above max_pause_ns; where it may only fork
 * -EBUSY, -EAGAIN, -EACCES, -ENOTSUP as well, when the copy is refused or could push the process
 * over a limit. The process is then as it was. On images that cannot move this is a no-op. */
int image_freeze(struct image *img, const struct image_freeze_how *how, struct err *e);

struct image_freeze_cost {
    uint64_t pause_ns;    /* for the fork; the last one */
    uint64_t reap_ns;     /* the second pause, to reap the child; known after the release */
    uint64_t extra_bytes; /* pages the target copied because the child shared them, and the child's
                           * page tables; known after the release */
    char not_forked[512]; /* why the process was stopped although it might have been forked */
};
const struct image_freeze_cost *image_freeze_cost(const struct image *img);

/* How much of [addr, addr + len) comes before what the fork left out; len in all other images. */
size_t image_has(const struct image *img, uint64_t addr, size_t len);
/* After the release: whether something that the last fork left out was to be read. */
bool image_missed_left_out(const struct image *img);

/* Let the threads go, or end the frozen copy; what was copied stays valid, reads go on but see a
 * moving target. Idempotent.
 */
void image_release(struct image *img);
/* -ESRCH when a process has ended since it was opened (SIGKILL ends a stopped one too): what was
 * read last may be missing. 0 for what cannot end. */
int image_check_alive(const struct image *img, struct err *e);
/* Sum of all pauses so far, from the first interrupt to the last detach. */
uint64_t image_pause_ns(const struct image *img);

int image_read(const struct image *img, uint64_t addr, void *buf, size_t len);
/* As much as is readable from addr on without a gap; 0 if nothing is. */
size_t image_read_prefix(const struct image *img, uint64_t addr, void *buf, size_t len);
/* One word. */
int image_read_u64(const struct image *img, uint64_t addr, uint64_t *ret);
/* A C string of at most size - 1 bytes; -EBADMSG if it does not end within. */
int image_read_string(const struct image *img, uint64_t addr, char *buf, size_t size);

struct image_part {
    uint64_t addr;
    void *buf;
    size_t len;
};
/* Many parts in few system calls; whole or -EFAULT for all of them together. */
int image_read_parts(const struct image *img, const struct image_part *parts, size_t n);

enum image_kind image_kind(const struct image *img);
pid_t image_pid(const struct image *img);       /* 0 when unknown */
const char *image_exe(const struct image *img); /* "" when unknown */
const struct region_list *image_regions(const struct image *img);
const struct image_thread *image_threads(const struct image *img, size_t *ret_n);
const struct image_module *image_modules(const struct image *img, size_t *ret_n);
/* Which pages were in memory at the stop (or, for a core, have content), but for what was left out.
 * NULL before a stop. */
const struct residency *image_residency(const struct image *img);
/* RSS of the stopped moment as the kernel says it (status, smaps_rollup); 0 when unknown. */
uint64_t image_kernel_rss(const struct image *img);

/* The ELF file behind a module, opened through the target's own root (or /proc/PID/exe, map_files
 * for deleted ones; for a core the path on this host, build id checked). Owned by the image.
 * -ENOENT, -EBADMSG when its build id is not that of the mapped memory. */
int image_module_elf(struct image *img, size_t module, struct elf_file **ret, struct err *e);

/* Sentences about what this image lacks ("3 of 41 segments are cut off: 12.0 MiB missing"). */
const char *const *image_notes(const struct image *img, size_t *ret_n);

#endif
