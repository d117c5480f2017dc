/* A way in one line, piece by piece: "global", ".list", "[988]". */
#ifndef MEMWHY_COLLECT_PATH_LINE_H
#define MEMWHY_COLLECT_PATH_LINE_H

#include "base/vec.h"

struct path_line {
    VEC(char *) pieces;
};

void path_line_add(struct path_line *l, const char *piece);
void path_line_clear(struct path_line *l);
/* Clears it, too. */
void path_line_done(struct path_line *l);
/* What repeats is told once: "list.head(.next × 9,000).value". The caller frees it. */
char *path_line_text(const struct path_line *l);

#endif
