/* The inspector of a running Node process: found where it listens, or opened with SIGUSR1 where
 * that does no harm, and closed again if it was we who opened it.
 *
 * What a look at the process gave says all of it beforehand: the thread of the inspector has an
 * event loop of its own, whose socket listens; Node waits for the signal with a handle on the main
 * loop; an app that takes SIGUSR1 for itself has a handle for it, too. A process that does not
 * catch the signal would die of it.
 *
 * Killed at any moment, memwhy leaves the process running, at worst with its inspector open. */
#ifndef MEMWHY_INSPECTOR_SESSION_H
#define MEMWHY_INSPECTOR_SESSION_H

#include "inspector/client.h"
#include "model/evidence.h"

struct inspector_how {
    uint64_t timeout_ns;     /* for each answer, and for the inspector to open */
    const atomic_bool *stop; /* give up, and undo; NULL: never */
};

struct inspector {
    struct inspector_client *client;
    struct inspector_how how;
    struct inspector_address at;
    pid_t pid;
    unsigned others; /* clients that were there before us */
    bool opened;     /* by us */
};

/* Where the inspector listens and how many clients it has, by the look (with NEED_HANDLES).
 * -ENODATA: it does not. */
int inspector_find(const struct evidence *ev, struct inspector_address *ret, unsigned *ret_clients);

/* Connect to it, opening it first if need be. `ev`: of a moment ago, with handles and process.
 * Refuses with the reason: -ENOTSUP (no Node, no signal, the app's own handler), -EBUSY (its port
 * is taken), -ETIMEDOUT, and as inspector_client_open(). */
int inspector_open(const struct evidence *ev, const struct inspector_how *how,
                   struct inspector **ret, struct err *e);

/* The value of an expression, in the main context, with `require`. */
int inspector_evaluate(struct inspector *s, const char *expression, json_t **ret, struct err *e);

enum inspector_end {
    INSPECTOR_CLOSED,    /* we had opened it, and it is closed again */
    INSPECTOR_WAS_OPEN,  /* it listens as it did before */
    INSPECTOR_LEFT_OPEN, /* we had opened it, and it does not close: its main thread is busy, or
                          * somebody else is connected now */
};

/* Ends the session. NULL is fine. */
enum inspector_end inspector_close(struct inspector *s);

#endif
