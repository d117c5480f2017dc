#include "report/sparkline.h"

#include "base/mem.h"
#include <math.h>
#include <string.h>

enum { HEIGHTS = 8, CELL_BYTES = 3, CELLS_MOST = 1000 };

/* The most in each cell; NAN where there is none. */
static void find_tops(const struct points *p, double from_s, double to_s, unsigned cells,
                      double *ret) {
    for (unsigned c = 0; c < cells; c++)
        ret[c] = NAN;
    for (size_t i = 0; i < p->n; i++) {
        double at = (p->at[i].s - from_s) / (to_s - from_s) * cells;
        if (!(at >= 0) || at > cells)
            continue;
        unsigned c = at < cells ? (unsigned)at : cells - 1;
        ret[c] = isnan(ret[c]) ? p->at[i].value : fmax(ret[c], p->at[i].value);
    }
}

char *sparkline(const struct points *p, double from_s, double to_s, unsigned cells, bool unicode) {
    static const char *const blocks[HEIGHTS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char ascii[] = ".:-=+*#@";
    double tops[CELLS_MOST], least = INFINITY, most = -INFINITY;
    cells = cells < CELLS_MOST ? cells : CELLS_MOST;
    char *line = mem_zalloc((size_t)cells * CELL_BYTES + 1), *end = line;
    if (!(to_s > from_s))
        return line;
    find_tops(p, from_s, to_s, cells, tops);
    for (unsigned c = 0; c < cells; c++) {
        least = fmin(least, tops[c]);
        most = fmax(most, tops[c]);
    }
    for (unsigned c = 0; c < cells; c++) {
        if (isnan(tops[c])) {
            *end++ = ' ';
            continue;
        }
        double part = most > least ? (tops[c] - least) / (most - least) : 0;
        unsigned height = (unsigned)(part * (HEIGHTS - 1) + 0.5);
        if (unicode) {
            memcpy(end, blocks[height], CELL_BYTES);
            end += CELL_BYTES;
        } else {
            *end++ = ascii[height];
        }
    }
    return line;
}
