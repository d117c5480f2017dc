#include "model/evidence_keep.h"

#include "base/limits.h"
#include "model/evidence_fields.h"
#include <errno.h>
#include <string.h>

enum { NOT_KEPT = PROCESS_CMDLINE | PROCESS_THREADS };

json_t *evidence_to_json(const struct evidence *ev) {
    return fields_to_json(evidence_fields, ev);
}

/* --- what is taken for granted --- */

static bool ranges_ascend(const void *at, size_t n, size_t size) {
    uint64_t before = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t range[2]; /* all of them begin with {start, end} */
        memcpy(range, (const char *)at + i * size, sizeof range);
        if (range[0] < before || range[1] < range[0])
            return false;
        before = range[1];
    }
    return true;
}
#define ASCEND(v) ranges_ascend((v).at, (v).n, sizeof *(v).at)

static bool regions_hold(const struct region_list *l) {
    for (size_t i = 0; i < l->n; i++)
        if (!l->at[i].name || (unsigned)l->at[i].kind > REGION_DEVICE)
            return false;
    return ASCEND(*l);
}

static bool residency_holds(const struct residency *r) {
    for (size_t i = 0; i < r->n; i++)
        if ((r->at[i].start | r->at[i].end) % PAGE_BYTES)
            return false;
    return ASCEND(*r);
}

static bool malloc_holds(const struct malloc_census *c) {
    for (size_t i = 0; i < c->arenas.n; i++) {
        const struct malloc_arena *a = &c->arenas.at[i];
        if (a->n_pins > MALLOC_PINS)
            return false;
        for (size_t k = 0; k < a->n_pins; k++)
            if ((unsigned)a->pins[k].state >= MALLOC_STATES)
                return false;
    }
    for (size_t i = 0; i < c->spans.n; i++) {
        int32_t arena = c->spans.at[i].arena;
        if (arena < MALLOC_SPAN_WHOLE || arena >= (int32_t)c->arenas.n)
            return false;
    }
    return ASCEND(c->spans) && (unsigned)c->kind <= MALLOC_MUSL;
}

static bool account_holds(const struct account *a, size_t n_regions) {
    for (size_t i = 0; i < a->owners.n; i++)
        if (!a->owners.at[i].path)
            return false;
    for (size_t i = 0; i < a->pieces.n; i++)
        if (a->pieces.at[i].region >= n_regions || a->pieces.at[i].owner >= a->labels.n)
            return false;
    return ASCEND(a->pieces);
}

static bool process_holds(const struct process *p) {
    return (!(p->parts & PROCESS_EXE) || p->exe) && (!(p->parts & PROCESS_CGROUP) || p->cgroup);
}

static bool cgroup_holds(const struct cgroup *c) {
    const struct cgroup_limit *limits[] = {&c->max, &c->high, &c->swap_max, &c->effective_max};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if ((unsigned)limits[i]->state > CGROUP_LIMIT_SET)
            return false;
    return c->path && c->dir;
}

static bool suspects_hold(const struct suspects *l) {
    for (size_t i = 0; i < l->list.n; i++) {
        const struct suspect *s = &l->list.at[i];
        if (!s->kind || !s->text)
            return false;
        for (size_t k = 0; k < s->parts.n; k++)
            if (!s->parts.at[k].text)
                return false;
    }
    return true;
}

static bool flags_hold(const struct flag_list *l) {
    for (size_t i = 0; i < l->list.n; i++)
        if (!l->list.at[i].name || (unsigned)l->list.at[i].kind >= FLAG_KINDS)
            return false;
    return true;
}

static bool holds(const struct evidence *ev) {
    return ev->target.kind && (unsigned)ev->target.engine <= ENGINE_V8 &&
           regions_hold(&ev->regions) && residency_holds(&ev->residency) &&
           flags_hold(&ev->flags) && suspects_hold(&ev->suspects) && malloc_holds(&ev->malloc) &&
           account_holds(&ev->account, ev->regions.n) &&
           (!ev->has_process || process_holds(&ev->process)) &&
           (!ev->has_cgroup || cgroup_holds(&ev->cgroup));
}

/* What is not written, because it follows from the rest. */
static void complete(struct evidence *ev) {
    struct residency runs = ev->residency;
    ev->residency = (struct residency){.swap_bytes = runs.swap_bytes, .estimated = runs.estimated};
    for (size_t i = 0; i < runs.n; i++)
        residency_add(&ev->residency, runs.at[i].start, runs.at[i].end, runs.at[i].flags);
    free(runs.at);
    ev->process.parts &= ~(unsigned)NOT_KEPT;
}

int evidence_of_json(const json_t *j, struct evidence *ret, struct err *e) {
    struct evidence ev = {0};
    int r = fields_of_json(evidence_fields, j, &ev, &ev.texts);
    if (r < 0 || !holds(&ev)) {
        evidence_done(&ev);
        return err_set(e, -EBADMSG, "It may have been kept by another memwhy, or been damaged.",
                       "What was kept of this look does not hold together");
    }
    complete(&ev);
    *ret = ev;
    return 0;
}
