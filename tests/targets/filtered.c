/* A process under a seccomp filter: `filtered ends|fails|permits`. The filter ends the process for
 * the calls that make a forked copy (madvise, clone, wait4), or lets them fail, or permits them. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int confine(unsigned verdict) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_wait4, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, verdict),
    };
    struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "permits";
    const size_t size = 8 << 20;
    char *memory = malloc(size);
    if (!memory)
        return 1;
    memset(memory, 1, size);
    if (confine(strcmp(how, "ends") == 0    ? SECCOMP_RET_KILL_PROCESS
                : strcmp(how, "fails") == 0 ? SECCOMP_RET_ERRNO | EPERM
                                            : SECCOMP_RET_ALLOW) < 0)
        return 1;
    printf("READY {}\n");
    fflush(stdout);
    for (char line[64]; fgets(line, sizeof line, stdin);) {
        printf("READY {}\n");
        fflush(stdout);
    }
    return memory[0] - 1;
}
