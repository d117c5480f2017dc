#include "inspector/node_options.h"

#include "base/mem.h"
#include "kernel/process.h"
#include <stdlib.h>
#include <string.h>

/* Calls see() with each word that is an option of Node's: those of NODE_OPTIONS first, which the
 * command line overrides. Behind the script they are the script's. */
static void each_option(const struct process *p, void (*see)(void *arg, const char *word),
                        void *arg) {
    cleanup_free char *env = NULL;
    char *rest;
    if (process_env("", p->pid, "NODE_OPTIONS", &env) == 0)
        for (char *w = strtok_r(env, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
            see(arg, w);
    const char *end = p->cmdline + p->cmdline_len;
    for (const char *w = p->cmdline; w && w < end; w += strlen(w) + 1)
        if (w[0] == '-')
            see(arg, w);
        else if (w > p->cmdline && w[-1] == '\0' && strstr(w, ".js"))
            break;
}

struct wanted {
    const char *option;
    bool found;
};

static void look_for(void *arg, const char *word) {
    struct wanted *w = arg;
    w->found |= strcmp(word, w->option) == 0;
}

bool node_options_has(const struct process *p, const char *option) {
    struct wanted w = {.option = option};
    each_option(p, look_for, &w);
    return w.found;
}

/* "--inspect=host:9230", "--inspect-port=9230", "--debug-port=...", "--inspect-brk=...". */
static void take_port(void *arg, const char *word) {
    static const char *const names[] = {"--inspect", "--inspect-port", "--debug-port",
                                        "--inspect-brk", "--inspect-wait"};
    uint16_t *port = arg;
    size_t n = strcspn(word, "=");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strncmp(word, names[i], n) != 0 || names[i][n] != '\0' || word[n] != '=')
            continue;
        const char *colon = strrchr(word + n, ':'), *digits = colon ? colon + 1 : word + n + 1;
        char *end;
        unsigned long v = strtoul(digits, &end, 10);
        if (end != digits && *end == '\0' && v <= UINT16_MAX)
            *port = (uint16_t)v;
    }
}

uint16_t node_options_inspector_port(const struct process *p) {
    uint16_t port = 9229; /* src/node_options.h: HostPort{"localhost", 9229} */
    each_option(p, take_port, &port);
    return port;
}
