/* Threads in every kind of blocking system call, in restartable sequences, in signal handlers on
 * stacks of their own, in fault handlers, and starting and ending threads and children: each call
 * says what it got, and whether a stop may have done that (signal(7), "Interruption of system calls
 * and library functions by stop signals"). The main thread does all of it in turn. Lines on stdin:
 * `mark` gives a READY with the counts; `end` stops all and gives the last one. */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 3, FAULTS = 20, QUEUED = 8 };

static atomic_bool stopping;
static atomic_int n_faults;
static char faults[FAULTS][120];

static void fault(const char *what, long got, int error) {
    int i = atomic_fetch_add(&n_faults, 1);
    if (i < FAULTS)
        snprintf(faults[i], sizeof faults[i], "%s gave %ld, errno %d", what, got, error);
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void sleep_ns(long ns) {
    struct timespec t = {0, ns};
    while (nanosleep(&t, &t) < 0)
        ;
}

/* --- calls that end with their time --- */

static const struct timespec wait_time = {0, WAIT_MS * 1000000};

static void lasted(const char *what, double began, bool as_wanted, long got) {
    int error = errno;
    if (!as_wanted)
        fault(what, got, error);
    else if (now_ms() - began < WAIT_MS - 0.1)
        fault("too early", (long)((now_ms() - began) * 1e6), error);
}

static void do_nanosleep(void) {
    double began = now_ms();
    int r = nanosleep(&wait_time, NULL);
    lasted("nanosleep", began, r == 0, r);
}

static void do_clock_nanosleep(void) {
    double began = now_ms();
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += WAIT_MS * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    int r = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    lasted("clock_nanosleep", began, r == 0, r);
}

static void do_futex(void) {
    double began = now_ms();
    int word = 7;
    long r = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 7, &wait_time, NULL, 0);
    lasted("futex", began, r == -1 && errno == ETIMEDOUT, r);
}

static void do_poll(void) {
    double began = now_ms();
    int r = poll(NULL, 0, WAIT_MS);
    lasted("poll", began, r == 0, r);
}

static void do_ppoll(void) {
    double began = now_ms();
    int r = ppoll(NULL, 0, &wait_time, NULL);
    lasted("ppoll", began, r == 0, r);
}

static void do_select(void) {
    double began = now_ms();
    struct timeval t = {0, WAIT_MS * 1000};
    int r = select(0, NULL, NULL, NULL, &t);
    lasted("select", began, r == 0, r);
}

static void do_sigtimedwait(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 3);
    double began = now_ms();
    int r = sigtimedwait(&set, NULL, &wait_time);
    if (!(r == -1 && errno == EINTR)) /* a stop may do that */
        lasted("sigtimedwait", began, r == -1 && errno == EAGAIN, r);
}

static void do_epoll_wait(void) {
    int fd = epoll_create1(0);
    struct epoll_event e;
    double began = now_ms();
    int r = epoll_wait(fd, &e, 1, WAIT_MS);
    if (!(r == -1 && errno == EINTR)) /* a stop may do that */
        lasted("epoll_wait", began, r == 0, r);
    close(fd);
}

static void do_recv_timed(void) {
    int s[2];
    char c;
    struct timeval t = {0, WAIT_MS * 1000};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
        return fault("socketpair", -1, errno);
    setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    double began = now_ms();
    ssize_t r = recv(s[0], &c, 1, 0);
    if (!(r == -1 && errno == EINTR)) /* a stop may do that */
        lasted("recv with a timeout", began, r == -1 && errno == EAGAIN, r);
    close(s[0]);
    close(s[1]);
}

/* --- calls that another thread ends --- */

struct pair {
    int fd, other;
    struct sockaddr_un name;
    socklen_t name_len;
    unsigned char byte;
};

static void *answer(void *arg) {
    struct pair *p = arg;
    sleep_ns(1000000 + p->byte * 20000);
    int fd = p->other;
    if (fd < 0) {
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&p->name, p->name_len) < 0)
            fault("connect", -1, errno);
    }
    if (write(fd, &p->byte, 1) != 1)
        fault("write", -1, errno);
    close(fd);
    return p;
}

static unsigned char some_byte(void) {
    static atomic_uint n;
    return (unsigned char)(atomic_fetch_add(&n, 1) % 100);
}

/* What `get` reads while a new thread writes. */
static void answered(const char *what, struct pair *p,
                     ssize_t (*get)(struct pair *, unsigned char *)) {
    pthread_t t;
    unsigned char got = 0;
    void *ended;
    p->byte = some_byte();
    int r = pthread_create(&t, NULL, answer, p);
    if (r)
        return fault("pthread_create", r, 0);
    ssize_t n = get(p, &got);
    if (n != 1 || got != p->byte)
        fault(what, n, errno);
    r = pthread_join(t, &ended);
    if (r || ended != p)
        fault("pthread_join", r, 0);
    close(p->fd);
}

static ssize_t by_read(struct pair *p, unsigned char *ret) {
    return read(p->fd, ret, 1);
}
static ssize_t by_recvmsg(struct pair *p, unsigned char *ret) {
    struct iovec v = {ret, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    return recvmsg(p->fd, &m, 0);
}
static ssize_t by_accept(struct pair *p, unsigned char *ret) {
    int fd = accept(p->fd, NULL, NULL);
    ssize_t n = fd < 0 ? fd : read(fd, ret, 1);
    close(fd);
    return n;
}

static void do_read(void) {
    int fds[2];
    if (pipe(fds) < 0)
        return fault("pipe", -1, errno);
    answered("read", &(struct pair){.fd = fds[0], .other = fds[1]}, by_read);
}

static void do_recvmsg(void) {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return fault("socketpair", -1, errno);
    answered("recvmsg", &(struct pair){.fd = fds[0], .other = fds[1]}, by_recvmsg);
}

static void do_accept(void) {
    struct pair p = {
        .fd = socket(AF_UNIX, SOCK_STREAM, 0), .other = -1, .name = {.sun_family = AF_UNIX}};
    /* The kernel finds a name: forked children still have those of before. */
    p.name_len = sizeof p.name.sun_family;
    if (bind(p.fd, (struct sockaddr *)&p.name, p.name_len) < 0 || listen(p.fd, 1) < 0)
        return fault("listen", -1, errno);
    p.name_len = sizeof p.name;
    getsockname(p.fd, (struct sockaddr *)&p.name, &p.name_len);
    answered("accept", &p, by_accept);
}

/* --- children --- */

static void ended_with(const char *what, pid_t pid, int code) {
    int status = -1;
    pid_t r = waitpid(pid, &status, 0);
    if (r != pid || !WIFEXITED(status) || WEXITSTATUS(status) != code)
        fault(what, r == pid ? status : r, errno);
}

static void do_fork(void) {
    int code = some_byte();
    pid_t pid = fork();
    if (pid == 0)
        _exit(code);
    ended_with("fork", pid, code);
}

/* The parent is in an uninterruptible sleep until the child ends. */
static void do_vfork(void) {
    int code = some_byte();
    pid_t pid = vfork();
    if (pid == 0) {
        syscall(SYS_nanosleep, &wait_time, NULL);
        _exit(code);
    }
    ended_with("vfork", pid, code);
}

static void do_spawn(void) {
    char *argv[] = {"sh", "-c", "exit 42", NULL}, *env[] = {NULL};
    pid_t pid = -1;
    int r = posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, env);
    if (r)
        return fault("posix_spawn", r, 0);
    ended_with("posix_spawn", pid, 42);
}

/* --- signals --- */

/* SIGRTMIN is queued with numbers that must arrive once each, in order; the handler has a stack of
 * its own, and restarts what it interrupts. */
static atomic_int sent, arrived;

static void on_queued(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    int n = atomic_fetch_add(&arrived, 1);
    if (info->si_value.sival_int != n || info->si_code != SI_QUEUE || info->si_pid != getpid())
        fault("a queued signal", info->si_value.sival_int, n);
}

static void own_stack(void) {
    stack_t s = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&s, NULL);
}

static void *queue_signals(void *arg) {
    (void)arg;
    while (!stopping) {
        int n = atomic_load(&sent);
        if (n - arrived < QUEUED &&
            sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = n}) == 0)
            atomic_store(&sent, n + 1);
        else
            sleep_ns(200000);
    }
    return NULL;
}

/* Work with the signals let in, and a read that they interrupt and restart. */
static void do_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    double sum = 0;
    for (int i = 1; i <= 200000; i++)
        sum += 0.5 * i;
    int fds[2];
    char c;
    if (pipe(fds) < 0 || write(fds[1], "x", 1) != 1 || read(fds[0], &c, 1) != 1)
        fault("read with signals", -1, errno);
    close(fds[0]);
    close(fds[1]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (sum != 10000050000.0)
        fault("a sum", (long)sum, 0);
}

static __thread char *guarded;
static __thread int segv;

static void on_segv(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    if (!guarded || info->si_addr != guarded || mprotect(guarded, 4096, PROT_READ | PROT_WRITE) < 0)
        abort();
    segv++;
}

static void do_segv(void) {
    segv = 0;
    guarded = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 100; i++) {
        *(volatile char *)guarded = (char)i;
        if (*(volatile char *)guarded != (char)i || mprotect(guarded, 4096, PROT_NONE) < 0)
            fault("a guarded page", i, errno);
    }
    if (segv != 100)
        fault("SIGSEGV", segv, 0);
    munmap(guarded, 4096);
    guarded = NULL;
    sleep_ns(2000000);
}

/* --- a restartable sequence (rseq(2)): a counter of each processor, added to without a lock --- */

enum { CPUS = 1024, ADDS = 100000 };
static struct { _Alignas(64) volatile long n; } counted[CPUS];
static atomic_long added;

#if defined(__x86_64__) && __has_include(<sys/rseq.h>)
#include <sys/rseq.h>

static bool add_here(struct rseq *rs) {
    unsigned cpu = *(volatile unsigned *)&rs->cpu_id_start;
    volatile long *at = &counted[cpu].n;
    __asm__ goto(".pushsection __rseq_cs, \"aw\"\n\t.balign 32\n3:\n\t"
                 ".long 0, 0\n\t.quad 1f, 2f - 1f, 4f\n\t.popsection\n\t"
                 "leaq 3b(%%rip), %%rax\n\tmovq %%rax, %c[cs](%[rs])\n"
                 "1:\n\tcmpl %[cpu], 4(%[rs])\n\tjnz %l[again]\n\t"
                 "movq (%[at]), %%rax\n\t"
                 "movl $60, %%ecx\n5:\n\tdecl %%ecx\n\tjnz 5b\n\t" /* so that stops fall into it */
                 "addq $1, %%rax\n\tmovq %%rax, (%[at])\n2:\n\t"
                 ".pushsection __rseq_failure, \"ax\"\n\t.byte 0x0f, 0xb9, 0x3d\n\t.long %c[sig]\n"
                 "4:\n\tjmp %l[again]\n\t.popsection"
                 :
                 : [rs] "r"(rs), [cpu] "r"(cpu), [at] "r"(at), [cs] "i"(8), [sig] "i"(RSEQ_SIG)
                 : "rax", "rcx", "memory", "cc"
                 : again);
    return true;
again:
    return false;
}

static void do_rseq(void) {
    if (!__rseq_size) /* glibc.pthread.rseq=0, or an old kernel */
        return do_nanosleep();
    struct rseq *rs = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
    for (int i = 0; i < ADDS; i++)
        while (!add_here(rs))
            ;
    atomic_fetch_add(&added, ADDS);
    sleep_ns(1000000);
}
#else
static void do_rseq(void) {
    do_nanosleep();
}
#endif

/* --- all of it --- */

static struct kind {
    const char *name;
    void (*once)(void);
    atomic_long done;
} kinds[] = {
    {.name = "nanosleep", .once = do_nanosleep},
    {.name = "clock_nanosleep", .once = do_clock_nanosleep},
    {.name = "futex", .once = do_futex},
    {.name = "poll", .once = do_poll},
    {.name = "ppoll", .once = do_ppoll},
    {.name = "select", .once = do_select},
    {.name = "sigtimedwait", .once = do_sigtimedwait},
    {.name = "epoll_wait", .once = do_epoll_wait},
    {.name = "recv_timed", .once = do_recv_timed},
    {.name = "read", .once = do_read},
    {.name = "recvmsg", .once = do_recvmsg},
    {.name = "accept", .once = do_accept},
    {.name = "fork", .once = do_fork},
    {.name = "vfork", .once = do_vfork},
    {.name = "posix_spawn", .once = do_spawn},
    {.name = "signals", .once = do_signals},
    {.name = "segv", .once = do_segv},
    {.name = "rseq", .once = do_rseq},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void *repeat(void *arg) {
    struct kind *k = arg;
    own_stack();
    while (!stopping) {
        k->once();
        atomic_fetch_add(&k->done, 1);
    }
    return NULL;
}

static void print_ready(void) {
    printf("READY {\"done\": {");
    for (int i = 0; i < KINDS; i++)
        printf("%s\"%s\": %ld", i ? ", " : "", kinds[i].name, atomic_load(&kinds[i].done));
    printf(", \"queued\": %d}, \"wrong\": [", atomic_load(&arrived));
    for (int i = 0; i < n_faults && i < FAULTS; i++)
        printf("%s\"%s\"", i ? ", " : "", faults[i]);
    printf("]}\n");
    fflush(stdout);
}

static void *listen_to_stdin(void *arg) {
    char line[64];
    (void)arg;
    for (;;) {
        ssize_t n = read(0, line, sizeof line);
        if (n <= 0)
            fault("read of stdin", n, errno);
        if (n <= 0 || line[0] == 'e')
            break;
        print_ready();
    }
    stopping = true;
    return NULL;
}

static void arm(int signal, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction a = {.sa_sigaction = handler,
                          .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigaction(signal, &a, NULL);
}

static void check_sums(void) {
    long sum = 0;
    for (int i = 0; i < CPUS; i++)
        sum += counted[i].n;
    if (sum != added)
        fault("a restartable sequence", sum - added, 0);
    if (sent != arrived)
        fault("queued signals", arrived - sent, 0);
}

int main(void) {
    pthread_t threads[KINDS + 2];
    sigset_t set;
    arm(SIGRTMIN, on_queued);
    arm(SIGSEGV, on_segv);
    own_stack();
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGRTMIN + 3);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < KINDS; i++)
        if (kinds[i].once !=
            do_signals) /* the main thread alone: handlers of two are not in order */
            pthread_create(&threads[i], NULL, repeat, &kinds[i]);
    pthread_create(&threads[KINDS], NULL, queue_signals, NULL);
    pthread_create(&threads[KINDS + 1], NULL, listen_to_stdin, NULL);
    print_ready();
    for (unsigned i = 0; !stopping; i++) {
        kinds[i % KINDS].once();
        do_signals();
        atomic_fetch_add(&kinds[i % KINDS].done, 1);
    }
    for (int i = 0; i < KINDS + 2; i++)
        if (i >= KINDS || kinds[i].once != do_signals)
            pthread_join(threads[i], NULL);
    while (arrived < sent)
        do_signals();
    check_sums();
    print_ready();
    for (;;)
        pause();
}
