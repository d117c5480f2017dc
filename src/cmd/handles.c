/* memwhy handles: what libuv waits for. */
#include "report/handles.h"
#include "cmd/cmd.h"
#include "cmd/handles_look.h"
#include <errno.h>
#include <string.h>

static int check_type(struct run *r, const char *type) {
    for (int t = 1; t < UV_TYPES; t++)
        if (!type || strcmp(type, uv_type_name((enum uv_type)t)) == 0)
            return 0;
    return err_set(&r->err, -EINVAL,
                   "There are tcp, pipe, udp, tty, timer, process, signal, poll, fs_event, "
                   "fs_poll, async, check, idle and prepare.",
                   "libuv has no handles of type %s", type);
}

static int run_handles(struct run *r) {
    struct evidence ev;
    int rc = check_type(r, opt_string(r->opts, "type", NULL));
    if (rc == 0)
        rc = handles_look(r, &ev);
    if (rc < 0)
        return rc;
    struct report_handles how = {.width = r->width,
                                 .internal = opt_flag(r->opts, "internal"),
                                 .type = opt_string(r->opts, "type", NULL),
                                 .pid = ev.target.pid};
    if (r->json)
        report_handles_json(r->doc, &ev.uv, &how);
    else
        report_handles_text(r->out, &ev.uv, &how);
    return handles_end(r, &ev);
}

static const struct opt opts[] = {
    {"type", 't', OPT_STRING, "TYPE",
     "only tcp, pipe, udp, tty, timer, process, signal, fs_event, ..."},
    {"internal", 'i', OPT_FLAG, NULL, "also handles that libuv made for itself"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_handles = {
    .name = "handles",
    .args = "TARGET",
    .group = GROUP_NATIVE,
    .summary = "what the event loops wait for",
    .help =
        "Lists the handles of every event loop of libuv: the main thread's, those of workers, and\n"
        "those that Node runs for itself. An active handle that is not unref'ed keeps its loop\n"
        "running; one that JavaScript has forgotten to close stays here. CLASS is Node's object\n"
        "around the handle, WHAT the object that it is part of (Socket, Server, ChildProcess, "
        "...),\n"
        "its addresses or file, or the function that libuv will call. QUEUED is what was written\n"
        "and is not sent. Then the requests: writes, connects, and the work of the thread pool,\n"
        "which file system, DNS, crypto and zlib share: four threads, unless UV_THREADPOOL_SIZE\n"
        "says otherwise. What waits there long is a reason why Buffers stay.\n"
        "\n"
        "  $ memwhy handles 2043476                 all that keeps it running\n"
        "  $ memwhy handles 2043476 --type timer    how long it will sleep\n"
        "  $ memwhy handles core --json | jq '.types'\n"
        "\n"
        "All of JavaScript's timers share one handle for each thread. Addresses and the kernel's\n"
        "queues are known of processes and captures, not of other core files. Exit code 4: not\n"
        "all could be followed.\n",
    .opts = opts,
    .run = run_handles,
};
