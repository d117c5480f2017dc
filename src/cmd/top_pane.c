#include "cmd/top_pane.h"

#include "cmd/top_terminal.h"
#include <curses.h>
#include <string.h>

static void clear_lines(struct top_pane *p) {
    for (size_t i = 0; i < p->lines.n; i++)
        free(p->lines.at[i]);
    p->lines.n = 0;
    free(p->title);
    p->title = NULL;
}

void top_pane_set(struct top_pane *p, const char *title, const char *text) {
    clear_lines(p);
    p->title = mem_strdup(title);
    p->top = p->left = 0;
    while (*text) {
        size_t n = strcspn(text, "\n");
        vec_push(&p->lines, mem_strndup(text, n));
        text += n + (text[n] == '\n');
    }
}

/* Lines there is room for, between the title and the keys. */
static unsigned room(void) {
    unsigned rows, columns;
    top_terminal_size(&rows, &columns);
    return rows > 2 ? rows - 2 : 1;
}

static void draw_line(unsigned row, const char *text, unsigned skip, enum top_look look) {
    struct top_line line = {0};
    top_line_add(&line, TOP_PLAIN, text);
    top_terminal_line(row, &line, skip, look);
    top_line_done(&line);
}

void top_pane_draw(struct top_pane *p) {
    unsigned n = room(), most = p->lines.n > n ? (unsigned)p->lines.n - n : 0;
    p->top = p->top < most ? p->top : most;
    draw_line(0, p->title, 0, TOP_LOOK_BAND);
    for (unsigned i = 0; i < n; i++)
        draw_line(i + 1, p->top + i < p->lines.n ? p->lines.at[p->top + i] : "", p->left,
                  TOP_LOOK_PLAIN);
    cleanup_free char *where =
        mem_printf("Esc back   arrows, PgUp, PgDn scroll   lines %zu to %zu of %zu",
                   p->lines.n ? p->top + (size_t)1 : 0,
                   p->top + n < p->lines.n ? p->top + (size_t)n : p->lines.n, p->lines.n);
    draw_line(n + 1, where, 0, TOP_LOOK_BAND);
}

bool top_pane_key(struct top_pane *p, int key) {
    enum { SIDEWAYS = 8 };
    unsigned page = room();
    switch (key) {
    case TOP_KEY_FIRST + KEY_UP:
        p->top -= p->top > 0;
        break;
    case TOP_KEY_FIRST + KEY_DOWN:
        p->top++; /* drawing knows how far that goes */
        break;
    case TOP_KEY_FIRST + KEY_PPAGE:
        p->top = p->top > page ? p->top - page : 0;
        break;
    case TOP_KEY_FIRST + KEY_NPAGE:
    case ' ':
        p->top += page;
        break;
    case TOP_KEY_FIRST + KEY_HOME:
        p->top = 0;
        break;
    case TOP_KEY_FIRST + KEY_END:
        p->top = (unsigned)p->lines.n;
        break;
    case TOP_KEY_FIRST + KEY_LEFT:
        p->left = p->left > SIDEWAYS ? p->left - SIDEWAYS : 0;
        break;
    case TOP_KEY_FIRST + KEY_RIGHT:
        p->left += SIDEWAYS;
        break;
    case TOP_KEY_FIRST + KEY_F(10):
    case TOP_KEY_FIRST + KEY_ENTER:
    case '\r':
    case '\n':
    case 27:
    case 'q':
        return false;
    default:
        break;
    }
    return true;
}

void top_pane_done(struct top_pane *p) {
    clear_lines(p);
    vec_free(&p->lines);
}
