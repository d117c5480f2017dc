#include "cmd/explain_look.h"

#include "cmd/history_read.h"
#include "cmd/look.h"
#include "collect/recorded.h"
#include "image/headroom.h"
#include "kernel/process.h"
#include "native/leaks.h"
#include "suspects/suspects.h"
#include <string.h>
#include <unistd.h>

enum { GROUPS_KEPT = 5 };
#define MUCH_BYTES (32ull << 20)

/* A quarter of the process: beside V8's heap and what it holds, not a usual thing. */
static bool has_much_native(const struct evidence *ev) {
    uint64_t in_use = account_sum_leaf(&ev->account, "malloc", "in-use");
    return ev->has_malloc && ev->malloc.kind == MALLOC_GLIBC && in_use >= MUCH_BYTES &&
           in_use >= ev->account.attributed_bytes / 4;
}

static void keep_lost(struct leaks *l, struct lost_native *ret) {
    *ret = (struct lost_native){.is_known = true,
                                .in_use_bytes = l->in_use_bytes,
                                .count = l->lost_count,
                                .bytes = l->lost_bytes,
                                .handle_blocks = l->handles.count,
                                .handle_bytes = l->handles.bytes,
                                .handle_value = l->handles.value};
    for (size_t i = 0; i < l->groups.n && i < GROUPS_KEPT; i++) {
        struct leak_group *g = &l->groups.at[i];
        vec_push(&ret->groups,
                 (struct lost_blocks){g->size, g->count, g->bytes, g->label, g->sample});
        g->label = NULL;
    }
}

int explain_look_for_lost(struct run *r, const char *target, struct evidence *ev) {
    struct leaks l = {0};
    struct evidence again;
    if (!has_much_native(ev) || strcmp(ev->target.kind, "recorded") == 0)
        return 0;
    int rc = look_at_still(r, target, NEED_V8 | NEED_MALLOC | NEED_PIECES,
                           &(struct still_visit){&l, leaks_see}, &again);
    if (rc < 0) { /* what is known is known */
        evidence_note(ev, "lost native memory was not looked for: %s", r->err.what);
        r->err = (struct err){0};
        return 0;
    }
    keep_lost(&l, &ev->lost);
    ev->cost.pause_ns += again.cost.pause_ns;
    ev->cost.stops += again.cost.stops;
    ev->cost.took_ns += again.cost.took_ns;
    if (again.cost.longest_ns > ev->cost.longest_ns)
        ev->cost.longest_ns = again.cost.longest_ns;
    leaks_done(&l);
    evidence_done(&again);
    return 0;
}

/* To tell what lives, and what keeps it, takes of us as much as the heap has, of small objects.
 * Where that is not to be had, in a container with a limit for example, asking would kill us or, if
 * it is the target's own, the target. */
static bool has_room(const char *target) {
    struct process p;
    uint64_t anonymous;
    pid_t pid;
    if (target_pid(target, &pid, NULL) < 0 || process_read("", pid, PROCESS_STATUS, &p) < 0)
        return true;
    bool known = process_size_get(&p, PROCESS_RSS_ANON, &anonymous);
    process_done(&p);
    return !known || anonymous <= headroom_bytes(getpid());
}

static int look_quickly(struct run *r, const char *target, bool asked, struct evidence *ret) {
    int rc = look_at(r, target, NEED_ALL | NEED_FLAGS, ret);
    if (rc == 0 && !asked)
        evidence_note(ret, "what lives was not asked for, as it can take memwhy as much memory as "
                           "the process has, and less is left here");
    return rc;
}

int explain_look(struct run *r, const char *target, bool quick, struct evidence *ret) {
    const unsigned needs = NEED_ALL | NEED_FLAGS;
    struct suspects found = {0};
    if (recorded_is(target))
        return look_at(r, target, needs, ret);
    if (quick || !has_room(target))
        return look_quickly(r, target, quick, ret);
    int rc = look_at_visited(r, target, needs | NEED_LIVENESS | NEED_ANYHOW,
                             &(struct v8_visit){&found, suspects_see}, ret);
    if (rc < 0) {
        suspects_done(&found);
        return rc;
    }
    ret->suspects = found;
    ret->has_suspects = ret->v8.has_liveness;
    return explain_look_for_lost(r, target, ret);
}

int explain_look_back(struct run *r, const char *target, const char *last, struct evidence *ret) {
    struct recorded_range range;
    struct history h;
    int rc = recorded_range_open(target, &range, &r->err);
    if (rc < 0)
        return rc;
    rc = history_read(range.store, &range.all.list.at[range.process], 0, range.from_ns, range.to_ns,
                      &h, &r->err);
    if (rc == 0) {
        rc = look_at(r, last, NEED_ALL | NEED_FLAGS, ret);
        for (size_t i = 0; rc == 0 && i < h.fields.n; i++) {
            struct history_field *f = &h.fields.at[i];
            if (!f->judged)
                continue;
            vec_push(&ret->trends.rows, f->row);
            ret->trends.samples = (uint32_t)f->series.points.n;
            f->row = (struct trend_row){0};
        }
        if (rc == 0) {
            ret->trends.seconds = (double)(h.to_ns - h.from_ns) / 1e9;
            ret->trends.end_ns = store_wall_ns(range.store, h.to_ns);
        }
        history_done(&h);
    }
    recorded_range_close(&range);
    return rc;
}
