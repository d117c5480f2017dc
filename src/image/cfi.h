/* One step from a frame to its caller by a file's unwind tables (DWARF call frame information).
 * Knows nothing of stacks as a whole. Private to src/image/. */
#ifndef MEMWHY_IMAGE_CFI_H
#define MEMWHY_IMAGE_CFI_H

#include "image/image.h"

struct Dwarf_CFI_s;

/* Registers by their DWARF number (System V ABI, AMD64 supplement, figure 3.36). */
enum {
    FRAME_RBX = 3,
    FRAME_RBP = 6,
    FRAME_RSP = 7,
    FRAME_R12 = 12,
    FRAME_R15 = 15,
    FRAME_RIP = 16,
    FRAME_REGS = 17
};

struct frame_regs {
    uint64_t at[FRAME_REGS];
    uint32_t known; /* a bit each */
};

static inline bool frame_regs_has(const struct frame_regs *r, unsigned reg) {
    return r->known >> reg & 1;
}

static inline void frame_regs_set(struct frame_regs *r, unsigned reg, uint64_t value) {
    r->at[reg] = value;
    r->known |= 1u << reg;
}

/* Reads a word of the stack; 0 or -EFAULT. */
typedef int cfi_read(void *arg, uint64_t addr, uint64_t *ret);

struct cfi_frame {
    struct Dwarf_CFI_s *cfi;
    uint64_t bias; /* of the file */
    uint64_t pc;   /* to look up: inside the instruction the frame stands on */
    const struct frame_regs *regs;
    cfi_read *read;
    void *arg;
};

/* What the tables say of it. */
struct cfi_caller {
    struct frame_regs regs; /* in the caller */
    bool none;              /* the thread's first frame: there is no caller */
    bool interrupted;       /* by a signal: its pc is where it goes on */
};

/* -ENODATA: the tables say nothing of this pc, or not what the caller's pc and stack are. -EFAULT:
 * the stack cannot be read. -EBADMSG: a rule that makes no sense, or that no compiler writes. */
int cfi_step(const struct cfi_frame *f, struct cfi_caller *ret);

#endif
