#include "collect/path_line.h"

#include "base/fmt.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void path_line_add(struct path_line *l, const char *piece) {
    vec_push(&l->pieces, mem_strdup(piece));
}

void path_line_clear(struct path_line *l) {
    for (size_t i = 0; i < l->pieces.n; i++)
        free(l->pieces.at[i]);
    l->pieces.n = 0;
}

void path_line_done(struct path_line *l) {
    path_line_clear(l);
    vec_free(&l->pieces);
}

/* How often pieces [i, i + unit) come one after the other from there on. */
static size_t repeats(const struct path_line *l, size_t i, size_t unit) {
    size_t same = 0;
    while (i + unit + same < l->pieces.n &&
           strcmp(l->pieces.at[i + same], l->pieces.at[i + unit + same]) == 0)
        same++;
    return 1 + same / unit;
}

char *path_line_text(const struct path_line *l) {
    enum { UNIT_MAX = 8, REPEATS_MIN = 4 };
    char *text = NULL, count[FMT_MAX];
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; out && i < l->pieces.n;) {
        size_t unit = 1, times = 1;
        for (size_t u = 1; u <= UNIT_MAX && times < REPEATS_MIN; u++) {
            unit = u;
            times = repeats(l, i, u);
        }
        bool folds = times >= REPEATS_MIN;
        fputs(folds ? "(" : "", out);
        for (size_t k = 0; k < (folds ? unit : 1); k++)
            fputs(l->pieces.at[i + k], out);
        if (folds)
            fprintf(out, " × %s)", fmt_count(count, times));
        i += folds ? unit * times : 1;
    }
    if (out)
        fclose(out);
    return text ? text : mem_strdup("");
}
