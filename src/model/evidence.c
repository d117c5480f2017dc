#include "model/evidence.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void evidence_note(struct evidence *ev, const char *fmt, ...) {
    char *s = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    for (size_t i = 0; i < ev->notes.n; i++)
        if (strcmp(ev->notes.at[i], s) == 0) {
            free(s);
            return;
        }
    vec_push(&ev->notes, s);
}

void evidence_done(struct evidence *ev) {
    free(ev->target.exe);
    free(ev->cost.not_forked);
    for (size_t i = 0; i < ev->notes.n; i++)
        free(ev->notes.at[i]);
    vec_free(&ev->notes);
    region_list_done(&ev->regions);
    residency_done(&ev->residency);
    vec_free(&ev->threads);
    stacks_done(&ev->stacks);
    uv_census_done(&ev->uv);
    v8_census_done(&ev->v8);
    suspects_done(&ev->suspects);
    lost_done(&ev->lost);
    flags_done(&ev->flags);
    malloc_census_done(&ev->malloc);
    account_done(&ev->account);
    free(ev->usages);
    region_list_done(&ev->usage_regions);
    process_done(&ev->process);
    cgroup_done(&ev->cgroup);
    vec_free(&ev->neighbours);
    field_texts_done(&ev->texts);
    trends_done(&ev->trends);
}
