/* What a rule concluded: plain data, for people and for JSON. */
#ifndef MEMWHY_MODEL_FINDING_H
#define MEMWHY_MODEL_FINDING_H

#include "base/vec.h"
#include "model/groups.h"
#include <stdbool.h>
#include <stdint.h>

enum confidence { CONFIDENCE_POSSIBLE, CONFIDENCE_LIKELY, CONFIDENCE_CERTAIN };

struct finding_evidence {
    char *text;
    uint64_t value; /* bytes or a count, as the text says */
    char *command;  /* what shows it; NULL */
};

/* A flag that a remedy names, as the target has it. */
struct finding_flag {
    char *name;      /* "--max-old-space-size" */
    bool exists;     /* this build has it */
    char *value;     /* what it is set to; NULL unknown */
    bool is_default; /* it was not set */
};

struct finding {
    const char *cause; /* a word of docs: "glibc-retention" */
    uint64_t bytes;    /* resident bytes it explains */
    enum confidence confidence;
    char *why; /* one sentence: the verdict if this finding comes first */
    VEC(struct finding_evidence) evidence;
    const char *remedy_class; /* NULL: none known yet */
    char *remedy;
    VEC(struct finding_flag) flags; /* that the remedy names; empty when V8's are not known */
    bool has_saving;
    uint64_t saving_bytes;
    char *saving_how;
    char *refuted_by;
    char *path;     /* of a leak: how what holds it is reached; NULL */
    uint64_t count; /* of its objects; 0: not told */
};

struct undecided {
    char *question, *command;
};

struct diagnosis {
    VEC(struct finding) findings; /* the one that explains most first */
    VEC(struct undecided) undecided;
    char *verdict; /* one sentence */
    /* Where there is no finding, and enough is known to say so: "healthy" or a kind of it. NULL. */
    const char *healthy;
};

void finding_evidence_add(struct finding *f, uint64_t value, char *command, const char *text, ...)
    __attribute__((format(printf, 4, 5)));
void diagnosis_done(struct diagnosis *d);
const char *confidence_name(enum confidence c);

#endif
