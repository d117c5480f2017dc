/* A text over the list of `memwhy top`, to be scrolled through: help, or an account. */
#ifndef MEMWHY_CMD_TOP_PANE_H
#define MEMWHY_CMD_TOP_PANE_H

#include "base/vec.h"
#include <stdbool.h>

struct top_pane {
    char *title;
    VEC(char *) lines;
    unsigned top, left; /* what is scrolled away */
};

/* Shows `text` from its beginning. */
void top_pane_set(struct top_pane *p, const char *title, const char *text);
void top_pane_draw(struct top_pane *p);
/* False when the key is to close it. */
bool top_pane_key(struct top_pane *p, int key);
void top_pane_done(struct top_pane *p);

#endif
