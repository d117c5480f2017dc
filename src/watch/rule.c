#include "watch/rule.h"

void watch_rules_done(struct watch_rules *r) {
    for (size_t i = 0; i < r->list.n; i++) {
        struct watch_rule *rule = &r->list.at[i];
        for (size_t k = 0; k < rule->actions.n; k++)
            free(rule->actions.at[k].text);
        vec_free(&rule->actions);
        vec_free(&rule->terms);
        free(rule->text);
    }
    for (size_t i = 0; i < r->endpoints.n; i++)
        free(r->endpoints.at[i]);
    vec_free(&r->endpoints);
    vec_free(&r->list);
}

bool watch_action_is_heavy(const struct watch_action *a) {
    return a->deed == WATCH_CAPTURE || a->deed == WATCH_SNAPSHOT || a->deed == WATCH_GROWTH;
}

bool watch_rule_is_heavy(const struct watch_rule *r) {
    for (size_t i = 0; i < r->actions.n; i++)
        if (watch_action_is_heavy(&r->actions.at[i]))
            return true;
    return false;
}

bool watch_rule_asks(const struct watch_rule *r, size_t *ret_endpoint) {
    for (size_t i = 0; i < r->terms.n; i++)
        if (r->terms.at[i].measure == WATCH_LATENCY || r->terms.at[i].measure == WATCH_FAILS) {
            *ret_endpoint = r->terms.at[i].endpoint;
            return true;
        }
    return false;
}

bool watch_term_has_window(const struct watch_term *t) {
    return t->window_ns != 0;
}

const char *watch_deed_name(enum watch_deed d) {
    static const char *const names[WATCH_DEEDS] = {
        [WATCH_PRINT] = "print",       [WATCH_RUN] = "run",       [WATCH_CAPTURE] = "capture",
        [WATCH_SNAPSHOT] = "snapshot", [WATCH_GROWTH] = "growth", [WATCH_WEBHOOK] = "webhook",
    };
    return names[d];
}

const char *watch_compare_sign(enum watch_compare c) {
    static const char *const signs[] = {
        [WATCH_OVER] = ">", [WATCH_AT_LEAST] = ">=", [WATCH_UNDER] = "<", [WATCH_AT_MOST] = "<="};
    return signs[c];
}

const char *watch_unit_name(enum watch_unit u) {
    static const char *const names[WATCH_UNITS] = {
        [WATCH_BYTES] = "bytes",
        [WATCH_COUNT] = "count",
        [WATCH_TIME] = "ns",
        [WATCH_BYTES_PER_S] = "bytes_per_second",
        [WATCH_COUNT_PER_S] = "count_per_second",
        [WATCH_SHARE] = "share",
    };
    return names[u];
}
