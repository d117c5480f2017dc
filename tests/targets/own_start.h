/* With OWN_START the program begins without the C runtime's own start files, whose symbols'
 * versions an old glibc lacks: so that one binary runs on all of them. */
#ifdef OWN_START
__asm__(".symver pthread_create,pthread_create@GLIBC_2.2.5");
__asm__(".symver pthread_barrier_init,pthread_barrier_init@GLIBC_2.2.5");
__asm__(".symver pthread_barrier_wait,pthread_barrier_wait@GLIBC_2.2.5");
__asm__(".symver old_start_main,__libc_start_main@GLIBC_2.2.5");
int main(int argc, char **argv);
int old_start_main(int (*)(int, char **), int, char **, void (*)(void), void (*)(void),
                   void (*)(void), void *);
__attribute__((used)) static void start(long *sp) {
    old_start_main((int (*)(int, char **))main, (int)sp[0], (char **)(sp + 1), NULL, NULL, NULL,
                   sp);
}
__asm__(
    ".globl _start\n_start:\n xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call start\n hlt\n");
#endif
