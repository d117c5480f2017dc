#include "cmd/top_screen.h"

#include "base/clock.h"
#include "base/text.h"
#include "cmd/top_account.h"
#include "cmd/top_list.h"
#include "cmd/top_pane.h"
#include "cmd/top_terminal.h"
#include <curses.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#define SECOND_NS 1000000000ull

enum mode { MODE_LIST, MODE_FILTER, MODE_SEARCH, MODE_SORT, MODE_TEXT };

/* Lines of the screen that are not the list's. */
enum { LINES_ABOVE = 2, LINES_BELOW = 2 };

struct screen {
    struct run *r;
    struct top_watch *watch;
    struct top_list list;
    enum mode mode;
    bool paused, leave;
    uint64_t every_ns, next_ns; /* of clock_ns() */
    char filter[128], words[128];
    struct top_pane pane;
    struct top_account account;
    int choice; /* in the list of what can be sorted by: a column */
    char message[sizeof((struct err *)0)->what]; /* until the next key */
};

/* --- text --- */

static const char help_text[] =
    "The bars are drawn of letters, each for as much memory: V of V8's heap that is used, v of\n"
    "it that is free, B of Buffers and what else native code told V8 of, M of malloc without\n"
    "those, o of other anonymous memory, and all of it that could not be told apart, F of files\n"
    "and shared memory. They add up to RSS; how much of each is resident is not asked of the\n"
    "kernel each second, so they are an estimate. Enter has every byte accounted for.\n"
    "\n"
    "RSS        memory of the process that is resident\n"
    "HEAP USED  V8's heap of the main thread, as process.memoryUsage() says\n"
    "HEAP LIMIT what V8 lets that grow to; ROOM% is what is left of it, marked below 10\n"
    "LIVED      heap that was used after the last full collection\n"
    "GC/s GC%   collections a second, and their share of the time, where that is known\n"
    "RSS/MIN    by which RSS rises a minute, of the last 300 rounds once there are 60; steady:\n"
    "           it may as well not\n"
    "CPU%       share of one processor\n"
    "?          is not known; the line below the list says why, for the process selected.\n"
    "           Columns that are known of no process are left out.\n"
    "gone       has ended; it leaves the list with the next round\n"
    "\n"
    "arrows PgUp PgDn Home End    select a process; it stays selected wherever it goes\n"
    "Enter      account for its memory: it is held for some milliseconds, as by explain\n"
    "F3 /       search; F3 again: the next        F4 \\       filter; Esc takes it away\n"
    "F5 t       tree, by cgroup                   F6 > <     choose what to sort by\n"
    "M P T N    sort by RSS, CPU, its time, pid   U G S      by heap used, GC/s, RSS/MIN\n"
    "I          the other way round               b          bars to one scale, or each full\n"
    "space p    pause                             + -        longer or shorter between rounds\n"
    "Ctrl-L     draw it all anew                  q F10 Esc  leave\n";

static void say(struct screen *s, const char *text) {
    snprintf(s->message, sizeof s->message, "%s", text);
}

static void open_text(struct screen *s, const char *title, const char *text) {
    top_pane_set(&s->pane, title, text);
    s->mode = MODE_TEXT;
}

/* --- the account --- */

static void begin_account(struct screen *s) {
    const struct top_process *p = top_list_selected(&s->list);
    unsigned rows, columns;
    struct err e = {0};
    if (!p || p->gone) {
        say(s, p ? "It has ended." : "There is no process to look at.");
        return;
    }
    top_terminal_size(&rows, &columns);
    if (top_account_begin(&s->account, s->r, &p->id, columns, &e) < 0) {
        say(s, e.what);
        return;
    }
    cleanup_free char *title = mem_printf("The account of process %d", (int)p->id.pid);
    cleanup_free char *text =
        mem_printf("Looking at process %d, which is held for some milliseconds...", (int)p->id.pid);
    open_text(s, title, text);
}

static void take_account(struct screen *s) {
    if (!s->account.child || !top_account_read(&s->account))
        return;
    cleanup_free char *title = mem_printf("The account of process %d", (int)s->account.id.pid);
    top_pane_set(&s->pane, title,
                 s->account.text.n ? s->account.text.at : "The look came to no end.");
    top_account_end(&s->account);
}

/* --- keys --- */

static void sort_by(struct screen *s, enum top_column c) {
    s->list.order.inverted = false;
    s->list.order.sort = c;
}

/* The next column that can be sorted by, in that direction. */
static int next_choice(int c, int step) {
    do
        c = (c + step + TOP_COLUMNS) % TOP_COLUMNS;
    while (!top_column_info((enum top_column)c)->meaning);
    return c;
}

static void change_interval(struct screen *s, bool longer) {
    static const uint64_t steps[] = {SECOND_NS / 5, SECOND_NS / 2,  SECOND_NS,      2 * SECOND_NS,
                                     5 * SECOND_NS, 10 * SECOND_NS, 30 * SECOND_NS, 60 * SECOND_NS};
    enum { N = sizeof steps / sizeof *steps };
    uint64_t now = s->every_ns;
    for (int i = 0; i < N; i++)
        if (longer ? steps[i] > now : steps[N - 1 - i] < now) {
            s->every_ns = steps[longer ? i : N - 1 - i];
            break;
        }
    s->next_ns = clock_ns() + s->every_ns;
}

static void toggle_pause(struct screen *s) {
    s->paused = !s->paused;
    if (!s->paused)
        s->next_ns = clock_ns();
}

static void search_next(struct screen *s) {
    if (!*s->words)
        s->mode = MODE_SEARCH;
    else if (!top_list_search(&s->list, s->words, false))
        say(s, "None matches.");
}

static void key_moves(struct screen *s, int key) {
    enum { PAGE = 10 };
    switch (key) {
    case TOP_KEY_FIRST + KEY_UP:
        top_list_move(&s->list, -1);
        break;
    case TOP_KEY_FIRST + KEY_DOWN:
        top_list_move(&s->list, 1);
        break;
    case TOP_KEY_FIRST + KEY_PPAGE:
        top_list_move(&s->list, -PAGE);
        break;
    case TOP_KEY_FIRST + KEY_NPAGE:
        top_list_move(&s->list, PAGE);
        break;
    case TOP_KEY_FIRST + KEY_HOME:
        top_list_home(&s->list);
        break;
    case TOP_KEY_FIRST + KEY_END:
        top_list_move(&s->list, (long)s->list.rows.n);
        break;
    default:
        break;
    }
}

static void key_sorts(struct screen *s, int key) {
    static const struct {
        int key;
        enum top_column column;
    } keys[] = {{'M', TOP_RSS},       {'P', TOP_CPU},     {'T', TOP_CPU_TIME}, {'N', TOP_PID},
                {'U', TOP_HEAP_USED}, {'G', TOP_GC_RATE}, {'S', TOP_SLOPE}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (key == keys[i].key)
            sort_by(s, keys[i].column);
}

static void key_in_list(struct screen *s, int key) {
    switch (key) {
    case TOP_KEY_FIRST + KEY_F(1):
    case 'h':
    case '?':
        open_text(s, "memwhy top", help_text);
        break;
    case TOP_KEY_FIRST + KEY_F(3):
        search_next(s);
        break;
    case '/':
        *s->words = '\0';
        s->mode = MODE_SEARCH;
        break;
    case TOP_KEY_FIRST + KEY_F(4):
    case '\\':
        s->mode = MODE_FILTER;
        break;
    case TOP_KEY_FIRST + KEY_F(5):
    case 't':
        s->list.order.tree = !s->list.order.tree;
        break;
    case TOP_KEY_FIRST + KEY_F(6):
    case '>':
    case '<':
        s->choice = (int)s->list.order.sort;
        s->mode = MODE_SORT;
        break;
    case 'I':
        s->list.order.inverted = !s->list.order.inverted;
        break;
    case 'b':
        s->list.own_scale = !s->list.own_scale;
        break;
    case ' ':
    case 'p':
        toggle_pause(s);
        break;
    case '+':
    case '-':
        change_interval(s, key == '+');
        break;
    case TOP_KEY_FIRST + KEY_ENTER:
    case '\r':
    case '\n':
        begin_account(s);
        break;
    case 12: /* Ctrl-L */
        top_terminal_repaint();
        break;
    case TOP_KEY_FIRST + KEY_F(10):
    case 27:
    case 'q':
        s->leave = true;
        break;
    default:
        key_moves(s, key);
        key_sorts(s, key);
    }
}

/* A character more or less at the end of `text`. */
static void edit(char *text, size_t size, int key) {
    size_t n = strlen(text);
    char c[MB_LEN_MAX];
    if (key == TOP_KEY_FIRST + KEY_BACKSPACE || key == 127 || key == 8) {
        text[text_prefix_bytes(text, n ? text_width(text) - 1 : 0)] = '\0';
    } else if (key >= ' ' && key < TOP_KEY_FIRST) {
        mbstate_t state = {0};
        size_t more = wcrtomb(c, (wchar_t)key, &state);
        if (more != (size_t)-1 && n + more < size) {
            memcpy(text + n, c, more);
            text[n + more] = '\0';
        }
    }
}

/* Enter and Esc end it; Esc takes back what was written. F3 goes on searching. */
static void key_in_edit(struct screen *s, int key, char *text, size_t size) {
    if (key == 27)
        *text = '\0';
    if (key == 27 || key == '\r' || key == '\n' || key == TOP_KEY_FIRST + KEY_ENTER)
        s->mode = MODE_LIST;
    else if (key < TOP_KEY_FIRST || key == TOP_KEY_FIRST + KEY_BACKSPACE)
        edit(text, size, key);
    else
        key_moves(s, key);
    if (s->mode == MODE_SEARCH && *text &&
        !top_list_search(&s->list, text, key != TOP_KEY_FIRST + KEY_F(3)))
        say(s, "None matches.");
}

static void key_in_sort(struct screen *s, int key) {
    switch (key) {
    case TOP_KEY_FIRST + KEY_UP:
        s->choice = next_choice(s->choice, -1);
        break;
    case TOP_KEY_FIRST + KEY_DOWN:
    case TOP_KEY_FIRST + KEY_F(6):
        s->choice = next_choice(s->choice, 1);
        break;
    case TOP_KEY_FIRST + KEY_ENTER:
    case '\r':
    case '\n':
        sort_by(s, (enum top_column)s->choice);
        s->mode = MODE_LIST;
        break;
    case TOP_KEY_FIRST + KEY_F(10):
    case 27:
    case 'q':
        s->mode = MODE_LIST;
        break;
    default:
        break;
    }
}

static void key_pressed(struct screen *s, int key) {
    *s->message = '\0';
    switch (s->mode) {
    case MODE_LIST:
        key_in_list(s, key);
        break;
    case MODE_FILTER:
        key_in_edit(s, key, s->filter, sizeof s->filter);
        break;
    case MODE_SEARCH:
        key_in_edit(s, key, s->words, sizeof s->words);
        break;
    case MODE_SORT:
        key_in_sort(s, key);
        break;
    case MODE_TEXT:
        if (!top_pane_key(&s->pane, key)) {
            top_account_end(&s->account);
            s->mode = MODE_LIST;
        }
        break;
    }
    top_list_fill(&s->list, s->watch);
}

/* --- drawing --- */

static void draw_text(unsigned row, unsigned role, const char *text, enum top_look look) {
    struct top_line line = {0};
    top_line_add(&line, role, text);
    top_terminal_line(row, &line, 0, look);
    top_line_done(&line);
}

static void draw_head(const struct screen *s, const struct top_totals *t) {
    char clock[16], rss[FMT_MAX];
    time_t seconds = (time_t)(t->time_ns / SECOND_NS);
    struct tm at;
    struct top_line legend = {0};
    unsigned rows, columns;
    top_terminal_size(&rows, &columns);
    strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&seconds, &at));
    cleanup_free char *head = mem_printf(
        "memwhy top %s  %zu process%s, RSS %s  every %.1f s  own CPU %.1f %%%s%s%s", clock,
        t->running, t->running == 1 ? "" : "es", fmt_bytes(rss, top_parts_sum(&t->parts)),
        (double)s->every_ns / (double)SECOND_NS, t->own_cpu_percent, s->paused ? "  PAUSED" : "",
        *s->filter ? "  filter: " : "", s->filter);
    draw_text(0, TOP_PLAIN, head, TOP_LOOK_BAND);
    top_line_legend(&t->parts, columns, &legend);
    top_terminal_line(1, &legend, 0, TOP_LOOK_PLAIN);
    top_line_done(&legend);
}

/* One line on what is selected, or what there is to say. */
static void draw_detail(const struct screen *s, unsigned row, const struct top_totals *t) {
    const struct top_process *p = top_list_selected(&s->list);
    const char *text = *s->message       ? s->message
                       : p && p->gone    ? "It has ended."
                       : p && p->no_v8   ? p->no_v8
                       : p && p->command ? p->command
                       : p               ? ""
                       : t->running      ? "No process matches the filter."
                                         : "There is no Node.js process here that can be seen.";
    draw_text(row, TOP_FAINT, text, TOP_LOOK_PLAIN);
}

static void draw_edit(const char *what, const char *text, unsigned row) {
    cleanup_free char *line = mem_printf("%s: %s", what, text);
    draw_text(row, TOP_PLAIN, line, TOP_LOOK_BAND);
    top_terminal_cursor(row, (unsigned)text_width(line));
}

static void draw_menu(const struct screen *s, unsigned first, unsigned end) {
    unsigned row = first;
    draw_text(row++, TOP_PLAIN, "Sort by", TOP_LOOK_BAND);
    for (int c = next_choice(TOP_COLUMNS - 1, 1), n = 0; n < TOP_COLUMNS && row < end; n++) {
        const struct top_column_info *info = top_column_info((enum top_column)c);
        cleanup_free char *text = mem_printf("  %-10s  %s", info->title, info->meaning);
        draw_text(row++, TOP_PLAIN, text, c == s->choice ? TOP_LOOK_SELECTED : TOP_LOOK_PLAIN);
        int next = next_choice(c, 1);
        if (next < c)
            break;
        c = next;
    }
    while (row < end)
        draw_text(row++, TOP_PLAIN, "", TOP_LOOK_PLAIN);
}

static void draw(struct screen *s) {
    struct top_totals t;
    unsigned rows, columns;
    top_terminal_size(&rows, &columns);
    unsigned below = rows > LINES_ABOVE + LINES_BELOW + 2 ? rows - LINES_BELOW : rows;
    top_watch_totals(s->watch, &t);
    if (s->mode == MODE_TEXT) {
        top_pane_draw(&s->pane);
        top_terminal_show();
        return;
    }
    draw_head(s, &t);
    if (s->mode == MODE_SORT)
        draw_menu(s, LINES_ABOVE, below);
    else
        top_list_draw(&s->list, LINES_ABOVE, below);
    if (below < rows)
        draw_detail(s, below, &t);
    if (s->mode == MODE_FILTER)
        draw_edit("Filter", s->filter, rows - 1);
    else if (s->mode == MODE_SEARCH)
        draw_edit("Search", s->words, rows - 1);
    else if (below < rows)
        draw_text(rows - 1, TOP_PLAIN,
                  s->mode == MODE_SORT
                      ? "Enter sorts by it   Esc back"
                      : "F1Help F3Search F4Filter F5Tree F6Sort EnterAccount SpacePause F10Quit",
                  TOP_LOOK_BAND);
    top_terminal_show();
}

/* --- rounds --- */

static int take_round(struct screen *s, bool first) {
    const uint64_t soon = SECOND_NS / 4; /* until there is a second round, no rate is known */
    int rc = top_watch_round(s->watch, &s->r->err);
    s->next_ns = clock_ns() + (first && s->every_ns > soon ? soon : s->every_ns);
    top_list_fill(&s->list, s->watch);
    return rc;
}

static int run_rounds(struct screen *s) {
    int rc = take_round(s, true);
    while (rc == 0 && !s->leave) {
        draw(s);
        enum top_wake wake =
            top_terminal_wait(s->paused ? UINT64_MAX / 2 : s->next_ns, s->account.fd);
        if (wake == TOP_WAKE_END)
            break;
        take_account(s);
        for (int key; wake == TOP_WAKE_INPUT && !s->leave && (key = top_terminal_key()) >= 0;)
            key_pressed(s, key);
        if (!s->paused && clock_ns() >= s->next_ns)
            rc = take_round(s, false);
    }
    return rc;
}

int top_screen_run(struct run *r, struct top_watch *w, const struct top_order *order,
                   uint64_t every_ns) {
    struct screen s = {.r = r, .watch = w, .every_ns = every_ns, .account.fd = -1};
    int rc = top_terminal_begin(r->colour, r->unicode, &r->err);
    if (rc < 0)
        return rc;
    s.list.order = *order;
    s.list.unicode = r->unicode;
    s.list.order.filter = s.filter;
    if (order->filter)
        snprintf(s.filter, sizeof s.filter, "%s", order->filter);
    rc = run_rounds(&s);
    top_account_end(&s.account);
    top_terminal_end();
    top_pane_done(&s.pane);
    top_list_done(&s.list);
    return rc;
}
