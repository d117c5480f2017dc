#include "trial/setting.h"

#include "base/text.h"
#include "trial/keeper.h"
#include "trial/log.h"
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHECK_MS = 20000, LISTING = 1 << 20 };

void settings_init(struct setting_list *l) {
    *l = (struct setting_list){0};
    vec_push(&l->list, (struct setting){.name = mem_strdup("baseline")});
}

static void setting_done(struct setting *s) {
    for (size_t i = 0; i < s->env.n; i++)
        free(s->env.at[i]);
    for (size_t i = 0; i < s->flags.n; i++)
        free(s->flags.at[i]);
    vec_free(&s->env);
    vec_free(&s->flags);
    free(s->name);
}

void settings_done(struct setting_list *l) {
    for (size_t i = 0; i < l->list.n; i++)
        setting_done(&l->list.at[i]);
    for (size_t i = 0; i < l->notes.n; i++)
        free(l->notes.at[i]);
    vec_free(&l->list);
    vec_free(&l->notes);
    free(l->node_version);
    l->node_version = NULL;
}

/* malloc/malloc.c and elf/dl-tunables.list of glibc 2.17 to 2.43; MALLOC_CONF is jemalloc's. What
 * is misspelt is passed over there without a word. */
static void note_misspelt(struct setting_list *l, const char *variable) {
    static const char *const known[] = {"MALLOC_ARENA_MAX", "MALLOC_ARENA_TEST",
                                        "MALLOC_TOP_PAD_",  "MALLOC_TRIM_THRESHOLD_",
                                        "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_",
                                        "MALLOC_PERTURB_",  "MALLOC_CHECK_",
                                        "MALLOC_CONF",      "MALLOC_TRACE"};
    const char *meant = NULL;
    size_t n = strcspn(variable, "=");
    cleanup_free char *name = mem_strndup(variable, n);
    if (strncmp(name, "MALLOC_", 7) != 0)
        return;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i]) == 0)
            return;
        if (text_resembles(name, known[i]))
            meant = known[i];
    }
    vec_push(&l->notes, mem_printf("glibc knows no %s%s%s", name, meant ? ": is it " : "",
                                   meant ? meant : ""));
}

static int add_word(struct setting_list *l, struct setting *s, char *word, struct err *e) {
    size_t n = strcspn(word, "=");
    if (word[0] == '-' && word[1]) {
        vec_push(&s->flags, word);
    } else if (n && word[n]) {
        note_misspelt(l, word);
        vec_push(&s->env, word);
    } else {
        cleanup_free char *shown = text_printable(word);
        int rc = err_set(e, -EINVAL,
                         "Give variables as --env NAME=VALUE, and flags with their dashes: --flag "
                         "--max-old-space-size=256.",
                         "%s is neither a variable with its value nor a flag", shown);
        free(word);
        return rc;
    }
    return 0;
}

int settings_add(struct setting_list *l, const char *words, struct err *e) {
    struct setting s = {0};
    if (l->list.n > SETTINGS_MOST)
        return err_set(e, -EINVAL, "Try the likely ones first.",
                       "%d settings are the most that are tried at once", SETTINGS_MOST);
    for (const char *at = words + strspn(words, " "); *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        int rc = add_word(l, &s, mem_strndup(at, n), e);
        if (rc < 0) {
            setting_done(&s);
            return rc;
        }
        at += n;
    }
    if (!s.env.n && !s.flags.n)
        return err_set(e, -EINVAL, "Leave it out: the baseline is always run.",
                       "a setting without anything set is the baseline");
    s.name = mem_strdup(words + strspn(words, " "));
    vec_push(&l->list, s);
    return 0;
}

/* "--max_old_space_size=1" and "--max-old-space-size=2" set the same. */
static bool same_name(const char *a, const char *b) {
    for (;; a++, b++) {
        char x = *a == '_' ? '-' : *a, y = *b == '_' ? '-' : *b;
        if (x == '=' || !x)
            return y == '=' || !y;
        if (x != y)
            return false;
    }
}

/* A word of `words` that sets the same to something else; NULL: none. */
static const char *contradiction(char *const *words, size_t n, const char *word) {
    for (size_t i = 0; i < n; i++)
        if (same_name(words[i], word) && strcmp(words[i], word) != 0)
            return words[i];
    return NULL;
}

void settings_add_together(struct setting_list *l) {
    struct setting all = {.together = true, .name = mem_strdup("")};
    const char *against = NULL, *word = NULL;
    if (l->list.n > 2)
        for (size_t i = 1; i < l->list.n && !against; i++) {
            const struct setting *s = &l->list.at[i];
            char *longer = mem_printf("%s%s%s", all.name, *all.name ? " " : "", s->name);
            free(all.name);
            all.name = longer;
            for (size_t k = 0; k < s->env.n && !against; k++) {
                against = contradiction(all.env.at, all.env.n, word = s->env.at[k]);
                vec_push(&all.env, mem_strdup(word));
            }
            for (size_t k = 0; k < s->flags.n && !against; k++) {
                against = contradiction(all.flags.at, all.flags.n, word = s->flags.at[k]);
                vec_push(&all.flags, mem_strdup(word));
            }
        }
    if (against)
        vec_push(&l->notes, mem_printf("they are not tried together: %s and %s set the same thing",
                                       against, word));
    if (l->list.n > 2 && !against)
        vec_push(&l->list, all);
    else
        setting_done(&all);
}

char **setting_argv(const struct setting *s, const char *const *argv, const char *more) {
    VEC(char *) words = {0};
    vec_push(&words, (char *)argv[0]);
    for (size_t i = 0; i < s->flags.n; i++)
        vec_push(&words, s->flags.at[i]);
    if (more)
        vec_push(&words, (char *)more);
    for (size_t i = 1; argv[i]; i++)
        vec_push(&words, (char *)argv[i]);
    vec_push(&words, NULL);
    return words.at;
}

char **setting_environment(const struct setting *s, char *const *more, size_t n) {
    VEC(char *) words = {0};
    VEC(char *) own = {0};
    for (size_t i = 0; i < s->env.n; i++)
        vec_push(&own, s->env.at[i]);
    for (size_t i = 0; i < n; i++)
        vec_push(&own, more[i]);
    for (char **at = environ; *at; at++) {
        bool set = false;
        for (size_t i = 0; i < own.n && !set; i++) {
            size_t len = strcspn(own.at[i], "=") + 1;
            set = strncmp(*at, own.at[i], len) == 0;
        }
        if (!set)
            vec_push(&words, *at);
    }
    for (size_t i = 0; i < own.n; i++)
        vec_push(&words, own.at[i]);
    vec_push(&words, NULL);
    vec_free(&own);
    return words.at;
}

/* --- what the binary says --- */

/* Runs it to its end; what it printed, or NULL where it could not be run or did not end. */
static char *ask(const struct setting *s, const char *const *argv, int *ret_status, struct err *e) {
    struct log log;
    struct keeper k;
    int rc = log_open(NULL, &log, e);
    if (rc < 0)
        return NULL;
    cleanup_free char **words = setting_argv(s, argv, NULL);
    cleanup_free char **env = setting_environment(s, NULL, 0);
    struct keeper_program p = {.argv = words, .envp = env, .output = log.fd};
    char *said = NULL;
    if (keeper_start(&p, &k, e) == 0) {
        if (keeper_ended(&k, CHECK_MS)) {
            said = log_tail(&log, LISTING);
            *ret_status = k.end.status;
        } else {
            err_set(e, -ETIMEDOUT, "Is that the program you mean?",
                    "%s --version did not end in %d s", argv[0], CHECK_MS / 1000);
        }
        keeper_stop(&k);
    }
    log_close(&log);
    return said;
}

/* The flag in a listing that comes nearest: "--v8-options" of V8's, "--help" of Node's own. */
static char *nearest_flag(const char *const *argv, const char *flag) {
    static const char *const listings[] = {"--v8-options", "--help"};
    const struct setting none = {0};
    size_t n = strcspn(flag, "=");
    cleanup_free char *word = mem_strndup(flag, n);
    for (size_t i = 0; i < 2; i++) {
        const char *ask_for[] = {argv[0], listings[i], NULL};
        int status;
        cleanup_free char *said = ask(&none, ask_for, &status, NULL);
        for (const char *at = said; at && (at = strstr(at, "--")); at += 2) {
            cleanup_free char *name = mem_strndup(at, strcspn(at, " =[,\n"));
            if (text_resembles(word, name) && !same_name(word, name))
                return mem_strdup(name);
        }
    }
    return NULL;
}

static int refuse(const struct setting *s, const char *const *argv, const char *said,
                  struct err *e) {
    cleanup_free char *reason = log_reason(said);
    cleanup_free char *near = s->flags.n ? nearest_flag(argv, s->flags.at[0]) : NULL;
    cleanup_free char *hint = near ? mem_printf("Is it %s?", near)
                                   : mem_printf("`%s --v8-options` and `%s --help` list what it "
                                                "takes.",
                                                argv[0], argv[0]);
    return err_set(e, -EINVAL, hint, "%s does not start with %s: %s", argv[0], s->name, reason);
}

/* The file that PATH leads to, whatever links are on the way; NULL: none. The caller frees it. */
static char *find_program(const char *name) {
    const char *path = getenv("PATH");
    if (strchr(name, '/'))
        return realpath(name, NULL);
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        size_t n = strcspn(at, ":");
        cleanup_free char *file = mem_printf("%.*s/%s", (int)n, at, name);
        if (access(file, X_OK) == 0)
            return realpath(file, NULL);
        at += n + (at[n] == ':');
    }
    return NULL;
}

/* By its name: to ask another program for its version may start it in earnest. */
static bool is_called_node(const char *word) {
    cleanup_free char *file = find_program(word);
    const char *slash = file ? strrchr(file, '/') : NULL;
    return slash && strncmp(slash + 1, "node", 4) == 0;
}

static int ask_version(struct setting_list *l, const char *const *version, struct err *e) {
    int status = 0;
    if (!is_called_node(version[0]))
        return 0;
    cleanup_free char *said = ask(&l->list.at[SETTING_BASELINE], version, &status, e);
    if (!said)
        return e->code;
    if (status == 0 && said[0] == 'v' && said[1] >= '0' && said[1] <= '9' && strchr(said, '.'))
        l->node_version = mem_strndup(said, strcspn(said, "\r\n"));
    return 0;
}

int settings_check(struct setting_list *l, const char *const *argv, struct err *e) {
    const char *version[] = {argv[0], "--version", NULL};
    int status = 0, rc = ask_version(l, version, e);
    if (rc < 0)
        return rc;
    for (size_t i = 1; i < l->list.n; i++) {
        const struct setting *s = &l->list.at[i];
        if (s->together || (!l->node_version && !s->flags.n))
            continue;
        if (!l->node_version)
            return err_set(e, -EINVAL,
                           "Start node itself, or give it as --env NODE_OPTIONS=FLAG where node "
                           "allows that.",
                           "%s goes behind node, and the command begins with %s", s->flags.at[0],
                           argv[0]);
        cleanup_free char *said = ask(s, version, &status, e);
        if (!said)
            return e->code;
        if (status != 0)
            return refuse(s, argv, said, e);
    }
    return 0;
}
