/* The strings of a heap: what there is of each form, which are there again and again, which are
 * the largest, and which are kept by slices of them. */
#ifndef MEMWHY_COLLECT_STRING_CENSUS_H
#define MEMWHY_COLLECT_STRING_CENSUS_H

#include "collect/query.h"
#include "v8/strings.h"

struct string_row {
    uint64_t addr; /* tagged; of copies, the first */
    char *value;   /* its beginning */
    uint64_t length;
    uint64_t bytes; /* on the heap (of copies: all of them) and outside */
    uint64_t count; /* of copies, or of slices */
    uint64_t part;  /* of copies: wasted bytes; of parents: characters that slices use */
    enum v8_string_form form;
    bool otherwise; /* a parent that something else refers to as well */
};

struct string_rows {
    VEC(struct string_row) list;
};

struct string_census {
    /* The question. */
    struct query query;
    uint64_t most; /* rows of each list; 0: all */
    /* The answer. */
    struct {
        uint64_t count, bytes, off_heap;
    } of_form[STRING_FORMS];
    struct string_rows copies, largest, parents;
    uint64_t wasted, contents; /* by all copies; of how many contents */
    uint64_t kept;             /* bytes of parents that only slices refer to */
};

/* Made with the view; `arg` of the visit is the census. */
int string_census_see(void *census, const struct v8_view *view, struct err *e);
void string_census_done(struct string_census *c);
const char *string_form_name(enum v8_string_form f);

#endif
