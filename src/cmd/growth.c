/* memwhy growth: what grows in a running process, by three looks at it. */
#include "base/clock.h"
#include "base/progress.h"
#include "cmd/cmd.h"
#include "cmd/growth_report.h"
#include "cmd/look.h"
#include <errno.h>
#include <string.h>

#define SECOND_NS 1000000000ull

/* Until the clock shows that. */
static void wait_until(struct run *r, uint64_t until_ns) {
    struct progress line = progress_start(r->progress);
    uint64_t began = clock_ns(), now;
    while ((now = clock_ns()) < until_ns) {
        uint64_t left = until_ns - now, step = SECOND_NS / 10;
        nanosleep(&(struct timespec){0, (long)(left < step ? left : step)}, NULL);
        progress_say(&line, "letting it run", now - began, until_ns - began);
    }
    progress_done(&line);
}

static int look(struct run *r, struct growth_report *g, const char *target) {
    const unsigned needs = NEED_MALLOC | NEED_ACCOUNT | NEED_PROCESS;
    struct growth_side *s = &g->side[g->n];
    const char *why;
    *s = (struct growth_side){.target = target};
    s->summary.earlier = g->n ? &g->side[g->n - 1].summary.holders : NULL;
    int rc = look_at_heap_and(r, target, needs, &(struct v8_visit){&s->summary, heap_summary_see},
                              &s->ev);
    if (rc < 0) {
        heap_summary_done(&s->summary);
        return rc;
    }
    g->n++;
    if (g->n == 1)
        return 0;
    s->seconds = (double)(s->summary.seen_ns - s[-1].summary.seen_ns) / (double)SECOND_NS;
    if (growth_same_process(&s[-1].ev, &s->ev, &why))
        return 0;
    return err_set(&r->err, -ESRCH, "Start `memwhy growth` again, with the new one.",
                   "%s is not the process any more that it was at the first look: %s", target, why);
}

static int take_looks(struct run *r, struct growth_report *g, const char *target, uint64_t for_ns) {
    uint64_t began = clock_ns();
    int rc = look(r, g, target);
    if (rc == 0 && strcmp(g->side[0].ev.target.kind, "core") == 0)
        return err_set(&r->err, -EINVAL, "`memwhy compare A B` compares two of them.",
                       "%s does not change: growth needs a process that runs", target);
    for (uint64_t i = 1; rc == 0 && i < GROWTH_LOOKS_MAX; i++) {
        wait_until(r, began + for_ns * i / (GROWTH_LOOKS_MAX - 1));
        rc = look(r, g, target);
    }
    return rc;
}

static int run_growth(struct run *r) {
    const char *const *args;
    struct growth_report g = {.same_process = true, .is_watched = true};
    uint64_t for_ns = opt_u64(r->opts, "for", 60 * SECOND_NS);
    opt_args(r->opts, &args);
    if (for_ns < SECOND_NS / 2)
        return err_set(&r->err, -EINVAL, "Give --for=30s or more: what is slow needs time to show.",
                       "half a second is the least that growth is looked for");
    int rc = take_looks(r, &g, args[0], for_ns);
    if (rc == 0) {
        struct growth_look looks[GROWTH_LOOKS_MAX];
        for (size_t i = 0; i < g.n; i++)
            looks[i] = (struct growth_look){&g.side[i].summary.holders, g.side[i].seconds};
        growth_find(looks, g.n, true, &g.list);
        rc = growth_report_show(r, &g);
    }
    growth_report_done(&g);
    return rc;
}

static const struct opt opts[] = {
    {"for", 'f', OPT_DURATION, "TIME", "from the first look to the last (60s)"},
    {"top", 'n', OPT_U64, "N", "at most so many classes (text: 10)"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_growth = {
    .name = "growth",
    .args = "PID",
    .group = GROUP_OVER_TIME,
    .summary = "what grows on the heap of a running process, and where it hangs",
    .help =
        "Looks three times, at the beginning, in the middle and at the end, and names what had\n"
        "more members each time: arrays, Maps, Sets, dictionaries, lists and chains, objects that\n"
        "others hang on, Buffers and strings, workers. Garbage never counts.\n"
        "\n"
        "  $ memwhy growth 4711 --for 60s\n"
        "   1. variable cache of /srv/quotes.js\n"
        "         Map of 70,000 entries: +31,250 (521 a second), +24.1 MiB\n"
        "         most of them PriceQuote, written at /srv/quotes.js:4\n"
        "         of 254 members of the look before, 254 are still there\n"
        "\n"
        "A set whose members come and go is larger or smaller by chance. How many went is known\n"
        "from a sample, and growth has to exceed what chance does with so many. So a cache at its\n"
        "bound, a pool, or requests under way are not named. `Not decided` is what grew but "
        "slowed\n"
        "down; what has a bound beside it that it has not reached (a property or variable with "
        "max,\n"
        "limit, capacity or bound in its name); what has hardly any of its earlier members left;\n"
        "and what is so young that this cannot be told. It says which command decides. A cache\n"
        "that fills towards a bound nobody can see does not differ from a leak until it is full:\n"
        "look again later.\n"
        "\n"
        "The process must do its usual work meanwhile. It is not held between the looks. An "
        "object\n"
        "is found again by its address where it does not move, else by its path and class.\n"
        "\n"
        "Exit codes: 0 nothing grows, 1 something does, 4 part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_growth,
};
