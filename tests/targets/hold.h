/* What only a register of a thread leads to. */
#ifndef MEMWHY_TESTS_HOLD_H
#define MEMWHY_TESTS_HOLD_H

/* Calls that leave nothing of their arguments in the caller's registers or stack. */
#define APART __attribute__((noinline))

/* Waits for ever with `general` in r12 and `vector` in the upper half of xmm6. */
APART static void hold_in_registers(void *general, void *vector) {
    __asm__ volatile("mov %0, %%r12\n movq %1, %%xmm6\n punpcklqdq %%xmm6, %%xmm6\n"
                     " xor %1, %1\n 1: mov $34, %%eax\n syscall\n jmp 1b" /* pause() */
                     : "+r"(general), "+r"(vector)
                     :
                     : "r12", "xmm6", "rax", "rcx", "r11", "memory");
}

#endif
