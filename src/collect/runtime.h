/* What runs in a process: Node, another JavaScript engine, Go, an interpreter, the kernel. Told by
 * the executable file, whatever it is called; by name only where the file may not be read. */
#ifndef MEMWHY_COLLECT_RUNTIME_H
#define MEMWHY_COLLECT_RUNTIME_H

#include "model/process.h"
#include <stdbool.h>

enum runtime_kind {
    RUNTIME_OTHER, /* some native program */
    RUNTIME_NODE,  /* Node.js, or a program that embeds it */
    RUNTIME_BUN,   /* JavaScriptCore, although it exports symbols of Node and V8 */
    RUNTIME_DENO,  /* V8, but not Node */
    RUNTIME_GO,
    RUNTIME_PYTHON,
    RUNTIME_JAVA,
    RUNTIME_RUBY,
    RUNTIME_PHP,
    RUNTIME_PERL,
    RUNTIME_SHELL,
    RUNTIME_KERNEL, /* a kernel thread */
};

struct runtime {
    enum runtime_kind kind;
    char version[24]; /* "24.21.0", of Node only; "" when unknown */
    bool by_name;     /* the executable could not be read: guessed by the process's name */
};

struct runtimes;

/* Remembers each executable by device and inode for as long as it lives. */
struct runtimes *runtimes_new(void);
void runtimes_free(struct runtimes *r);
/* `p` with PROCESS_EXE and PROCESS_CMDLINE, as far as they could be read. */
struct runtime runtime_of(struct runtimes *r, const char *root, const struct process *p);

/* Of an open file: what it is by itself. RUNTIME_OTHER when it is no ELF file. `needs_libnode` (may
 * be NULL): Node is in a shared library, which is where the version stands. */
struct runtime runtime_of_file(int fd, bool *ret_needs_libnode);
/* "node", "bun", "go", ...; "native" for others. */
const char *runtime_kind_name(enum runtime_kind kind);

#endif
