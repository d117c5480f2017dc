/* An explanation for the user, filled where the knowledge is.
 *
 * Functions return 0 or a negative errno; the vocabulary, everywhere in memwhy:
 *   -EFAULT  not readable in this target        -EBADMSG  readable, but not what it must be
 *   -ENOTSUP a version or build we do not know  -ENODATA  not there
 *   -E2BIG   over a limit of limits.h           -EPERM, -EACCES, -ESRCH, -ENOENT as the kernel
 * means them -EAGAIN  right, but not now: take the stop again -EINVAL  the user asked for something
 * that cannot be (usage) -ENOTDIR not a process, not a file memwhy knows A function that owes the
 * user an explanation takes `struct err *e` last. Only cmd/ prints it. */
#ifndef MEMWHY_BASE_ERR_H
#define MEMWHY_BASE_ERR_H

struct err {
    int code;       /* the negative errno, 0 while nothing failed */
    char what[512]; /* one sentence: what happened and why */
    char hint[384]; /* one sentence: what to do next; may be empty */
};

/* Fill `e` (which may be NULL) and return `code`, so that `return err_set(...)` reads well. */
int err_set(struct err *e, int code, const char *hint, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* The JSON error code ("target-gone", "no-permission", ...) for a negative errno. */
const char *err_json_code(int code);

/* The exit code (2 usage, 3 target cannot be read, ...) for a negative errno. */
int err_exit_code(int code);

#endif
