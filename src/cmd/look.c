#include "cmd/look.h"

#include "base/progress.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

/* The collection is one call, so a thread of its own keeps the line alive. */
struct ticker {
    pthread_t thread;
    bool running;
    atomic_bool stop;
    struct progress line;
    char what[96];
};

static void *tick(void *arg) {
    struct ticker *t = arg;
    const struct timespec step = {0, 100000000};
    while (!atomic_load(&t->stop)) {
        nanosleep(&step, NULL);
        progress_say(&t->line, t->what, 0, 0);
    }
    progress_done(&t->line);
    return NULL;
}

static void ticker_start(struct ticker *t, bool on, const char *target) {
    t->line = progress_start(on);
    snprintf(t->what, sizeof t->what, "reading %.64s", target);
    t->running = on && pthread_create(&t->thread, NULL, tick, t) == 0;
}

static void ticker_stop(struct ticker *t) {
    if (!t->running)
        return;
    atomic_store(&t->stop, true);
    pthread_join(t->thread, NULL);
}

#define MAX_PAUSE_NS 1000000000ull

int look_freeze_how(struct run *r, struct image_freeze_how *ret) {
    static const char *const ways[] = {
        [IMAGE_FREEZE_AUTO] = "auto", [IMAGE_FREEZE_FORK] = "fork", [IMAGE_FREEZE_STOP] = "stop"};
    const char *way = opt_string(r->opts, "freeze", "auto");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(way, ways[i]) == 0) {
            *ret = (struct image_freeze_how){
                .way = (enum image_freeze_way)i,
                .max_pause_ns = opt_u64(r->opts, "max-pause", MAX_PAUSE_NS),
            };
            return 0;
        }
    return err_set(&r->err, -EINVAL, "Give --freeze=auto, --freeze=fork or --freeze=stop.",
                   "there is no way to freeze named so: %s", way);
}

/* Who looks; at most one of them. */
struct looker {
    const struct v8_visit *heap;
    const struct still_visit *still;
    const struct whole_visit *whole;
};

static int look(struct run *r, const char *target, unsigned needs, struct looker who,
                struct evidence *ret) {
    struct ticker t = {0};
    struct image_freeze_how how;
    int rc = look_freeze_how(r, &how);
    if (rc < 0)
        return rc;
    ticker_start(&t, r->progress, target);
    rc = who.whole   ? collect_whole(target, needs, &how, who.whole, ret, &r->err)
         : who.still ? collect_still(target, needs, &how, who.still, ret, &r->err)
                     : collect_visited(target, needs, &how, who.heap, ret, &r->err);
    ticker_stop(&t);
    return rc;
}

int look_at(struct run *r, const char *target, unsigned needs, struct evidence *ret) {
    return look(r, target, needs, (struct looker){0}, ret);
}

int look_at_visited(struct run *r, const char *target, unsigned needs, const struct v8_visit *visit,
                    struct evidence *ret) {
    return look(r, target, needs, (struct looker){.heap = visit}, ret);
}

int look_at_quiet(struct run *r, const char *target, unsigned needs, struct evidence *ret) {
    enum { LOOKS = 5 };
    for (int i = 1;; i++) {
        int rc = look_at(r, target, needs, ret);
        if (rc < 0)
            return rc;
        const struct malloc_coverage *v = &ret->malloc.coverage;
        if (i == LOOKS || !ret->cost.freeze || (!v->walk_errors && !v->list_errors))
            return 0;
        evidence_done(ret);
    }
}

int look_at_still(struct run *r, const char *target, unsigned needs,
                  const struct still_visit *visit, struct evidence *ret) {
    return look(r, target, needs, (struct looker){.still = visit}, ret);
}

int look_at_whole(struct run *r, const char *target, unsigned needs,
                  const struct whole_visit *visit, struct evidence *ret) {
    return look(r, target, needs, (struct looker){.whole = visit}, ret);
}

/* Why there is no V8 census, as an error: collect() said it in a note. */
int look_explain_absence(struct run *r, const struct evidence *ev) {
    const char *note = ev->notes.n ? ev->notes.at[ev->notes.n - 1] : "";
    if (ev->target.engine == ENGINE_NONE)
        return err_set(&r->err, -ENODATA, "`memwhy explain` accounts for its memory without V8.",
                       "There is no V8 in this target, so it has no JavaScript heap.");
    return err_set(&r->err, -ENOTSUP,
                   "`memwhy layout` shows what is known of this V8; `memwhy explain` and `memwhy "
                   "map` say what the kernel and malloc know.",
                   "%s%s", note[0] ? note : "V8's heap could not be read",
                   note[0] && note[strlen(note) - 1] == '.' ? "" : ".");
}

static int look_at_v8(struct run *r, const char *target, unsigned what,
                      const struct v8_visit *visit, struct evidence *ret) {
    int rc = look(r, target, NEED_V8 | what, (struct looker){.heap = visit}, ret);
    if (rc < 0 || (ret->has_v8 && ret->v8.layout_known))
        return rc;
    rc = look_explain_absence(r, ret);
    evidence_done(ret);
    return rc;
}

int look_at_heap(struct run *r, const char *target, const struct v8_visit *visit,
                 struct evidence *ret) {
    return look_at_v8(r, target, NEED_LIVENESS, visit, ret);
}

int look_at_heap_and(struct run *r, const char *target, unsigned needs,
                     const struct v8_visit *visit, struct evidence *ret) {
    return look_at_v8(r, target, NEED_LIVENESS | needs, visit, ret);
}

int look_at_shapes(struct run *r, const char *target, const struct v8_visit *visit,
                   struct evidence *ret) {
    return look_at_v8(r, target, NEED_SHAPES, visit, ret);
}
