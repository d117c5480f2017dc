#include "cmd/inspecting.h"

#include "cmd/interrupted.h"
#include "cmd/look.h"
#include <stdio.h>
#include <string.h>

#define TIMEOUT_NS 10000000000ull

int inspecting_open(struct run *r, const struct evidence *ev, struct inspecting *ret) {
    struct inspector *s;
    struct inspector_how how = {.timeout_ns = opt_u64(r->opts, "timeout", TIMEOUT_NS),
                                .stop = interrupted_by_signals(0)};
    int rc = inspector_open(ev, &how, &s, &r->err);
    if (rc < 0)
        return rc;
    *ret = (struct inspecting){.session = s, .opened = s->opened, .others = s->others};
    snprintf(ret->at, sizeof ret->at, strchr(s->at.host, ':') ? "[%s]:%u" : "%s:%u", s->at.host,
             s->at.port);
    return 0;
}

int inspecting_begin(struct run *r, const char *target, struct inspecting *ret, char ret_pid[16]) {
    struct evidence ev;
    int rc = look_at(r, target, NEED_HANDLES | NEED_PROCESS, &ev);
    if (rc < 0)
        return rc;
    rc = inspecting_open(r, &ev, ret);
    snprintf(ret_pid, 16, "%d", (int)ev.target.pid);
    evidence_done(&ev);
    return rc;
}

int inspecting_end(struct run *r, struct inspecting *i, int rc) {
    if (i->session)
        i->end = inspector_close(i->session);
    i->session = NULL;
    if (rc < 0 && i->end == INSPECTOR_LEFT_OPEN)
        snprintf(r->err.hint, sizeof r->err.hint,
                 "Its inspector, opened for this, still listens on %s; the process was told to "
                 "close it, which it does when its event loop runs again.",
                 i->at);
    return rc;
}

void inspecting_print(FILE *out, const struct inspecting *i) {
    fprintf(out, "Asked through its inspector on %s", i->at);
    if (i->end == INSPECTOR_CLOSED)
        fputs(", which was opened for it and is closed again.\n", out);
    else if (i->end == INSPECTOR_LEFT_OPEN)
        fputs(", which was opened for it and IS STILL OPEN: its event loop is busy, or somebody "
              "else is connected now.\n",
              out);
    else if (i->others)
        fprintf(out, ", open before, with %u other client%s.\n", i->others,
                i->others == 1 ? "" : "s");
    else
        fputs(", open before and left so.\n", out);
}

json_t *inspecting_json(const struct inspecting *i) {
    json_t *o = json_object();
    json_object_set_new(o, "address", json_string(i->at));
    json_object_set_new(o, "opened", json_boolean(i->opened));
    if (i->opened)
        json_object_set_new(o, "closed", json_boolean(i->end == INSPECTOR_CLOSED));
    json_object_set_new(o, "other_clients", json_integer(i->others));
    return o;
}
