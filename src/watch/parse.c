#include "watch/parse.h"

#include "base/limits.h"
#include "base/text.h"
#include "watch/parse_term.h"
#include "watch/url.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define SECOND_NS 1000000000ull

/* What is not said. A rule that takes looks without saying how often is held back by a cooldown: a
 * value that goes up and down at its limit would take one each time. */
enum { RUN_S = 60, GROWTH_S = 60, HEAVY_COOLDOWN_S = 600, OBSERVATIONS_MOST = 64 };
#define BUDGET_BYTES (10ull << 30)

bool parser_is(const struct parser *p, const char *word) {
    return p->at->kind == TOKEN_WORD && strcmp(p->at->text, word) == 0;
}

bool parser_takes(struct parser *p, const char *word) {
    bool is = parser_is(p, word);
    p->at += is;
    return is;
}

int parser_wrong(struct parser *p, const struct token *t, const char *hint, const char *fmt, ...) {
    char what[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(p->e, -EINVAL, hint, "%s:%u:%u: %s", p->name, t->line, t->column, what);
}

int parser_expected(struct parser *p, const char *what, const char *hint) {
    const struct token *t = p->at;
    if (t->kind == TOKEN_END)
        return parser_wrong(p, t, hint, "%s was expected here, where the rules end", what);
    cleanup_free char *shown = text_printable(t->text);
    return parser_wrong(p, t, hint, "%s was expected here, not %s%.60s%s", what,
                        t->kind == TOKEN_STRING ? "the text " : "\"", shown,
                        t->kind == TOKEN_STRING ? "" : "\"");
}

const char *parser_guess(const char *word, const char *const *names, char ret[64]) {
    ret[0] = '\0';
    for (; word && *names; names++)
        if (text_resembles(word, *names)) {
            snprintf(ret, 64, "Did you mean %s?", *names);
            break;
        }
    return ret;
}

int parser_duration(struct parser *p, const char *after, uint64_t *ret_ns) {
    char what[96];
    const struct token *t = p->at;
    size_t n = t->kind == TOKEN_WORD ? strlen(t->text) : 0;
    snprintf(what, sizeof what, "a time such as 30s or 10min behind %s", after);
    if (!n || (t->text[n - 1] >= '0' && t->text[n - 1] <= '9') ||
        !opt_parse_duration(t->text, ret_ns))
        return parser_expected(p, what, "");
    if (*ret_ns < SECOND_NS / 10 || *ret_ns > 30 * 86400 * SECOND_NS)
        return parser_wrong(p, t, "", "a time here is from 100ms to 30d");
    p->at++;
    return 0;
}

/* --- when they hold: for 10s, for 3 of 5 --- */

static bool count(const struct token *t, unsigned *ret) {
    size_t n = t->kind == TOKEN_WORD ? strlen(t->text) : 0;
    if (!n || n > 3 || strspn(t->text, "0123456789") != n)
        return false;
    *ret = (unsigned)strtoul(t->text, NULL, 10);
    return true;
}

static int parse_for(struct parser *p) {
    struct watch_rule *r = p->rule;
    if (!parser_takes(p, "for"))
        return 0;
    const struct token *n = p->at;
    if (!count(n, &r->of_n))
        return parser_duration(p, "`for` (or a count: for 3 of 5)", &r->for_ns);
    p->at++;
    if (!parser_takes(p, "of") || !count(p->at, &r->of_m))
        return parser_expected(p, "`of` and a count, as in for 3 of 5,",
                               "A time has a unit: for 10s.");
    p->at++;
    if (!r->of_n || r->of_n > r->of_m || r->of_m > OBSERVATIONS_MOST)
        return parser_wrong(p, n, "", "N of M wants 1 <= N <= M <= %d", OBSERVATIONS_MOST);
    return 0;
}

/* --- what is to be done --- */

static int parse_text(struct parser *p, const char *what, char **ret) {
    if (p->at->kind != TOKEN_STRING || !*p->at->text)
        return parser_expected(p, what, "It stands within quotes.");
    *ret = mem_strdup(p->at->text);
    p->at++;
    return 0;
}

int parser_url(struct parser *p, char **ret) {
    struct watch_url url;
    const struct token *t = p->at;
    if (t->kind != TOKEN_WORD && t->kind != TOKEN_STRING)
        return parser_expected(p, "a URL", "");
    const char *why = watch_url_parse(t->text, &url);
    if (why)
        return parser_wrong(p, t, "", "%s", why);
    *ret = mem_strdup(t->text);
    p->at++;
    return 0;
}

static int parse_deed(struct parser *p, struct watch_action *a) {
    int rc;
    switch (a->deed) {
    case WATCH_RUN:
        a->time_ns = RUN_S * SECOND_NS;
        rc = parse_text(p, "a command behind run", &a->text);
        return rc == 0 && parser_takes(p, "timeout") ? parser_duration(p, "`timeout`", &a->time_ns)
                                                     : rc;
    case WATCH_CAPTURE:
    case WATCH_SNAPSHOT:
        rc = parse_text(p, "the folder to write to", &a->text);
        a->redact = rc == 0 && parser_takes(p, "redact");
        return rc;
    case WATCH_GROWTH:
        a->time_ns = GROWTH_S * SECOND_NS;
        return parser_takes(p, "for") ? parser_duration(p, "`for`", &a->time_ns) : 0;
    case WATCH_WEBHOOK:
        return parser_url(p, &a->text);
    default:
        return 0;
    }
}

static int parse_action(struct parser *p) {
    const char *names[WATCH_DEEDS + 1] = {0};
    char guess[64];
    for (int d = 0; d < WATCH_DEEDS; d++)
        names[d] = watch_deed_name((enum watch_deed)d);
    for (int d = 0; d < WATCH_DEEDS; d++) {
        struct watch_action a = {.deed = (enum watch_deed)d};
        if (!parser_takes(p, names[d]))
            continue;
        if (p->rule->actions.n == LIMIT_RULE_PARTS)
            return parser_wrong(p, p->at - 1, "", "a rule has at most %u actions",
                                LIMIT_RULE_PARTS);
        int rc = parse_deed(p, &a);
        vec_push(&p->rule->actions, a);
        return rc;
    }
    return parser_expected(
        p, "an action (print, run, capture, snapshot, growth or webhook)",
        parser_guess(p->at->kind == TOKEN_WORD ? p->at->text : NULL, names, guess));
}

static int parse_actions(struct parser *p) {
    int rc;
    if (!parser_takes(p, "then"))
        return parser_expected(p, "`and`, `for` or `then`", "");
    while ((rc = parse_action(p)) == 0 && p->at->kind == TOKEN_COMMA)
        p->at++;
    return rc;
}

/* --- how often --- */

static int parse_budget(struct parser *p) {
    uint64_t bytes;
    const struct token *t = p->at;
    size_t n = t->kind == TOKEN_WORD ? strlen(t->text) : 0;
    bool writes = false;
    for (size_t i = 0; i < p->rule->actions.n; i++)
        writes |= p->rule->actions.at[i].deed == WATCH_CAPTURE ||
                  p->rule->actions.at[i].deed == WATCH_SNAPSHOT;
    if (!writes)
        return parser_wrong(p, t - 1, "",
                            "a budget is of capture and snapshot: nothing of this "
                            "rule writes files");
    if (!n || (t->text[n - 1] >= '0' && t->text[n - 1] <= '9') ||
        !opt_parse_bytes(t->text, &bytes) || !bytes)
        return parser_expected(p, "a size such as 5GB behind budget", "");
    p->rule->budget_bytes = bytes;
    p->at++;
    return 0;
}

static int parse_guards(struct parser *p) {
    static const char *const names[] = {"once", "cooldown", "budget", "when", NULL};
    struct watch_rule *r = p->rule;
    char guess[64];
    int rc = 0;
    r->budget_bytes = BUDGET_BYTES;
    while (rc == 0 && p->at->kind != TOKEN_END && !parser_is(p, "when")) {
        if (parser_takes(p, "once")) {
            r->once = true;
        } else if (parser_takes(p, "cooldown")) {
            r->has_cooldown = true;
            rc = parser_duration(p, "cooldown", &r->cooldown_ns);
        } else if (parser_takes(p, "budget")) {
            rc = parse_budget(p);
        } else {
            rc = parser_expected(
                p, "a comma and one more action, once, cooldown, budget or the next `when`",
                parser_guess(p->at->kind == TOKEN_WORD ? p->at->text : NULL, names, guess));
        }
    }
    if (!r->has_cooldown && watch_rule_is_heavy(r))
        r->cooldown_ns = HEAVY_COOLDOWN_S * SECOND_NS;
    return rc;
}

/* --- a rule --- */

static bool sticks(const struct token *before, const struct token *t) {
    return t->kind == TOKEN_COMMA || t->kind == TOKEN_OPEN || t->kind == TOKEN_CLOSE ||
           before->kind == TOKEN_OPEN;
}

static char *text_of(const struct token *begin, const struct token *end) {
    VEC(char) text = {0};
    for (const struct token *t = begin; t < end; t++) {
        if (t > begin && !sticks(t - 1, t))
            vec_push(&text, ' ');
        if (t->kind == TOKEN_STRING)
            vec_push(&text, '"');
        for (const char *c = t->text; *c; c++) {
            if (t->kind == TOKEN_STRING && (*c == '"' || *c == '\\'))
                vec_push(&text, '\\');
            vec_push(&text, *c);
        }
        if (t->kind == TOKEN_STRING)
            vec_push(&text, '"');
    }
    vec_push(&text, '\0');
    return text.at;
}

static int parse_rule(struct parser *p) {
    const struct token *begin = p->at;
    if (!parser_takes(p, "when"))
        return parser_expected(p, "`when`", "A rule is: when CONDITION then ACTION.");
    if (p->rules->list.n == LIMIT_RULES)
        return parser_wrong(p, begin, "", "there are at most %u rules", LIMIT_RULES);
    vec_push(&p->rules->list, (struct watch_rule){.line = begin->line});
    p->rule = &p->rules->list.at[p->rules->list.n - 1];
    int rc;
    while ((rc = parse_term(p)) == 0 && parser_takes(p, "and"))
        if (p->rule->terms.n == LIMIT_RULE_PARTS)
            return parser_wrong(p, p->at, "", "a rule has at most %u conditions", LIMIT_RULE_PARTS);
    if (rc == 0)
        rc = parse_for(p);
    if (rc == 0)
        rc = parse_actions(p);
    if (rc == 0)
        rc = parse_guards(p);
    if (rc == 0)
        p->rule->text = text_of(begin, p->at);
    return rc;
}

int watch_rules_parse(const char *text, size_t n, const char *name, struct watch_rules *ret,
                      struct err *e) {
    struct token_list tokens;
    int rc = tokens_read(text, n, name, &tokens, e);
    if (rc < 0)
        return rc;
    struct parser p = {.at = tokens.list.at, .name = name, .rules = ret, .e = e};
    if (p.at->kind == TOKEN_END)
        rc = err_set(e, -EINVAL, "A rule is: when CONDITION then ACTION.", "%s: there are no rules",
                     name);
    while (rc == 0 && p.at->kind != TOKEN_END)
        rc = parse_rule(&p);
    tokens_done(&tokens);
    return rc;
}
