/* memwhy serve: what is known of Node processes, over HTTP, for Prometheus. */
#include "base/text.h"
#include "base/vec.h"
#include "cmd/cmd.h"
#include "cmd/gc_feed.h"
#include "serve/address.h"
#include "serve/http.h"
#include "serve/rounds.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define EVERY_MIN_NS (SECOND_NS / 10)

#define REQUEST_NS (15 * SECOND_NS) /* a scrape takes milliseconds, over a bad link a second */

enum { MAX_PROCESSES = 256 };

static const struct opt opts[] = {
    {"listen", 'l', OPT_STRING, "ADDRESS", "address and port (127.0.0.1:9464); port 0: any"},
    {"cgroup", 'g', OPT_STRING, "PATH", "only processes in this memory cgroup, or below it"},
    {"every", 'e', OPT_DURATION, "TIME", "how often samples are taken (1s)"},
    {"max-processes", 0, OPT_U64, "N", "serve at most so many (256), and count the others"},
    {"no-probe", 0, OPT_FLAG, NULL, "put no probe into V8: without the times of collections"},
    {"token-file", 0, OPT_STRING, "FILE", "its line is the bearer token that requests must show"},
    {"cert", 0, OPT_STRING, "FILE", "speak TLS with this certificate (PEM, with its chain)"},
    {"key", 0, OPT_STRING, "FILE", "the certificate's key (PEM)"},
    {0},
};

/* What the command line asks for, and what is open for it. */
struct serving {
    struct serve_address address;
    const char *token_file;
    struct token token;
    char *cert, *key;
    VEC(pid_t) pids;
    uint64_t every_ns;
    struct sampler *sampler;
    struct board *board;
    struct rounds *rounds;
    struct http *http;
    struct gc_feed collections;
    struct err no_collections; /* code 0: they can be seen */
};

static int read_pids(struct run *r, struct serving *s) {
    const char *const *args;
    size_t n = opt_args(r->opts, &args);
    for (size_t i = 0; i < n; i++) {
        char *end;
        unsigned long v = strtoul(args[i], &end, 10);
        if (args[i][0] < '1' || args[i][0] > '9' || *end || v > INT32_MAX)
            return err_set(&r->err, -EINVAL, "Without any, all Node processes are served.",
                           "%s is not a process id.", args[i]);
        vec_push(&s->pids, (pid_t)v);
    }
    return 0;
}

static int read_secrets(struct run *r, struct serving *s) {
    const char *cert = opt_string(r->opts, "cert", NULL), *key = opt_string(r->opts, "key", NULL);
    s->token_file = opt_string(r->opts, "token-file", NULL);
    if (!cert != !key)
        return err_set(&r->err, -EINVAL, NULL, "TLS takes both --cert and --key.");
    if (cert && !http_has_tls())
        return err_set(&r->err, -ENOTSUP, "Put a proxy that speaks TLS before it.",
                       "The libmicrohttpd here was built without TLS.");
    int rc = s->token_file ? token_read(s->token_file, &s->token, &r->err) : 0;
    if (rc == 0 && cert)
        rc = secret_file_read(cert, "certificate", false, &s->cert, &r->err);
    if (rc == 0 && key)
        rc = secret_file_read(key, "key", true, &s->key, &r->err);
    return rc;
}

/* Who may connect from elsewhere must be known, and nobody else may listen. */
static int check_exposure(struct run *r, const struct serving *s) {
    char host[SERVE_HOST_MAX];
    if (s->address.is_loopback || (s->token_file && s->cert))
        return 0;
    serve_address_host(&s->address, host);
    return err_set(&r->err, -EINVAL, "Give --token-file, --cert and --key, or a loopback address.",
                   "Others can reach %s: there memwhy wants both a token and TLS.", host);
}

static int read_options(struct run *r, struct serving *s) {
    s->every_ns = opt_u64(r->opts, "every", SECOND_NS);
    if (s->every_ns < EVERY_MIN_NS)
        return err_set(&r->err, -EINVAL, NULL, "--every takes 100ms or more.");
    int rc =
        serve_address_parse(opt_string(r->opts, "listen", "127.0.0.1:9464"), &s->address, &r->err);
    if (rc == 0)
        rc = read_pids(r, s);
    if (rc == 0)
        rc = read_secrets(r, s);
    return rc < 0 ? rc : check_exposure(r, s);
}

static void open_collections(struct run *r, struct serving *s) {
    if (opt_flag(r->opts, "no-probe"))
        err_set(&s->no_collections, -ENOTSUP, NULL, "--no-probe was given.");
    else
        gc_feed_open(&s->collections, &s->no_collections);
}

static int begin(struct run *r, struct serving *s) {
    struct sampler_query q = {
        .root = "",
        .pids = s->pids.at,
        .n_pids = s->pids.n,
        .cgroup = opt_string(r->opts, "cgroup", NULL),
    };
    int fd;
    int rc = serve_address_listen(&s->address, &fd, &r->err);
    if (rc < 0)
        return rc;
    s->board = board_new(s->every_ns);
    rc = sampler_new(&q, &s->sampler, &r->err);
    if (rc == 0) {
        open_collections(r, s);
        struct rounds_how how = {
            .sampler = s->sampler,
            .board = s->board,
            .gc = s->no_collections.code ? NULL : &s->collections,
            .every_ns = s->every_ns,
            .max_processes = opt_u64(r->opts, "max-processes", MAX_PROCESSES),
        };
        rc = rounds_start(&how, &s->rounds, &r->err);
    }
    if (rc < 0) {
        close(fd);
        return rc;
    }
    struct http_how how = {
        .fd = fd,
        .cert = s->cert,
        .key = s->key,
        .token = s->token_file ? &s->token : NULL,
        .board = s->board,
        .request_ns = REQUEST_NS,
    };
    return http_start(&how, &s->http, &r->err);
}

static void announce(struct run *r, const struct serving *s) {
    char host[SERVE_HOST_MAX];
    serve_address_host(&s->address, host);
    bool bare = !strchr(host, ':');
    unsigned port = serve_address_port(&s->address);
    cleanup_free char *url = mem_printf("http%s://%s%s%s:%u/metrics", s->cert ? "s" : "",
                                        bare ? "" : "[", host, bare ? "" : "]", port);
    const struct err *unseen = &s->no_collections;
    if (r->json) {
        json_object_set_new(r->doc, "collections_seen", json_boolean(!unseen->code));
        if (unseen->code)
            json_object_set_new(r->doc, "collections_unseen_why", text_json(unseen->what));
        json_object_set_new(r->doc, "listen",
                            json_pack("{s:s, s:s, s:i, s:b, s:b}", "url", url, "address", host,
                                      "port", (int)port, "tls", s->cert != NULL, "token",
                                      s->token_file != NULL));
        json_dumpf(r->doc, r->out, JSON_COMPACT);
        fputc('\n', r->out);
        json_object_clear(r->doc); /* it is said */
    } else {
        fprintf(r->out, "Serving %s\n", url);
        if (unseen->code && !opt_flag(r->opts, "no-probe"))
            fprintf(stderr, "memwhy: No nodejs_gc_duration_seconds: %s%s%s\n", unseen->what,
                    unseen->hint[0] ? " " : "", unseen->hint);
    }
    fflush(r->out);
}

static void renew_token(struct serving *s) {
    struct err e = {0};
    if (token_read(s->token_file, &s->token, &e) < 0)
        fprintf(stderr, "memwhy: %s The token stays what it was.\n", e.what);
    else
        http_set_token(s->http, &s->token);
}

/* Until a signal ends it. SIGHUP has the token read again, where there is one. */
static void serve(struct serving *s, const sigset_t *signals) {
    static const struct timespec second = {1, 0};
    for (;;) {
        int signal = sigtimedwait(signals, NULL, &second);
        http_end_overdue(s->http);
        if (signal == SIGHUP && s->token_file)
            renew_token(s);
        else if (signal > 0)
            return;
    }
}

static void end(struct serving *s) {
    http_stop(s->http);
    if (rounds_stop(s->rounds)) {
        sampler_free(s->sampler);
        board_free(s->board);
        gc_feed_close(&s->collections);
        vec_free(&s->pids);
    }
    explicit_bzero(&s->token, sizeof s->token);
    if (s->key)
        explicit_bzero(s->key, strlen(s->key));
    free(s->key);
    free(s->cert);
}

static int run(struct run *r) {
    struct serving s = {0};
    sigset_t signals;
    int rc = read_options(r, &s);
    if (rc == 0) {
        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before there are threads */
        signal(SIGPIPE, SIG_IGN);
        rc = begin(r, &s);
    }
    if (rc == 0) {
        announce(r, &s);
        serve(&s, &signals);
    }
    end(&s);
    return rc;
}

const struct command cmd_serve = {
    .name = "serve",
    .args = "[PID...]",
    .group = GROUP_OVER_TIME,
    .summary = "metrics of all Node processes for Prometheus",
    .help =
        "Takes samples of all Node processes of this host, or of those that are named, and hands\n"
        "them out over HTTP, as Prometheus' text or OpenMetrics. None is stopped; a scrape gets "
        "the\n"
        "last finished round and waits for nobody. Collections are told by a probe of the kernel's "
        "at\n"
        "one place of V8, which costs some microseconds each and goes when memwhy ends.\n"
        "\n"
        "  $ memwhy serve\n"
        "  Serving http://127.0.0.1:9464/metrics\n"
        "\n"
        "  $ curl -s http://127.0.0.1:9464/metrics | grep heap_size_used\n"
        "  nodejs_heap_size_used_bytes{pid=\"4711\",name=\"server.js\"} 92170432\n"
        "\n"
        "What prom-client exports from inside of a process has the same names here, so dashboards\n"
        "made for it go on working; what it does not know begins with memwhy_. What cannot be "
        "known\n"
        "of a process is absent, and memwhy_v8_unknown_info says why. Each sample has the pid, a\n"
        "name (process.title, or the script's) and the last part of the cgroup;\n"
        "memwhy_process_info has the version, container and pod to join with. memwhy_observer_* "
        "is\n"
        "what memwhy costs. docs/metrics.md lists all of them, with alert rules and a dashboard.\n"
        "\n"
        "/healthz answers 200 while rounds are finished on time, and else 503 with the reason.\n"
        "\n"
        "Any address but loopback wants a token and TLS, the token in a file of mode 0600:\n"
        "\n"
        "  $ memwhy serve --listen 10.0.0.7:9464 --token-file t --cert c.pem --key k.pem\n"
        "\n"
        "SIGHUP has the token read again. Runs until SIGINT or SIGTERM.\n",
    .opts = opts,
    .run = run,
};
