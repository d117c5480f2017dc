#include "watch/parse_term.h"

#include "base/text.h"
#include <string.h>

#define SECOND_NS 1000000000ull

static const struct {
    const char *name; /* as a function; NULL: it is none */
    uint64_t window_ns;
} measures[WATCH_MEASURES] = {
    [WATCH_VALUE] = {NULL, 0},
    [WATCH_RATE] = {"rate", 60 * SECOND_NS},
    [WATCH_SLOPE] = {"slope", 600 * SECOND_NS},
    [WATCH_FLOOR] = {"floor", 300 * SECOND_NS},
    [WATCH_STEP] = {NULL, 30 * SECOND_NS},
    [WATCH_HEADROOM] = {"headroom", 0},
    [WATCH_TIME_TO] = {"time_to", 600 * SECOND_NS},
    [WATCH_LATENCY] = {NULL, 0},
    [WATCH_FAILS] = {NULL, 0},
};

/* --- what is watched --- */

static int unknown_field(struct parser *p, const struct token *t) {
    const char *names[SAMPLE_FIELDS + WATCH_MEASURES + 3];
    size_t n = 0;
    char guess[64];
    cleanup_free char *shown = text_printable(t->text ? t->text : "");
    for (int f = 0; f < SAMPLE_FIELDS; f++)
        names[n++] = sample_field_info((enum sample_field)f)->name;
    names[n++] = "gc_time";
    names[n++] = "http";
    for (int m = 0; m < WATCH_MEASURES; m++) {
        if (measures[m].name && strcmp(measures[m].name, t->text) == 0)
            return parser_wrong(p, t, "", "%s wants a field in brackets: %s(%s)", t->text, t->text,
                                m == WATCH_RATE                             ? "faults_major"
                                : m == WATCH_HEADROOM || m == WATCH_TIME_TO ? "heap_limit"
                                                                            : "rss");
        if (measures[m].name)
            names[n++] = measures[m].name;
    }
    names[n] = NULL;
    parser_guess(t->text, names, guess);
    return parser_wrong(p, t, *guess ? guess : "`memwhy watch --help` lists the fields.",
                        "there is no field \"%.60s\"", shown);
}

static int parse_field(struct parser *p, enum sample_field *ret) {
    if (p->at->kind != TOKEN_WORD)
        return parser_expected(p, "a field such as rss or heap_used", "");
    int f = sample_field_find(p->at->text);
    if (f < 0)
        return unknown_field(p, p->at);
    p->at++;
    *ret = (enum sample_field)f;
    return 0;
}

static int unit_of(struct parser *p, const struct token *at, struct watch_term *t) {
    const struct sample_field_info *info = sample_field_info(t->field);
    static const enum watch_unit plain[] = {WATCH_BYTES, WATCH_COUNT, WATCH_TIME};
    static const enum watch_unit speed[] = {WATCH_BYTES_PER_S, WATCH_COUNT_PER_S, WATCH_SHARE};
    bool by_time = t->measure == WATCH_RATE || t->measure == WATCH_SLOPE;
    if (t->measure == WATCH_RATE && !info->cumulative)
        return parser_wrong(p, at, "",
                            "rate() is of what only counts up; %s rises and falls: "
                            "slope(%s)",
                            info->name, info->name);
    if (t->measure == WATCH_SLOPE && info->cumulative)
        return parser_wrong(p, at, "",
                            "slope() is of what rises and falls; %s only counts up: "
                            "rate(%s)",
                            info->name, info->name);
    t->unit = (by_time ? speed : plain)[info->unit];
    return 0;
}

/* The limits, and what fills them. Of a heap that is the old generation's: heap_limit, as V8 tells
 * it, has room for the young one besides, whose objects may all have to go to the old one. What
 * full collections leave is what grows towards it. */
static int parse_bound(struct parser *p, struct watch_term *t) {
    const struct token *at = p->at;
    int rc = parse_field(p, &t->bound);
    if (rc < 0)
        return rc;
    if (t->bound != SAMPLE_HEAP_LIMIT && t->bound != SAMPLE_CGROUP_LIMIT)
        return parser_wrong(p, at, "", "%s is of heap_limit or cgroup_limit",
                            measures[t->measure].name);
    t->field = t->bound == SAMPLE_CGROUP_LIMIT ? SAMPLE_CGROUP_CURRENT
               : t->measure == WATCH_TIME_TO   ? SAMPLE_LIVE_AFTER_GC
                                               : SAMPLE_HEAP_USED;
    if (t->bound == SAMPLE_HEAP_LIMIT)
        t->bound = SAMPLE_OLD_GENERATION_LIMIT;
    t->unit = t->measure == WATCH_TIME_TO ? WATCH_TIME : WATCH_BYTES;
    return 0;
}

static int parse_function(struct parser *p, struct watch_term *t) {
    const char *names[WATCH_MEASURES + 1];
    size_t n = 0;
    char guess[64];
    const struct token *name = p->at;
    for (int m = 0; m < WATCH_MEASURES; m++) {
        if (!measures[m].name)
            continue;
        names[n++] = measures[m].name;
        if (strcmp(measures[m].name, name->text) == 0)
            t->measure = (enum watch_measure)m;
    }
    names[n] = NULL;
    if (t->measure == WATCH_VALUE) {
        cleanup_free char *shown = text_printable(name->text);
        parser_guess(name->text, names, guess);
        return parser_wrong(p, name,
                            *guess ? guess : "There are rate, slope, floor, headroom and time_to.",
                            "there is no function \"%.60s\"", shown);
    }
    p->at += 2;
    const struct token *field = p->at;
    int rc = t->measure == WATCH_HEADROOM || t->measure == WATCH_TIME_TO
                 ? parse_bound(p, t)
                 : parse_field(p, &t->field);
    if (rc == 0 && t->measure != WATCH_HEADROOM && t->measure != WATCH_TIME_TO)
        rc = unit_of(p, field, t);
    if (rc == 0 && p->at->kind != TOKEN_CLOSE)
        return parser_expected(p, "a closing bracket", "");
    p->at += rc == 0;
    return rc;
}

static int parse_endpoint(struct parser *p, struct watch_term *t) {
    char *url;
    const struct token *at = p->at;
    int rc = parser_url(p, &url);
    if (rc < 0)
        return rc;
    t->endpoint = 0;
    while (t->endpoint < p->rules->endpoints.n &&
           strcmp(p->rules->endpoints.at[t->endpoint], url) != 0)
        t->endpoint++;
    if (t->endpoint < p->rules->endpoints.n)
        free(url);
    else
        vec_push(&p->rules->endpoints, url);
    t->measure = parser_is(p, "fails") ? WATCH_FAILS : WATCH_LATENCY;
    t->unit = WATCH_TIME;
    if (!parser_takes(p, "fails") && !parser_takes(p, "latency"))
        return parser_expected(p, "`latency` or `fails`", "");
    for (size_t i = 0; i < p->rule->terms.n; i++)
        if (p->rule->terms.at[i].measure >= WATCH_LATENCY &&
            p->rule->terms.at[i].endpoint != t->endpoint)
            return parser_wrong(p, at, "Write two rules.",
                                "a rule asks one endpoint, and this is another");
    return 0;
}

static int parse_what(struct parser *p, struct watch_term *t) {
    const struct token *at = p->at;
    if (at->kind != TOKEN_WORD)
        return parser_expected(p, "what is to be watched, such as rss or slope(rss),", "");
    if (parser_takes(p, "http"))
        return parse_endpoint(p, t);
    if (parser_takes(p, "gc_time")) {
        t->measure = WATCH_RATE;
        t->field = SAMPLE_GC_PAUSE_NS;
        t->unit = WATCH_SHARE;
        return 0;
    }
    if (at[1].kind == TOKEN_OPEN)
        return parse_function(p, t);
    int rc = parse_field(p, &t->field);
    if (rc == 0 && parser_takes(p, "step"))
        t->measure = WATCH_STEP;
    return rc < 0 ? rc : unit_of(p, at, t);
}

/* --- the limit --- */

/* "12.5" of "12.5MB"; the rest is behind it. */
static const char *read_number(const char *s, double *ret) {
    const char *end = s + strspn(s, "0123456789");
    if (end == s || end - s > 15)
        return NULL;
    if (*end == '.' && end[1] >= '0' && end[1] <= '9')
        end += 1 + strspn(end + 1, "0123456789");
    cleanup_free char *digits = mem_strndup(s, (size_t)(end - s));
    *ret = strtod(digits, NULL);
    return end;
}

/* The seconds of a word such as "min". */
static bool read_per(const char *s, double *ret_seconds) {
    char one[16];
    uint64_t ns;
    int n = snprintf(one, sizeof one, "1%s", s);
    if (!*s || n >= (int)sizeof one || !opt_parse_duration(one, &ns))
        return false;
    *ret_seconds = (double)ns / (double)SECOND_NS;
    return true;
}

/* "90MB", "1MB/min", "500ms", "20%": of the unit, or not. */
static bool read_limit(const char *s, struct watch_term *t) {
    uint64_t whole;
    double number, seconds = 1;
    const char *unit = read_number(s, &number), *slash = strchr(s, '/');
    bool by_time = t->unit == WATCH_BYTES_PER_S || t->unit == WATCH_COUNT_PER_S;
    if (!unit || by_time != (slash != NULL) || (slash && !read_per(slash + 1, &seconds)))
        return false;
    cleanup_free char *before = mem_strndup(s, slash ? (size_t)(slash - s) : strlen(s));
    switch (t->unit) {
    case WATCH_BYTES:
    case WATCH_BYTES_PER_S:
        if ((!before[unit - s] && number != 0) || !opt_parse_bytes(before, &whole))
            return false;
        t->limit = (double)whole / seconds;
        return true;
    case WATCH_TIME:
        if (!*unit || !opt_parse_duration(before, &whole))
            return false;
        t->limit = (double)whole;
        return true;
    case WATCH_SHARE:
        t->limit = number / 100;
        return strcmp(unit, "%") == 0;
    default:
        t->limit = number / seconds;
        return !before[unit - s];
    }
}

static const char *limit_like(enum watch_unit u) {
    static const char *const like[WATCH_UNITS] = {
        [WATCH_BYTES] = "a size such as 500MB, or 90% of a field,",
        [WATCH_COUNT] = "a number, or 90% of a field,",
        [WATCH_TIME] = "a time such as 500ms",
        [WATCH_BYTES_PER_S] = "a size by time such as 1MB/min",
        [WATCH_COUNT_PER_S] = "a number by time such as 100/s",
        [WATCH_SHARE] = "a share of time such as 20%",
    };
    return like[u];
}

/* "90% of heap_limit"; `number` is what stands there in one word. */
static int parse_part(struct parser *p, const char *number, struct watch_term *t) {
    const char *percent = read_number(number, &t->limit);
    if (!percent || strcmp(percent, "%") != 0)
        return parser_expected(p, limit_like(t->unit), "");
    p->at++;
    if (!parser_takes(p, "of"))
        return parser_expected(p, "`of` and a field, as in 90% of heap_limit,", "");
    const struct token *at = p->at;
    int rc = parse_field(p, &t->of);
    if (rc < 0)
        return rc;
    if (sample_field_info(t->of)->unit != (t->unit == WATCH_BYTES ? SAMPLE_BYTES : SAMPLE_COUNT))
        return parser_wrong(p, at, "", "%s is no %s: they cannot be compared", at->text,
                            t->unit == WATCH_BYTES ? "size" : "number");
    t->limit /= 100;
    t->is_part = true;
    return 0;
}

/* "500 MB" as "500MB": a bare number and the word behind it, unless that goes on with the rule. */
static bool joined(const struct parser *p, char ret[64]) {
    static const char *const others[] = {"over", "within", "for", "and", "then"};
    const struct token *t = p->at;
    if (t[1].kind != TOKEN_WORD || t->text[strspn(t->text, "0123456789.")])
        return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(t[1].text, others[i]) == 0)
            return false;
    return snprintf(ret, 64, "%s%s", t->text, t[1].text) < 64;
}

static int parse_limit(struct parser *p, struct watch_term *t) {
    char both[64];
    if (p->at->kind != TOKEN_WORD)
        return parser_expected(p, limit_like(t->unit), "");
    bool two = joined(p, both);
    const char *s = two ? both : p->at->text;
    bool is_part = (t->unit == WATCH_BYTES || t->unit == WATCH_COUNT) && strchr(s, '%');
    if (!is_part && !read_limit(s, t))
        return parser_expected(p, limit_like(t->unit), "");
    if (!is_part || two)
        p->at++;
    if (!is_part && two)
        p->at++;
    return is_part ? parse_part(p, s, t) : 0;
}

static int parse_compare(struct parser *p, struct watch_term *t) {
    if (p->at->kind != TOKEN_COMPARE)
        return parser_expected(p, "one of > >= < <=", "");
    for (int c = WATCH_OVER; c <= WATCH_AT_MOST; c++)
        if (strcmp(p->at->text, watch_compare_sign((enum watch_compare)c)) == 0)
            t->compare = (enum watch_compare)c;
    p->at++;
    return parse_limit(p, t);
}

static int parse_window(struct parser *p, struct watch_term *t) {
    const struct token *at = p->at;
    t->window_ns = measures[t->measure].window_ns;
    if (!parser_takes(p, "over") && !parser_takes(p, "within"))
        return 0;
    if (!t->window_ns)
        return parser_wrong(p, at, "For how long it must hold is said with `for`.",
                            "this is looked at as it is now: `%s` belongs to rate, slope, floor, "
                            "time_to, gc_time and step",
                            at->text);
    return parser_duration(p, at->text, &t->window_ns);
}

int parse_term(struct parser *p) {
    struct watch_term t = {.measure = WATCH_VALUE};
    int rc = parse_what(p, &t);
    if (rc == 0 && t.measure != WATCH_FAILS)
        rc = parse_compare(p, &t);
    if (rc == 0)
        rc = parse_window(p, &t);
    if (rc == 0)
        vec_push(&p->rule->terms, t);
    return rc;
}
