/* Any bytes as rules: what is taken means the same when it is read again from its own text. */
#include "watch/parse.h"
#include "watch/words.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct watch_rules rules = {0};
    struct err e = {0};
    int rc = watch_rules_parse((const char *)data, size, "rules", &rules, &e);
    if (rc < 0 && !e.what[0])
        abort();
    for (size_t i = 0; rc == 0 && i < rules.list.n; i++) {
        const struct watch_rule *r = &rules.list.at[i];
        struct watch_rules again = {0};
        if (watch_rules_parse(r->text, strlen(r->text), "again", &again, &e) < 0 ||
            again.list.n != 1)
            abort();
        char *one = watch_rule_words(&rules, r);
        char *two = watch_rule_words(&again, &again.list.at[0]);
        if (strcmp(one, two) != 0)
            abort();
        free(one);
        free(two);
        watch_rules_done(&again);
    }
    watch_rules_done(&rules);
    return 0;
}
