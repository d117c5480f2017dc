#include "cmd/malloc_notes.h"

#include <errno.h>

/* What the census could not see, a sentence each. */
void malloc_notes_add(struct evidence *ev) {
    const struct malloc_coverage *v = &ev->malloc.coverage;
    const struct {
        uint64_t n;
        const char *what;
    } gaps[] = {
        {ev->malloc.own_walked ? 0 : v->walk_errors,
         "chunk headers made no sense; what follows each is counted as unwalked"},
        {v->list_errors, "entries of malloc's free lists led nowhere"},
        {v->faults, "pages of malloc could not be read"},
        {v->not_resident, "chunk headers are on pages that are swapped out or missing"},
        {v->threads - v->threads_with_regs,
         "threads have no known registers: what is in their caches counts as in use"},
        {v->tcaches_missing, "thread caches did not hold together"},
        {v->mmapped_missing, "mmapped chunks were not found"},
        {v->arena_missing_bytes, "bytes of the main arena were not found"},
        {v->truncated, "limit was reached: the heap is larger than memwhy will follow"},
    };
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++)
        if (gaps[i].n)
            evidence_note(ev, "%llu %s", (unsigned long long)gaps[i].n, gaps[i].what);
}

int malloc_refuse(struct run *r, struct evidence *ev) {
    int rc;
    if (ev->has_malloc)
        rc = err_set(&r->err, -ENOTSUP, "`memwhy malloc` says what is known of it.",
                     "The allocator of this target is %s: only glibc's chunks can be told apart.",
                     malloc_kind_name(ev->malloc.kind));
    else
        rc = err_set(&r->err, -ENODATA,
                     "If it has only just started, try again; a core must hold libc's data.", "%s",
                     ev->notes.n ? ev->notes.at[ev->notes.n - 1] : "malloc was not found");
    evidence_done(ev);
    return rc;
}
