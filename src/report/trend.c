#include "report/trend.h"

#include "base/fmt.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <time.h>

/* --- words --- */

static char *amount_text(char buf[FMT_MAX], enum sample_unit unit, double v) {
    uint64_t n = (uint64_t)(fabs(v) + 0.5);
    switch (unit) {
    case SAMPLE_BYTES:
        return fmt_bytes(buf, n);
    case SAMPLE_NS:
        return fmt_duration(buf, n);
    default:
        return fmt_count(buf, n);
    }
}

/* A rate in the longest time in which it is below a GiB, or in an hour. */
struct pace {
    double seconds;
    const char *name;
};
static struct pace pace_of(enum sample_unit unit, double per_s) {
    const double most = unit == SAMPLE_BYTES ? 1024.0 * 1024 * 1024 : 1e5;
    if (fabs(per_s) * 3600 < most)
        return (struct pace){3600, "/h"};
    return fabs(per_s) * 60 < most ? (struct pace){60, "/min"} : (struct pace){1, "/s"};
}

static char *rate_text(char buf[2 * FMT_MAX], enum sample_unit unit, double per_s, struct pace in) {
    char amount[FMT_MAX];
    snprintf(buf, 2 * FMT_MAX, "%s%s%s", per_s < 0 ? "-" : "",
             amount_text(amount, unit, per_s * in.seconds), in.name);
    return buf;
}

/* "3.1 MiB/h (95 %: 2.7 MiB/h to 3.4 MiB/h)" */
static char *slope_text(const struct trend_row *row) {
    char rate[2 * FMT_MAX], low[2 * FMT_MAX], high[2 * FMT_MAX];
    const struct trend *t = &row->trend;
    struct pace in = pace_of(row->unit, t->per_s);
    rate_text(rate, row->unit, t->per_s, in);
    if (!isfinite(t->low) || !isfinite(t->high))
        return mem_strdup(rate);
    return mem_printf("%s (95 %%: %s to %s)", rate, rate_text(low, row->unit, t->low, in),
                      rate_text(high, row->unit, t->high, in));
}

static char *lasting_text(char buf[FMT_MAX], double seconds) {
    return fmt_duration(buf, (uint64_t)(fmax(seconds, 0) * 1e9));
}

/* "today 14:03", "on Tuesday", "on 2027-03-01": no finer than such a guess is. */
static char *date_text(uint64_t end_ns, double in_s) {
    char text[64];
    struct tm then, now;
    time_t end = (time_t)(end_ns / 1000000000u), at = end + (time_t)in_s;
    localtime_r(&end, &now);
    localtime_r(&at, &then);
    const char *form = in_s < 18 * 3600.0   ? "at %H:%M"
                       : in_s < 6 * 86400.0 ? "on %A"
                                            : "on %Y-%m-%d";
    strftime(text, sizeof text, form, &then);
    return mem_strdup(text);
}

/* ", reaches ..." or nothing. What is a year away will not come like this. */
static char *arrival_text(const struct trend_row *row, uint64_t end_ns) {
    enum { SECONDS_MOST = 365 * 86400 };
    char limit[FMT_MAX], in[FMT_MAX];
    struct trend_arrival a;
    if (!trend_row_reaches(row, &a) || a.likely_s > SECONDS_MOST)
        return mem_strdup("");
    cleanup_free char *when = date_text(end_ns, a.likely_s);
    return mem_printf(", reaches %s of %s %s (in %s)", row->limit_name,
                      amount_text(limit, row->unit, (double)row->limit), when,
                      lasting_text(in, a.likely_s));
}

/* What growth the interval leaves room for. */
static char *room_text(const struct trend_row *row) {
    char most[2 * FMT_MAX];
    const struct trend *t = &row->trend;
    if (!t->has_slope || !isfinite(t->high) || !(t->high > 0))
        return mem_strdup("");
    return mem_printf("; growth by more than %s is excluded",
                      rate_text(most, row->unit, t->high, pace_of(row->unit, t->high)));
}

static char *undecided_text(const struct trend_row *row) {
    char more[FMT_MAX], lasted[FMT_MAX];
    const struct trend *t = &row->trend;
    cleanup_free char *slope = slope_text(row);
    cleanup_free char *what = t->more_s > 0
                                  ? mem_printf("; a watch of %s would tell",
                                               lasting_text(more, ceil(t->more_s / 10) * 10))
                                  : mem_strdup("");
    switch (t->why) {
    case TREND_FEW:
        return mem_printf("not decided: its floor was seen %zu time%s%s", t->points,
                          t->points == 1 ? "" : "s", what);
    case TREND_WIDE:
        return mem_printf("not decided: %s%s", slope, what);
    case TREND_RECENT:
        return mem_printf("not decided: it took another course %s before the end, %s%s",
                          lasting_text(lasted, t->to_s - t->from_s), slope, what);
    case TREND_MAY_BE_FREE:
        return mem_printf("not decided: rising %s, which may be memory kept for reuse%s", slope,
                          what);
    default:
        return mem_printf("growing %s, which may be a cache that has a bound%s", slope, what);
    }
}

char *report_trend_text(const struct trend_row *row, uint64_t end_ns) {
    const struct trend *t = &row->trend;
    char level[FMT_MAX], saw[FMT_MAX], lasted[FMT_MAX];
    cleanup_free char *slope = slope_text(row), *arrival = arrival_text(row, end_ns),
                      *room = room_text(row);
    amount_text(level, row->unit, t->level);
    amount_text(saw, row->unit, t->saw);
    lasting_text(lasted, t->to_s - t->from_s);
    switch (t->kind) {
    case TREND_GROWING:
        return mem_printf("growing %s%s", slope, arrival);
    case TREND_FILLING:
        return mem_printf("filling up, ever more slowly: %s in the end", slope);
    case TREND_LEVELLED:
        return mem_printf("it grew, and is level since %s, at %s%s", lasted, level, room);
    case TREND_FALLING:
        return mem_printf("falling %s", slope);
    case TREND_SEESAW:
        return mem_printf("seesaw, no growth: up to %s above %s%s", saw, level, room);
    case TREND_STEADY:
        return mem_printf("steady at %s%s", level, room);
    default:
        return undecided_text(row);
    }
}

/* --- JSON --- */

static void put_real(json_t *o, const char *key, double v) {
    if (isfinite(v))
        json_object_set_new(o, key, json_real(v));
}

static const char *why_word(enum trend_why w) {
    static const char *const words[] = {[TREND_CLEAR] = "clear",
                                        [TREND_FEW] = "too-few-floors",
                                        [TREND_WIDE] = "interval-too-wide",
                                        [TREND_RECENT] = "changed-recently",
                                        [TREND_MAY_BE_FREE] = "may-be-free-memory",
                                        [TREND_MAY_HAVE_A_BOUND] = "may-have-a-bound"};
    return words[w];
}

json_t *report_trend_json(const struct trend_row *row, uint64_t end_ns) {
    static const char *const units[] = {
        [SAMPLE_BYTES] = "bytes", [SAMPLE_COUNT] = "count", [SAMPLE_NS] = "ns"};
    const struct trend *t = &row->trend;
    json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:f, s:f}", "owner", row->name, "unit",
                          units[row->unit], "verdict", trend_kind_name(t->kind), "floors",
                          (json_int_t)t->points, "from_s", t->from_s, "to_s", t->to_s);
    cleanup_free char *text = report_trend_text(row, end_ns);
    struct trend_arrival a;
    json_object_set_new(o, "text", json_string(text));
    if (t->kind == TREND_UNDECIDED)
        json_object_set_new(o, "why", json_string(why_word(t->why)));
    if (t->kind == TREND_UNDECIDED && t->more_s > 0)
        put_real(o, "would_take_s", t->more_s);
    if (t->has_slope) {
        put_real(o, "per_second", t->per_s);
        put_real(o, "low", t->low);
        put_real(o, "high", t->high);
        put_real(o, "level", t->level);
        put_real(o, "saw", t->saw);
    }
    json_t *floor = json_array();
    for (size_t i = 0; i < row->floor.n; i++)
        json_array_append_new(floor,
                              json_pack("[f, f]", row->floor.at[i].s, row->floor.at[i].value));
    if (row->floor.n)
        json_object_set(o, "floor", floor);
    json_decref(floor);
    if (row->limit)
        json_object_set_new(o, "limit", json_integer((json_int_t)row->limit));
    if (row->limit_used)
        json_object_set_new(o, "limit_used", json_integer((json_int_t)row->limit_used));
    if (trend_row_reaches(row, &a)) {
        put_real(o, "reaches_in_s", a.likely_s);
        put_real(o, "reaches_in_earliest_s", a.earliest_s);
        put_real(o, "reaches_in_latest_s", a.latest_s);
    }
    return o;
}

json_t *report_trends_json(const struct trends *t) {
    json_t *owners = json_array();
    for (size_t i = 0; i < t->rows.n; i++)
        json_array_append_new(owners, report_trend_json(&t->rows.at[i], t->end_ns));
    return json_pack("{s:f, s:I, s:I, s:I, s:o}", "seconds", t->seconds, "ended_ns",
                     (json_int_t)t->end_ns, "looks", (json_int_t)t->looks, "samples",
                     (json_int_t)t->samples, "owners", owners);
}
