/* What commands that ask the process itself share: a look that tells where its inspector is or
 * whether it may be opened, the session, and what became of the inspector afterwards. */
#ifndef MEMWHY_CMD_INSPECTING_H
#define MEMWHY_CMD_INSPECTING_H

#include "cmd/cmd.h"
#include "inspector/session.h"

#define INSPECT_OPT_TIMEOUT                                                                        \
    { "timeout", 0, OPT_DURATION, "TIME", "wait this long for each answer of the process (10s)" }

/* For the help of these commands. */
#define INSPECT_HELP                                                                               \
    "It asks the process through Node's inspector. Where that is closed, SIGUSR1 opens it, on "    \
    "the\n"                                                                                        \
    "address Node chooses (127.0.0.1:9229), and it is closed again; Node says so on its stderr\n"  \
    "(\"Debugger listening\", \"Debugger attached\"). The signal is sent only when the process\n"  \
    "catches it and Node waits for it; else this refuses, with the reason. If memwhy is killed\n"  \
    "meanwhile, the process runs on, at worst with its inspector open on that address.\n"

struct inspecting {
    struct inspector *session; /* NULL: ended */
    char at[80];               /* "127.0.0.1:9229", "[::1]:9229" */
    bool opened;
    unsigned others;
    enum inspector_end end;
};

/* Looks at `target`, opens the session; *ret_pid is the process for all further looks. */
int inspecting_begin(struct run *r, const char *target, struct inspecting *ret, char ret_pid[16]);
/* The same with a look of the caller's own, of a moment ago (inspector_open() says what is in it).
 */
int inspecting_open(struct run *r, const struct evidence *ev, struct inspecting *ret);
/* Idempotent. On a failure (`rc` < 0) r->err also says when the inspector could not be closed.
 * Returns rc. */
int inspecting_end(struct run *r, struct inspecting *i, int rc);

/* After the end: what was done to the inspector. */
void inspecting_print(FILE *out, const struct inspecting *i);
json_t *inspecting_json(const struct inspecting *i);

#endif
