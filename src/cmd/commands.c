/* The commands by name, and the options all of them have. The table itself is made by the build. */
#include "base/text.h"
#include "cmd/cmd.h"

const struct opt command_common_opts[] = {
    {"json", 0, OPT_FLAG, NULL, "print one JSON document (schema memwhy/1)"},
    {"output", 'o', OPT_STRING, "FILE", "write to FILE (mode 0600) instead of standard output"},
    {"help", 'h', OPT_FLAG, NULL, "print this"},
    {0},
};

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
