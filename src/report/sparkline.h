/* A series as one line of a terminal. Computes no figure that is printed otherwise. */
#ifndef MEMWHY_REPORT_SPARKLINE_H
#define MEMWHY_REPORT_SPARKLINE_H

#include "model/points.h"
#include <stdbool.h>

/* `cells` columns over [from_s, to_s], each as high as the most in its time, from the least of the
 * series to its most; a blank where nothing is known. Eighths of blocks, or ".:-=+*#@". The caller
 * frees it. */
char *sparkline(const struct points *p, double from_s, double to_s, unsigned cells, bool unicode);

#endif
