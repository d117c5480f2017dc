/* What is tried: variables of the environment and flags of node, one by one and together. */
#ifndef MEMWHY_TRIAL_SETTING_H
#define MEMWHY_TRIAL_SETTING_H

#include "base/err.h"
#include "base/vec.h"
#include <stdbool.h>

enum { SETTINGS_MOST = 16, SETTING_BASELINE = 0 };

struct setting {
    char *name;        /* "MALLOC_ARENA_MAX=2", "A=1 --flag"; "baseline" */
    VEC(char *) env;   /* "K=V" */
    VEC(char *) flags; /* "--max-old-space-size=256" */
    bool together;     /* all that were given, in one */
};

struct setting_list {
    VEC(struct setting) list; /* the baseline, which sets nothing, first */
    VEC(char *) notes;        /* sentences: what may not be meant so */
    char *node_version;       /* "v24.21.0"; NULL: the command is not node itself */
};

void settings_init(struct setting_list *l);
void settings_done(struct setting_list *l);
/* One more, by the words it consists of, parted by spaces: those with a dash are flags, the others
 * K=V. -EINVAL when it is neither. */
int settings_add(struct setting_list *l, const char *words, struct err *e);
/* If there are several: one with all of them, unless they contradict each other, which is noted. */
void settings_add_together(struct setting_list *l);

/* Asks the binary itself, by `COMMAND FLAGS --version` under each setting, whether it takes them.
 * -EINVAL for a flag that it does not have, or flags for what is not node. */
int settings_check(struct setting_list *l, const char *const *argv, struct err *e);

/* The command under a setting: flags go behind argv[0], `more` (NULL: none) behind them. The caller
 * frees the array, whose words are borrowed. */
char **setting_argv(const struct setting *s, const char *const *argv, const char *more);
/* memwhy's environment, the setting's variables and `more` (n of them); the same. */
char **setting_environment(const struct setting *s, char *const *more, size_t n);

#endif
