#include "base/fmt.h"
#include "cmd/cmd.h"
#include "collect/collect.h"
#include <inttypes.h>
#include <errno.h>

static int run_explain(struct run *r) {
    const char *const *args;
    struct evidence ev;
    if (opt_args(r->opts, &args) != 1)
        return err_set(&r->err, -EINVAL, NULL, "explain takes one TARGET");
    int rc = collect(args[0], NEED_ALL, &ev, &r->err);
    if (rc < 0)
        return rc;
    if (!r->json)
        for (size_t i = 0; i < ev.account.owners.n; i++) {
            struct owner *o = &ev.account.owners.at[i];
            fprintf(r->out, "%12" PRIu64 " %14" PRIu64 " %12" PRIu64 " %s\n", o->resident_bytes,
                    o->virtual_bytes, o->pss_bytes, o->path);
        }
    if (!r->json) {
        fprintf(r->out, "rss %" PRIu64 " attributed %" PRIu64 " pause %.1f ms took %.1f ms own %.1f MB stops %u\n",
                ev.account.rss_bytes, ev.account.attributed_bytes, ev.cost.pause_ns / 1e6,
                ev.cost.took_ns / 1e6, ev.cost.own_rss_bytes / 1e6, ev.cost.stops);
        for (size_t i = 0; i < ev.notes.n; i++)
            fprintf(r->out, "note: %s\n", ev.notes.at[i]);
        for (size_t i = 0; i < ev.account.unknown.n; i++)
            fprintf(r->out, "unknown %" PRIx64 "-%" PRIx64 " %" PRIu64 "\n",
                    ev.account.unknown.at[i].start, ev.account.unknown.at[i].end,
                    ev.account.unknown.at[i].resident_bytes);
    }
    evidence_done(&ev);
    return 0;
}

static const struct opt opts[] = {{0}};

const struct command cmd_explain = {
    .name = "explain",
    .args = "TARGET",
    .summary = "account for every resident byte, and say why",
    .help = "x",
    .opts = opts,
    .run = run_explain,
};
