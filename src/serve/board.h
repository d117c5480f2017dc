/* Where finished text stands: the sampling thread posts it, those who answer requests hand it out.
 * Neither waits for the other's work; the lock is held to take a reference, or to change one. */
#ifndef MEMWHY_SERVE_BOARD_H
#define MEMWHY_SERVE_BOARD_H

#include "base/err.h"
#include "report/openmetrics.h"
#include <stdatomic.h>
#include <stdint.h>

struct MHD_Connection;
struct board;

/* Everything that is counted while requests are answered. */
struct board_counts {
    atomic_uint_fast64_t scrapes, refused, cut_off;
};

/* A round is due every so often. */
struct board *board_new(uint64_t every_ns);
/* Nobody answers from it any more. */
void board_free(struct board *b);

/* The texts of one round, which are the board's from now on. */
void board_post(struct board *b, struct metric_text text[METRIC_FORMS]);
/* A round failed; what was posted stays. */
void board_fail(struct board *b, const struct err *e);
/* Answer a request with what is posted. False: nothing is yet. */
bool board_answer(struct board *b, struct MHD_Connection *to, enum metric_form form);

/* True: what is posted is as fresh as it should be. Else why not, in a sentence. */
enum { BOARD_REASON_MAX = 640 };
bool board_is_fresh(struct board *b, uint64_t now_ns, char ret[BOARD_REASON_MAX]);

struct board_counts *board_counts(struct board *b);

#endif
