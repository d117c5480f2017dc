#include "report/top_lines.h"

#include "base/mem.h"
#include "base/text.h"
#include <string.h>

void top_line_add(struct top_line *l, unsigned role, const char *text) {
    vec_push(l, (struct top_run){role, text_printable(text)});
}

void top_line_clear(struct top_line *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->at[i].text);
    l->n = 0;
}

void top_line_done(struct top_line *l) {
    top_line_clear(l);
    vec_free(l);
}

/* What is worth less than the slope is shown when bars and commands have room kept for them. */
enum { BAR_MOST = 40, BAR_UNBOUNDED = 24, ROOM_KEPT = 20 };

unsigned top_columns_known(const struct top_rows *rows) {
    unsigned known = 0;
    double unused;
    for (int c = 0; c < TOP_COLUMNS; c++) {
        known |= (unsigned)(top_column_info((enum top_column)c)->kind == TOP_KIND_TEXT) << c;
        for (size_t i = 0; i < rows->n && !(known >> c & 1); i++)
            if (rows->at[i].process && top_figure(rows->at[i].process, (enum top_column)c, &unused))
                known |= 1u << c;
    }
    return known;
}

static enum top_column column_of_rank(unsigned rank) {
    int c = 0;
    while (c + 1 < TOP_COLUMNS && top_column_info((enum top_column)c)->rank != rank)
        c++;
    return (enum top_column)c;
}

/* Bars and commands share what is left, as far as bars gain by it. */
static void share_rest(struct top_layout *l, unsigned rest) {
    unsigned bar = l->width[TOP_BAR] ? rest / 2 : 0;
    if (bar && l->width[TOP_BAR] + bar > BAR_MOST)
        bar = BAR_MOST - l->width[TOP_BAR];
    l->width[TOP_BAR] += bar;
    l->width[TOP_COMMAND] += rest - bar;
}

void top_layout_fit(unsigned width, unsigned columns, struct top_layout *ret) {
    struct top_layout l = {0};
    unsigned used = 0;
    for (unsigned rank = 0; rank < TOP_COLUMNS; rank++) {
        enum top_column c = column_of_rank(rank);
        unsigned more = top_column_info(c)->width + (used ? 1 : 0);
        unsigned kept = rank > top_column_info(TOP_SLOPE)->rank ? ROOM_KEPT : 0;
        if (!(columns >> c & 1))
            continue;
        if (width && used + more + kept > width)
            break; /* the order of importance is kept: nothing smaller slips in */
        used += more;
        l.width[c] = top_column_info(c)->width;
    }
    if (!width) {
        l.width[TOP_BAR] = BAR_UNBOUNDED;
        l.width[TOP_COMMAND] = TOP_UNBOUNDED;
    } else if (l.width[TOP_COMMAND]) {
        share_rest(&l, width - used);
    }
    *ret = l;
}

/* By largest remainders: what is shown adds up to what all of it would be. */
void top_bar(const struct top_parts *p, uint64_t whole, unsigned cells, unsigned ret[TOP_PARTS]) {
    uint64_t sum = top_parts_sum(p);
    double scale, rest[TOP_PARTS];
    memset(ret, 0, TOP_PARTS * sizeof *ret);
    if (!sum || !cells)
        return;
    whole = whole > sum ? whole : sum;
    scale = (double)cells / (double)whole;
    unsigned shown = (unsigned)((double)sum * scale + 0.5), given = 0;
    shown = shown ? shown : 1;
    for (int i = 0; i < TOP_PARTS; i++) {
        double exact = (double)p->bytes[i] / (double)sum * shown;
        ret[i] = (unsigned)exact;
        rest[i] = exact - ret[i];
        given += ret[i];
    }
    for (; given < shown; given++) {
        int most = 0;
        for (int i = 1; i < TOP_PARTS; i++)
            most = rest[i] > rest[most] ? i : most;
        ret[most]++;
        rest[most] = -1;
    }
}

/* `text` at most `width` wide; right aligned when it is a figure. Ends with the gap. */
static void add_cell(struct top_line *l, unsigned role, const char *text, unsigned width,
                     bool figure) {
    cleanup_free char *shown = text_printable(text);
    size_t w = text_width(shown);
    unsigned blanks = w < width && width != TOP_UNBOUNDED ? width - (unsigned)w : 0;
    if (w > width)
        shown[text_prefix_bytes(shown, width)] = '\0';
    cleanup_free char *cell =
        mem_printf("%*s%s%*s ", figure ? (int)blanks : 0, "", shown, figure ? 0 : (int)blanks, "");
    top_line_add(l, role, cell);
}

static bool is_figure(enum top_column c) {
    return top_column_info(c)->kind != TOP_KIND_TEXT;
}

void top_line_titles(const struct top_layout *l, const struct top_order *order,
                     struct top_line *ret) {
    for (int c = 0; c < TOP_COLUMNS; c++) {
        enum top_column column = (enum top_column)c;
        if (!l->width[c])
            continue;
        unsigned role = column == order->sort ? TOP_SORTED : TOP_TITLE;
        add_cell(ret, role, top_column_info(column)->title, l->width[c], is_figure(column));
    }
}

static void add_bar(struct top_line *l, const struct top_process *p, const struct top_style *style,
                    unsigned width) {
    struct top_parts parts;
    unsigned cells[TOP_PARTS], used = 0;
    if (p->gone || !top_parts_of(&p->now, &parts)) {
        add_cell(l, TOP_FAINT, p->gone ? "gone" : "?", width, false);
        return;
    }
    top_bar(&parts, style->whole, width, cells);
    for (int i = 0; i < TOP_PARTS; i++) {
        char run[BAR_MOST + 1];
        unsigned n = cells[i] < BAR_MOST ? cells[i] : BAR_MOST;
        memset(run, top_part_info((enum top_part)i)->letter, n);
        run[n] = '\0';
        if (n)
            top_line_add(l, (unsigned)i, run);
        used += n;
    }
    add_cell(l, TOP_PLAIN, "", width > used ? width - used : 0, false);
}

/* "|  `- " before a child. */
static void tree_prefix(const struct top_row *row, bool unicode, char *to, size_t size) {
    *to = '\0';
    for (unsigned d = 1; d <= row->depth; d++) {
        bool mine = d == row->depth;
        const char *s = mine ? (row->last ? (unicode ? "└─ " : "`- ") : (unicode ? "├─ " : "|- "))
                        : row->open >> d & 1 ? (unicode ? "│  " : "|  ")
                                             : "   ";
        size_t n = strlen(to);
        snprintf(to + n, size - n, "%s", s);
    }
}

/* The folder of the program says less than what follows it. */
static const char *without_folder(const char *command) {
    const char *end = command + strcspn(command, " "),
               *slash = memrchr(command, '/', (size_t)(end - command));
    return (*command == '/' || *command == '.') && slash && slash + 1 < end ? slash + 1 : command;
}

static void add_command(struct top_line *l, const struct top_row *row, unsigned role,
                        const struct top_style *style, unsigned width) {
    char prefix[TOP_DEPTH_MAX * 12];
    tree_prefix(row, style->unicode, prefix, sizeof prefix);
    const char *command = row->process->command ? row->process->command : "?";
    cleanup_free char *text = mem_printf("%s%s", prefix, without_folder(command));
    add_cell(l, role, text, width, false);
}

static void add_column(struct top_line *l, const struct top_row *row, enum top_column c,
                       const struct top_style *style, unsigned width) {
    const struct top_process *p = row->process;
    unsigned role = p->gone ? TOP_FAINT : TOP_PLAIN;
    double unused;
    char buf[FMT_MAX];
    if (c == TOP_BAR) {
        add_bar(l, p, style, width);
    } else if (c == TOP_COMMAND) {
        add_command(l, row, role, style, width);
    } else if (c == TOP_VERSION) {
        const char *version = p->version && *p->version ? p->version : "?";
        add_cell(l, *version == '?' ? TOP_FAINT : role, version, width, false);
    } else {
        if (!top_figure(p, c, &unused))
            role = TOP_FAINT;
        else if (c == TOP_ROOM && top_is_short(p) && !p->gone)
            role = TOP_ALARM;
        add_cell(l, role, top_figure_text(buf, p, c), width, true);
    }
}

/* "/kubepods/pod7: 412.0 MiB of 512.0 MiB". */
static void add_group(struct top_line *l, const struct top_row *row) {
    char current[FMT_MAX], limit[FMT_MAX];
    uint64_t now, max;
    top_line_add(l, TOP_GROUP, row->cgroup);
    if (!sample_get(&row->first->now, SAMPLE_CGROUP_CURRENT, &now))
        return;
    bool bounded = sample_get(&row->first->now, SAMPLE_CGROUP_LIMIT, &max);
    cleanup_free char *use = mem_printf(": %s%s%s", fmt_bytes(current, now), bounded ? " of " : "",
                                        bounded ? fmt_bytes(limit, max) : "");
    top_line_add(l, bounded && now >= max - max / 10 ? TOP_ALARM : TOP_GROUP, use);
}

void top_line_row(const struct top_layout *l, const struct top_row *row,
                  const struct top_style *style, struct top_line *ret) {
    if (!row->process) {
        add_group(ret, row);
        return;
    }
    for (int c = 0; c < TOP_COLUMNS; c++)
        if (l->width[c])
            add_column(ret, row, (enum top_column)c, style, l->width[c]);
}

void top_line_legend(const struct top_parts *all, unsigned width, struct top_line *ret) {
    char size[FMT_MAX];
    unsigned with_sums = 0;
    for (int i = 0; i < TOP_PARTS; i++)
        with_sums += 5 + (unsigned)strlen(top_part_info((enum top_part)i)->title) +
                     (all->known >> i & 1 ? (unsigned)strlen(fmt_bytes(size, all->bytes[i])) : 1);
    bool sums = !width || with_sums <= width;
    for (int i = 0; i < TOP_PARTS; i++) {
        const struct top_part_info *info = top_part_info((enum top_part)i);
        const char letter[] = {info->letter, '\0'};
        top_line_add(ret, (unsigned)i, letter);
        cleanup_free char *text = mem_printf(" %s%s%s  ", info->title, sums ? " " : "",
                                             !sums                 ? ""
                                             : all->known >> i & 1 ? fmt_bytes(size, all->bytes[i])
                                                                   : "?");
        top_line_add(ret, TOP_PLAIN, text);
    }
}
