/* The flags a V8 has and what they are set to, and words that name flags in advice. Plain data.
 * Names are those of the command line without the dashes before them: "max-old-space-size"; '_'
 * for '-' is the same to V8, and so it is here. */
#ifndef MEMWHY_MODEL_FLAGS_H
#define MEMWHY_MODEL_FLAGS_H

#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>

/* V8's own order (Flag::FlagType in src/flags/flags.h, the same in 7.8 to 14.6). */
enum flag_kind {
    FLAG_BOOL,
    FLAG_MAYBE_BOOL, /* true, false or unset */
    FLAG_INT,
    FLAG_UINT,
    FLAG_UINT64,
    FLAG_FLOAT,
    FLAG_SIZE_T,
    FLAG_STRING,
    FLAG_KINDS
};

struct flag {
    char *name;
    enum flag_kind kind;
    char *value;     /* as text: "true", "64", "unset", a string's characters; NULL unknown */
    char *otherwise; /* the default, likewise */
};

struct flag_list {
    VEC(struct flag) list; /* in V8's order */
    VEC(char *) options;   /* Node's own: "--inspect-port"; empty where they are not known */
};

void flags_done(struct flag_list *l);
/* "--max-old-space-size=64", "max_old_space_size", "--no-opt": what stands before '=' is looked up,
 * and without "no-" where that names none. NULL: there is no such flag. */
const struct flag *flags_find(const struct flag_list *l, const char *word);
/* There is such a flag of V8, or option of Node. */
bool flags_exist(const struct flag_list *l, const char *word);
/* Its value is the default; false where one of both is not known. */
bool flag_is_default(const struct flag *f);
const char *flag_kind_name(enum flag_kind k); /* as --v8-options has it: "size_t" */

#endif
