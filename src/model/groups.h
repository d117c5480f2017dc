/* The account at a glance: its owners gathered into the dozen groups people ask about, and the
 * facts with fixed names that findings and JSON carry. Pure functions of evidence. */
#ifndef MEMWHY_MODEL_GROUPS_H
#define MEMWHY_MODEL_GROUPS_H

#include "model/evidence.h"

enum account_group {
    GROUP_V8_OBJECTS,
    GROUP_V8_FREE,
    GROUP_V8_POOL,
    GROUP_V8_PAGES,
    GROUP_ARRAY_BUFFERS,
    GROUP_STRINGS,
    GROUP_WASM,
    GROUP_MALLOC_IN_USE,
    GROUP_MALLOC_FREE,
    GROUP_STACKS,
    GROUP_CODE,
    GROUP_FILES,
    GROUP_SHARED,
    GROUP_OTHER,
    GROUP_UNKNOWN,
    ACCOUNT_GROUPS
};

enum account_group account_group_of(const char *path);
const char *account_group_title(enum account_group g); /* "V8 objects" */
/* What is in it, for people: "live or garbage". */
const char *account_group_text(enum account_group g);

struct account_groups {
    uint64_t resident[ACCOUNT_GROUPS];
};
struct account_groups account_groups_sum(const struct account *a);

/* Facts by their fixed names; only those known. */
struct fact {
    const char *name;
    uint64_t value;
};
enum { FACTS_MAX = 40 };
size_t facts_of(const struct evidence *ev, struct fact ret[FACTS_MAX]);
/* False, and `ret` untouched, when it is not known. */
bool fact_get(const struct fact *facts, size_t n, const char *name, uint64_t *ret);

/* V8's own figures over all isolates. */
uint64_t v8_heap_total(const struct v8_isolate_census *iso);
uint64_t v8_heap_used(const struct v8_isolate_census *iso);

#endif
