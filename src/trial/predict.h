/* What one look at the process without any setting lets expect of a setting: its settled RSS. */
#ifndef MEMWHY_TRIAL_PREDICT_H
#define MEMWHY_TRIAL_PREDICT_H

#include "model/evidence.h"
#include "trial/setting.h"

enum prediction_kind {
    PREDICTED_NOT,      /* nothing can be said */
    PREDICTED,          /* about so much */
    PREDICTED_AT_LEAST, /* of a heap limit: what lives is there whatever the limit */
};

struct prediction {
    enum prediction_kind kind;
    uint64_t rss_bytes;
};

/* Needs of the look: the account, V8 with liveness, the process. */
struct prediction predict_setting(const struct evidence *ev, const struct setting *s);
/* A setting whose prediction asks what a collection would free. */
bool predict_needs_liveness(const struct setting *s);

#endif
