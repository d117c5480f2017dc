#include "cmd/interrupted.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_bool interrupted; /* a signal handler knows nothing else */

static void on_signal(int signal) {
    (void)signal;
    atomic_store(&interrupted, true);
}

const atomic_bool *interrupted_by_signals(int flags) {
    struct sigaction end = {.sa_handler = on_signal, .sa_flags = flags};
    struct sigaction none = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGHUP, &end, NULL);
    sigaction(SIGXFSZ, &none, NULL);
    return &interrupted;
}
