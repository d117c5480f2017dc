/* Rules and readings in words: for people, before and while a rule is judged. */
#ifndef MEMWHY_WATCH_WORDS_H
#define MEMWHY_WATCH_WORDS_H

#include "base/fmt.h"
#include "watch/judge.h"
#include "watch/rule.h"

/* "heap_used is over 90.0 % of heap_limit"; the caller frees it. */
char *watch_term_words(const struct watch_rules *rules, const struct watch_term *t);
/* What the whole rule means: one sentence; the caller frees it. */
char *watch_rule_words(const struct watch_rules *rules, const struct watch_rule *r);
/* What was read: "heap_used is 91.2 MiB, over 90.0 MiB (90.0 % of heap_limit)"; why it is not
 * known, when it is not. The caller frees it. */
char *watch_reading_words(const struct watch_rules *rules, const struct watch_term *t,
                          const struct watch_reading *r);

/* "91.2 MiB", "1.4 MiB/min", "20.0 %"; of buf. */
char *watch_number_text(char buf[FMT_MAX], enum watch_unit unit, double value);
/* "30 s", "10 min", "1 h": as people say it; of buf. */
char *watch_time_text(char buf[FMT_MAX], uint64_t ns);

#endif
