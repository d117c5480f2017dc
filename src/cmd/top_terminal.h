/* The terminal `memwhy top` draws on, by ncurses: whole again whatever ends the program, but for
 * SIGKILL. There is one at most. */
#ifndef MEMWHY_CMD_TOP_TERMINAL_H
#define MEMWHY_CMD_TOP_TERMINAL_H

#include "base/err.h"
#include "report/top_lines.h"
#include <stdbool.h>
#include <stdint.h>

/* -EINVAL when TERM names nothing that can be drawn on. From here on signals come only while
 * top_terminal_wait() waits. */
int top_terminal_begin(bool colour, bool unicode, struct err *e);
/* Idempotent. */
void top_terminal_end(void);
/* In a child: signals as they were before. */
void top_terminal_restore_signals(void);

enum top_wake { TOP_WAKE_TIME, TOP_WAKE_INPUT, TOP_WAKE_END };
/* Until that time of clock_ns(), a key, something to read from `fd` (-1: nothing), a new size, or
 * the end: a signal to end, or a terminal that is gone. */
enum top_wake top_terminal_wait(uint64_t until_ns, int fd);
/* The next key that was pressed: a character, or ncurses' KEY_*, which are above
 * TOP_KEY_FIRST. -1: none. */
int top_terminal_key(void);
enum { TOP_KEY_FIRST = 0x200000 }; /* above Unicode */

void top_terminal_size(unsigned *ret_rows, unsigned *ret_columns);

enum top_look { TOP_LOOK_PLAIN, TOP_LOOK_SELECTED, TOP_LOOK_BAND };
/* A line: its runs from column `skip` on, the rest of it blank. */
void top_terminal_line(unsigned row, const struct top_line *l, unsigned skip, enum top_look look);
/* Where the cursor stands; it is hidden unless this was called since top_terminal_show(). */
void top_terminal_cursor(unsigned row, unsigned column);
/* Show what was drawn. */
void top_terminal_show(void);
/* Draw it all anew at the next show. */
void top_terminal_repaint(void);

#endif
