/* memwhy bt: what every thread is doing, JavaScript and native frames in one stack. */
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "report/document.h"
#include "report/stacks.h"
#include <errno.h>

enum { EXIT_PARTIAL = 4 };

static int print_stacks(struct run *r, const struct evidence *ev) {
    struct report_stacks how = {.thread = opt_string(r->opts, "thread", NULL),
                                .native = opt_flag(r->opts, "native"),
                                .js = opt_flag(r->opts, "js"),
                                .limit = opt_u64(r->opts, "limit", 0),
                                .colour = r->colour};
    if (!ev->stacks.threads.n)
        return err_set(&r->err, -EBADMSG, "Copy the core again: its notes are damaged or missing.",
                       "nothing is known of the threads of this %s", ev->target.kind);
    if (!report_stacks_chosen(&ev->stacks, &how))
        return err_set(&r->err, -EINVAL, "Without --thread, all of them are listed.",
                       "there is no thread with this id or name: %s", how.thread);
    if (r->json) {
        document_common(r->doc, ev);
        json_object_set_new(r->doc, "threads", report_stacks_json(&ev->stacks, &how));
    } else {
        report_stacks_text(r->out, &ev->stacks, &how);
        document_footer(r->out, ev);
    }
    return 0;
}

static int run_bt(struct run *r) {
    const char *const *args;
    struct evidence ev;
    opt_args(r->opts, &args);
    unsigned needs = NEED_STACKS | (opt_flag(r->opts, "verbose") ? NEED_ARGUMENTS : 0);
    int rc = look_at(r, args[0], needs, &ev);
    if (rc < 0)
        return rc;
    rc = print_stacks(r, &ev);
    if (rc == 0 && ev.stacks.unexplained)
        rc = EXIT_PARTIAL;
    evidence_done(&ev);
    return rc;
}

static const struct opt opts[] = {
    {"thread", 't', OPT_STRING, "THREAD", "only this one: its id, or its name"},
    {"limit", 'n', OPT_U64, "COUNT", "at most so many frames of each, the innermost"},
    {"verbose", 'v', OPT_FLAG, NULL, "also what JavaScript functions were called with"},
    {"js", 0, OPT_FLAG, NULL, "only functions of scripts"},
    {"native", 0, OPT_FLAG, NULL, "only functions of C and C++"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0},
};

const struct command cmd_bt = {
    .name = "bt",
    .args = "TARGET",
    .group = GROUP_HEAP,
    .summary = "the stack of every thread, JavaScript and native frames in one",
    .help =
        "Prints what each thread is doing, the innermost frame first, as gdb's bt does, but "
        "through\n"
        "JavaScript too: C++ that called JavaScript that called C++ is one stack. A frame is\n"
        "  native   a function of C or C++, and the program or library it is in\n"
        "  js       a function of a script, with the line and column of the call, as\n"
        "           Error().stack has them; [optimised], [inlined]: how V8 ran it\n"
        "  builtin  V8's own code: Array.prototype.map and the like, and what joins the others\n"
        "  entry    where C++ called into JavaScript\n"
        "\n"
        "  $ memwhy bt 1234                 all threads of a process\n"
        "  $ memwhy bt core.1234            of a core file, or of a capture\n"
        "  $ memwhy bt 1234 -t 1234 -v      its main thread, with arguments\n"
        "  $ memwhy bt 1234 --json | jq '.threads[].frames[0].name'\n"
        "\n"
        "The process is held for some milliseconds, for a fork of it, and runs on while its copy "
        "is\n"
        "read. A stack that could not be followed to where its thread began ends in (cut here: "
        "why).\n"
        "Functions of a library without symbols are told as the library and an offset. Exit code "
        "4:\n"
        "this V8 is not known, and JavaScript functions have no names.\n",
    .opts = opts,
    .run = run_bt,
};
