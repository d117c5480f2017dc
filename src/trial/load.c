#include "trial/load.h"

#include "base/clock.h"
#include "base/mem.h"
#include "trial/keeper.h"
#include "trial/log.h"
#include "trial/setting.h"
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#define REQUEST_TIMEOUT_NS 10000000000ull

enum { STEP_MS = 50, TAIL = 64 << 10 };

bool load_rate_of(const char *output, double *ret) {
    static const char *const words[] = {"Requests/sec:", "Requests per second:"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = strcasestr(output, words[i]);
        char *end;
        if (!at)
            continue;
        at += strlen(words[i]);
        double v = strtod(at, &end);
        if (end != at && v >= 0 && v < 1e12) {
            *ret = v;
            return true;
        }
    }
    return false;
}

static void judge(const struct keeper *k, const struct log *log, struct load_result *ret) {
    cleanup_free char *tail = log_tail(log, TAIL);
    if (k->end.status == 0) {
        ret->has_rate = load_rate_of(tail, &ret->per_second);
        return;
    }
    cleanup_free char *how = keeper_end_text(&k->end), *reason = log_reason(tail);
    ret->failure = mem_printf("the load %s%s%s", how, *reason ? ": " : "", reason);
}

static void run_command(const struct load_how *how, const struct load_target *at,
                        bool (*enough)(void *arg), void *arg, struct load_result *ret) {
    struct log log;
    struct keeper k;
    struct err e = {0};
    const struct setting none = {0};
    cleanup_free char *port = mem_printf("PORT=%u", at->port);
    cleanup_free char *pid = mem_printf("PID=%d", (int)at->pid);
    cleanup_free char *url = mem_printf("URL=%s", at->url);
    char *more[] = {pid, port, url}, *argv[] = {"sh", "-c", (char *)how->command, NULL};
    cleanup_free char **env = setting_environment(&none, more, at->has_address ? 3 : 1);
    uint64_t began = clock_ns();
    if (log_open(NULL, &log, &e) < 0) {
        ret->failure = mem_strdup(e.what);
        return;
    }
    struct keeper_program p = {.argv = argv, .envp = env, .output = log.fd};
    if (keeper_start(&p, &k, &e) < 0) {
        ret->failure = mem_strdup(e.what);
        log_close(&log);
        return;
    }
    bool stopped = false;
    while (!keeper_ended(&k, STEP_MS) && !stopped)
        stopped = clock_ns() - began > how->limit_ns || enough(arg);
    ret->took_ns = clock_ns() - began;
    if (k.ended)
        judge(&k, &log, ret);
    else if (ret->took_ns > how->limit_ns)
        ret->failure = mem_printf("the load did not end within --load-limit");
    else
        ret->failure = mem_strdup("the load was ended before its time");
    keeper_stop(&k);
    log_close(&log);
}

static void run_http(const struct load_how *how, const struct load_target *at,
                     bool (*enough)(void *arg), void *arg, struct load_result *ret) {
    const struct http_load_how http = {.address = at->address,
                                       .address_len = at->address_len,
                                       .host = at->url + strlen("http://"),
                                       .path = how->path,
                                       .connections = how->connections,
                                       .per_second = how->per_second,
                                       .for_ns = how->for_ns,
                                       .requests = how->requests,
                                       .timeout_ns = REQUEST_TIMEOUT_NS,
                                       .enough = enough,
                                       .arg = arg};
    if (!at->has_address) {
        ret->failure = mem_strdup("the program listens on no TCP port, so nothing can be asked");
        return;
    }
    int rc = http_load(&http, &ret->http);
    if (rc < 0) {
        ret->failure = mem_printf("the load could not begin (%s)", strerror(-rc));
        return;
    }
    ret->has_http = true;
    ret->took_ns = ret->http.took_ns;
    if (!ret->http.requests)
        ret->failure = mem_strdup("no request was answered");
    else if (ret->http.took_ns) {
        ret->has_rate = true;
        ret->per_second = (double)ret->http.requests / ((double)ret->http.took_ns / 1e9);
    }
}

void load_run(const struct load_how *how, const struct load_target *at, bool (*enough)(void *arg),
              void *arg, struct load_result *ret) {
    *ret = (struct load_result){0};
    if (how->command)
        run_command(how, at, enough, arg, ret);
    else if (how->path)
        run_http(how, at, enough, arg, ret);
}

void load_result_done(struct load_result *r) {
    free(r->failure);
    r->failure = NULL;
}
