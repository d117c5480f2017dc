/* What a process said as it died, or was said of it: one table of words, by what they mean. */
#ifndef MEMWHY_CRASHLOG_FATAL_H
#define MEMWHY_CRASHLOG_FATAL_H

#include <stdbool.h>
#include <stdint.h>

enum fatal_kind {
    FATAL_NONE,
    FATAL_HEAP_LIMIT,     /* V8 could make no room below its limit */
    FATAL_HEAP_OR_SYSTEM, /* V8 got no page in the middle of a collection: of either */
    FATAL_TOO_LARGE,      /* one array or table beyond what V8 can make at all */
    FATAL_SYSTEM,         /* the system gave no memory, or no address space */
    FATAL_REGEXP,         /* the stack was full while a regular expression was compiled */
    FATAL_OTHER,          /* "FATAL ERROR:" about something else */
    FATAL_WORKER,         /* a worker reached the limit set for it; the process may live on */
    FATAL_STACK,          /* too deep a recursion; no matter of memory */
    FATAL_STRING,         /* a string beyond V8's longest */
    FATAL_ARRAY,          /* an array or typed array beyond its longest */
    FATAL_COLLECTION,     /* a Map or Set beyond its largest */
    FATAL_BUFFER,         /* a Buffer beyond its largest */
    FATAL_BUFFER_MEMORY,  /* no memory for an ArrayBuffer or a WebAssembly.Memory */
    FATAL_SYSTEM_CALL,    /* ENOMEM, std::bad_alloc */
};

struct fatal {
    enum fatal_kind kind;
    bool throws;      /* an exception of the program: it may have been caught */
    const char *text; /* in the line: where the message begins */
};

/* What a line says, if it is one of those. False: nothing. */
bool fatal_parse(const char *line, struct fatal *ret);

/* The end of a process as others see it. */
enum exit_kind {
    EXIT_NONE,
    EXIT_KILL,       /* SIGKILL, 137: by whom is not said */
    EXIT_OOM_KILLED, /* Kubernetes, docker or systemd say it was for memory */
    EXIT_ABORT,      /* SIGABRT, 134 */
    EXIT_OOMD,       /* systemd-oomd or earlyoom did it */
};
enum exit_kind exit_parse(const char *line);

#endif
