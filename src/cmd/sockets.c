/* memwhy sockets: what is written and not sent, and to whom. */
#include "cmd/cmd.h"
#include "cmd/handles_look.h"
#include "report/handles.h"

static int run_sockets(struct run *r) {
    enum { MOST = 30 };
    struct evidence ev;
    int rc = handles_look(r, &ev);
    if (rc < 0)
        return rc;
    struct report_handles how = {.width = r->width,
                                 .most = opt_u64(r->opts, "top", r->json ? 0 : MOST)};
    if (r->json)
        report_sockets_json(r->doc, &ev.uv, &how);
    else
        report_sockets_text(r->out, &ev.uv, &how);
    return handles_end(r, &ev);
}

static const struct opt opts[] = {
    {"top", 'n', OPT_U64, "N", "at most so many sockets; 0: all (text: 30)"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_sockets = {
    .name = "sockets",
    .args = "TARGET",
    .group = GROUP_NATIVE,
    .summary = "sockets with what is queued on them, and their peers",
    .help =
        "Lists sockets and pipes, those with most bytes queued first. A program that goes on\n"
        "writing to a peer that does not read keeps all of it: first in the kernel, then in "
        "libuv,\n"
        "then in JavaScript. QUEUED is the sum of\n"
        "  JS       what the program wrote and its Socket still holds (socket.writableLength\n"
        "           without the write that is under way)\n"
        "  LIBUV    what was given to libuv and the kernel would not take\n"
        "  KERNEL   what the kernel has not sent, or of TCP the peer has not acknowledged\n"
        "TO READ is what has arrived and the program did not read. OWNER is the JavaScript "
        "object,\n"
        "with the request that HTTP serves on it.\n"
        "\n"
        "  $ memwhy sockets 2043476                 who does not read\n"
        "  $ memwhy sockets app.core.zst --json | jq '.sockets[] | select(.js_queued > 1e6)'\n"
        "\n"
        "The remedy is to heed what write() returns, or stream.pipeline(), and to close peers "
        "that\n"
        "do not read. The kernel's part is read some milliseconds after the rest when the process\n"
        "runs on; --freeze=stop reads both at one moment. It is known of processes and captures,\n"
        "not of other core files; of UDP it counts the kernel's own overhead too. Exit code 4: "
        "not\n"
        "all could be followed.\n",
    .opts = opts,
    .run = run_sockets,
};
