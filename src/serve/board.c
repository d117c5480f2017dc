#include "serve/board.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "base/mem.h"
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SECOND_NS 1000000000ull

/* Rounds that may be missed before somebody is told, and the least time that takes. */
enum { MISSED_ROUNDS = 3 };
#define STALE_MIN_NS (5 * SECOND_NS)

struct board {
    pthread_mutex_t lock;                    /* of what follows */
    struct MHD_Response *page[METRIC_FORMS]; /* each counts who uses it */
    uint64_t posted_ns;                      /* by clock_ns(); 0: never */
    struct err failure;                      /* of the last round; code 0: none */

    uint64_t every_ns;
    struct board_counts counts;
};

struct board *board_new(uint64_t every_ns) {
    struct board *b = mem_zalloc(sizeof *b);
    pthread_mutex_init(&b->lock, NULL);
    b->every_ns = every_ns;
    return b;
}

static void drop(struct MHD_Response *page) {
    if (page)
        MHD_destroy_response(page); /* when the last answer made of it is sent */
}

void board_free(struct board *b) {
    if (!b)
        return;
    for (size_t f = 0; f < METRIC_FORMS; f++)
        drop(b->page[f]);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

void board_post(struct board *b, struct metric_text text[METRIC_FORMS]) {
    struct MHD_Response *page[METRIC_FORMS], *before[METRIC_FORMS];
    for (size_t f = 0; f < METRIC_FORMS; f++) {
        page[f] = MHD_create_response_from_buffer(text[f].n, text[f].at, MHD_RESPMEM_MUST_FREE);
        if (page[f]) {
            MHD_add_response_header(page[f], MHD_HTTP_HEADER_CONTENT_TYPE, metric_content_type(f));
            MHD_add_response_header(page[f], MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        } else {
            free(text[f].at); /* no memory: said as "no page" */
        }
        text[f] = (struct metric_text){.form = text[f].form};
    }
    pthread_mutex_lock(&b->lock);
    memcpy(before, b->page, sizeof before);
    memcpy(b->page, page, sizeof page);
    b->posted_ns = clock_ns();
    b->failure.code = 0;
    pthread_mutex_unlock(&b->lock);
    for (size_t f = 0; f < METRIC_FORMS; f++)
        drop(before[f]);
}

void board_fail(struct board *b, const struct err *e) {
    pthread_mutex_lock(&b->lock);
    b->failure = *e;
    pthread_mutex_unlock(&b->lock);
}

bool board_answer(struct board *b, struct MHD_Connection *to, enum metric_form form) {
    pthread_mutex_lock(&b->lock);
    bool is_there = b->page[form];
    if (is_there)
        MHD_queue_response(to, MHD_HTTP_OK, b->page[form]);
    pthread_mutex_unlock(&b->lock);
    return is_there;
}

bool board_is_fresh(struct board *b, uint64_t now_ns, char ret[BOARD_REASON_MAX]) {
    char age[FMT_MAX], every[FMT_MAX];
    uint64_t allowed = MISSED_ROUNDS * b->every_ns;
    if (allowed < STALE_MIN_NS)
        allowed = STALE_MIN_NS;
    pthread_mutex_lock(&b->lock);
    uint64_t posted = b->posted_ns;
    struct err failure = b->failure;
    pthread_mutex_unlock(&b->lock);
    if (posted && now_ns < posted + allowed)
        return true;
    if (!posted)
        snprintf(ret, BOARD_REASON_MAX, "No round of samples is finished yet.");
    else
        snprintf(ret, BOARD_REASON_MAX,
                 "The last round of samples was finished %s ago; one is due every %s.%s%s",
                 fmt_duration(age, now_ns - posted), fmt_duration(every, b->every_ns),
                 failure.code ? " " : "", failure.code ? failure.what : "");
    return false;
}

struct board_counts *board_counts(struct board *b) {
    return &b->counts;
}
