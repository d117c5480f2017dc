/* The commands by name, and the options all of them have. The table itself is made by the build. */
#include "base/text.h"
#include "base/vec.h"
#include "cmd/cmd.h"

const struct opt command_common_opts[] = {
    {"json", 0, OPT_FLAG, NULL, "print one JSON document (schema memwhy/1)"},
    {"output", 'o', OPT_STRING, "FILE", "write to FILE (mode 0600) instead of standard output"},
    {"help", 'h', OPT_FLAG, NULL, "print this"},
    {0},
};

bool command_has_opt(const struct command *c, const char *name) {
    for (const struct opt *o = c->opts; o && o->name; o++)
        if (!strcmp(o->name, name))
            return true;
    return false;
}

struct opt *command_inherited_opts(const struct command *c) {
    VEC(struct opt) all = {0};
    for (const struct opt *o = command_common_opts; o->name; o++)
        if (!command_has_opt(c, o->name))
            vec_push(&all, *o);
    vec_push(&all, (struct opt){0});
    return all.at;
}

const struct command *command_find(const char *name) {
    for (const struct command *const *c = commands; *c; c++)
        if (!strcmp((*c)->name, name))
            return *c;
    return NULL;
}

const struct command *command_resembling(const char *word) {
    for (const struct command *const *c = commands; *c; c++)
        if (text_resembles(word, (*c)->name))
            return *c;
    return NULL;
}
