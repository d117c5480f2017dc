#include "model/v8_census.h"

#include "base/search.h"

void v8_census_done(struct v8_census *c) {
    vec_free(&c->isolates);
    vec_free(&c->stores);
    vec_free(&c->pages);
    for (size_t i = 0; i < c->notes.n; i++)
        free(c->notes.at[i]);
    vec_free(&c->notes);
}

const char *v8_space_name(enum v8_space s) {
    static const char *const names[V8_SPACES] = {
        [V8_READ_ONLY] = "read_only",
        [V8_NEW] = "new",
        [V8_OLD] = "old",
        [V8_CODE] = "code",
        [V8_MAP] = "map",
        [V8_TRUSTED] = "trusted",
        [V8_SHARED] = "shared",
        [V8_SHARED_TRUSTED] = "shared_trusted",
        [V8_LARGE] = "large_object",
        [V8_NEW_LARGE] = "new_large_object",
        [V8_CODE_LARGE] = "code_large_object",
        [V8_TRUSTED_LARGE] = "trusted_large_object",
        [V8_SHARED_LARGE] = "shared_large_object",
        [V8_SHARED_TRUSTED_LARGE] = "shared_trusted_large_object",
    };
    return names[s];
}

const char *v8_part_name(enum v8_part p) {
    static const char *const names[V8_PARTS] = {
        [V8_OBJECTS] = "objects", [V8_FREE] = "free",     [V8_LAB] = "allocation-area",
        [V8_HEADER] = "header",   [V8_UNUSED] = "unused", [V8_UNWALKED] = "unwalked",
    };
    return names[p];
}

const struct v8_range *v8_census_page(const struct v8_census *c, uint64_t addr) {
    size_t lo = first_where(c->pages.n, i, c->pages.at[i].end > addr);
    return lo < c->pages.n && c->pages.at[lo].start <= addr ? &c->pages.at[lo] : NULL;
}
