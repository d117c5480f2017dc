#include "cmd/top_terminal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/interrupted.h"
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

/* What a signal handler needs to know, and ncurses, which knows one terminal: nothing else. */
static struct {
    SCREEN *screen; /* NULL: not begun */
    bool colour, unicode, cursor;
    const atomic_bool *interrupted;
    sigset_t held, before; /* signals: what waits until we wait, and what was blocked before */
    struct termios modes;  /* before */
    char undo[256];        /* takes what we did to the screen back */
    size_t undo_n;
} terminal;

/* --- a crash leaves the terminal as it was --- */

static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT};
enum { CRASHES = sizeof crashes / sizeof *crashes };

/* Nothing but what a signal handler may call. */
static void on_crash(int signal) {
    ssize_t n = write(STDOUT_FILENO, terminal.undo, terminal.undo_n);
    (void)n;
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal.modes);
    raise(signal); /* SA_RESETHAND: as if there had been no handler */
}

/* A capability that takes no parameters, as bytes; padding is for terminals of another age. */
static void add_undo(const char *name) {
    const char *s = tigetstr(name);
    if (!s || s == (const char *)-1)
        return;
    while (*s && terminal.undo_n < sizeof terminal.undo)
        if (s[0] == '$' && s[1] == '<' && strchr(s, '>'))
            s = strchr(s, '>') + 1;
        else
            terminal.undo[terminal.undo_n++] = *s++;
}

static void prepare_for_crashes(void) {
    static const char *const names[] = {"sgr0", "op", "rmkx", "cnorm", "rmcup"};
    terminal.undo_n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        add_undo(names[i]);
    struct sigaction crash = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND | SA_NODEFER};
    for (size_t i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &crash, NULL);
}

/* --- beginning and end --- */

static void on_continue(int signal) {
    (void)signal; /* that the wait ends is all it is for */
}

static void hold_signals(void) {
    static const int held[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};
    struct sigaction go_on = {.sa_handler = on_continue};
    sigemptyset(&terminal.held);
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        sigaddset(&terminal.held, held[i]);
    sigprocmask(SIG_BLOCK, &terminal.held, &terminal.before);
    terminal.interrupted = interrupted_by_signals(0);
    sigaction(SIGCONT, &go_on, NULL);
}

void top_terminal_restore_signals(void) {
    static const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        signal(ours[i], SIG_DFL);
    for (size_t i = 0; i < CRASHES; i++)
        signal(crashes[i], SIG_DFL);
    sigprocmask(SIG_SETMASK, &terminal.before, NULL);
}

static bool can_draw(void) {
    int unused;
    if (setupterm(NULL, STDOUT_FILENO, &unused) != OK)
        return false;
    const char *move_to = tigetstr("cup");
    bool can = move_to && move_to != (const char *)-1;
    del_curterm(cur_term);
    return can;
}

/* Explicit on both sides where there are so many, so that a block reads the same on dark and on
 * light; middling colours else. */
static void make_colours(void) {
    static const struct {
        short fore, back;             /* of 256 */
        short plain_fore, plain_back; /* of 8 */
    } colours[TOP_ROLES] = {
        [TOP_V8_USED] = {231, 25, COLOR_WHITE, COLOR_BLUE},
        [TOP_V8_FREE] = {16, 117, COLOR_BLACK, COLOR_CYAN},
        [TOP_EXTERNAL] = {16, 108, COLOR_BLACK, COLOR_GREEN},
        [TOP_MALLOC] = {16, 179, COLOR_BLACK, COLOR_YELLOW},
        [TOP_OTHER] = {231, 96, COLOR_WHITE, COLOR_MAGENTA},
        [TOP_FILES] = {16, 250, COLOR_BLACK, COLOR_WHITE},
        [TOP_PLAIN] = {-1, -1, -1, -1},
        [TOP_TITLE] = {16, 250, COLOR_BLACK, COLOR_WHITE},
        [TOP_SORTED] = {16, 117, COLOR_BLACK, COLOR_CYAN},
        [TOP_GROUP] = {-1, -1, -1, -1},
        [TOP_FAINT] = {-1, -1, -1, -1},
        [TOP_ALARM] = {231, 160, COLOR_WHITE, COLOR_RED},
    };
    start_color();
    if (!has_colors() || COLOR_PAIRS <= TOP_ROLES || use_default_colors() != OK) {
        terminal.colour = false;
        return;
    }
    for (int i = 0; i < TOP_ROLES; i++)
        if (COLORS >= 256)
            init_pair((short)(i + 1), colours[i].fore, colours[i].back);
        else
            init_pair((short)(i + 1), colours[i].plain_fore, colours[i].plain_back);
}

static void adopt_size(void) {
    struct winsize w = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row && w.ws_col &&
        is_term_resized(w.ws_row, w.ws_col))
        resizeterm(w.ws_row, w.ws_col);
}

int top_terminal_begin(bool colour, bool unicode, struct err *e) {
    const char *name = getenv("TERM");
    if (unicode && MB_CUR_MAX == 1) /* the locale that is asked for is not installed */
        unicode = setlocale(LC_CTYPE, "C.UTF-8");
    if (!can_draw())
        return err_set(e, -EINVAL, "memwhy top --once prints a table.",
                       "The terminal cannot be drawn on: TERM is %s%.64s.",
                       name && *name ? "" : "not set", name ? name : "");
    tcgetattr(STDIN_FILENO, &terminal.modes);
    hold_signals();
    use_env(FALSE); /* LINES and COLUMNS would outlive a change of the size */
    use_tioctl(TRUE);
    terminal.screen = newterm(NULL, stdout, stdin);
    if (!terminal.screen)
        return err_set(e, -EINVAL, "memwhy top --once prints a table.",
                       "The terminal %.64s cannot be drawn on.", name);
    prepare_for_crashes();
    terminal.colour = colour;
    terminal.unicode = unicode;
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    adopt_size();
    if (colour)
        make_colours();
    return 0;
}

void top_terminal_end(void) {
    if (!terminal.screen)
        return;
    endwin();
    delscreen(terminal.screen);
    terminal.screen = NULL;
    top_terminal_restore_signals();
}

/* --- waiting and keys --- */

/* A shell has had the terminal meanwhile, or it has another size. When ncurses goes on after a stop
 * it has the terminal scroll in as many lines as there were before. */
static void begin_anew(void) {
    reset_prog_mode();
    adopt_size();
    if (change_scroll_region)
        putp(tparm(change_scroll_region, 0L, (long)LINES - 1, 0L, 0L, 0L, 0L, 0L, 0L, 0L));
    fflush(stdout); /* before what ncurses writes by itself */
    top_terminal_repaint();
}

enum top_wake top_terminal_wait(uint64_t until_ns, int fd) {
    struct pollfd files[] = {{STDIN_FILENO, POLLIN, 0}, {fd, POLLIN, 0}};
    uint64_t now = clock_ns(), left = until_ns > now ? until_ns - now : 0;
    struct timespec t = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
    int n = ppoll(files, fd < 0 ? 1 : 2, &t, &terminal.before);
    if (atomic_load(terminal.interrupted) || (n < 0 && errno != EINTR))
        return TOP_WAKE_END;
    if (n < 0) { /* resized, or stopped and gone on with */
        begin_anew();
        return TOP_WAKE_INPUT;
    }
    if (files[0].revents & (POLLHUP | POLLERR | POLLNVAL))
        return TOP_WAKE_END;
    return n ? TOP_WAKE_INPUT : TOP_WAKE_TIME;
}

int top_terminal_key(void) {
    wint_t c;
    int kind = get_wch(&c);
    return kind == KEY_CODE_YES ? TOP_KEY_FIRST + (int)c : kind == OK ? (int)c : -1;
}

/* --- drawing --- */

void top_terminal_size(unsigned *ret_rows, unsigned *ret_columns) {
    *ret_rows = (unsigned)LINES;
    *ret_columns = (unsigned)COLS;
}

static attr_t attributes(unsigned role, enum top_look look) {
    attr_t a = terminal.colour ? (attr_t)COLOR_PAIR((int)role + 1) : A_NORMAL;
    bool bar = role < TOP_PARTS;
    if (look != TOP_LOOK_PLAIN && !(bar && terminal.colour) && role != TOP_ALARM)
        return A_REVERSE | (role == TOP_SORTED ? A_BOLD : 0);
    if (role == TOP_FAINT)
        return a | A_DIM;
    if (role == TOP_GROUP || role == TOP_ALARM || role == TOP_SORTED)
        a |= A_BOLD;
    if ((role == TOP_TITLE || role == TOP_SORTED || role == TOP_ALARM) && !terminal.colour)
        a |= A_REVERSE;
    return a;
}

/* Writes what of a character has room; its columns. Hostile names end here at the latest. */
static unsigned put(unsigned row, unsigned column, unsigned skip, wchar_t c, attr_t a) {
    if (!terminal.unicode && c > 0x7e)
        c = L'?';
    int width = wcwidth(c);
    if (width < 0) {
        c = L'?';
        width = 1;
    }
    if (column >= skip && column - skip + (unsigned)width <= (unsigned)COLS) {
        wchar_t text[] = {c, L'\0'};
        cchar_t cell;
        if (width && setcchar(&cell, text, a & ~A_COLOR, (short)PAIR_NUMBER(a), NULL) == OK)
            mvadd_wch((int)row, (int)(column - skip), &cell);
    }
    return (unsigned)width;
}

static void blank(unsigned row, attr_t a) {
    for (unsigned column = 0; column < (unsigned)COLS; column++)
        put(row, column, 0, L' ', a);
}

void top_terminal_line(unsigned row, const struct top_line *l, unsigned skip, enum top_look look) {
    unsigned column = 0;
    if (row >= (unsigned)LINES)
        return;
    blank(row, look == TOP_LOOK_PLAIN ? A_NORMAL : attributes(TOP_PLAIN, look));
    for (size_t i = 0; i < l->n; i++) {
        attr_t a = attributes(l->at[i].role, look);
        mbstate_t state = {0};
        const char *s = l->at[i].text;
        size_t left = strlen(s);
        while (left && column < skip + (unsigned)COLS) {
            wchar_t c;
            size_t n = mbrtowc(&c, s, left, &state);
            if (n == 0 || n > left) { /* no character of this locale */
                memset(&state, 0, sizeof state);
                c = L'?';
                n = 1;
            }
            column += put(row, column, skip, c, a);
            s += n;
            left -= n;
        }
    }
}

void top_terminal_cursor(unsigned row, unsigned column) {
    move((int)row, (int)(column < (unsigned)COLS ? column : (unsigned)COLS - 1));
    terminal.cursor = true;
}

void top_terminal_show(void) {
    curs_set(terminal.cursor);
    terminal.cursor = false;
    refresh();
}

void top_terminal_repaint(void) {
    clearok(curscr, TRUE);
}
