#include "watch/words.h"

#include "base/mem.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SECOND_NS 1000000000ull

char *watch_time_text(char buf[FMT_MAX], uint64_t ns) {
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"d", 86400 * SECOND_NS}, {"h", 3600 * SECOND_NS}, {"min", 60 * SECOND_NS},
                 {"s", SECOND_NS},         {"ms", 1000000},         {"us", 1000}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (ns >= units[i].ns && ns % units[i].ns == 0) {
            snprintf(buf, FMT_MAX, "%" PRIu64 " %s", ns / units[i].ns, units[i].unit);
            return buf;
        }
    return fmt_duration(buf, ns);
}

/* By the second, the minute or the hour: the first that makes it a number one can read. */
static char *speed_text(char buf[FMT_MAX], bool bytes, double per_s) {
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}};
    char number[FMT_MAX];
    size_t u = 0;
    double least = bytes ? 100 << 10 : 1, size = fabs(per_s);
    while (u < 2 && size * units[u].seconds < least)
        u++;
    size *= units[u].seconds;
    if (bytes)
        fmt_bytes(number, size < 1e18 ? (uint64_t)llround(size) : UINT64_MAX);
    else
        snprintf(number, sizeof number, "%.*f", size < 10 ? 1 : 0, size);
    snprintf(buf, FMT_MAX, "%s%.20s/%s", per_s < 0 ? "-" : "", number, units[u].unit);
    return buf;
}

char *watch_number_text(char buf[FMT_MAX], enum watch_unit unit, double value) {
    bool most = value >= 1e18;
    if (!isfinite(value)) {
        snprintf(buf, FMT_MAX, value < 0 ? "-inf" : "inf");
        return buf;
    }
    switch (unit) {
    case WATCH_BYTES:
        return fmt_bytes(buf, value < 0 ? 0 : most ? UINT64_MAX : (uint64_t)llround(value));
    case WATCH_TIME:
        return fmt_duration(buf, value < 0 ? 0 : most ? UINT64_MAX : (uint64_t)llround(value));
    case WATCH_BYTES_PER_S:
    case WATCH_COUNT_PER_S:
        return speed_text(buf, unit == WATCH_BYTES_PER_S, value);
    case WATCH_SHARE:
        snprintf(buf, FMT_MAX, "%.1f %%", value * 100);
        return buf;
    default:
        return fmt_count(buf, value < 0 ? 0 : most ? UINT64_MAX : (uint64_t)llround(value));
    }
}

/* --- what a rule means --- */

static const char *compare_words(enum watch_compare c) {
    static const char *const words[] = {[WATCH_OVER] = "over",
                                        [WATCH_AT_LEAST] = "at least",
                                        [WATCH_UNDER] = "under",
                                        [WATCH_AT_MOST] = "at most"};
    return words[c];
}

/* "over 90.0 % of heap_limit" */
static char *limit_words(const struct watch_term *t) {
    char number[FMT_MAX];
    if (t->is_part)
        return mem_printf("%s %s of %s", compare_words(t->compare),
                          watch_number_text(number, WATCH_SHARE, t->limit),
                          sample_field_info(t->of)->name);
    if (t->unit == WATCH_TIME)
        watch_time_text(number, (uint64_t)t->limit);
    else
        watch_number_text(number, t->unit, t->limit);
    return mem_printf("%s %s", compare_words(t->compare), number);
}

char *watch_term_words(const struct watch_rules *rules, const struct watch_term *t) {
    char window[FMT_MAX];
    const char *name = sample_field_info(t->field)->name;
    cleanup_free char *limit = limit_words(t);
    watch_time_text(window, t->window_ns);
    switch (t->measure) {
    case WATCH_RATE:
        if (t->field == SAMPLE_GC_PAUSE_NS)
            return mem_printf("collections take %s of the time, over %s", limit, window);
        return mem_printf("%s counts up by %s, over %s", name, limit, window);
    case WATCH_SLOPE:
        return mem_printf("%s changes by %s, over %s and with the whole 95 %% interval", name,
                          limit, window);
    case WATCH_FLOOR:
        return mem_printf("the least %s of %s is %s", name, window, limit);
    case WATCH_STEP:
        return mem_printf("%s has risen by %s within %s", name, limit, window);
    case WATCH_HEADROOM:
        return mem_printf("between %s and %s is left %s", name, sample_field_info(t->bound)->name,
                          limit);
    case WATCH_TIME_TO:
        return mem_printf("%s grows, by its slope over %s and with the whole 95 %% interval, to "
                          "%s in a time of %s",
                          name, window, sample_field_info(t->bound)->name, limit);
    case WATCH_LATENCY:
        return mem_printf("%s takes %s to answer", rules->endpoints.at[t->endpoint], limit);
    case WATCH_FAILS:
        return mem_printf("%s does not answer, or with a status of 500 and above",
                          rules->endpoints.at[t->endpoint]);
    default:
        return mem_printf("%s is %s", name, limit);
    }
}

static void action_words(FILE *out, const struct watch_action *a) {
    char time[FMT_MAX];
    const char *redacted = a->redact ? ", redacted" : "";
    switch (a->deed) {
    case WATCH_PRINT:
        fputs("print it", out);
        break;
    case WATCH_RUN:
        fprintf(out, "run `%s` for at most %s", a->text, watch_time_text(time, a->time_ns));
        break;
    case WATCH_CAPTURE:
        fprintf(out, "capture the process into %s%s", a->text, redacted);
        break;
    case WATCH_SNAPSHOT:
        fprintf(out, "write a heap snapshot into %s%s", a->text, redacted);
        break;
    case WATCH_GROWTH:
        fprintf(out, "look for %s at what grows", watch_time_text(time, a->time_ns));
        break;
    default:
        fprintf(out, "post it to %s", a->text);
    }
}

static void often_words(FILE *out, const struct watch_rule *r) {
    char text[FMT_MAX];
    bool writes = false;
    for (size_t i = 0; i < r->actions.n; i++)
        writes |= r->actions.at[i].deed == WATCH_CAPTURE || r->actions.at[i].deed == WATCH_SNAPSHOT;
    if (r->once)
        fputs("; once for each process", out);
    else if (r->has_cooldown)
        fprintf(out, "; again every %s while it holds", watch_time_text(text, r->cooldown_ns));
    else
        fputs("; again when it has not held in between", out);
    if (!r->once && !r->has_cooldown && r->cooldown_ns)
        fprintf(out, ", %s later at the earliest", watch_time_text(text, r->cooldown_ns));
    if (writes)
        fprintf(out, "; its files take at most %s", fmt_bytes(text, r->budget_bytes));
}

char *watch_rule_words(const struct watch_rules *rules, const struct watch_rule *r) {
    char *ret, time[FMT_MAX];
    size_t n;
    FILE *out = open_memstream(&ret, &n);
    if (!out)
        return mem_strdup(r->text);
    fputs("When ", out);
    for (size_t i = 0; i < r->terms.n; i++) {
        cleanup_free char *term = watch_term_words(rules, &r->terms.at[i]);
        fprintf(out, "%s%s", i ? ", and " : "", term);
    }
    if (r->for_ns)
        fprintf(out, ", for %s without a break", watch_time_text(time, r->for_ns));
    if (r->of_n)
        fprintf(out, ", in %u of the last %u observations", r->of_n, r->of_m);
    for (size_t i = 0; i < r->actions.n; i++) {
        fputs(i ? ", then " : ": ", out);
        action_words(out, &r->actions.at[i]);
    }
    often_words(out, r);
    fputc('.', out);
    fclose(out);
    return ret;
}

/* --- what was read --- */

static char *interval_words(const struct watch_term *t, const struct watch_reading *r) {
    char low[FMT_MAX], high[FMT_MAX];
    if (!r->has_interval)
        return mem_strdup("");
    return mem_printf(" (95 %%: %s to %s)", watch_number_text(low, t->unit, r->low),
                      watch_number_text(high, t->unit, r->high));
}

static char *against_words(const struct watch_term *t, const struct watch_reading *r) {
    char limit[FMT_MAX], part[FMT_MAX];
    const char *yes = r->truth == WATCH_NO ? "not " : "";
    if (!r->has_limit || !r->has_value)
        return mem_strdup("");
    watch_number_text(limit, t->unit, r->limit);
    if (t->is_part)
        return mem_printf(", %s%s %s (%s of %s)", yes, compare_words(t->compare), limit,
                          watch_number_text(part, WATCH_SHARE, t->limit),
                          sample_field_info(t->of)->name);
    return mem_printf(", %s%s %s", yes, compare_words(t->compare), limit);
}

static char *probe_words(const char *url, const struct watch_reading *r) {
    char value[FMT_MAX];
    if (!r->has_value)
        return mem_printf("%s: %s", url, *r->why ? r->why : "no answer");
    fmt_duration(value, (uint64_t)r->value);
    if (r->at_least)
        return mem_printf("%s gave no answer within %s", url, value);
    return mem_printf("%s answered with %d in %s", url, r->status, value);
}

char *watch_reading_words(const struct watch_rules *rules, const struct watch_term *t,
                          const struct watch_reading *r) {
    char value[FMT_MAX], window[FMT_MAX];
    const char *name = sample_field_info(t->field)->name;
    cleanup_free char *against = against_words(t, r), *between = interval_words(t, r);
    bool asks = t->measure == WATCH_LATENCY || t->measure == WATCH_FAILS;
    if (r->truth == WATCH_UNKNOWN && !asks)
        return mem_strdup(r->why);
    if (asks) {
        cleanup_free char *probe = probe_words(rules->endpoints.at[t->endpoint], r);
        return mem_printf("%s%s", probe, against);
    }
    watch_number_text(value, t->unit, r->value);
    watch_time_text(window, t->window_ns);
    switch (t->measure) {
    case WATCH_RATE:
        if (t->field == SAMPLE_GC_PAUSE_NS)
            return mem_printf("collections took %s of the last %s%s", value, window, against);
        return mem_printf("%s counted up by %s in the last %s%s", name, value, window, against);
    case WATCH_SLOPE:
        return mem_printf("%s changes by %s%s, over %s%s", name, value, between, window, against);
    case WATCH_FLOOR:
        return mem_printf("the least %s of the last %s is %s%s", name, window, value, against);
    case WATCH_STEP:
        return mem_printf("%s rose by %s within %s%s", name, value, window, against);
    case WATCH_HEADROOM:
        return mem_printf("between %s and %s is left %s%s", name, sample_field_info(t->bound)->name,
                          value, against);
    case WATCH_TIME_TO:
        if (!r->has_value)
            return mem_printf("%s does not grow over %s", name, window);
        return mem_printf("%s reaches %s in %s%s%s", name, sample_field_info(t->bound)->name, value,
                          between, against);
    default:
        return mem_printf("%s is %s%s", name, value, against);
    }
}
