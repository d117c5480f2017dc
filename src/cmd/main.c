/* The dispatcher: which command, its options, where its result goes, errors and exit codes. */
#include "base/clock.h"
#include "base/term.h"
#include "base/text.h"
#include "base/vec.h"
#include "cmd/cmd.h"
#include "cmd/output.h"
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_OWN_FAILURE = 5 };

/* What the command line asks for. */
struct request {
    const struct command *command;
    const char *word; /* the first word, when it is no command but explain's TARGET; else NULL */
    bool json;        /* known before parsing, so that a usage error can answer in kind */
    VEC(char *) argv; /* [0] is the command's name */
    struct opt_values *opts;
    uint64_t began_ns;
};

/* The first word of the command line: what is neither a leading option nor its value. */
static int find_word(int argc, char **argv) {
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++)
        if (!strcmp(argv[i], "-o") || !strcmp(argv[i], "--output"))
            i++;
    return i < argc ? i : 0;
}

/* `memwhy TARGET` is `memwhy explain TARGET`. */
static void choose_command(struct request *q, int argc, char **argv) {
    int at = find_word(argc, argv);
    q->command = at ? command_find(argv[at]) : NULL;
    if (!q->command) {
        q->command = command_find("explain");
        q->word = at ? argv[at] : NULL;
        at = 0;
    }
    vec_push(&q->argv, argv[at]);
    for (int i = 1; i < argc; i++) {
        if (i != at)
            vec_push(&q->argv, argv[i]);
        if (!strcmp(argv[i], "--json"))
            q->json = true;
    }
    vec_push(&q->argv, NULL);
}

/* The command's options and the common ones in one table; the caller frees it. */
static struct opt *all_opts(const struct command *c) {
    VEC(struct opt) all = {0};
    for (const struct opt *o = c->opts; o && o->name; o++)
        vec_push(&all, *o);
    cleanup_free struct opt *inherited = command_inherited_opts(c);
    for (const struct opt *o = inherited; o->name; o++)
        vec_push(&all, *o);
    vec_push(&all, (struct opt){0});
    return all.at;
}

static int check_arg_count(const struct command *c, const struct opt_values *opts, struct err *e) {
    size_t least = 0, most = 0;
    for (const char *w = c->args + strspn(c->args, " "); *w; w += strspn(w, " ")) {
        size_t len = strcspn(w, " ");
        least += w[0] != '[';
        most = memmem(w, len, "...", 3) || most == SIZE_MAX ? SIZE_MAX : most + 1;
        w += len;
    }
    const char *const *args;
    size_t n = opt_args(opts, &args);
    if (n >= least && n <= most)
        return 0;
    return err_set(e, -EINVAL, "Add --help to see an example.",
                   n < least ? "Something is missing: memwhy %s %s."
                             : "That is too much: memwhy %s %s.",
                   c->name, c->args);
}

/* A first word that is no command was taken for a target; when that fails, say what it may be. */
static void hint_misspelt(const struct request *q, struct err *e) {
    const struct command *c = q->word ? command_resembling(q->word) : NULL;
    if (c)
        snprintf(e->hint, sizeof e->hint, "Did you mean the command `memwhy %s`?", c->name);
}

static json_t *new_document(const char *command) {
    return json_pack("{s:s, s:s}", "schema", "memwhy/1", "command", command);
}

static int print_document(json_t *doc, FILE *out) {
    size_t flags = JSON_INDENT(2) | JSON_REAL_PRECISION(12);
    int rc = json_dumpf(doc, out, flags) < 0 || fputc('\n', out) == EOF;
    return rc ? -EIO : 0;
}

/* What this run itself cost. The pause and what the target paid are the command's to know. */
static void add_cost(json_t *doc, uint64_t began_ns) {
    struct rusage usage;
    json_t *cost = json_object_get(doc, "cost");
    if (!cost) {
        cost = json_object();
        json_object_set_new(doc, "cost", cost);
    }
    getrusage(RUSAGE_SELF, &usage);
    json_object_set_new(cost, "took_ns", json_integer((json_int_t)(clock_ns() - began_ns)));
    json_object_set_new(cost, "own_rss_bytes", json_integer(usage.ru_maxrss * 1024));
}

/* Tells the user, on stdout as JSON or on stderr as a sentence. Returns the exit code. */
static int report_error(const struct request *q, const struct err *e, int code) {
    const char *what = e->what[0] ? e->what : strerror(-code);
    if (q->json) {
        json_t *doc = new_document(q->command ? q->command->name : "");
        json_t *error = json_object();
        json_object_set_new(error, "code", json_string(err_json_code(code)));
        json_object_set_new(error, "message", text_json(what));
        if (e->hint[0])
            json_object_set_new(error, "hint", text_json(e->hint));
        json_object_set_new(doc, "error", error);
        print_document(doc, stdout);
        json_decref(doc);
        if (fflush(stdout))
            fputs("memwhy: The error could not be written to standard output.\n", stderr);
    } else {
        cleanup_free char *message = text_printable(what);
        cleanup_free char *hint = text_printable(e->hint);
        const char *stop = message[0] && message[strlen(message) - 1] == '.' ? "" : ".";
        fprintf(stderr, "memwhy: %s%s%s%s\n", message, stop, *hint ? " " : "", hint);
    }
    return err_exit_code(code);
}

/* Output that could not be written is memwhy's failure, not the target's. */
static int report_write_error(const struct request *q, const struct err *e) {
    struct request plain = *q;
    plain.json = false; /* stdout may be what failed */
    report_error(&plain, e, e->code);
    return EXIT_OWN_FAILURE;
}

static int run_command(struct request *q, struct err *e, bool *ret_write_failed) {
    struct output out;
    bool own = command_has_opt(q->command, "output");
    int rc = output_open(own ? NULL : opt_string(q->opts, "output", NULL), &out, e);
    if (rc < 0) {
        *ret_write_failed = true;
        return rc;
    }
    struct run r = {
        .opts = q->opts,
        .json = q->json,
        .doc = q->json ? new_document(q->command->name) : NULL,
        .out = out.file,
        .colour = term_colour(out.file),
        .unicode = term_is_utf8(),
        .width = term_width(out.file),
        .progress = term_is_tty(stderr),
    };
    rc = q->command->run(&r);
    if (rc < 0) {
        output_abandon(&out);
        *e = r.err;
    } else {
        if (q->json && json_object_size(r.doc) > 2) { /* a stream has printed its own */
            add_cost(r.doc, q->began_ns);
            print_document(r.doc, out.file);
        }
        int written = output_commit(&out, e);
        if (written < 0) {
            *ret_write_failed = true;
            rc = written;
        }
    }
    json_decref(r.doc);
    return rc;
}

/* --help, --version and a bare `memwhy` are answered without a command. */
static bool answer_directly(int argc, char **argv, int *ret_code) {
    const char *first = argc > 1 ? argv[1] : "--help";
    bool version = !strcmp(first, "--version") || !strcmp(first, "-V");
    if (!version && strcmp(first, "--help") && strcmp(first, "-h"))
        return false;
    if (version)
        printf("memwhy %s\n", MEMWHY_VERSION);
    else
        help_overview(argc > 1 ? stdout : stderr);
    *ret_code = argc > 1 ? 0 : 2;
    return true;
}

static int serve_request(struct request *q) {
    struct err e = {0};
    bool write_failed = false;
    if (!q->command) { /* this build has no explain */
        int code = err_set(&e, -EINVAL, "memwhy --help lists all commands.",
                           "There is no command %s.", q->word ? q->word : "");
        hint_misspelt(q, &e);
        return report_error(q, &e, code);
    }
    cleanup_free struct opt *table = all_opts(q->command);
    int rc = opt_parse(table, (int)q->argv.n - 1, q->argv.at, &q->opts, &e);
    if (rc == 0 && opt_flag(q->opts, "help")) {
        help_command(q->command, stdout);
        return 0;
    }
    if (rc == 0) {
        q->json = opt_flag(q->opts, "json");
        rc = check_arg_count(q->command, q->opts, &e);
    }
    if (rc == 0)
        rc = run_command(q, &e, &write_failed);
    if (rc >= 0)
        return rc;
    if (write_failed)
        return report_write_error(q, &e);
    hint_misspelt(q, &e);
    return report_error(q, &e, rc);
}

/* The kernel starts handlers of cores without them; a file opened later must not become one. What
 * stands in for standard output cannot be written, so that a lost answer is an error as before. */
static void open_standard_files(void) {
    static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
            return; /* nothing can be opened here: it will be said of the first file that is needed
                     */
}

int main(int argc, char **argv) {
    open_standard_files();
    signal(SIGPIPE, SIG_DFL); /* `memwhy map 1 | head` ends quietly, as other tools do */
    setlocale(LC_CTYPE, "");
    struct request q = {.began_ns = clock_ns()};
    int code = 0;
    if (!answer_directly(argc, argv, &code)) {
        choose_command(&q, argc, argv);
        code = serve_request(&q);
    }
    vec_free(&q.argv);
    opt_free(q.opts);
    struct err e = {0};
    struct output out = {.file = stdout};
    if (code != EXIT_OWN_FAILURE && output_commit(&out, &e) < 0)
        code = report_write_error(&q, &e);
    return code;
}
