#include "model/suspect.h"

#include <stdlib.h>

void suspect_done(struct suspect *x) {
    free(x->text);
    free(x->path);
    for (size_t k = 0; k < x->parts.n; k++)
        free(x->parts.at[k].text);
    vec_free(&x->parts);
}

void suspects_done(struct suspects *s) {
    for (size_t i = 0; i < s->list.n; i++)
        suspect_done(&s->list.at[i]);
    vec_free(&s->list);
}
