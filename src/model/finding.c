#include "model/finding.h"

#include <stdarg.h>
#include <stdio.h>

void finding_evidence_add(struct finding *f, uint64_t value, char *command, const char *text, ...) {
    struct finding_evidence e = {.value = value, .command = command};
    va_list ap;
    va_start(ap, text);
    if (vasprintf(&e.text, text, ap) < 0)
        e.text = NULL;
    va_end(ap);
    vec_push(&f->evidence, e);
}

static void finding_done(struct finding *f) {
    free(f->why);
    for (size_t i = 0; i < f->evidence.n; i++) {
        free(f->evidence.at[i].text);
        free(f->evidence.at[i].command);
    }
    vec_free(&f->evidence);
    for (size_t i = 0; i < f->flags.n; i++) {
        free(f->flags.at[i].name);
        free(f->flags.at[i].value);
    }
    vec_free(&f->flags);
    free(f->remedy);
    free(f->saving_how);
    free(f->refuted_by);
    free(f->path);
}

void diagnosis_done(struct diagnosis *d) {
    for (size_t i = 0; i < d->findings.n; i++)
        finding_done(&d->findings.at[i]);
    vec_free(&d->findings);
    for (size_t i = 0; i < d->undecided.n; i++) {
        free(d->undecided.at[i].question);
        free(d->undecided.at[i].command);
    }
    vec_free(&d->undecided);
    free(d->verdict);
}

const char *confidence_name(enum confidence c) {
    static const char *const names[] = {"possible", "likely", "certain"};
    return names[c];
}
