/* What the place we print to can show. Asked once, by the dispatcher. */
#ifndef MEMWHY_BASE_TERM_H
#define MEMWHY_BASE_TERM_H

#include <stdbool.h>
#include <stdio.h>

bool term_is_tty(FILE *f);
/* Columns of the terminal; 0 when `f` is none. COLUMNS overrides what the terminal says. */
unsigned term_width(FILE *f);
/* Colour: never with NO_COLOR or TERM=dumb, always with CLICOLOR_FORCE, else on a terminal. */
bool term_colour(FILE *f);
/* The locale of the environment (LC_ALL, LC_CTYPE, LANG) is UTF-8. */
bool term_is_utf8(void);

#endif
