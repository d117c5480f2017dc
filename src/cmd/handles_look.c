#include "cmd/handles_look.h"

#include "report/document.h"
#include <errno.h>

enum { EXIT_PARTIAL = 4 };

int handles_look(struct run *r, struct evidence *ret) {
    const char *const *args;
    opt_args(r->opts, &args);
    int rc = look_at(r, args[0], NEED_HANDLES, ret);
    if (rc < 0 || ret->uv.loops.n)
        return rc;
    evidence_done(ret);
    return err_set(&r->err, -ENODATA, "`memwhy bt` shows what its threads do.",
                   "No event loop of libuv was found in this target.");
}

static bool is_whole(const struct evidence *ev) {
    for (size_t i = 0; i < ev->uv.loops.n; i++)
        if (ev->uv.loops.at[i].cut)
            return false;
    return true;
}

int handles_end(struct run *r, struct evidence *ev) {
    if (r->json)
        document_common(r->doc, ev);
    else
        document_footer(r->out, ev);
    int rc = is_whole(ev) ? 0 : EXIT_PARTIAL;
    evidence_done(ev);
    return rc;
}
